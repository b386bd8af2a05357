//! One pass over a target: what each source gives for a setting, which of them wins, and what failed on the way.
//!
//! A setting is settled in two steps, because the tracer parses some values long before it checks their ranges, and the
//! order of errors shows it: [`Run::chain`] collects what the sources give, [`Chain::check`] judges the one that wins,
//! [`Chain::settle`] makes it a [`Setting`].

use super::code::Code;
use crate::config::parse::{self, DecimalFault, IntegerFault};
use crate::config::secret::masked;
use crate::config::{
    Entry, Finding, Mode, Origin, ReadFile, Setting, Target,
    codes::{lint, tracer},
};
use crate::diagnostic::Place;
use std::collections::BTreeSet;
use std::ops::Range;

/// The state of one pass.
pub(super) struct Run<'t> {
    pub target: &'t Target,
    pub code: Code<'t>,
    pub lenient: bool,
    pub read: ReadFile<'t>,
    /// In the order in which the tracer would meet them.
    pub errors: Vec<Finding>,
    /// What is logged or substituted, in the same order.
    pub logged: Vec<Finding>,
    /// Notes of the parsers about what they passed over.
    pub notes: Vec<Finding>,
    /// Dotted keys whose value is not known: an error or an unresolved variable decides them.
    pub unknown: BTreeSet<&'static str>,
    /// Dotted keys that depend on an unresolved variable.
    pub unresolved: BTreeSet<&'static str>,
}

/// A variable as the target has it.
pub(super) enum Var<'t> {
    Unset,
    /// Set to something that cannot be known here.
    Unresolved,
    Set(&'t Entry),
}

/// A value as one source gives it.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub value: T,
    pub origin: Origin,
    /// The variable or dotted key.
    pub from: String,
    pub place: Option<Place>,
    /// `name=value`, secrets masked.
    pub shown: String,
}

impl<T> Given<T> {
    /// What a variable gives.
    pub fn env(entry: &Entry, value: T) -> Self {
        Given {
            value,
            origin: Origin::Env,
            from: entry.name.clone(),
            place: entry.place_of(0..entry.value.len()),
            shown: format!("{}={}", entry.name, clipped(&masked(&entry.name, &entry.value))),
        }
    }

    /// What a key of the code-level configuration gives.
    pub fn code(key: &str, place: Option<Place>, value: T, text: &str) -> Self {
        let shown = format!("{key}={}", clipped(&masked(key, text)));
        Given { value, origin: Origin::Code, from: key.to_owned(), place, shown }
    }
}

/// What the sources give for one setting, the winner first.
pub(super) struct Chain<T> {
    key: &'static str,
    given: Vec<Given<T>>,
    default: T,
    known: bool,
}

impl<'t> Run<'t> {
    pub fn new(mode: Mode, target: &'t Target, read: ReadFile<'t>) -> Self {
        let (code, errors, logged) = Code::read(target.code.as_ref());
        let mut run = Run {
            target,
            code,
            lenient: mode == Mode::Lenient,
            read,
            errors: Vec::new(),
            logged,
            notes: Vec::new(),
            unknown: BTreeSet::new(),
            unresolved: BTreeSet::new(),
        };
        for error in errors {
            run.fail(error);
        }
        run
    }

    /// Takes an error; in lenient mode it is a warning about a value that was substituted.
    pub fn fail(&mut self, finding: Finding) {
        if self.lenient {
            self.logged.push(finding.substituted());
        } else {
            self.errors.push(finding);
        }
    }

