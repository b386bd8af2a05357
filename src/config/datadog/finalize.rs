//! The order of dd-trace-cpp (config.md section 3.6): what is parsed and checked when.

use super::code::{Code, scalar_text};
use super::rules::{self, Kind, Rule, Text, limit_fits};
use super::run::{Chain, Given, Run, Unit, Var, mend, neat, quoted};
use super::{Behavior, FinalizedTracerConfig, ResourceRenaming, Settled, styles, url};
use crate::config::codes::forms::WRONG_TYPE;
use crate::config::codes::{lint, tracer};
use crate::config::{Entry, Finding, Origin, Setting, effect, parse};
use crate::context::PropagationStyle;
use crate::diagnostic::{Place, Source};
use crate::rule::{Glob, Rate, SamplingRule};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

/// Settles everything, in the tracer's order of errors.
pub(super) fn finalize(run: &mut Run<'_>) -> Settled {
    let baggage_max_items = run.unsigned("baggage.max_items", "DD_TRACE_BAGGAGE_MAX_ITEMS", "baggage_max_items", 64);
    let baggage_max_bytes = run.unsigned("baggage.max_bytes", "DD_TRACE_BAGGAGE_MAX_BYTES", "baggage_max_bytes", 8192);
    let styles::Lists { extraction, injection } = styles::resolve(run);

    let poll = seconds(
        run,
        "agent.remote_configuration_poll_interval_ms",
        "DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS",
        "agent.remote_configuration_poll_interval_seconds",
        5.0,
    );
    let flush = milliseconds(run, "flush_interval", tracer::DATADOG_AGENT_INVALID_FLUSH_INTERVAL);
    let request = milliseconds(run, "request_timeout", tracer::DATADOG_AGENT_INVALID_REQUEST_TIMEOUT);
    let shutdown = milliseconds(run, "shutdown_timeout", tracer::DATADOG_AGENT_INVALID_SHUTDOWN_TIMEOUT);
    let poll = interval(run, poll, |seconds| seconds >= 0.0, tracer::DATADOG_AGENT_INVALID_REMOTE_CONFIG_POLL_INTERVAL);
    let agent_url = url::resolve(run);

    let sampler = trace_sampler(run);
    let span_rules = span_sampler(run);

    let intervals = [
        (
            "telemetry.metrics_interval_ms",
            "DD_TELEMETRY_METRICS_INTERVAL_SECONDS",
            "telemetry.metrics_interval_seconds",
            60.0,
        ),
        (
            "telemetry.heartbeat_interval_ms",
            "DD_TELEMETRY_HEARTBEAT_INTERVAL",
            "telemetry.heartbeat_interval_seconds",
            10.0,
        ),
        (
            "telemetry.extended_heartbeat_interval_ms",
            "DD_TELEMETRY_EXTENDED_HEARTBEAT_INTERVAL",
            "telemetry.extended_heartbeat_interval_seconds",
            86400.0,
        ),
    ];
    let parsed = intervals.map(|(key, name, code, default)| seconds(run, key, name, code, default));
    // NaN passes the tracer's comparison.
    let positive = |seconds: f64| seconds > 0.0 || seconds.is_nan();
    let [metrics, heartbeat, extended] =
        parsed.map(|chain| interval(run, chain, positive, tracer::OUT_OF_RANGE_INTEGER));

    // What follows cannot fail.
    let telemetry_enabled =
        run.boolean("telemetry.enabled", "DD_INSTRUMENTATION_TELEMETRY_ENABLED", Some("telemetry.enabled"), true);
    let mut telemetry_part = |key, name, code| {
        let part = run.boolean(key, name, Some(code), true);
        match telemetry_enabled.value {
            true => part,
            false => Setting { value: false, ..telemetry_enabled.clone() },
        }
    };
    let report_metrics =
        telemetry_part("telemetry.report_metrics", "DD_TELEMETRY_METRICS_ENABLED", "telemetry.report_metrics");
    let report_logs =
        telemetry_part("telemetry.report_logs", "DD_TELEMETRY_LOG_COLLECTION_ENABLED", "telemetry.report_logs");

    let tracing_enabled = run.boolean("tracing_enabled", "DD_APM_TRACING_ENABLED", Some("tracing_enabled"), true);
    let (trace_rules, max_per_second) = sampler.finalized(&tracing_enabled);
    let sample_rate = match tracing_enabled.value {
        true => sampler.rate.with(|rate| rate.and_then(|rate| Rate::new(rate).ok())),
        false => Setting { value: None, ..tracing_enabled.with(|_| None) },
    };
    if !sampler.known(run) {
        run.unknown.insert("trace_sampler.rules");
    }
    if run.unresolved.contains("trace_sampler.sample_rate") {
        run.unresolved.insert("trace_sampler.rules");
    }

    let baggage_known = !run.unknown.contains("baggage.max_items") && !run.unknown.contains("baggage.max_bytes");
    let baggage_off = baggage_known && baggage_is_off(baggage_max_items.value, baggage_max_bytes.value);
    let final_styles = |list: &Setting<Vec<styles::Item>>| {
        list.with(|items| {
            let styles = items.iter().map(|item| item.style);
            styles.filter(|style| !(baggage_off && *style == PropagationStyle::Baggage)).collect::<Vec<_>>()
        })
    };

    let renaming = run.boolean(
        "resource_renaming_mode",
        "DD_TRACE_RESOURCE_RENAMING_ENABLED",
        Some("resource_renaming_enabled"),
        false,
    );
    let always = run.boolean(
        "resource_renaming_mode",
        "DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT",
        Some("resource_renaming_always_simplified_endpoint"),
        false,
    );
    let resource_renaming_mode = match (renaming.value, always.value) {
        (false, _) => renaming.with(|_| ResourceRenaming::Disabled),
        (true, false) => renaming.with(|_| ResourceRenaming::Fallback),
        (true, true) => renaming.with(|_| ResourceRenaming::AlwaysCalculate),
    };

    let tags = map_of(&run.code, "tags");
    let tags = run.plain("tags", "DD_TAGS", tags_of, tags, BTreeMap::new());
    let process_tags = map_of(&run.code, "process_tags");
    let text_only = |run: &mut Run<'_>, key: &'static str, code: &'static str, default: &str| {
        let code = run.code.text(code);
        run.code_only(key, code, default.to_owned()).settle(run)
    };
    let version_only = |run: &mut Run<'_>, key: &'static str| {
        let code = run.code.text(key).map(Given::some);
        run.code_only(key, code, None).settle(run)
    };
    let behavior = run.code.text("propagation_behavior_extract").and_then(|code| {
        let behavior = Behavior::of(&code.value)?;
        Some(code.map(|_| behavior))
    });
    let behavior = behavior_of(run, behavior);
    let report_hostname = run.code.boolean("report_hostname");
    let tags_header_size = run.code.unsigned("max_tags_header_size");

    let config = FinalizedTracerConfig {
        service: run.optional_text("service", "DD_SERVICE", Some("service")),
        service_type: text_only(run, "service_type", "service_type", "web"),
        name: text_only(run, "name", "name", ""),
        environment: run.text("environment", "DD_ENV", Some("environment"), ""),
        version: run.text("version", "DD_VERSION", Some("version"), ""),
        tags,
        process_tags: run.code_only("process_tags", process_tags, BTreeMap::new()).settle(run),
        report_traces: run.boolean("report_traces", "DD_TRACE_ENABLED", Some("report_traces"), true),
        log_on_startup: run.boolean("log_on_startup", "DD_TRACE_STARTUP_LOGS", Some("log_on_startup"), true),
        generate_128bit_trace_ids: run.boolean(
            "generate_128bit_trace_ids",
            "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED",
            Some("generate_128bit_trace_ids"),
            true,
        ),
        tracing_enabled,
        resource_renaming_mode,
        report_hostname: run.code_only("report_hostname", report_hostname, false).settle(run),
        tags_header_size: run.code_only("tags_header_size", tags_header_size, 512).settle(run),
        integration_name: text_only(run, "integration_name", "integration_name", "datadog"),
        integration_version: version_only(run, "integration_version"),
        extraction_styles: final_styles(&extraction),
        injection_styles: final_styles(&injection),
        propagation_behavior_extract: behavior,
        baggage_max_items,
        baggage_max_bytes,
        agent_url,
        external_env: run.optional_text("agent.external_env", "DD_EXTERNAL_ENV", None),
        flush_interval_ms: flush,
        request_timeout_ms: request,
        shutdown_timeout_ms: shutdown,
        remote_configuration_enabled: run.boolean(
            "agent.remote_configuration_enabled",
            "DD_REMOTE_CONFIGURATION_ENABLED",
            Some("agent.remote_configuration_enabled"),
            true,
        ),
        remote_configuration_poll_interval_ms: poll,
        trace_rules,
        sample_rate,
        max_per_second,
        span_rules: span_rules.with(|rules| rules.iter().filter_map(Rule::finalized).collect()),
        telemetry_enabled,
        telemetry_report_metrics: report_metrics,
        telemetry_report_logs: report_logs,
        telemetry_debug: run.boolean("telemetry.debug", "DD_TELEMETRY_DEBUG", None, false),
        metrics_interval_ms: metrics,
        heartbeat_interval_ms: heartbeat,
        extended_heartbeat_interval_ms: extended,
        install_id: run.optional_text("telemetry.install_id", "DD_INSTRUMENTATION_INSTALL_ID", None),
        install_type: run.optional_text("telemetry.install_type", "DD_INSTRUMENTATION_INSTALL_TYPE", None),
        install_time: run.optional_text("telemetry.install_time", "DD_INSTRUMENTATION_INSTALL_TIME", None),
        telemetry_integration_name: text_only(
            run,
            "telemetry.integration_name",
            "telemetry.integration_name",
            "datadog",
        ),
        telemetry_integration_version: version_only(run, "telemetry.integration_version"),
        unresolved: run.unresolved.clone(),
    };
    let unknown = run.unknown.iter().chain(&run.unresolved).copied().collect();
    Settled {
        config,
        unknown,
        extraction,
        injection,
        trace_rules: sampler.rules,
        sample_rate: sampler.rate,
        max_per_second: sampler.limit,
        span_rules,
    }
}

