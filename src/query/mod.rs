//! Queries over spans, as Datadog's explorer has them: `service:xmtpd operation_name:xmtpd.sync.* @duration:>100ms`.
//!
//! ```text
//! terms side by side, or AND        both        NOT x, -x     not        x OR y     either        ( )
//! service: operation_name: ...      members of the span           @key: tag, metric or attribute by its whole name
//! :text  :wild*card?  :"literal"    exactly, with case            :>5 :<=2.5 :[1 TO 5] :{1 TO *}    numbers
//! @duration:>1.5ms                  with ns, us, ms, s, m, h      @key:*                            is there
//! word                              part of service, name, resource or error message, without case
//! ```
//! Attributes whose names OpenTelemetry changed are found under either (`http.status_code`, `http.response.status_code`).
//!
//! ```
//! use spanglass::query::Query;
//!
//! assert!(Query::parse("service:web (@http.status_code:>=500 OR status:error)").is_ok());
//! assert_eq!(Query::parse("service:web @x:[1 TO").unwrap_err().column, 21);
//! ```

mod absence;
mod parse;

pub use absence::Absence;

use crate::id::{SpanId, TraceIdPattern};
use crate::trace::{Attributes, Keep, Span, Value};
use std::fmt;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    text: String,
    expression: Expression,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

/// One condition of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// As it was written.
    pub text: String,
    key: Key,
    test: Test,
}

/// What a term looks at.
#[derive(Clone, Debug, PartialEq)]
enum Key {
    Service,
    Operation,
    Resource,
    Type,
    Kind,
    Status,
    Trace,
    Span,
    Env,
    Duration,
    /// Whether the span failed.
    Error,
    /// `error.message` or `error.type`, from tags or the exception event.
    ErrorDetail(&'static str),
    Attribute(String),
    /// A bare word: service, name, resource or error message.
    Word,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Text(Pattern),
    /// Between two bounds, each with whether it counts itself.
    Range(Bound, Bound),
}

/// The end of a range: open, or a number and whether it is part of the range.
type Bound = Option<(f64, bool)>;

/// Text with wildcards.
#[derive(Clone, Debug, PartialEq)]
struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Char(char),
    /// `?`
    One,
    /// `*`
    Run,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Character of the text, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.message, self.column)
    }
}

impl std::error::Error for QueryError {}

/// Names that OpenTelemetry's conventions gave to one thing over time, and Datadog's.
const SYNONYMS: &[&[&str]] = &[
    &["http.status_code", "http.response.status_code"],
    &["http.method", "http.request.method"],
    &["http.url", "url.full"],
    &["http.useragent", "http.user_agent", "user_agent.original"],
    &["http.client_ip", "client.address"],
    &["http.server_name", "server.address", "net.peer.name"],
    &["http.version", "network.protocol.version"],
    &["db.system", "db.system.name"],
    &["db.statement", "db.query.text"],
    &["env", "deployment.environment", "deployment.environment.name"],
    &["version", "service.version"],
];

impl Query {
    /// Reads a query. An empty one matches everything.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let expression = parse::expression(text)?;
        Ok(Query { text: text.to_owned(), expression })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the span fits.
    pub fn matches(&self, span: Span<'_>) -> bool {
        self.expression.matches(span)
    }

    /// Its terms in order, those under NOT left out: what must be there for anything to match.
    pub fn terms(&self) -> Vec<&Term> {
        self.expression.found_terms()
    }