    pub fn var(&self, name: &str) -> Var<'t> {
        match self.target.get(name) {
            Some(entry) => Var::Set(entry),
            None if self.target.unresolved.iter().any(|unresolved| unresolved == name) => Var::Unresolved,
            None => Var::Unset,
        }
    }

    /// The variable, when it is set and known.
    pub fn entry(&self, name: &str) -> Option<&'t Entry> {
        self.target.get(name)
    }

    /// What the variable `name`, read by `read`, the code and the default give for `key`. `read` reports what it cannot
    /// read and answers `None`.
    pub fn chain<T>(
        &mut self,
        key: &'static str,
        name: &str,
        read: impl FnOnce(&mut Self, &'t Entry) -> Option<T>,
        code: Option<Given<T>>,
        default: T,
    ) -> Chain<T> {
        let mut chain = Chain { key, given: Vec::new(), default, known: true };
        match self.var(name) {
            Var::Unset => {}
            Var::Unresolved => {
                self.unresolved.insert(key);
                chain.known = false;
            }
            Var::Set(entry) => match read(self, entry) {
                Some(value) => chain.given.push(Given::env(entry, value)),
                None => chain.known = self.lenient,
            },
        }
        chain.given.extend(code);
        chain
    }

    /// A setting whose values cannot be wrong.
    pub fn plain<T>(
        &mut self,
        key: &'static str,
        name: &str,
        read: impl FnOnce(&str) -> T,
        code: Option<Given<T>>,
        default: T,
    ) -> Setting<T> {
        self.chain(key, name, |_, entry| Some(read(&entry.value)), code, default).settle(self)
    }

    /// A setting that only code can give.
    pub fn code_only<T>(&mut self, key: &'static str, code: Option<Given<T>>, default: T) -> Chain<T> {
        Chain { key, given: code.into_iter().collect(), default, known: true }
    }

    /// A rate that is out of range and looks like a percentage.
    pub fn note_percentage(&mut self, source: &str, path: Option<String>, rate: f64, place: Option<Place>) {
        if rate > 1.0 && rate <= 100.0 {
            let at = path.as_deref().unwrap_or_default();
            let message = format!("{source}{at}: {rate} looks like a percentage; rates are from 0 to 1");
            let finding = Finding::new(lint::PERCENTAGE, source, message).path(path.unwrap_or_default()).at(place);
            self.notes.push(finding.help(format!("{} for {rate} %", neat(rate / 100.0))));
        }
    }

    pub fn boolean(
        &mut self,
        key: &'static str,
        name: &str,
        code: Option<&'static str>,
        default: bool,
    ) -> Setting<bool> {
        let code = code.and_then(|key| self.code.boolean(key));
        self.plain(key, name, |text| !parse::falsy(text), code, default)
    }

    pub fn text(
        &mut self,
        key: &'static str,
        name: &str,
        code: Option<&'static str>,
        default: &str,
    ) -> Setting<String> {
        let code = code.and_then(|key| self.code.text(key));
        self.plain(key, name, str::to_owned, code, default.to_owned())
    }

    pub fn optional_text(
        &mut self,
        key: &'static str,
        name: &str,
        code: Option<&'static str>,
    ) -> Setting<Option<String>> {
        let code = code.and_then(|key| self.code.text(key)).map(Given::some);
        self.plain(key, name, |text| Some(text.to_owned()), code, None)
    }

    pub fn unsigned(&mut self, key: &'static str, name: &str, code: &'static str, default: u64) -> Setting<u64> {
        let code = self.code.unsigned(code);
        self.chain(key, name, Run::read_unsigned, code, default).settle(self)
    }

    fn read_unsigned(&mut self, entry: &'t Entry) -> Option<u64> {
        let finding = match parse::unsigned(&entry.value) {
            Ok(number) => return Some(number),
            Err(IntegerFault::OutOfRange) => {
                let message =
                    format!("{} is {}, above {}, the largest integer of 64 bits", entry.name, quoted(entry), u64::MAX);
                let finding = Finding::new(tracer::OUT_OF_RANGE_INTEGER, &entry.name, message);
                mend(finding, entry, 0..entry.value.len(), Some(&u64::MAX.to_string()), "a smaller number")
            }
            Err(IntegerFault::Invalid(at)) => {
                let what = match entry.value.get(at.clone()) {
                    Some("") | None => "it is empty".to_owned(),
                    Some(part) => format!("{part:?} at byte {} is no digit", at.start),
                };
                let message = format!("{} is {}, no unsigned integer: {what}", entry.name, quoted(entry));
                let digits: String = entry.value.chars().filter(char::is_ascii_digit).collect();
                let fix = Some(digits).filter(|digits| {
                    let rest = parse::trimmed(&entry.value).trim_start_matches('+');
                    !digits.is_empty() && rest == digits.as_str()
                });
                let finding = Finding::new(tracer::INVALID_INTEGER, &entry.name, message);
                mend(finding, entry, at, fix.as_deref(), "digits only")
            }
        };
        self.fail(finding);
        None
    }

    /// A decimal number; `unit` is what the fix of a wrong one may convert.
    pub fn read_decimal(&mut self, entry: &'t Entry, unit: Unit) -> Option<f64> {
        match parse::decimal(&entry.value) {
            Ok(number) => Some(number),
            Err(DecimalFault { at, why }) => {
                let place = if at.is_empty() { String::new() } else { format!(" (byte {})", at.start) };
                let message = format!("{} is {}, no decimal number: {why}{place}", entry.name, quoted(entry));
                let fix = unit.mended(&entry.value);
                let finding = Finding::new(tracer::INVALID_DOUBLE, &entry.name, message);
                let finding = mend(finding, entry, at, fix.as_deref(), unit.example());
                let finding = crate::config::effect::of(finding, &entry.value);
                self.fail(finding);
                None
            }
        }
    }
}