/// Whether limits switch baggage off.
fn baggage_is_off(items: u64, bytes: u64) -> bool {
    items == 0 || bytes < 3
}

/// A variable of seconds, parsed.
fn seconds(run: &mut Run<'_>, key: &'static str, name: &str, code: &str, default: f64) -> Chain<f64> {
    let code = run.code.number(code);
    run.chain(key, name, |run, entry| run.read_decimal(entry, Unit::Seconds), code, default)
}

/// Seconds in their range, as milliseconds.
fn interval(
    run: &mut Run<'_>,
    mut chain: Chain<f64>,
    fits: impl Fn(f64) -> bool,
    code: crate::diagnostic::Code,
) -> Setting<u64> {
    let target = run.target;
    chain.check(run, |given| {
        if fits(given.value) {
            return None;
        }
        let least = if code == tracer::OUT_OF_RANGE_INTEGER { "above 0" } else { "0 or more" };
        let message = format!("{}, an interval must be {least} seconds", given.written(target, given.value));
        let finding = Finding::new(code, &given.from, message);
        Some(out_of_range(finding, given, target.get(&given.from), None, &format!("a number of seconds, {least}")))
    });
    // Truncated, as the tracer's cast does; too large ends at the largest integer.
    chain.settle(run).with(|seconds| (seconds * 1000.0) as u64)
}