    /// What must hold at once.
    fn parts(&self) -> &[Expression] {
        match &self.expression {
            Expression::All(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    /// What a decoder must keep for it when `keys` are all keys that anyone looks at. Error messages may stand in
    /// events, which are kept with everything.
    pub fn keep<'k>(&self, keys: &'k [&'k str]) -> Keep<'k> {
        let mut terms = Vec::new();
        self.expression.all_terms(&mut terms);
        let events = terms.iter().any(|term| matches!(term.key, Key::ErrorDetail(_) | Key::Word));
        if events { Keep::All } else { Keep::Only(keys) }
    }

    /// Keys of the attributes that it looks at.
    pub fn keys(&self) -> Vec<String> {
        let mut terms = Vec::new();
        self.expression.all_terms(&mut terms);
        let mut keys: Vec<String> = terms.into_iter().flat_map(Term::keys).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Expression {
    fn matches(&self, span: Span<'_>) -> bool {
        match self {
            Expression::All(parts) => parts.iter().all(|part| part.matches(span)),
            Expression::Any(parts) => parts.iter().any(|part| part.matches(span)),
            Expression::Not(part) => !part.matches(span),
            Expression::Term(term) => term.matches(span),
        }
    }

    /// Its terms in order, those under NOT left out.
    fn found_terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        self.terms(&mut terms);
        terms
    }

    fn terms<'q>(&'q self, into: &mut Vec<&'q Term>) {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| part.terms(into)),
            Expression::Not(_) => {}
            Expression::Term(term) => into.push(term),
        }
    }

    fn all_terms<'q>(&'q self, into: &mut Vec<&'q Term>) {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| part.all_terms(into)),
            Expression::Not(part) => part.all_terms(into),
            Expression::Term(term) => into.push(term),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Expression], between: &str| {
            parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
        };
        match self {
            Expression::All(parts) => write!(f, "({})", joined(parts, " ")),
            Expression::Any(parts) => write!(f, "({})", joined(parts, " OR ")),
            Expression::Not(part) => write!(f, "-{part}"),
            Expression::Term(term) => f.write_str(&term.text),
        }
    }
}

impl Term {
    /// Whether the span fits this one term.
    pub fn matches(&self, span: Span<'_>) -> bool {
        let text = |text: &str| !text.is_empty() && self.test.takes_text(text);
        match &self.key {
            Key::Service => text(span.service()),
            Key::Operation => text(span.name()),
            Key::Resource => text(span.resource()),
            Key::Type => text(span.type_()),
            Key::Kind => text(span.kind().word().or_else(|| span.attributes().text("span.kind")).unwrap_or_default()),
            Key::Status => text(if span.error() { "error" } else { "ok" }),
            Key::Error => text(if span.error() { "true" } else { "false" }),
            Key::Duration => self.test.takes_number(span.duration().0 as f64),
            Key::Trace => self.test.takes_id(span.trace_id()),
            Key::Span => {
                let id = span.span_id();
                text(&id.to_string()) || text(&id.0.to_string()) || text(&format!("{:x}", id.0))
            }
            Key::Env => text(span.env()) || self.attribute(span, "env"),
            Key::ErrorDetail(what) => detail(span, what).any(text),
            Key::Attribute(key) => self.attribute(span, key),
            Key::Word => self.word(span),
        }
    }

    /// The key of the attribute that it looks at.
    fn attribute_key(&self) -> Option<&str> {
        match &self.key {
            Key::Attribute(key) => Some(key),
            _ => None,
        }
    }

    /// The text that it looks for, wildcards left out.
    fn wanted(&self) -> String {
        match &self.test {
            Test::Text(pattern) => {
                pattern.0.iter().filter_map(|piece| if let Piece::Char(c) = piece { Some(*c) } else { None }).collect()
            }
            _ => String::new(),
        }
    }

    fn keys(&self) -> Vec<String> {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        match &self.key {
            Key::Attribute(key) => names_of(key).into_iter().map(str::to_owned).collect(),
            Key::Env => own(SYNONYMS[9]),
            Key::Kind => own(&["span.kind"]),
            Key::ErrorDetail(what) => own(&[*what, "error.msg"]),
            Key::Word => own(&["error.message", "error.msg"]),
            _ => Vec::new(),
        }
    }

    fn attribute(&self, span: Span<'_>, key: &str) -> bool {
        let names = names_of(key);
        let of = |attributes: Attributes<'_>| {
            let mut found = false;
            for name in &names {
                if let Some(value) = attributes.get(name) {
                    found = true;
                    if self.test.takes(value) {
                        return Some(true);
                    }
                }
            }
            found.then_some(false)
        };
        if let Some(answer) = of(span.attributes()) {
            return answer;
        }
        // What v1.0 keeps beside the attributes, and what the chunk or its sender says for all spans.
        let promoted = match key {
            "env" => span.env(),
            "version" => span.version(),
            "component" => span.component(),
            "span.kind" => span.kind().word().unwrap_or_default(),
            _ => "",
        };
        if !promoted.is_empty() {
            return self.test.takes_text(promoted);
        }
        let Some(chunk) = span.chunk() else { return false };
        let answer = of(chunk.attributes()).or_else(|| of(chunk.resource()?.attributes()));
        answer.unwrap_or_else(|| {
            key == "_dd.origin" && !chunk.origin().is_empty() && self.test.takes_text(chunk.origin())
        })
    }

