//! The endpoint of an OTLP exporter: what a URL becomes, and what is wrong with it.

use super::super::codes::otel::{ENDPOINT_UNUSABLE, PATH_DOUBLED, PATH_MISSING, PORT_PROTOCOL};
use super::sdk::{When, effect};
use crate::config::Finding;
use crate::config::secret::masked;
use crate::diagnostic::Place;
use std::ops::Range;

/// How an endpoint is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// OTLP over HTTP, as it is; a URL without a path means `/`.
    Signal,
    /// OTLP over HTTP, with `v1/SIGNAL` appended.
    Base,
    /// OTLP over gRPC.
    Grpc,
}

/// An endpoint and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'e> {
    /// The variable or key it comes from.
    pub about: &'e str,
    /// Its text, white space cut off.
    pub text: &'e str,
    /// How it is used.
    pub used: Use,
    /// `traces`, `metrics` or `logs`.
    pub signal: &'e str,
}

/// The parts of a URL, as ranges of its text.
struct Parts<'e> {
    scheme: Option<&'e str>,
    /// Host and port, without user info.
    host: Range<usize>,
    port: Range<usize>,
    /// Path, up to query and fragment.
    path: Range<usize>,
}

fn parts(text: &str) -> Parts<'_> {
    let (scheme, start) = match text.find("://") {
        Some(at) => (text.get(..at), at + 3),
        None => (None, 0),
    };
    let rest = text.get(start..).unwrap_or_default();
    let end = start + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let path_end = start + rest.find(['?', '#']).unwrap_or(rest.len());
    let host = text.get(start..end).and_then(|authority| authority.rfind('@')).map_or(start, |at| start + at + 1);
    let authority = text.get(host..end).unwrap_or_default();
    let port = match authority.rfind(':') {
        Some(colon) if !authority.get(colon..).unwrap_or_default().contains(']') => host + colon + 1..end,
        _ => end..end,
    };
    Parts { scheme, host: host..end, port, path: end..path_end }
}

/// An endpoint as it may be told, also one without a scheme.
fn shown(about: &str, text: &str) -> String {
    match text.contains("://") {
        true => masked(about, text).into_owned(),
        false => masked(about, &format!("http://{text}")).trim_start_matches("http://").to_owned(),
    }
}

