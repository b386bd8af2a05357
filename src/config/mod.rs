//! Tracer configuration: environments and files in, finalized settings or enumerated errors out.
//!
//! A [`Target`] is one environment (the process, a `.env` file, a container) with the place of every value. [`check`]
//! finalizes it for a [`Profile`] the way that profile's tracer would, reports everything that is wrong in the order in
//! which the tracer would meet it, and what is legal but surprising. Nothing is dialled, written or executed; files that a
//! variable names are read through the function that the caller passes.

pub mod codeq;
pub mod codes;
pub mod datadog;
pub mod document;
mod dotenv;
pub(crate) mod effect;
mod environment;
mod finding;
pub mod flowbot;
mod go;
pub mod inputs;
mod interpolate;
mod json;
pub mod keys;
mod lint;
mod manifests;
mod names;
pub mod otel;
mod parse;
pub mod registry;
mod rows;
pub mod secret;
mod target;
mod vars;
pub mod xmtpd;

pub use finding::Finding;
pub use inputs::{Dialect, Form, Ignores, Input, form_of, ignored, targets};
pub use target::{Entry, Origin, Setting, Shown, Target};

use serde_json::Value;
use std::path::Path;

/// Whose rules finalize a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// dd-trace-cpp 2.2.1.
    #[default]
    DdTraceCpp,
    /// The OpenTelemetry specification, with what its SDKs do differently.
    Otel,
    /// xmtpd's tracing package over dd-trace-go.
    Xmtpd,
    /// flowbot's `tracing:` block.
    Flowbot,
    /// CodeQ's file and environment.
    Codeq,
}

impl Profile {
    /// Every profile, in the order in which help texts list them.
    pub const ALL: [Profile; 5] =
        [Profile::DdTraceCpp, Profile::Otel, Profile::Xmtpd, Profile::Flowbot, Profile::Codeq];

    /// Its name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Profile::DdTraceCpp => "dd-trace-cpp",
            Profile::Otel => "otel",
            Profile::Xmtpd => "xmtpd",
            Profile::Flowbot => "flowbot",
            Profile::Codeq => "codeq",
        }
    }
}

/// What an error does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Any error refuses the configuration, as the tracer does.
    #[default]
    Strict,
    /// Errors become warnings and the next source's value is taken.
    Lenient,
}

/// Reads a file that a configuration names (rules file, `OTEL_CONFIG_FILE`, `env_file`).
pub type ReadFile<'r> = &'r dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// What [`check`] found out about one target.
#[derive(Debug, Default)]
pub struct Checked {
    /// The configuration with which the tracer would run; `None` when an error refuses it.
    pub finalized: Option<Finalized>,
    /// Errors in the order in which the tracer would meet them, then warnings and notes. The target's own
    /// [`Target::findings`] are not repeated here.
    pub findings: Vec<Finding>,
}

/// A configuration that is legal and complete.
#[derive(Debug)]
pub enum Finalized {
    /// Of [`Profile::DdTraceCpp`].
    Datadog(Box<datadog::FinalizedTracerConfig>),
    /// Of [`Profile::Otel`].
    Otel(Box<otel::FinalizedOtelConfig>),
    /// Of [`Profile::Xmtpd`].
    Xmtpd(Box<xmtpd::FinalizedXmtpdConfig>),
    /// Of [`Profile::Flowbot`].
    Flowbot(Box<flowbot::FinalizedFlowbotConfig>),
    /// Of [`Profile::Codeq`].
    Codeq(Box<codeq::FinalizedCodeqConfig>),
}

impl Finalized {
    /// The finalized values, as `final` of cli.md section 3. Secrets are not masked here.
    pub fn to_json(&self) -> Value {
        match self {
            Finalized::Datadog(config) => config.to_json(),
            Finalized::Otel(config) => config.to_json(),
            Finalized::Xmtpd(config) => config.to_json(),
            Finalized::Flowbot(config) => config.to_json(),
            Finalized::Codeq(config) => config.to_json(),
        }
    }

    /// Every setting with its value as text (secrets masked), where it came from and what it won over, in the order in
    /// which they are shown.
    pub fn settings(&self) -> Vec<Shown> {
        match self {
            Finalized::Datadog(config) => config.settings(),
            Finalized::Otel(config) => config.settings(),
            Finalized::Xmtpd(config) => config.settings(),
            Finalized::Flowbot(config) => config.settings(),
            Finalized::Codeq(config) => config.settings(),
        }
    }

    /// Where each setting came from, by its dotted key.
    pub fn origins(&self) -> Vec<(String, Origin)> {
        self.settings().into_iter().map(|shown| (shown.key, shown.origin)).collect()
    }
}

/// Finalizes `target` as `profile` would, and reports what is wrong or surprising; findings that are
/// [off by default](codes::lint::OFF_BY_DEFAULT) are left out.
pub fn check(profile: Profile, mode: Mode, target: &Target, read: ReadFile<'_>) -> Checked {
    let mut checked = check_all(profile, mode, target, read);
    checked.findings.retain(|finding| !codes::lint::OFF_BY_DEFAULT.contains(&finding.code()));
    checked
}

/// [`check`] with the findings that are off by default, for who selects them.
pub fn check_all(profile: Profile, mode: Mode, target: &Target, read: ReadFile<'_>) -> Checked {
    match profile {
        Profile::DdTraceCpp => datadog::check(mode, target, read),
        Profile::Otel => otel::check(mode, target, read),
        Profile::Xmtpd => xmtpd::check(mode, target, read),
        Profile::Flowbot => flowbot::check(mode, target, read),
        Profile::Codeq => codeq::check(mode, target, read),
    }
}
