//! Every variable that Datadog's tracers, the Agent or OpenTelemetry know: who reads it, what it was renamed to, whether
//! its value is a secret. The data is `registry.tsv`, one line a variable, sorted by name and looked up by halving.
//!
//! That a name is listed is no proof that the tracer acts on it: the lists are those which the tracers publish.

use std::sync::{LazyLock, OnceLock};

/// A set of readers, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers(u16);

/// Letter in `registry.tsv` and name of every reader, in the order in which they are listed in messages.
const READERS: [(char, &str); 11] = [
    ('c', "dd-trace-cpp"),
    ('p', "dd-trace-py"),
    ('j', "dd-trace-js"),
    ('g', "dd-trace-go"),
    ('v', "dd-trace-java"),
    ('d', "dd-trace-dotnet"),
    ('h', "dd-trace-php"),
    ('r', "dd-trace-rb"),
    ('s', "dd-trace-rs"),
    ('a', "the Agent"),
    ('o', "OpenTelemetry"),
];

impl Readers {
    /// dd-trace-cpp.
    pub const CPP: Readers = Readers(1);
    /// dd-trace-go.
    pub const GO: Readers = Readers(1 << 3);
    /// The Datadog Agent.
    pub const AGENT: Readers = Readers(1 << 9);
    /// OpenTelemetry SDKs.
    pub const OTEL: Readers = Readers(1 << 10);

    fn of(letters: &str) -> Readers {
        let bit = |letter| READERS.iter().position(|(known, _)| *known == letter).map_or(0, |at| 1 << at);
        Readers(letters.chars().map(bit).fold(0, |set, bit| set | bit))
    }

    /// Whether any of `others` is among them.
    pub fn any_of(self, others: Readers) -> bool {
        self.0 & others.0 != 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        READERS.iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, (_, name))| *name)
    }
}

/// A known variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its type, in the word of its list: `boolean`, `int`, `decimal`, `string`, `array`, `map`, `json`, `enum`, ...
    pub kind: &'static str,
    /// Who lists it.
    pub readers: Readers,
    flags: &'static str,
    /// What it is about: `tracing`, `profiling`, `integration`, ...
    pub area: &'static str,
    /// Its default, dd-trace-cpp's where that has one; empty for none.
    pub default: &'static str,
    aliases: &'static str,
    alias_of: &'static str,
    counterpart: &'static str,
    use_instead: &'static str,
    /// Why it is deprecated.
    pub why: &'static str,
    allowed: &'static str,
}

impl Variable {
    /// A line of the table.
    fn of(line: &'static str) -> Variable {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        Variable {
            name: next(),
            kind: next(),
            readers: Readers::of(next()),
            flags: next(),
            area: next(),
            default: next(),
            aliases: next(),
            alias_of: next(),
            counterpart: next(),
            use_instead: next(),
            why: next(),
            allowed: next(),
        }
    }

    /// dd-trace-cpp acts on it: three names it registers and never reads.
    pub fn cpp_reads(&self) -> bool {
        self.flags.contains('r')
    }

    /// Its value is never printed.
    pub fn sensitive(&self) -> bool {
        self.flags.contains('s')
    }

    /// Meant for the tracer's own tests and launchers.
    pub fn internal(&self) -> bool {
        self.flags.contains('i')
    }

    /// Marked as deprecated by its list.
    pub fn deprecated(&self) -> bool {
        self.flags.contains('d')
    }

    /// The name to use instead of a deprecated one.
    pub fn use_instead(&self) -> Option<&'static str> {
        Some(self.use_instead).filter(|name| !name.is_empty())
    }

    /// Other names of the same setting.
    pub fn aliases(&self) -> impl Iterator<Item = &'static str> {
        some(self.aliases)
    }

    /// Names of which this is another.
    pub fn alias_of(&self) -> impl Iterator<Item = &'static str> {
        some(self.alias_of)
    }

    /// The OpenTelemetry variable that Datadog tracers map to this one, or the other way round.
    pub fn counterpart(&self) -> impl Iterator<Item = &'static str> {
        some(self.counterpart)
    }

    /// The values it may have, when that is a closed set.
    pub fn allowed(&self) -> impl Iterator<Item = &'static str> {
        some(self.allowed)
    }
}

fn some(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(';').filter(|name| !name.is_empty())
}

/// The lines of the table, by name. Split on first use: commands that check no configuration never pay for it.
fn lines() -> &'static [&'static str] {
    static LINES: OnceLock<Vec<&'static str>> = OnceLock::new();
    LINES.get_or_init(|| include_str!("registry.tsv").lines().filter(|line| !line.starts_with('#')).collect())
}

fn name_of(line: &'static str) -> &'static str {
    line.split('\t').next().unwrap_or_default()
}

/// The variable `name`, when it is known.
pub fn find(name: &str) -> Option<Variable> {
    let lines = lines();
    let at = lines.binary_search_by(|line| name_of(line).cmp(name)).ok()?;
    lines.get(at).map(|line| Variable::of(line))
}

/// The variables that dd-trace-cpp acts on, by name. Read once: there may be thousands of targets.
pub fn read_by_cpp() -> &'static [Variable] {
    static READ: OnceLock<Vec<Variable>> = OnceLock::new();
    READ.get_or_init(|| all().filter(Variable::cpp_reads).collect())
}