/// A setting of `agent` in milliseconds, which only code can give.
fn milliseconds(run: &mut Run<'_>, name: &str, code: crate::diagnostic::Code) -> Setting<u64> {
    let (key, from) = match name {
        "flush_interval" => ("agent.flush_interval_ms", "agent.flush_interval_milliseconds"),
        "request_timeout" => ("agent.request_timeout_ms", "agent.request_timeout_milliseconds"),
        _ => ("agent.shutdown_timeout_ms", "agent.shutdown_timeout_milliseconds"),
    };
    let given = run.code.integer(from);
    let mut chain = run.code_only(key, given, 2000);
    chain.check(run, |given| {
        let message = format!("{from} is {}, it must be above 0 milliseconds", given.value);
        let finding = Finding::new(code, from, message).at(given.place.clone());
        (given.value <= 0).then(|| finding.help("2000, the default").replacement("2000"))
    });
    chain.settle(run).with(|value| u64::try_from(*value).unwrap_or_default())
}

/// Puts a finding about a value's range at its variable or key.
fn out_of_range<T>(
    finding: Finding,
    given: &Given<T>,
    entry: Option<&Entry>,
    fix: Option<String>,
    right: &str,
) -> Finding {
    match (given.origin, entry) {
        (Origin::Env, Some(entry)) => {
            let finding = mend(finding, entry, 0..entry.value.len(), fix.as_deref(), right);
            effect::of(finding, &entry.value)
        }
        _ => {
            let finding = finding.at(given.place.clone());
            match fix {
                Some(fix) => finding.help(format!("{}: {fix}", given.from)).replacement(fix),
                None => finding.help(format!("{}: {right}", given.from)),
            }
        }
    }
}

