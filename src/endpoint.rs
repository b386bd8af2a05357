//! Where an agent or a collector listens: `http://host:8126`, `http://host:4318/base`, `unix:///path`. The base path is put
//! before every request's own.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address of an agent or a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is reached.
    pub transport: Transport,
    /// What stands before the path of every request; empty, or `/base` without a slash at its end.
    pub base: String,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/1.1 over TCP: a name or an address (without brackets), and a port.
    Tcp(String, u16),
    /// HTTP/1.1 over a unix socket.
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

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong =
            |what: &str| Err(EndpointError(format!("{what}; write http://host:8126 or unix:///path/to.socket")));
        if let Some(path) = text.strip_prefix("unix://") {
            return match path.starts_with('/') {
                true => Ok(Endpoint { transport: Transport::Unix(PathBuf::from(path)), base: String::new() }),
                false => wrong("the path of a unix socket begins with /"),
            };
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return match text.split_once("://") {
                Some((scheme, _)) => wrong(&format!("{scheme}:// is not spoken by this version")),
                None => wrong("no scheme"),
            };
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let Ok(port) = port.unwrap_or("80").parse() else { return wrong("the port is no number up to 65535") };
        if host.is_empty() {
            return wrong("no host");
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Endpoint { transport: Transport::Tcp(host.to_owned(), port), base })
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
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Unix(path) => write!(f, "unix://{}", path.display()),
            Transport::Tcp(..) => write!(f, "http://{}{}", self.authority(), self.base),
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
