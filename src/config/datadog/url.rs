//! The agent's URL (config.md section 3.2): `http://agent:8126`, `unix:///var/run/datadog/apm.socket`.
//!
//! dd-trace-cpp has a grammar of its own: the scheme is case-sensitive, everything up to the first slash is the authority,
//! and nothing is normalised or completed. It is read here as it is read there.

use super::run::{Given, Run, Var, mend};
use crate::config::codes::tracer;
use crate::config::secret::masked;
use crate::config::{Entry, Finding, Origin, Setting, effect};
use serde_json::{Value, json};
use std::fmt;
use std::ops::Range;

const KEY: &str = "agent.url";
const SCHEMES: [&str; 5] = ["http", "https", "unix", "http+unix", "https+unix"];

/// A URL as dd-trace-cpp takes it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentUrl {
    /// `http`, `https`, `unix`, `http+unix` or `https+unix`.
    pub scheme: String,
    /// Host and port as written; of a unix socket its path.
    pub authority: String,
    /// What follows the authority, with its slash; `/v0.4/traces` will be appended to it.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
}

/// Why a text is no URL for dd-trace-cpp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UrlFault {
    Separator,
    Scheme(Range<usize>),
    Relative(Range<usize>),
}

impl AgentUrl {
    /// Takes a URL apart.
    pub(super) fn parse(text: &str) -> Result<AgentUrl, UrlFault> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlFault::Separator)?;
        if !SCHEMES.contains(&scheme) {
            return Err(UrlFault::Scheme(0..scheme.len()));
        }
        let at = scheme.len() + 3;
        if scheme.ends_with("unix") {
            if !rest.starts_with('/') {
                return Err(UrlFault::Relative(at..text.len()));
            }
            let (path, query) = (String::new(), String::new());
            return Ok(AgentUrl { scheme: scheme.to_owned(), authority: rest.to_owned(), path, query });
        }
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(slash);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let owned = str::to_owned;
        Ok(AgentUrl { scheme: owned(scheme), authority: owned(authority), path: owned(path), query: owned(query) })
    }

    /// Whether it is a unix socket.
    pub fn is_unix(&self) -> bool {
        self.scheme.ends_with("unix")
    }

    /// Host and port of an `http` URL as its client reads them: without user information, brackets removed. The port is
    /// `None` when there is none.
    pub fn host_and_port(&self) -> (&str, Option<&str>) {
        let authority = self.authority.split(['?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return (host, rest.strip_prefix(':'));
        }
        match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    }

    /// Its parts as an object.
    pub(super) fn to_json(&self) -> Value {
        json!({"scheme": self.scheme, "authority": self.authority, "path": self.path, "query": self.query})
    }
}

impl fmt::Display for AgentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

/// The URL that host and port variables make. A host with a colon is taken for an IPv6 address and put in brackets.
pub(crate) fn of_host_and_port(host: &str, port: &str) -> String {
    let bracketed = host.contains(':') && !host.starts_with('[');
    let host = if bracketed { format!("[{host}]") } else { host.to_owned() };
    format!("http://{host}:{port}")
}