    fn word(&self, span: Span<'_>) -> bool {
        let wanted = self.wanted().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        has(span.service()) || has(span.name()) || has(span.resource()) || detail(span, "error.message").any(has)
    }
}

/// A key and the names that stand for the same.
fn names_of(key: &str) -> Vec<&str> {
    match SYNONYMS.iter().find(|names| names.contains(&key)) {
        Some(names) => std::iter::once(key).chain(names.iter().copied().filter(|name| *name != key)).collect(),
        None => vec![key],
    }
}

/// Message or type of an error, wherever the protocol keeps it.
fn detail<'b>(span: Span<'b>, what: &str) -> impl Iterator<Item = &'b str> {
    let (tag, older, of_exception) = match what {
        "error.type" => ("error.type", "error.type", "exception.type"),
        _ => ("error.message", "error.msg", "exception.message"),
    };
    let tags = span.attributes().text(tag).or_else(|| span.attributes().text(older));
    let events = span.events().filter_map(move |event| event.attributes().text(of_exception));
    let status = Some(span.status_message()).filter(|text| tag == "error.message" && !text.is_empty());
    tags.into_iter().chain(events).chain(status)
}

impl Test {
    fn takes(&self, value: Value<'_>) -> bool {
        match value {
            Value::Str(text) => self.takes_text(text),
            Value::Bool(value) => self.takes_text(if value { "true" } else { "false" }),
            Value::Int(value) => match self {
                Test::Text(pattern) => pattern.fits(&value.to_string()) || pattern.number() == Some(value as f64),
                _ => self.takes_number(value as f64),
            },
            Value::Float(value) => self.takes_number(value),
            Value::List(values) => *self == Test::Exists || values.iter().any(|value| self.takes(value)),
            Value::Bytes(_) | Value::Map(_) => *self == Test::Exists,
        }
    }

    fn takes_text(&self, text: &str) -> bool {
        match self {
            Test::Exists => true,
            Test::Text(pattern) => pattern.fits(text),
            Test::Range(..) => text.trim().parse().is_ok_and(|number| self.takes_number(number)),
        }
    }

    fn takes_number(&self, number: f64) -> bool {
        match self {
            Test::Exists => true,
            Test::Text(pattern) => pattern.number() == Some(number) || pattern.fits(&number.to_string()),
            Test::Range(low, high) => {
                let above = low.is_none_or(|(bound, with)| number > bound || (with && number == bound));
                let below = high.is_none_or(|(bound, with)| number < bound || (with && number == bound));
                above && below
            }
        }
    }

    /// Ids are found in every notation.
    fn takes_id(&self, id: crate::id::TraceId) -> bool {
        match self {
            Test::Text(pattern) => {
                let exact: String = match pattern.literal() {
                    Some(literal) => literal,
                    None => return pattern.fits(&id.to_string()),
                };
                exact == id.to_string() || TraceIdPattern::parse(&exact).is_some_and(|pattern| pattern.matches(id))
            }
            _ => self.takes_text(&SpanId(id.low()).0.to_string()),
        }
    }
}

impl Pattern {
    /// The text, when there are no wildcards.
    fn literal(&self) -> Option<String> {
        self.0.iter().map(|piece| if let Piece::Char(c) = piece { Some(*c) } else { None }).collect()
    }

    /// The number that it stands for.
    fn number(&self) -> Option<f64> {
        self.literal()?.parse().ok()
    }

    /// Whether the whole of `text` fits.
    fn fits(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let pieces = &self.0;
        let (mut piece, mut at) = (0, 0);
        // The last run: where it stands, and how far it reached so far.
        let mut run: Option<(usize, usize)> = None;
        while at < text.len() {
            match pieces.get(piece) {
                Some(Piece::Char(c)) if *c == text[at] => (piece, at) = (piece + 1, at + 1),
                Some(Piece::One) => (piece, at) = (piece + 1, at + 1),
                Some(Piece::Run) => {
                    run = Some((piece, at));
                    piece += 1;
                }
                _ => match &mut run {
                    Some((start, reached)) => {
                        *reached += 1;
                        (piece, at) = (*start + 1, *reached);
                    }
                    None => return false,
                },
            }
        }
        pieces[piece..].iter().all(|piece| *piece == Piece::Run)
    }
}
