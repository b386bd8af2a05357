//! Findings: what is wrong, where, how bad it is, and what to do about it.
//!
//! A [`Diagnostic`] is one finding; [`Diagnostics`] collects them while data is read, keeps a bounded number of
//! each kind and counts all. Every kind has a permanent [`Code`], declared by the module that raises it.

mod code;
mod collect;

pub(crate) use code::codes;
pub use code::{Code, Explanation, Rule};
pub use collect::{BodyScope, Diagnostics, KEPT_OF_A_KIND, TextScope};

use crate::id::{SpanId, TraceId};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// How bad a finding is. Ordered: `Note < Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing breaks. Printed `note` for configuration and `info` elsewhere.
    Note,
    /// Some reader or receiver will treat the data differently than the sender meant.
    Warning,
    /// Data is lost, refused or unreadable.
    Error,
}

impl Severity {
    /// The word for payload, capture and propagation findings.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// The text that a [`Place`] is a part of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A built-in value.
    Default,
    /// A command line argument, by its name.
    Argument(&'static str),
    /// The value of a header, by its name.
    Header(String),
    /// The value of an environment variable, by its name.
    Env(String),
    /// A file, by its path; `-` is standard input.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Argument(name) => f.write_str(name),
            Source::Header(name) | Source::Env(name) => f.write_str(name),
            Source::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where a finding was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Bytes of a header, variable, argument or file.
    Text {
        /// Which text.
        source: Source,
        /// Byte range in it.
        range: Range<usize>,
        /// Line of the range's start, from 1, when the reader counted lines.
        line: Option<u64>,
    },
    /// A request of the input, and inside it a byte of the decoded body.
    Body {
        /// Number of the record over the whole input, from 0.
        record: usize,
        /// Byte offset in the decoded body; `None` for a finding on the request as a whole.
        offset: Option<usize>,
        /// Logical path such as `[0][17].meta`; empty when there is none.
        path: String,
    },
}

/// What a finding on a body was made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Offset in the decoded body of the first of `bytes`.
    pub start: usize,
    /// The row of sixteen bytes with the finding's offset in it; fewer at the end of the body.
    pub bytes: Vec<u8>,
    /// What the byte at the offset is as a msgpack marker, in bodies of msgpack where it is one.
    pub marker: Option<&'static str>,
    /// Who sent the body, when its request says it.
    pub sender: String,
}

/// One finding. Cheap to move: everything is behind one pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    code: Code,
    severity: Severity,
    message: String,
    place: Option<Place>,
    span: Option<(TraceId, Option<SpanId>)>,
    help: Option<String>,
    evidence: Option<Evidence>,
    count: u64,
}

impl Diagnostic {
    /// A finding of the code's usual severity.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Diagnostic(Box::new(Parts {
            code,
            severity: code.severity(),
            message: message.into(),
            place: None,
            span: None,
            help: None,
            evidence: None,
            count: 1,
        }))
    }

    /// Says where it was found.
    pub fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// Says which trace it concerns.
    pub fn of_trace(mut self, trace: TraceId) -> Self {
        self.0.span = Some((trace, None));
        self
    }

    /// Says which span it concerns.
    pub fn of_span(mut self, trace: TraceId, span: SpanId) -> Self {
        self.0.span = Some((trace, Some(span)));
        self
    }

    /// Says what to do about it, in words that can be pasted.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds the bytes that it was made on.
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.0.evidence = Some(evidence);
        self
    }

    /// Overrides the severity of the code.
    pub fn severity_is(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// The kind of finding.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// How bad it is here.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// What was found, with its values.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where, when that is known.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The trace it concerns.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.0.span.map(|(trace, _)| trace)
    }

    /// The span it concerns.
    pub fn span_id(&self) -> Option<SpanId> {
        self.0.span.and_then(|(_, span)| span)
    }

    /// What to do about it, when there is something specific to this finding.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The bytes that it was made on, when they were looked up ([`Diagnostics::add_evidence`]).
    pub fn evidence(&self) -> Option<&Evidence> {
        self.0.evidence.as_ref()
    }

    /// How many alike this finding stands for; 1 unless more were found than are kept.
    pub fn count(&self) -> u64 {
        self.0.count
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity().word(), self.code().id(), self.message())?;
        match self.place() {
            Some(Place::Text { source, range, line: None }) => write!(f, " ({source}, byte {})", range.start),
            Some(Place::Text { source, line: Some(line), .. }) => write!(f, " ({source}, line {line})"),
            Some(Place::Body { record, offset, path }) => {
                write!(f, " (record {record}")?;
                if let Some(offset) = offset {
                    write!(f, ", byte {offset}")?;
                }
                if !path.is_empty() {
                    write!(f, ", {path}")?;
                }
                f.write_str(")")
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// How a run of the program ended, as its exit status. The only place where the numbers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// 0: good.
    #[default]
    Good = 0,
    /// 1: the answer is bad: invalid data, findings at or above the threshold, a payload skipped, nothing matched.
    Bad = 1,
    /// 2: wrong usage, unreadable input, or input in which nothing at all could be read.
    Usage = 2,
    /// 3: the target was not reached or refused the data.
    Target = 3,
    /// 130: interrupted.
    Interrupted = 130,
}

impl Outcome {
    /// The exit status.
    pub fn status(self) -> u8 {
        self as u8
    }

    /// The worse of two outcomes.
    pub fn or(self, other: Outcome) -> Outcome {
        self.max(other)
    }
}