/// Every known variable, by name.
pub fn all() -> impl Iterator<Item = Variable> {
    lines().iter().map(|line| Variable::of(line))
}

/// Names that are not listed one by one: the family that `name` belongs to, in words.
pub fn family(name: &str) -> Option<&'static str> {
    let part = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let between =
        |start: &str, end: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(part);
    if between("DD_", "_ANALYTICS_ENABLED") {
        return Some("the retired App Analytics switch of an integration");
    }
    if between("DD_", "_ANALYTICS_SAMPLE_RATE") {
        return Some("the retired App Analytics rate of an integration");
    }
    if between("DD_INTEGRATION_", "_ENABLED") || between("DD_TRACE_INTEGRATION_", "_ENABLED") {
        return Some("the switch of an integration, in the naming of dd-trace-java");
    }
    const LANGUAGES: [&str; 12] = [
        "JAVA_",
        "JAVAAGENT_",
        "PYTHON_",
        "DOTNET_",
        "NODE_",
        "PHP_",
        "RUBY_",
        "GO_",
        "CPP_",
        "ERLANG_",
        "RUST_",
        "SWIFT_",
    ];
    let rest = name.strip_prefix("OTEL_")?;
    let language = LANGUAGES.iter().chain(&["KOTLIN_"]).any(|start| rest.strip_prefix(start).is_some_and(part));
    if language {
        return Some("a setting of one language's SDK");
    }
    if rest.strip_prefix("INSTRUMENTATION_").is_some_and(part) {
        return Some("the switch of an instrumentation");
    }
    const VENDORS: [&str; 7] =
        ["TRACES_SPAN_METRICS", "AWS", "GCP", "AZURE", "RESOURCE_PROVIDERS", "RESOURCE_DETECTORS", "EXPERIMENTAL"];
    let vendor = |start: &&str| rest.strip_prefix(*start).is_some_and(|rest| rest.is_empty() || part(rest));
    VENDORS.iter().any(vendor).then_some("a vendor's or an experimental setting")
}

/// Whether Kubernetes sets a name of this form for a service in the same namespace: `DD_AGENT_SERVICE_HOST`,
/// `DD_AGENT_PORT_8126_TCP_ADDR` of a service called `dd-agent`.
pub fn injected_by_kubernetes(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((service, rest)) = name.rsplit_once("_SERVICE_")
        && !service.is_empty()
        && (rest == "HOST" || rest == "PORT" || rest.starts_with("PORT_"))
    {
        return true;
    }
    // NAME_PORT_8126_TCP, and the same with _PROTO, _PORT and _ADDR.
    name.match_indices("_PORT_").any(|(at, mark)| {
        let mut parts = name[at + mark.len()..].splitn(3, '_');
        let port = parts.next().is_some_and(number);
        let protocol = parts.next().is_some_and(|protocol| matches!(protocol, "TCP" | "UDP" | "SCTP"));
        at > 0 && port && protocol && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
    })
}