/// What is known of the trace sampler.
struct TraceSampler {
    rules: Setting<Vec<Rule>>,
    rate: Setting<Option<f64>>,
    limit: Setting<f64>,
}

impl TraceSampler {
    fn known(&self, run: &Run<'_>) -> bool {
        !["trace_sampler.rules", "trace_sampler.sample_rate"].iter().any(|key| run.unknown.contains(key))
    }

    /// Rules and limit with which the tracer runs. Without APM tracing it keeps what other products marked, and one trace
    /// a minute.
    fn finalized(&self, tracing: &Setting<bool>) -> (Setting<Vec<SamplingRule>>, Setting<f64>) {
        if !tracing.value {
            let marked =
                SamplingRule { tags: vec![("_dd.p.ts".to_owned(), Glob::new("02"))], ..SamplingRule::default() };
            let rules = tracing.with(|_| vec![marked.clone(), SamplingRule::default()]);
            return (rules, tracing.with(|_| 1.0 / 60.0));
        }
        let mut rules = self.rules.with(|rules| rules.iter().filter_map(Rule::finalized).collect::<Vec<_>>());
        if let Some(rate) = self.rate.value.and_then(|rate| Rate::new(rate).ok()) {
            rules.value.push(SamplingRule { rate, ..SamplingRule::default() });
        }
        (rules, self.limit.clone())
    }
}

fn trace_sampler(run: &mut Run<'_>) -> TraceSampler {
    const RULES: &str = "DD_TRACE_SAMPLING_RULES";
    let shape = rules_of_env(run, Kind::Trace, RULES);
    let code = run.code.number("trace_sampler.sample_rate").map(Given::some);
    let mut rate = run.chain(
        "trace_sampler.sample_rate",
        "DD_TRACE_SAMPLE_RATE",
        |run, entry| run.read_decimal(entry, Unit::Rate).map(Some),
        code,
        None,
    );
    let code = run.code.number("trace_sampler.max_per_second");
    let mut limit = run.chain(
        "trace_sampler.max_per_second",
        "DD_TRACE_RATE_LIMIT",
        |run, entry| run.read_decimal(entry, Unit::PerSecond),
        code,
        100.0,
    );

    let rules = settle_rules(run, Kind::Trace, "trace_sampler.rules", shape);
    let target = run.target;
    if let Some((given, number)) = rate.winner().and_then(|given| Some((given.clone(), given.value?))) {
        run.note_percentage(&given.from, None, number, given.place);
    }
    rate.check(run, |given| {
        let rate = given.value?;
        if Rate::new(rate).is_ok() {
            return None;
        }
        let message = format!("{}, a rate must be from 0 to 1", given.written(target, rate));
        let finding = Finding::new(tracer::RATE_OUT_OF_RANGE, &given.from, message);
        let fix = (rate > 1.0 && rate <= 100.0).then(|| neat(rate / 100.0));
        Some(out_of_range(finding, given, target.get(&given.from), fix, "a number from 0 to 1"))
    });
    let rate = rate.settle(run);
    limit.check(run, |given| {
        let message = format!("{}, a limit per second must be a number above 0", given.written(target, given.value));
        let finding = Finding::new(tracer::MAX_PER_SECOND_OUT_OF_RANGE, &given.from, message);
        let finding = out_of_range(finding, given, target.get(&given.from), None, "a number above 0, such as 100");
        (!limit_fits(given.value)).then_some(finding)
    });
    TraceSampler { rules, rate, limit: limit.settle(run) }
}

