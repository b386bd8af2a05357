//! Tracer configuration: environments and files in, finalized settings or enumerated errors out.
//!
//! A [`Target`] is one environment (the process, a `.env` file, a container) with the place of every value. [`check`]
//! finalizes it for a [`Profile`] the way that profile's tracer would, reports everything that is wrong in the order in
//! which the tracer would meet it, and what is legal but surprising. Nothing is dialled, written or executed; files that a
//! variable names are read through the function that the caller passes.

pub mod codes;
pub mod document;
mod finding;
mod target;

pub use finding::Finding;
pub use target::{Entry, Origin, Setting, Target};

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