/// The name in the spelling of the registry: upper case, `-` and `.` as `_`.
pub fn normalised(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// The known variable that was probably meant by `name`: of the smallest edit distance, at most 2 (3 from 20 characters
/// on); of several one that `reads` is true for, then one with the same first two parts, then the first by name. Names of
/// the Agent alone, internal and deprecated ones are never suggested.
pub fn suggestion(name: &str, reads: impl Fn(&Variable) -> bool) -> Option<&'static str> {
    let name = normalised(name);
    let limit = if name.chars().count() >= 20 { 3 } else { 2 };
    let start = |name: &str| name.splitn(3, '_').take(2).map(str::to_owned).collect::<Vec<_>>();
    let wanted = start(&name);
    let letters = Letters::of(&name);
    let mut best: Option<(usize, bool, bool, &'static str)> = None;
    // Distances are slow; most names are too different in their letters already.
    static KNOWN: LazyLock<Vec<(&'static str, Letters)>> =
        LazyLock::new(|| lines().iter().copied().map(|line| (line, Letters::of(name_of(line)))).collect());
    for (line, of_known) in KNOWN.iter() {
        let known = name_of(line);
        if known.len().abs_diff(name.len()) > limit || letters.distance(of_known) > limit {
            continue;
        }
        let (ours, theirs) = without_common_ends(&name, known);
        let distance = strsim::damerau_levenshtein(ours, theirs);
        if distance > limit || best.is_some_and(|(least, ..)| distance > least) {
            continue;
        }
        let variable = Variable::of(line);
        if variable.internal() || variable.deprecated() || variable.readers == Readers::AGENT {
            continue;
        }
        let found = (distance, !reads(&variable), start(known) != wanted, known);
        if best.is_none_or(|best| found < best) {
            best = Some(found);
        }
    }
    best.map(|(.., known)| known)
}

/// Two names without what they begin and end with alike, which does not change their edit distance.
fn without_common_ends<'a, 'b>(a: &'a str, b: &'b str) -> (&'a str, &'b str) {
    let same = |(one, other): &((usize, char), char)| one.1 == *other;
    let start: usize = a.char_indices().zip(b.chars()).take_while(same).map(|((_, letter), _)| letter.len_utf8()).sum();
    let (a, b) = (&a[start..], &b[start..]);
    let end: usize =
        a.char_indices().rev().zip(b.chars().rev()).take_while(same).map(|((_, letter), _)| letter.len_utf8()).sum();
    (&a[..a.len() - end], &b[..b.len() - end])
}

/// How often each byte of a name occurs, by its low five bits: a lower bound of the edit distance.
struct Letters([u8; 32]);

impl Letters {
    fn of(name: &str) -> Letters {
        let mut counts = [0u8; 32];
        for byte in name.bytes() {
            let count = &mut counts[usize::from(byte & 31)];
            *count = count.saturating_add(1);
        }
        Letters(counts)
    }

    fn distance(&self, other: &Letters) -> usize {
        let (mut more, mut less) = (0, 0);
        for (here, there) in self.0.iter().zip(&other.0) {
            more += usize::from(here.saturating_sub(*there));
            less += usize::from(there.saturating_sub(*here));
        }
        more.max(less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(lines().is_sorted_by(|a, b| name_of(a) < name_of(b)));
        assert_eq!(all().count(), 2867);
        assert_eq!(all().filter(|variable| variable.readers.any_of(Readers::CPP)).count(), 42);
        assert_eq!(all().filter(Variable::cpp_reads).count(), 39);
        assert_eq!(all().filter(|variable| variable.readers.any_of(Readers::OTEL)).count(), 87);
        for variable in all() {
            assert!(!variable.kind.is_empty() && variable.readers != Readers(0), "{}", variable.name);
            assert!(variable.flags.chars().all(|flag| "rsid".contains(flag)), "{}", variable.name);
        }
        let old = find("DD_PROPAGATION_STYLE_EXTRACT").unwrap();
        assert_eq!(old.use_instead(), Some("DD_TRACE_PROPAGATION_STYLE_EXTRACT"));
        assert!(find("DD_API_KEY").unwrap().sensitive() && find("DD_NO_SUCH").is_none());
    }

    #[test]
    fn suggestions_follow_distance_then_use() {
        let cpp = |name: &str| suggestion(name, Variable::cpp_reads);
        assert_eq!(cpp("DD_TRACE_SAMPLERATE"), Some("DD_TRACE_SAMPLE_RATE"));
        assert_eq!(cpp("DD_SERVCE"), Some("DD_SERVICE"));
        assert_eq!(cpp("DD_TRACE_AGNET_URL"), Some("DD_TRACE_AGENT_URL"));
        assert_eq!(cpp("OTEL_SERVICE_NAM"), Some("OTEL_SERVICE_NAME"));
        assert_eq!(cpp("DD_SOMETHING_OF_OURS"), None);
        for variable in all().filter(|variable| variable.deprecated() || variable.internal()) {
            let misspelt = format!("{}X", variable.name);
            assert_ne!(cpp(&misspelt), Some(variable.name));
        }
    }

    #[test]
    fn ends_that_are_alike_do_not_count() {
        let some = ["DD_SERVICE", "DD_SERVCE", "DD_SERIVCE", "ÄÖDD", "ÖÄDD", "DDD", "DD", "", "aba", "ba", "aab"];
        for (one, other) in some.iter().flat_map(|one| some.iter().map(move |other| (one, other))) {
            let (a, b) = without_common_ends(one, other);
            let (wanted, got) = (strsim::damerau_levenshtein(one, other), strsim::damerau_levenshtein(a, b));
            assert_eq!(got, wanted, "{one} {other}");
        }
    }

    #[test]
    fn services_of_kubernetes_are_no_typos() {
        for name in [
            "DD_AGENT_SERVICE_HOST",
            "DD_AGENT_SERVICE_PORT",
            "DD_AGENT_SERVICE_PORT_TRACE",
            "DD_AGENT_PORT_8126_TCP",
            "DD_AGENT_PORT_8125_UDP_ADDR",
            "OTEL_COLLECTOR_PORT_4317_TCP_PROTO",
        ] {
            assert!(injected_by_kubernetes(name), "{name}");
        }
        for name in ["DD_AGENT_PORT", "DD_SERVICE", "DD_SERVICE_HOSTS", "DD_X_PORT_TCP", "DD_SERVICE_NAME"] {
            assert!(!injected_by_kubernetes(name), "{name}");
        }
    }

    #[test]
    fn families_are_known() {
        assert!(family("DD_REDIS_ANALYTICS_ENABLED").is_some());
        assert!(family("DD_INTEGRATION_KAFKA_ENABLED").is_some());
        assert!(family("OTEL_PYTHON_LOG_CORRELATION").is_some());
        assert!(family("OTEL_RESOURCE_DETECTORS").is_some());
        assert!(family("DD_ANALYTICS_ENABLED").is_none());
        assert!(family("DD_SERVICE").is_none());
    }
}