/// What a variable gives for rules.
enum Shape {
    Unset,
    Unresolved,
    /// It has an error.
    Refused,
    Rules(Given<Vec<Rule>>),
}

/// The rules of a variable, by their shape.
fn rules_of_env(run: &mut Run<'_>, kind: Kind, name: &str) -> Shape {
    let entry = match run.var(name) {
        Var::Unset => return Shape::Unset,
        Var::Unresolved => return Shape::Unresolved,
        Var::Set(entry) => entry,
    };
    let place_of = |range: Range<usize>| entry.place_of(range);
    let text = Text {
        kind,
        source: name,
        suffix: String::new(),
        text: &entry.value,
        place_of: &place_of,
        verbatim: entry.verbatim,
    };
    shape(run, &text, entry)
}

fn shape(run: &mut Run<'_>, text: &Text<'_>, entry: &Entry) -> Shape {
    let read = text.read(run.lenient);
    for finding in read.errors {
        run.fail(finding);
    }
    run.notes.extend(read.notes);
    match read.rules {
        Some(rules) => Shape::Rules(Given::env(entry, rules)),
        None => Shape::Refused,
    }
}

/// Decides between the rules of the variable and those of code, and checks the ranges of the winners.
fn settle_rules(run: &mut Run<'_>, kind: Kind, key: &'static str, shape: Shape) -> Setting<Vec<Rule>> {
    let code = run.code.get(key).map(|node| {
        let (rules, errors, warnings) = rules::of_code(kind, key, node);
        (Given::code(key, Some(node.place()), rules, &scalar_text(node)), errors, warnings)
    });
    let code = code.map(|(given, errors, warnings)| {
        // Errors of the input come before all others.
        let first = run.errors.iter().position(|error| error.code() != WRONG_TYPE).unwrap_or(run.errors.len());
        let rest = run.errors.split_off(first);
        errors.into_iter().for_each(|error| run.fail(error));
        run.errors.extend(rest);
        run.logged.extend(warnings);
        given
    });
    let env = match shape {
        Shape::Unresolved => {
            run.unresolved.insert(key);
            run.unknown.insert(key);
            return Setting::default_of(Vec::new());
        }
        Shape::Refused if !run.lenient => {
            run.unknown.insert(key);
            return Setting::default_of(Vec::new());
        }
        Shape::Rules(given) => Some(given),
        _ => None,
    };
    let mut sources: Vec<Given<Vec<Rule>>> = Vec::new();
    for mut given in env.into_iter().chain(code) {
        let is_env = given.origin == Origin::Env;
        // The ranges of rules that lose are not looked at.
        let wins = sources.first().is_none_or(|won| won.value.is_empty());
        if wins {
            let (from, lenient) = (given.from.clone(), run.lenient);
            let mut kept = Vec::new();
            for rule in std::mem::take(&mut given.value) {
                match rule.out_of_range(&from, is_env) {
                    None => kept.push(rule),
                    Some(finding) => {
                        if let Some(rate) = &rule.rate {
                            let path = Some(format!("[{}].sample_rate", rule.index));
                            run.note_percentage(&from, path, rate.value, rate.place.clone());
                        }
                        run.fail(finding);
                        if !lenient {
                            run.unknown.insert(key);
                            return Setting::default_of(Vec::new());
                        }
                    }
                }
            }
            given.value = kept;
        }
        // An empty array does not clear what code gives.
        if wins { sources.insert(0, given) } else { sources.push(given) }
    }
    let empty_first = sources.first().is_some_and(|given| given.value.is_empty());
    if empty_first {
        // Every source is empty: the variable is the one that shows.
        sources.sort_by_key(|given| std::cmp::Reverse(given.origin));
    }
    let mut sources = sources.into_iter();
    match sources.next() {
        None => Setting::default_of(Vec::new()),
        Some(Given { value, origin, from, place, .. }) => {
            let overridden = sources.filter(|lost| !lost.value.is_empty()).map(|lost| lost.shown).collect();
            Setting { value, origin, from, place, overridden }
        }
    }
}

