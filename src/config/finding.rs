//! A finding on a configuration: a [`Diagnostic`] with what only configurations have.

use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use rustc_hash::FxHashMap;

/// Findings of one code that are kept; the last kept says how many more there were.
const KEPT: usize = 100;

/// One finding, as `F` of cli.md section 3. Most have few of the texts, hence the boxes: a finding is an error value too.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Code, severity, message, place and help.
    pub diagnostic: Diagnostic,
    /// The variable, dotted key or file that it is about.
    pub about: String,
    /// Place inside the value, such as `[0].sample_rate`.
    pub path: Option<Box<str>>,
    /// A name to use instead.
    pub suggest: Option<Box<str>>,
    /// The variable or key that wins over this one.
    pub overridden_by: Option<Box<str>>,
    /// Lenient mode took another value.
    pub substituted: bool,
    /// What another tracer does with the same value (config.md 5.1 and 6.3), in one line.
    pub effect: Option<Box<str>>,
    /// Text that can replace what stands at the place, when that is known.
    pub replacement: Option<Box<str>>,
}

/// Longest message, in bytes: a variable of a megabyte must not make a message of one.
const LONGEST: usize = 1000;

/// Cuts the middle out of a text that is too long for a message.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let start = (0..=LONGEST - 300).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let end = (text.len() - 200..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{} ... {} bytes ... {}", &text[..start], end - start, &text[end..])
}

impl Finding {
    /// A finding of the code's usual severity. A message of more than 1000 bytes loses its middle.
    pub fn new(code: Code, about: impl Into<String>, message: impl Into<String>) -> Self {
        Finding {
            diagnostic: Diagnostic::new(code, shortened(message.into())),
            about: about.into(),
            path: None,
            suggest: None,
            overridden_by: None,
            substituted: false,
            effect: None,
            replacement: None,
        }
    }

    /// Says where it was found.
    pub fn at(mut self, place: Option<Place>) -> Self {
        if let Some(place) = place {
            self.diagnostic = self.diagnostic.at(place);
        }
        self
    }

    /// Says where inside the value.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into().into_boxed_str()).filter(|path| !path.is_empty());
        self
    }

    /// Says what to do about it, in words that can be pasted; what is too long to be read is left out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        if help.len() <= LONGEST {
            self.diagnostic = self.diagnostic.help(help);
        }
        self
    }

    /// Names what was probably meant.
    pub fn suggest(mut self, name: impl Into<String>) -> Self {
        self.suggest = Some(name.into().into_boxed_str());
        self
    }

    /// Names what wins over it.
    pub fn overridden_by(mut self, name: impl Into<String>) -> Self {
        self.overridden_by = Some(name.into().into_boxed_str());
        self
    }

    /// Says what another tracer does with the same value.
    pub fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into().into_boxed_str());
        self
    }

    /// Gives the text that would repair what stands at its place.
    pub fn replacement(mut self, text: impl Into<String>) -> Self {
        self.replacement = Some(text.into().into_boxed_str());
        self
    }

    /// The kind of finding.
    pub fn code(&self) -> Code {
        self.diagnostic.code()
    }

    /// How bad it is here.
    pub fn severity(&self) -> Severity {
        self.diagnostic.severity()
    }

    /// The same as a warning of lenient mode, which took another value.
    pub fn substituted(mut self) -> Self {
        self.diagnostic = self.diagnostic.severity_is(Severity::Warning);
        self.substituted = true;
        self
    }
}

/// Findings, a bounded number of each code.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    /// Per code how many there were, and where the last kept stands.
    counts: FxHashMap<Code, (usize, usize)>,
}

impl Findings {
    /// Adds a finding, or counts it.
    pub fn push(&mut self, finding: Finding) {
        self.push_with(finding.code(), || finding);
    }

    /// Adds a finding of `code`, which is made only when it is kept, or counts it.
    pub fn push_with(&mut self, code: Code, finding: impl FnOnce() -> Finding) {
        let (count, last) = self.counts.entry(code).or_default();
        *count += 1;
        if *count <= KEPT {
            *last = self.kept.len();
            self.kept.push(finding());
        }
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// All that were kept, in order.
    pub fn finish(mut self) -> Vec<Finding> {
        for (count, last) in self.counts.values() {
            if let (true, Some(finding)) = (*count > KEPT, self.kept.get_mut(*last)) {
                let message = format!("{} (and {} more like it)", finding.diagnostic.message(), count - KEPT);
                let place = finding.diagnostic.place().cloned();
                *finding = Finding::new(finding.code(), std::mem::take(&mut finding.about), message).at(place);
            }
        }
        self.kept
    }
}
