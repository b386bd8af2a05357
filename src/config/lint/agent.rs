//! TC3xx: where the agent is looked for.

use super::{about, about_part, about_setting, part_of};
use crate::config::codes::lint;
use crate::config::datadog::{AgentUrl, Settled};
use crate::config::secret::masked;
use crate::config::{Entry, Finding, Origin, Target, effect};
use std::net::Ipv6Addr;

const URL: &str = "DD_TRACE_AGENT_URL";
const HOST: &str = "DD_AGENT_HOST";
const PORT: &str = "DD_TRACE_AGENT_PORT";

/// Ports at which something else listens than a Datadog agent's trace intake.
const OTHERS: [(&str, &str); 6] = [
    ("4317", "OTLP over gRPC"),
    ("4318", "OTLP over HTTP"),
    ("8125", "DogStatsD"),
    ("9411", "Zipkin"),
    ("14250", "Jaeger over gRPC"),
    ("14268", "Jaeger over HTTP"),
];

pub(super) fn check(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let filled = |name: &str| target.get(name).filter(|entry| !entry.value.is_empty());
    let setting = &settled.config.agent_url;
    // A URL that is refused hides host and port as well; lenient mode falls back to them.
    let by_url = filled(URL).is_some() && (!settled.knows("agent.url") || setting.from == URL);
    for entry in [filled(HOST), filled(PORT)].into_iter().flatten() {
        if by_url {
            overridden(entry, out);
        }
    }
    let by_host = setting.origin == Origin::Env && setting.from != URL;
    // Also where the URL wins: the mistake shows as soon as that is removed.
    if by_url || (by_host && settled.knows("agent.url")) {
        if let Some(entry) = filled(HOST) {
            host(entry, by_url, out);
        }
        if let Some(entry) = filled(PORT) {
            port(entry, out);
        }
    }
    if settled.knows("agent.url") {
        if !by_host && setting.origin != Origin::Default {
            url(target, settled, out);
        }
        loopback(target, settled, out);
    }
}

fn overridden(entry: &Entry, out: &mut Vec<Finding>) {
    let message = format!("{} has no effect, because {URL} is set", entry.name);
    let finding = about(entry, lint::OVERRIDDEN_BY_URL, message);
    out.push(finding.overridden_by(URL).help(format!("remove {}, or {URL}", entry.name)));
}

/// A name or address, and nothing else. An IPv6 address may be bare or in brackets.
fn host(entry: &Entry, overridden: bool, out: &mut Vec<Finding>) {
    let value = entry.value.as_str();
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    let address = bare.split('%').next().unwrap_or(bare);
    if address.parse::<Ipv6Addr>().is_ok() {
        return;
    }
    let has = if value.contains("://") {
        "a scheme"
    } else if value.contains('/') {
        "a path"
    } else if value.contains(':') {
        "a port"
    } else {
        return;
    };
    let verb = if overridden { "would be" } else { "is" };
    let made = crate::config::datadog::of_host_and_port(value, "8126");
    let message = format!("{HOST}={value:?} has {has}; the agent {verb} looked for at {}", masked(URL, &made));
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let finding = about(entry, lint::HOST_NOT_A_HOST, message);
    out.push(match authority.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() => {
            finding.help(format!("{HOST}={name} and {PORT}={port}")).replacement(name)
        }
        _ if !authority.is_empty() => finding.help(format!("{HOST}={authority}")).replacement(authority),
        _ => finding.help(format!("{HOST}=a name or address")),
    });
}

fn port(entry: &Entry, out: &mut Vec<Finding>) {
    if !is_port(&entry.value) {
        let message = format!("{PORT}={:?} is no port from 1 to 65535; dd-trace-cpp does not check it", entry.value);
        let finding = about(entry, lint::PORT_INVALID, message).help(format!("{PORT}=8126"));
        out.push(effect::of(finding, &entry.value));
    } else if let Some(protocol) = other_protocol(&entry.value) {
        let message = format!("{PORT}={} is the port of {protocol}; agents take traces at 8126", entry.value);
        out.push(
            about(entry, lint::PORT_OF_ANOTHER_PROTOCOL, message).help(format!("{PORT}=8126")).replacement("8126"),
        );
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|port| (1..=65535).contains(&port))
}