fn span_sampler(run: &mut Run<'_>) -> Setting<Vec<Rule>> {
    const RULES: &str = "DD_SPAN_SAMPLING_RULES";
    const FILE: &str = "DD_SPAN_SAMPLING_RULES_FILE";
    let mut shape = rules_of_env(run, Kind::Span, RULES);
    match (&shape, run.var(FILE)) {
        (Shape::Unset, Var::Set(entry)) => shape = rules_of_file(run, entry),
        (Shape::Unset, Var::Unresolved) => shape = Shape::Unresolved,
        (Shape::Unresolved | Shape::Unset, _) | (_, Var::Unset | Var::Unresolved) => {}
        (_, Var::Set(entry)) => {
            let message = format!("{FILE}={} is not read, because {RULES} is set", quoted(entry));
            run.logged.push(
                Finding::new(lint::RULES_FILE_HIDDEN, FILE, message)
                    .at(entry.place_of(0..entry.value.len()))
                    .overridden_by(RULES)
                    .help(format!("remove {FILE}, or {RULES}")),
            );
        }
    }
    settle_rules(run, Kind::Span, "span_sampler.rules", shape)
}

/// The rules of the file that a variable names.
fn rules_of_file(run: &mut Run<'_>, entry: &Entry) -> Shape {
    let path = Path::new(&entry.value);
    let mut suffix = format!(" ({})", entry.value);
    let bytes = match (run.read)(path) {
        Ok(bytes) => bytes,
        // C++ opens a directory and reads nothing from it.
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            suffix = format!(" ({}, a folder)", entry.value);
            Vec::new()
        }
        Err(error) => {
            let operation = match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidInput => "open",
                _ => "read",
            };
            let message = format!("{}: cannot {operation} {}: {error}", entry.name, quoted(entry));
            let finding = Finding::new(tracer::SPAN_SAMPLING_RULES_FILE_IO, &entry.name, message);
            run.fail(mend(
                finding,
                entry,
                0..entry.value.len(),
                None,
                "the path of a readable file, seen from the process's folder",
            ));
            return Shape::Refused;
        }
    };
    let source = Source::File(path.to_owned());
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let message = format!("{}{suffix} is no JSON: not UTF-8 at byte {at}, line {line}", entry.name);
            let place = Place::Text { source, range: at..(at + 1).min(bytes.len()), line: Some(line) };
            let finding = Finding::new(tracer::SPAN_SAMPLING_RULES_INVALID_JSON, &entry.name, message).at(Some(place));
            run.fail(finding.help("save the file as UTF-8"));
            return Shape::Refused;
        }
    };
    // Lines of places are found by halving, so that a file of many faults stays cheap.
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let place_of = |range: Range<usize>| {
        let line = breaks.partition_point(|at| *at < range.start) as u64 + 1;
        Some(Place::Text { source: source.clone(), range, line: Some(line) })
    };
    let text = Text { kind: Kind::Span, source: &entry.name, suffix, text, place_of: &place_of, verbatim: true };
    shape(run, &text, entry)
}

/// Tags as the tracer takes them: the last of a name counts, one without a name is dropped.
fn tags_of(text: &str) -> BTreeMap<String, String> {
    let tags = parse::tags(text).into_iter().filter(|tag| !tag.key.is_empty());
    tags.map(|tag| (tag.key.to_owned(), tag.value.to_owned())).collect()
}

/// A map of strings that code gives.
fn map_of(code: &Code<'_>, key: &str) -> Option<Given<BTreeMap<String, String>>> {
    let node = code.get(key)?;
    let entries = node.entries().iter().filter_map(|(name, value)| Some((scalar_text(name), value.text()?.to_owned())));
    let map: BTreeMap<String, String> = entries.collect();
    let text = map.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",");
    Some(Given::code(key, Some(node.place()), map, &text))
}

/// An unknown word is passed over: the next source counts, and nothing is said. So is ours, apart from TC205.
fn behavior_of(run: &mut Run<'_>, code: Option<Given<Behavior>>) -> Setting<Behavior> {
    const KEY: &str = "propagation_behavior_extract";
    let name = "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT";
    match run.var(name) {
        Var::Set(entry) if Behavior::of(&entry.value).is_none() => {
            run.code_only(KEY, code, Behavior::Continue).settle(run)
        }
        _ => run.plain(KEY, name, |text| Behavior::of(text).unwrap_or_default(), code, Behavior::Continue),
    }
}