/// What a decimal number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Rate,
    PerSecond,
    Seconds,
}

impl Unit {
    fn example(self) -> &'static str {
        match self {
            Unit::Rate => "a number from 0 to 1, such as 0.2",
            Unit::PerSecond => "a number above 0, such as 100",
            Unit::Seconds => "seconds without a unit, such as 5",
        }
    }

    /// The number that was probably meant by a text that is none.
    fn mended(self, text: &str) -> Option<String> {
        let text = parse::trimmed(text).replace(',', ".");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit() && c != '.');
        let number = parse::decimal(digits).ok()?;
        let factor = match (self, text[digits.len()..].trim()) {
            (_, "") => return Some(digits.to_owned()),
            (Unit::Rate, "%") => 0.01,
            (Unit::Seconds, "ms") => 0.001,
            (Unit::Seconds, "s" | "sec" | "seconds") => return Some(digits.to_owned()),
            (Unit::Seconds, "m" | "min") => 60.0,
            (Unit::Seconds, "h") => 3600.0,
            (Unit::PerSecond, "/s" | "ps" | "per second") => return Some(digits.to_owned()),
            _ => return None,
        };
        Some(neat(number * factor))
    }
}

/// A number without the noise of binary fractions: 0.2, not 0.20000000000000001.
pub(super) fn neat(number: f64) -> String {
    let rounded = (number * 1e9).round() / 1e9;
    if rounded == 0.0 { number.to_string() } else { rounded.to_string() }
}

impl<T> Given<T> {
    /// `NAME is VALUE` with the value as it is written in a variable.
    pub fn written(&self, target: &Target, number: f64) -> String {
        match target.get(&self.from).filter(|_| self.origin == Origin::Env) {
            Some(entry) => format!("{} is {}", self.from, parse::trimmed(&entry.value)),
            None => format!("{} is {number}", self.from),
        }
    }

    /// The same, as an optional value.
    pub fn some(self) -> Given<Option<T>> {
        self.map(Some)
    }

    /// The same with another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Given<U> {
        Given { value: with(self.value), origin: self.origin, from: self.from, place: self.place, shown: self.shown }
    }
}

impl<T> Chain<T> {
    /// Judges the value that wins. In lenient mode the next source follows one that fails.
    pub fn check(&mut self, run: &mut Run<'_>, judge: impl Fn(&Given<T>) -> Option<Finding>) {
        if !self.known {
            return;
        }
        while let Some(finding) = self.given.first().and_then(&judge) {
            run.fail(finding);
            if !run.lenient {
                self.known = false;
                return;
            }
            self.given.remove(0);
        }
    }

    /// What wins so far.
    pub fn winner(&self) -> Option<&Given<T>> {
        self.given.first().filter(|_| self.known)
    }

    /// The setting, with what it won over.
    pub fn settle(self, run: &mut Run<'_>) -> Setting<T> {
        if !self.known {
            run.unknown.insert(self.key);
            return Setting::default_of(self.default);
        }
        let mut given = self.given.into_iter();
        match given.next() {
            None => Setting::default_of(self.default),
            Some(won) => Setting {
                value: won.value,
                origin: won.origin,
                from: won.from,
                place: won.place,
                overridden: given.map(|lost| lost.shown).collect(),
            },
        }
    }
}

/// The value of a variable as it stands in a message: quoted, secrets masked, long ones cut.
pub(super) fn quoted(entry: &Entry) -> String {
    format!("{:?}", clipped(&masked(&entry.name, &entry.value)))
}

/// At most 160 characters.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Puts a finding at bytes `at` of the variable's value, and says how to repair it: with `fix` as the whole value when
/// one is known, else with a description of what is right.
pub(super) fn mend(finding: Finding, entry: &Entry, at: Range<usize>, fix: Option<&str>, right: &str) -> Finding {
    let value = entry.value.as_str();
    let finding = finding.at(entry.place_of(at.clone()));
    let Some(fix) = fix else {
        return finding.help(format!("{} takes {right}", entry.name));
    };
    let finding = finding.help(format!("{}={}", entry.name, masked(&entry.name, fix)));
    // What replaces the bytes at the place, when the rest of the value stays.
    let (before, after) = (value.get(..at.start).unwrap_or_default(), value.get(at.end..).unwrap_or_default());
    let part = fix.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    match part {
        Some(part) if entry.verbatim => finding.replacement(part),
        _ => finding,
    }
}
