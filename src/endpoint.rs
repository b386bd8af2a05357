//! Where an agent or a collector listens: `http://host:8126`, `https://host:4318/base`, `grpc://host:4317`, `unix:///path`.
//! The base path is put before every request's own.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address of an agent or a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is reached.
    pub transport: Transport,
    /// Under TLS: `https://`, `grpcs://`.
    pub tls: bool,
    /// HTTP/2, for OTLP over gRPC: `grpc://`, `grpcs://`.
    pub grpc: bool,
    /// What stands before the path of every request; empty, or `/base` without a slash at its end.
    pub base: String,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP: a name or an address (without brackets), and a port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

/// Why a text is no endpoint, in words that end a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError(String);

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// A port that is left out is that of the scheme: 80, 443, 4317.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong = |what: &str| {
            let forms = "http(s)://host:8126, grpc(s)://host:4317 or unix:///path/to.socket";
            Err(EndpointError(format!("{what}; write {forms}")))
        };
        let Some((scheme, rest)) = text.split_once("://") else { return wrong("no scheme") };
        let (tls, grpc, port) = match scheme.to_ascii_lowercase().as_str() {
            "unix" if rest.starts_with('/') => {
                let transport = Transport::Unix(PathBuf::from(rest));
                return Ok(Endpoint { transport, tls: false, grpc: false, base: String::new() });
            }
            "unix" => return wrong("the path of a unix socket begins with /"),
            "http" => (false, false, 80),
            "https" => (true, false, 443),
            "grpc" => (false, true, 4317),
            "grpcs" => (true, true, 4317),
            _ => return wrong(&format!("{scheme}:// is not spoken here")),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if rest.contains(['?', '#', '@', ' ']) {
            return wrong("no user, query or fragment belongs here");
        }
        let (host, said) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let Ok(port) = said.map_or(Ok(port), str::parse) else { return wrong("the port is no number up to 65535") };
        if host.is_empty() {
            return wrong("no host");
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Endpoint { transport: Transport::Tcp(host.to_owned(), port), tls, grpc, base })
    }
}

impl Endpoint {
    /// The value of `Host`.
    pub fn authority(&self) -> String {
        match &self.transport {
            Transport::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Transport::Tcp(host, port) => format!("{host}:{port}"),
            Transport::Unix(_) => "localhost".to_owned(),
        }
    }

    /// The first part of its URL.
    pub fn scheme(&self) -> &'static str {
        match (&self.transport, self.grpc, self.tls) {
            (Transport::Unix(_), ..) => "unix",
            (_, true, true) => "grpcs",
            (_, true, false) => "grpc",
            (_, false, true) => "https",
            (_, false, false) => "http",
        }
    }

    /// The path of a request to `path`: the base and then `path`, which is not said twice where the base ends with it.
    pub fn path(&self, path: &str) -> String {
        match self.base.ends_with(path) {
            true if !self.base.is_empty() => self.base.clone(),
            _ => format!("{}{}{path}", self.base, if path.starts_with('/') { "" } else { "/" }),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Unix(path) => write!(f, "unix://{}", path.display()),
            Transport::Tcp(..) => write!(f, "{}://{}{}", self.scheme(), self.authority(), self.base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written_again() {
        for text in ["http://localhost:8126", "http://[::1]:4318/base", "unix:///var/run/datadog/apm.socket"] {
            assert_eq!(text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()).as_deref(), Ok(text));
        }
        let plain: Endpoint = "http://agent/".parse().unwrap();
        assert_eq!((plain.authority().as_str(), plain.base.as_str()), ("agent:80", ""));
        for wrong in ["", "localhost:8126", "ftp://x", "http://", "http://:1", "http://x:70000", "unix://x"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }
}