impl Endpoint<'_> {
    fn is_http(scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    }

    /// The scheme of the endpoint, when it is `http` or `https`: whether that means TLS.
    pub fn tls(&self) -> Option<bool> {
        let scheme = parts(self.text).scheme?;
        Self::is_http(scheme).then(|| scheme.eq_ignore_ascii_case("https"))
    }

    /// The URL that is used; `None` when the endpoint is unusable.
    pub fn finalized(&self) -> Option<String> {
        let parts = parts(self.text);
        let path = self.text.get(parts.path.clone()).unwrap_or_default();
        let (before, after) = (self.text.get(..parts.path.start)?, self.text.get(parts.path.end..)?);
        let usable = parts.scheme.is_some_and(Self::is_http) && self.has_host(&parts);
        match self.used {
            Use::Grpc if parts.scheme.is_some_and(Self::is_http) && !self.has_host(&parts) => None,
            Use::Grpc => Some(self.text.to_owned()),
            _ if !usable => None,
            Use::Signal => Some(format!("{before}{}{after}", if path.is_empty() { "/" } else { path })),
            Use::Base => Some(format!("{before}{}/v1/{}{after}", path.strip_suffix('/').unwrap_or(path), self.signal)),
        }
    }

    fn has_host(&self, parts: &Parts<'_>) -> bool {
        parts.host.start < parts.port.start.saturating_sub(usize::from(!parts.port.is_empty()))
            && self.text.as_bytes().get(parts.host.start) != Some(&b':')
    }

    /// What is wrong with it. `place_of` gives the place of bytes of the text.
    pub fn findings(&self, place_of: &dyn Fn(Range<usize>) -> Option<Place>, out: &mut Vec<Finding>) {
        let Endpoint { about, text, used, signal } = *self;
        let parts = parts(text);
        let told = shown(about, text);
        let http = parts.scheme.is_some_and(Self::is_http);
        let host = self.has_host(&parts);
        if used == Use::Grpc && http && !host || used != Use::Grpc && (!http || !host) {
            let message = match parts.scheme {
                Some(_) if http => format!("{about} {told:?} names no host"),
                Some(scheme) => {
                    format!("{about} {told:?} has the scheme {scheme}: OTLP over HTTP needs http or https")
                }
                None => format!("{about} {told:?} has no scheme: OTLP over HTTP needs http:// or https://"),
            };
            let mut finding = Finding::new(ENDPOINT_UNUSABLE, about, message).at(place_of(0..text.len()));
            if parts.scheme.is_none() && !text.starts_with('/') {
                finding = finding.help(format!("write {about}=http://{told}"));
                if told == text {
                    finding = finding.replacement(format!("http://{text}"));
                }
                if let Some(effect) = effect(about, When::NoScheme) {
                    finding = finding.effect(effect);
                }
            } else {
                finding =
                    finding.help(format!("write {about}=http://HOST:{}", if used == Use::Grpc { 4317 } else { 4318 }));
            }
            out.push(finding);
            return;
        }
        let port = text.get(parts.port.clone()).unwrap_or_default();
        let (wrong, right, protocol) = match used {
            Use::Grpc => ("4318", "4317", "gRPC"),
            _ => ("4317", "4318", "HTTP"),
        };
        if port == wrong {
            let message = format!("{about} has port {wrong}, which is not the one of OTLP over {protocol} ({right})");
            let other = if used == Use::Grpc { "http/protobuf" } else { "grpc" };
            out.push(
                Finding::new(PORT_PROTOCOL, about, message)
                    .at(place_of(parts.port.clone()))
                    .help(format!("use port {right}, or the protocol {other}"))
                    .replacement(right),
            );
        }
        let path = text.get(parts.path.clone()).unwrap_or_default();
        let here = if path.is_empty() { 0..text.len() } else { parts.path.clone() };
        let own = format!("/v1/{signal}");
        let base = text.get(..parts.path.start).unwrap_or_default();
        match used {
            Use::Base => {
                let doubled = ["/v1/traces", "/v1/metrics", "/v1/logs"]
                    .into_iter()
                    .find(|own| path.trim_end_matches('/').ends_with(own));
                if let Some(doubled) = doubled {
                    let kept = path.trim_end_matches('/').strip_suffix(doubled).unwrap_or_default();
                    let message = format!("{about} already ends in {doubled}: {own} is appended to it once more");
                    out.push(
                        Finding::new(PATH_DOUBLED, about, message)
                            .at(place_of(here))
                            .help(format!("write {about}={}{kept}", shown(about, base)))
                            .replacement(kept),
                    );
                }
            }
            Use::Signal if matches!(path, "" | "/") => {
                let message = format!("{about} is used as it is: without a path {signal} are posted to /");
                let fixed = format!("{}{own}", shown(about, base));
                let mut finding = Finding::new(PATH_MISSING, about, message)
                    .at(place_of(here))
                    .help(format!("write {about}={fixed}"));
                if path == "/" {
                    finding = finding.replacement(own);
                } else if fixed == format!("{text}{own}") {
                    finding = finding.replacement(fixed);
                }
                out.push(finding);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finalized(text: &str, used: Use) -> Option<String> {
        Endpoint { about: "E", text, used, signal: "traces" }.finalized()
    }

    #[test]
    fn endpoints_become_urls() {
        let base = |text| finalized(text, Use::Base);
        assert_eq!(base("http://c:4318").as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(base("https://h/otlp/").as_deref(), Some("https://h/otlp/v1/traces"));
        assert_eq!(base("https://h/otlp?k=1").as_deref(), Some("https://h/otlp/v1/traces?k=1"));
        assert_eq!(base("HTTP://[::1]").as_deref(), Some("HTTP://[::1]/v1/traces"));
        for bad in ["c:4318", "http://", "http://:4318", "https:///v1", "ftp://h", "grpc://h:1"] {
            assert_eq!(base(bad), None, "{bad}");
        }
        assert_eq!(finalized("http://c:4318", Use::Signal).as_deref(), Some("http://c:4318/"));
        assert_eq!(finalized("http://c/x?a", Use::Signal).as_deref(), Some("http://c/x?a"));
        assert_eq!(finalized("c:4317", Use::Grpc).as_deref(), Some("c:4317"));
        assert_eq!(finalized("http://:4317", Use::Grpc), None);
    }
}
