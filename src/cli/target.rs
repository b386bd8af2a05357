//! Where the commands that send send to: what the arguments or the tracer's variables say, and whose certificates are trusted.

use super::output::Environment;
use anyhow::{Context, Result, anyhow, bail};
use spanglass::agent::tls::Trust;
use spanglass::config::{self, Checked, Entry, Finalized, Mode, Origin, Profile};
use spanglass::endpoint::{Endpoint, Transport};
use spanglass::http::Headers;
use spanglass::wire::Protocol;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Whose certificates are trusted.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TrustArgs {
    /// Trust the certificates in this PEM file too, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
}

impl TrustArgs {
    pub(crate) fn trust(&self) -> Result<Trust> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        Ok(Trust { certificates: self.ca_certificate.as_ref().map(read).transpose()? })
    }
}

/// Where to send, and who said so.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    /// `--to`, the variable, or `default`.
    pub(crate) source: String,
    /// The protocol that the source says too.
    pub(crate) protocol: Option<Protocol>,
    /// The path is that of the traces already, and nothing is put behind it.
    pub(crate) whole_path: bool,
    /// Headers that the source adds.
    pub(crate) headers: Headers,
}

impl Target {
    /// `--to`, else what a tracer with this environment would use: its Datadog agent, its OTLP endpoint, or the agent
    /// on this machine.
    pub(crate) fn of(to: Option<&Endpoint>, environment: &Environment) -> Result<Target> {
        if let Some(endpoint) = to {
            return Ok(Target { endpoint: endpoint.clone(), source: "--to".to_owned(), ..Target::local() });
        }
        let checked = tracer_of(Profile::DdTraceCpp, environment);
        if let Some(fault) =
            checked.findings.iter().find(|finding| finding.substituted && is_about_the_agent(&finding.about))
        {
            bail!("{}\nhelp: correct it, or give --to", fault.diagnostic.message());
        }
        let said = |finalized: Option<&Finalized>| {
            finalized.and_then(of_config).filter(|target| target.set).map(|target| target.found)
        };
        let checked_otel = || tracer_of(Profile::Otel, environment);
        if let Some(target) = said(checked.finalized.as_ref()).or_else(|| said(checked_otel().finalized.as_ref())) {
            return target;
        }
        Ok(Target::local())
    }

    /// The agent on this machine.
    fn local() -> Target {
        let transport = Transport::Tcp("localhost".to_owned(), 8126);
        Target {
            endpoint: Endpoint { transport, tls: false, grpc: false, base: String::new() },
            source: "default".to_owned(),
            protocol: None,
            whole_path: false,
            headers: Headers::default(),
        }
    }
}

/// The target that a configuration leads to.
pub(crate) struct Configured {
    /// It was said, and is no default.
    set: bool,
    pub(crate) found: Result<Target>,
}

/// Where a tracer with this configuration sends its traces; `None` when it sends none.
pub(crate) fn of_config(finalized: &Finalized) -> Option<Configured> {
    let configured = |origin: Origin, found| Some(Configured { set: origin != Origin::Default, found });
    match finalized {
        Finalized::Datadog(config) => {
            let url = &config.agent_url;
            let of_socket = ["unix", "http+unix", "https+unix"].contains(&url.value.scheme.as_str());
            let scheme = if of_socket { "unix" } else { &url.value.scheme };
            let text = format!("{scheme}://{}{}", url.value.authority, url.value.path);
            configured(url.origin, of_agent(&text, &url.from))
        }
        Finalized::Xmtpd(config) => {
            let url = config.agent_url.as_ref()?;
            configured(url.origin, of_agent(&url.value, &url.from))
        }
        Finalized::Otel(config) => {
            let url = config.endpoint.as_ref()?;
            let protocol = config.protocol.as_ref().map_or("", |protocol| &protocol.value);
            let insecure = config.insecure.as_ref().is_some_and(|insecure| insecure.value);
            let headers = config.headers.iter().flat_map(|headers| headers.value.entries.iter());
            let found = of_otlp(&url.value, &url.from, protocol, insecure).map(|mut target| {
                headers.for_each(|(name, value)| target.headers.push(name, value));
                target
            });
            configured(url.origin, found)
        }
        Finalized::Flowbot(config) => {
            let (endpoint, export) = (config.endpoint.as_ref()?, config.export.as_ref()?);
            let scheme = if export.insecure { "http" } else { "https" };
            let path = if export.path.is_empty() { "/v1/traces" } else { &export.path };
            let text = format!("{scheme}://{}{path}", export.host);
            configured(endpoint.origin, of_otlp(&text, &endpoint.from, "http/protobuf", export.insecure))
        }
        Finalized::Codeq(config) => {
            let endpoint = config.endpoint.as_ref().filter(|_| config.enabled.as_ref().is_some_and(|on| on.value))?;
            let insecure = config.insecure.as_ref().is_some_and(|insecure| insecure.value);
            configured(endpoint.origin, of_otlp(&endpoint.value, &endpoint.from, "grpc", insecure))
        }
    }
}

fn of_agent(url: &str, from: &str) -> Result<Target> {
    Ok(Target { endpoint: endpoint(url, from)?, source: source(from), ..Target::local() })
}

/// The target of an OTLP exporter: the whole URL, or host and port for gRPC.
fn of_otlp(url: &str, from: &str, protocol: &str, insecure: bool) -> Result<Target> {
    let grpc = protocol == "grpc";
    let text = match url.split_once("://") {
        _ if !grpc => url.to_owned(),
        Some(("https", rest)) => format!("grpcs://{rest}"),
        Some((_, rest)) => format!("grpc://{rest}"),
        None => format!("{}://{url}", if insecure { "grpc" } else { "grpcs" }),
    };
    let protocol = match protocol {
        "grpc" => Protocol::OtlpGrpc,
        "http/json" => Protocol::OtlpJson,
        _ => Protocol::OtlpProto,
    };
    let endpoint = endpoint(&text, from)?;
    Ok(Target { endpoint, source: source(from), protocol: Some(protocol), whole_path: !grpc, ..Target::local() })
}

/// Who said it; a default is nobody's.
fn source(from: &str) -> String {
    if from.is_empty() { "default".to_owned() } else { from.to_owned() }
}

fn endpoint(text: &str, from: &str) -> Result<Endpoint> {
    text.parse().map_err(|error| anyhow!("{from} gives {text}, which cannot be dialled: {error}"))
}

fn is_about_the_agent(variable: &str) -> bool {
    ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"].contains(&variable)
}

/// What a tracer with the environment of this process would run with.
fn tracer_of(profile: Profile, environment: &Environment) -> Checked {
    let text = |(name, value): &(OsString, OsString)| Some(Entry::process(name.to_str()?, value.to_str()?));
    let env = environment.variables().iter().filter_map(text).collect();
    let process = config::Target { name: "process".to_owned(), env, ..config::Target::default() };
    // Where the agent is does not depend on files.
    let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    config::check(profile, Mode::Lenient, &process, &read)
}