/// The agent's URL: from its variable, from host and port, from code, or the default.
pub(super) fn resolve(run: &mut Run<'_>) -> Setting<AgentUrl> {
    let default = || AgentUrl::parse("http://localhost:8126").ok();
    let Some(default) = default() else {
        unreachable!("the default is a URL");
    };
    let filled = |entry: &&Entry| !entry.value.is_empty();
    let url = run.entry("DD_TRACE_AGENT_URL").filter(filled);
    let host = run.entry("DD_AGENT_HOST").filter(filled);
    let port = run.entry("DD_TRACE_AGENT_PORT").filter(filled);
    let unresolved = |run: &Run<'_>, name: &str| matches!(run.var(name), Var::Unresolved);

    // Candidates, the winner first; each with the fault that refuses it.
    let mut given: Vec<(Given<String>, Option<&Entry>)> = Vec::new();
    if let Some(entry) = url {
        given.push((Given::env(entry, entry.value.clone()), Some(entry)));
    } else if unresolved(run, "DD_TRACE_AGENT_URL") {
        run.unresolved.insert(KEY);
        run.unknown.insert(KEY);
        return Setting::default_of(default);
    }
    if unresolved(run, "DD_AGENT_HOST") || unresolved(run, "DD_TRACE_AGENT_PORT") {
        if given.is_empty() {
            run.unresolved.insert(KEY);
            run.unknown.insert(KEY);
            return Setting::default_of(default);
        }
    } else if let Some(entry) = host.or(port) {
        let host = host.map_or("localhost", |entry| entry.value.as_str());
        let port = port.map_or("8126", |entry| entry.value.as_str());
        given.push((Given::env(entry, of_host_and_port(host, port)), None));
    }
    given.extend(run.code.text(KEY).map(|code| (code, None)));

    let mut given = given.into_iter();
    while let Some((candidate, entry)) = given.next() {
        match AgentUrl::parse(&candidate.value) {
            Ok(value) => {
                let overridden = given.map(|(lost, _)| lost.shown).collect();
                let Given { origin, from, place, .. } = candidate;
                return Setting { value, origin, from, place, overridden };
            }
            Err(fault) => {
                let finding = finding_of(fault, &candidate, entry);
                run.fail(finding);
                if !run.lenient {
                    run.unknown.insert(KEY);
                    return Setting::default_of(default);
                }
            }
        }
    }
    Setting::default_of(default)
}

fn finding_of(fault: UrlFault, given: &Given<String>, entry: Option<&Entry>) -> Finding {
    let (name, url) = (given.from.as_str(), given.value.as_str());
    let shown = masked("DD_TRACE_AGENT_URL", url);
    let (code, at, message, fix) = match fault {
        UrlFault::Separator => {
            let message = format!("{name} is {shown:?}, no URL: :// is missing after the scheme");
            (tracer::URL_MISSING_SEPARATOR, 0..url.len(), message, with_scheme(url))
        }
        UrlFault::Scheme(at) => {
            let scheme = &url[at.clone()];
            let message = format!(
                "{name} is {shown:?}: the scheme {scheme:?} is not supported; supported are http, https, unix, http+unix \
                 and https+unix, in lower case"
            );
            let known = SCHEMES.iter().find(|known| scheme.trim().eq_ignore_ascii_case(known));
            let fix =
                known.map_or_else(|| format!("http{}", &url[at.end..]), |known| format!("{known}{}", &url[at.end..]));
            (tracer::URL_UNSUPPORTED_SCHEME, at, message, Some(fix))
        }
        UrlFault::Relative(at) => {
            let path = &url[at.clone()];
            let message = format!("{name} is {shown:?}: the socket's path {path:?} is not absolute");
            let fix = format!("{}/{path}", &url[..at.start]);
            (tracer::URL_UNIX_DOMAIN_SOCKET_PATH_NOT_ABSOLUTE, at, message, Some(fix))
        }
    };
    let finding = Finding::new(code, name, message);
    let finding = match (entry, fix) {
        (Some(entry), fix) => mend(finding, entry, at, fix.as_deref(), "a URL such as http://localhost:8126"),
        (None, Some(fix)) => finding.at(given.place.clone()).help(format!("{name}: {}", masked(name, &fix))),
        (None, None) => finding.at(given.place.clone()).help("a URL such as http://localhost:8126"),
    };
    if given.origin == Origin::Env { effect::of(finding, url) } else { finding }
}

