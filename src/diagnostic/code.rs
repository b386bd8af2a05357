//! Permanent codes and their explanations.
//!
//! A code is declared once, in the `codes.rs` of the module that raises it, through `codes!`. Its cause and
//! remedy stand in `explain.md` beside this file, one heading per code, and are what `spanglass explain` prints.

use super::Severity;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// What is fixed about a kind of finding.
#[derive(Debug)]
pub struct Rule {
    /// The permanent id in machine output: `D001`, `RATE_OUT_OF_RANGE`, `traceparent-missing-field`.
    pub id: &'static str,
    /// The other form: the kebab-case slug, or the catalogue number where the slug is the id.
    pub name: &'static str,
    /// dd-trace-cpp's number for the same condition.
    pub number: Option<u16>,
    /// The usual severity.
    pub severity: Severity,
    /// The general case in a few words, without values.
    pub title: &'static str,
}

/// A kind of finding. `Copy`; equal, ordered and hashed by its id.
#[derive(Clone, Copy)]
pub struct Code(&'static Rule);

impl Code {
    /// Wraps a rule; the `codes!` macro of this module declares them.
    pub const fn new(rule: &'static Rule) -> Self {
        Code(rule)
    }

    /// The permanent id.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The slug (or catalogue number).
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// dd-trace-cpp's number.
    pub fn number(self) -> Option<u16> {
        self.0.number
    }

    /// The usual severity.
    pub fn severity(self) -> Severity {
        self.0.severity
    }

    /// The general case in a few words.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Cause and remedy, from `explain.md`; `None` for a code that is not documented, which a test forbids.
    pub fn explanation(self) -> Option<Explanation> {
        let text = include_str!("explain.md");
        let section =
            text.split("\n## ").skip(1).find(|section| section.split_whitespace().next() == Some(self.id()))?;
        let body = section.split_once('\n')?.1.trim();
        let (cause, remedy) = body.split_once("\nRemedy: ")?;
        Some(Explanation { cause: cause.trim(), remedy: remedy.trim() })
    }
}

/// Why a finding occurs and what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What leads to it and what receivers do with such data.
    pub cause: &'static str,
    /// What to change.
    pub remedy: &'static str,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Code {}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(other.id())
    }
}

impl Hash for Code {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

/// Declares codes: `CONSTANT "ID" "name" [= number] Severity "title";` lines become documented constants and
/// the slice `ALL`.
macro_rules! codes {
    ($($constant:ident $id:literal $name:literal $(= $number:literal)? $severity:ident $title:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "` `", $name, "`: ", $title, ".")]
            #[doc(alias = $name)]
            pub const $constant: $crate::diagnostic::Code = $crate::diagnostic::Code::new(&$crate::diagnostic::Rule {
                id: $id,
                name: $name,
                number: $crate::diagnostic::codes!(@number $($number)?),
                severity: $crate::diagnostic::Severity::$severity,
                title: $title,
            });
        )*
        /// Every code of this module.
        pub const ALL: &[$crate::diagnostic::Code] = &[$($constant),*];
    };
    (@number) => { None };
    (@number $number:literal) => { Some($number) };
}
pub(crate) use codes;
