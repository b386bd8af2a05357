//! What is most likely behind a failure, and what to do: one sentence that an engineer can act on.

use super::first::{FirstBytes, Spoken};
use crate::endpoint::{Endpoint, Transport};
use crate::http::Response;
use std::io;

/// A name that is not known.
pub(super) fn of_name(host: &str) -> Option<String> {
    Some(match host.contains('.') {
        _ if host.chars().any(|letter| !letter.is_ascii_alphanumeric() && !".-_:".contains(letter)) => {
            format!("{host:?} is no name of a host; check the URL")
        }
        true => "check the spelling, and the resolver of this machine (a container or VPN has its own)".to_owned(),
        false => format!(
            "names without a dot are known inside one network only (a compose service, a Kubernetes namespace); from \
             outside use its full name or address instead of {host}"
        ),
    })
}

/// A connection that was not taken.
pub(super) fn of_connect(kind: io::ErrorKind, endpoint: &Endpoint) -> Option<String> {
    let Transport::Tcp(host, port) = &endpoint.transport else { return None };
    let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    let what = match port {
        4317 | 4318 => "a collector, or an agent with its OTLP receiver on,",
        _ => "an agent",
    };
    match kind {
        io::ErrorKind::ConnectionRefused if local => Some(format!(
            "nothing listens on port {port} here: start {what} there, or try `spanglass record-capture`; from inside a \
             container localhost is the container itself"
        )),
        io::ErrorKind::ConnectionRefused => {
            Some(format!("{host} is up, and nothing listens on its port {port}: check the port and that {what} runs"))
        }
        io::ErrorKind::TimedOut => Some(
            "packets go nowhere: a firewall or network policy in between, or an address that nobody has".to_owned(),
        ),
        _ => None,
    }
}

/// A unix socket that was not taken.
pub(super) fn of_unix(error: &io::Error) -> Option<String> {
    Some(match error.kind() {
        io::ErrorKind::NotFound => {
            "no socket there: is the agent's apm_config.receiver_socket set, and its folder mounted here?".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not write to the socket; check its mode and group".to_owned(),
        io::ErrorKind::ConnectionRefused => {
            "the file is there and nobody listens on it any more: start the agent again".to_owned()
        }
        _ => return None,
    })
}

/// TLS that was not agreed on.
#[cfg(feature = "tls")]
pub(super) fn of_tls(error: &io::Error, host: &str) -> Option<String> {
    use rustls::{CertificateError, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    Some(match inner {
        Some(Error::InvalidMessage(_)) => {
            "the port answers in plain text: write http:// (or grpc://) instead of https:// (grpcs://)".to_owned()
        }
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the certificate is signed by nobody who is trusted here; name its issuer with --ca-certificate FILE"
                .to_owned()
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => format!("the certificate is for another name than {host}; use the name that it is for"),
        Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            "the certificate has expired (or the clock of this machine is wrong)".to_owned()
        }
        Some(Error::NoApplicationProtocol) => {
            "the port speaks TLS, and not this protocol: HTTP/2 is needed for grpcs://".to_owned()
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the other side closed instead of answering: is it a TLS port? try http:// or grpc://".to_owned()
        }
        _ => return None,
    })
}

/// A request without an answer: what the other side speaks instead.
pub(super) fn of_silence(first: &FirstBytes, endpoint: &Endpoint) -> Option<String> {
    let at = endpoint.authority();
    let plain = if endpoint.grpc { "grpc" } else { "http" };
    Some(match first.spoken() {
        Spoken::Tls => format!("the port speaks TLS: write {plain}s://{at}"),
        Spoken::Http2 if !endpoint.grpc => format!("the port speaks HTTP/2, which is gRPC: write grpc://{at}"),
        Spoken::Http1 if endpoint.grpc => {
            format!("the port speaks HTTP/1, not gRPC: write http://{at} (OTLP over HTTP is mostly on port 4318)")
        }
        Spoken::Unknown => "the port speaks no protocol of traces: check the port".to_owned(),
        Spoken::Silence => "it took the connection and said nothing: it may speak another protocol, or hang".to_owned(),
        Spoken::Http1 | Spoken::Http2 => return None,
    })
}

/// An answer that is a refusal.
pub fn of_answer(endpoint: &Endpoint, path: &str, response: &Response) -> Option<String> {
    let whole = endpoint.path(path);
    let otlp = whole.ends_with("/v1/traces");
    let body = String::from_utf8_lossy(&response.body);
    Some(match response.status {
        200..=299 => return of_grpc(response),
        301 | 302 | 307 | 308 => match response.headers.get("location") {
            Some(to) => format!("it is somewhere else now: use {to}"),
            None => "it says that it is somewhere else, and not where".to_owned(),
        },
        400 if body.contains("HTTPS") || body.contains("https") => {
            format!("the port speaks TLS: write https://{}", endpoint.authority())
        }
        400 => "it could not read the body: `spanglass check-capture` tells what is wrong with it; --protocol chooses another".to_owned(),
        401 | 403 => "it wants credentials that were not sent, or refuses this sender".to_owned(),
        404 | 405 if whole.matches("/v1/traces").count() > 1 => {
            "the path is doubled: leave /v1/traces out of the URL".to_owned()
        }
        404 | 405 if otlp => "no OTLP receiver on this port: a collector has it on 4318, a Datadog agent only where \
                        otlp_config.receiver is set"
            .to_owned(),
        404 | 405 if whole.contains("traces") => "no Datadog agent behind this address, or one without this version of its \
                        protocol: an agent has port 8126, a collector takes http://HOST:4318/v1/traces"
            .to_owned(),
        404 | 405 => "no agent behind this address".to_owned(),
        408 | 504 => "it, or a proxy before it, waited too long".to_owned(),
        413 => "the body is larger than it takes: send fewer spans in a request, or raise its limit (apm_config.max_payload_size, \
                max_request_body_size)"
            .to_owned(),
        415 => "it does not take this content type: choose another --protocol".to_owned(),
        429 => "it is overloaded or limits this sender: send slower (--rate), or later".to_owned(),
        500..=599 => "the fault is on the other side: its log says more".to_owned(),
        _ => return None,
    })
}

/// A gRPC status other than OK.
fn of_grpc(response: &Response) -> Option<String> {
    Some(match response.headers.get("grpc-status")? {
        "12" => "it speaks gRPC, and has no trace service: no OTLP receiver on this port".to_owned(),
        "7" | "16" => "it wants credentials that were not sent, or refuses this sender".to_owned(),
        "8" | "14" => "it is overloaded or not ready: send slower (--rate), or later".to_owned(),
        "3" | "13" => "it could not read the message".to_owned(),
        _ => return None,
    })
}