/// The URL that a text without `://` was probably meant to be.
fn with_scheme(text: &str) -> Option<String> {
    let text = text.trim();
    let begun = SCHEMES.iter().find_map(|scheme| {
        let rest = text.strip_prefix(scheme).filter(|rest| rest.starts_with([':', '/']))?;
        Some((*scheme, rest.trim_start_matches([':', '/'])))
    });
    let local = text.starts_with('/') && !text.starts_with("//");
    let (scheme, bare) = begun.unwrap_or((if local { "unix" } else { "http" }, text.trim_start_matches('/')));
    if bare.is_empty() || bare.contains(char::is_whitespace) {
        return None;
    }
    if scheme.ends_with("unix") {
        return Some(format!("{scheme}:///{bare}"));
    }
    let authority = bare.split('/').next().unwrap_or(bare);
    Some(if authority.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{scheme}://localhost:{bare}")
    } else if authority.contains(':') {
        format!("{scheme}://{bare}")
    } else {
        format!("{scheme}://{authority}:8126")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_by_the_tracer() {
        let parts = |text: &str| AgentUrl::parse(text).map(|url| [url.scheme, url.authority, url.path, url.query]);
        let of = |parts: [&str; 4]| Ok(parts.map(str::to_owned));
        assert_eq!(parts("http://a:1/b/?c=1?d"), of(["http", "a:1", "/b/", "c=1?d"]));
        assert_eq!(parts("https://a?b"), of(["https", "a?b", "", ""]));
        assert_eq!(parts("http://"), of(["http", "", "", ""]));
        assert_eq!(parts("http://u:p@h:x#f/y"), of(["http", "u:p@h:x#f", "/y", ""]));
        assert_eq!(parts("unix:///a?b"), of(["unix", "/a?b", "", ""]));
        assert_eq!(parts("http+unix:///a"), of(["http+unix", "/a", "", ""]));
        assert_eq!(parts("http://a://b"), of(["http", "a:", "//b", ""]));
        assert_eq!(parts("a:1"), Err(UrlFault::Separator));
        assert_eq!(parts("HTTP://a"), Err(UrlFault::Scheme(0..4)));
        assert_eq!(parts("://a"), Err(UrlFault::Scheme(0..0)));
        assert_eq!(parts("unix://"), Err(UrlFault::Relative(7..7)));
        assert_eq!(parts("unix://a/b"), Err(UrlFault::Relative(7..10)));
    }

    #[test]
    fn what_was_meant_is_a_url() {
        for (text, meant) in [
            ("agent", "http://agent:8126"),
            ("agent:8125", "http://agent:8125"),
            ("http//agent:8126", "http://agent:8126"),
            ("http:/agent:8126/x", "http://agent:8126/x"),
            ("https:agent", "https://agent:8126"),
            ("https//a", "https://a:8126"),
            ("http:8126", "http://localhost:8126"),
            ("//agent:1", "http://agent:1"),
            ("httpd:1", "http://httpd:1"),
            ("/var/run/apm.socket", "unix:///var/run/apm.socket"),
            ("unix:/var/run/apm.socket", "unix:///var/run/apm.socket"),
        ] {
            assert_eq!(with_scheme(text).as_deref(), Some(meant), "{text}");
            assert!(AgentUrl::parse(meant).is_ok(), "{meant}");
        }
        assert_eq!(with_scheme("http:/"), None);
        assert_eq!(with_scheme("my agent"), None);
    }

    #[test]
    fn hosts_with_a_colon_get_brackets() {
        assert_eq!(of_host_and_port("::1", "1"), "http://[::1]:1");
        assert_eq!(of_host_and_port("[::1]", "1"), "http://[::1]:1");
        assert_eq!(of_host_and_port("http://a", "1"), "http://[http://a]:1");
    }

    #[test]
    fn hosts_and_ports_are_found() {
        let parts = |text: &str| {
            let url = AgentUrl::parse(text).unwrap();
            let (host, port) = url.host_and_port();
            (host.to_owned(), port.map(str::to_owned))
        };
        assert_eq!(parts("http://[::1]:8126/x"), ("::1".into(), Some("8126".into())));
        assert_eq!(parts("http://u:p@h"), ("h".into(), None));
        assert_eq!(parts("http://:1"), ("".into(), Some("1".into())));
    }
}
