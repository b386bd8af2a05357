//! Where the commands that send send to: what the arguments or the tracer's variables say, and whose certificates are trusted.

use super::output::Environment;
use anyhow::{Context, Result, anyhow, bail};
use spanglass::agent::tls::Trust;
use spanglass::config::otel::FinalizedOtelConfig;
use spanglass::config::{self, Checked, Entry, Finalized, Mode, Origin, Profile, Setting};
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
        let target = |endpoint, source: &str| Target { endpoint, source: source.to_owned(), ..Target::local() };
        if let Some(endpoint) = to {
            return Ok(target(endpoint.clone(), "--to"));
        }
        let checked = tracer_of(Profile::DdTraceCpp, environment);
        if let Some(fault) =
            checked.findings.iter().find(|finding| finding.substituted && is_about_the_agent(&finding.about))
        {
            bail!("{}\nhelp: correct it, or give --to", fault.diagnostic.message());
        }
        let datadog = match &checked.finalized {
            Some(Finalized::Datadog(config)) if config.agent_url.origin != Origin::Default => Some(&config.agent_url),
            _ => None,
        };
        if let Some(url) = datadog {
            let of_socket = ["unix", "http+unix", "https+unix"].contains(&url.value.scheme.as_str());
            let scheme = if of_socket { "unix" } else { &url.value.scheme };
            let text = format!("{scheme}://{}{}", url.value.authority, url.value.path);
            return Ok(target(endpoint(&text, &url.from)?, &url.from));
        }
        let checked = tracer_of(Profile::Otel, environment);
        if let Some(Finalized::Otel(config)) = &checked.finalized
            && let Some(url) = config.endpoint.as_ref().filter(|setting| setting.origin != Origin::Default)
        {
            return of_otlp(config, url);
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

/// The target of an OTLP exporter whose endpoint was set.
fn of_otlp(config: &FinalizedOtelConfig, url: &Setting<String>) -> Result<Target> {
    let grpc = config.protocol.as_ref().is_some_and(|protocol| protocol.value == "grpc");
    let json = config.protocol.as_ref().is_some_and(|protocol| protocol.value == "http/json");
    let mut text = url.value.clone();
    if grpc {
        let insecure = config.insecure.as_ref().is_some_and(|insecure| insecure.value);
        text = match text.split_once("://") {
            Some(("https", rest)) => format!("grpcs://{rest}"),
            Some((_, rest)) => format!("grpc://{rest}"),
            None => format!("{}://{text}", if insecure { "grpc" } else { "grpcs" }),
        };
    }
    let mut headers = Headers::default();
    for (name, value) in config.headers.iter().flat_map(|headers| &headers.value.entries) {
        headers.push(name, value);
    }
    let protocol = match (grpc, json) {
        (true, _) => Protocol::OtlpGrpc,
        (false, true) => Protocol::OtlpJson,
        (false, false) => Protocol::OtlpProto,
    };
    Ok(Target {
        endpoint: endpoint(&text, &url.from)?,
        source: url.from.clone(),
        protocol: Some(protocol),
        whole_path: !grpc,
        headers,
    })
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