fn other_protocol(port: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(known, _)| *known == port).map(|(_, protocol)| *protocol)
}

/// A URL that was given as one.
fn url(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let setting = &settled.config.agent_url;
    let url = &setting.value;
    let from = setting.from.as_str();
    if url.is_unix() {
        return;
    }
    let shown = |url: &AgentUrl| masked(URL, &url.to_string()).into_owned();
    let start = url.scheme.len() + 3;
    let path_at = start + url.authority.len();
    let end = url.to_string().len();
    let at = |range| part_of(target, setting, range);
    // A question mark before any slash is a part of the authority.
    let question = url.authority.find('?');
    if !url.path.is_empty() || !url.query.is_empty() || question.is_some() {
        let message = format!(
            "{from}={}: dd-trace-cpp appends /v0.4/traces to the path, so requests go to {}/v0.4/traces",
            shown(url),
            url.path
        );
        let place = at(question.map_or(path_at, |question| start + question)..end);
        let finding = Finding::new(lint::URL_WITH_PATH, from, message).at(place);
        let authority = &url.authority[..question.unwrap_or(url.authority.len())];
        out.push(
            finding.help(format!("{from}={}", masked(URL, &format!("{}://{authority}", url.scheme)))).replacement(""),
        );
    }
    if url.authority.contains('@') {
        let message = format!("{from} has credentials in it; they end up in logs and process lists");
        let place = at(start..start + url.authority.rfind('@').unwrap_or_default() + 1);
        let finding = Finding::new(lint::URL_CREDENTIALS, from, message).at(place);
        out.push(finding.help("remove them; an agent asks for none").replacement(""));
    }
    let (host, port) = url.host_and_port();
    if host.is_empty() {
        let message = format!("{from}={} has no host", shown(url));
        let finding = Finding::new(lint::URL_WITHOUT_HOST, from, message).at(at(start..path_at));
        out.push(finding.help(format!("{from}={}://localhost:8126", url.scheme)));
        return;
    }
    match port {
        None | Some("") => {
            let default = if url.scheme == "https" { "443" } else { "80" };
            let message = format!("{from}={} has no port, so {default} is used and not 8126", shown(url));
            let finding = about_setting("agent.url", setting, lint::URL_WITHOUT_PORT, message).at(at(start..path_at));
            let fixed = AgentUrl { authority: format!("{}:8126", url.authority.trim_end_matches(':')), ..url.clone() };
            out.push(finding.help(format!("{from}={}", shown(&fixed))));
        }
        Some(port) => {
            let place = at(path_at - port.len().min(path_at)..path_at);
            if !is_port(port) && question.is_none() {
                let message = format!("{from}={}: {port:?} is no port from 1 to 65535", shown(url));
                out.push(Finding::new(lint::PORT_INVALID, from, message).at(place).help("8126 is an agent's port"));
            } else if let Some(protocol) = other_protocol(port) {
                let message =
                    format!("{from}={}: {port} is the port of {protocol}; agents take traces at 8126", shown(url));
                let finding = Finding::new(lint::PORT_OF_ANOTHER_PROTOCOL, from, message).at(place);
                let fixed = AgentUrl { authority: url.authority.replace(&format!(":{port}"), ":8126"), ..url.clone() };
                out.push(finding.help(format!("{from}={}", shown(&fixed))).replacement("8126"));
            }
        }
    }
}

/// In a container the loopback address is the container's own.
fn loopback(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let setting = &settled.config.agent_url;
    let (host, _) = setting.value.host_and_port();
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !target.container || setting.value.is_unix() || !is_loopback {
        return;
    }
    let default = if setting.origin == Origin::Default { ", the default," } else { "" };
    let message = format!(
        "the agent is looked for at {host}{default} which in a container is the container itself: right only with an agent \
         in the same pod or network namespace"
    );
    let finding = match target.get(&setting.from) {
        Some(entry) => about_part(entry, 0..entry.value.len(), lint::LOOPBACK_IN_CONTAINER, message),
        None => about_setting("agent.url", setting, lint::LOOPBACK_IN_CONTAINER, message),
    };
    out.push(finding.help(format!("{HOST}=the agent's service or host")));
}
