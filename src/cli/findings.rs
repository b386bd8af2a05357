//! What the commands that report findings share: thresholds, output formats, the choice of codes.

use anyhow::{Result, bail};
use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use spanglass::diagnostic::{Code, Severity};

/// The least severity that makes the answer bad; `None` never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(pub(crate) Option<Severity>);

impl Threshold {
    /// Reads `--fail-on`. The third severity is printed `word` by the command; both words are taken.
    pub(crate) fn parser(word: &'static str) -> impl TypedValueParser<Value = Threshold> {
        let other = if word == "note" { "info" } else { "note" };
        let third = PossibleValue::new(word).alias(other);
        let values = [PossibleValue::new("error"), PossibleValue::new("warning"), third, PossibleValue::new("never")];
        PossibleValuesParser::new(values).map(|word| {
            Threshold(match word.as_str() {
                "error" => Some(Severity::Error),
                "warning" => Some(Severity::Warning),
                "never" => None,
                _ => Some(Severity::Note),
            })
        })
    }

    /// Whether a finding of this severity makes the answer bad.
    pub(crate) fn is_reached_by(self, severity: Severity) -> bool {
        self.0.is_some_and(|least| severity >= least)
    }
}

/// Reads one of `all` by its name.
pub(crate) fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(name))
        .try_map(move |word| all.into_iter().find(|one| name(*one) == word).ok_or("not one of the names"))
}

/// How findings are printed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Excerpts with the place underlined
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitHub annotations
    Github,
    /// JUnit XML
    Junit,
}

/// `--select` and `--ignore`: codes, beginnings of codes, slugs, numbers of dd-trace-cpp.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    select: Vec<String>,
    ignore: Vec<String>,
}

impl Selection {
    /// Fails on a word that chooses nothing: it would be a typing error that hides findings.
    pub(crate) fn of(select: &[String], ignore: &[String]) -> Result<Self> {
        let codes = spanglass::codes();
        for (flag, words) in [("--select", select), ("--ignore", ignore)] {
            for word in words {
                if !codes.iter().any(|code| chooses(word, *code)) {
                    bail!("{flag}: {}", super::explain::unknown(&codes, word));
                }
            }
        }
        Ok(Selection { select: select.to_vec(), ignore: ignore.to_vec() })
    }

    /// Whether findings of this code are reported.
    pub(crate) fn takes(&self, code: Code) -> bool {
        let any = |words: &[String]| words.iter().any(|word| chooses(word, code));
        (self.select.is_empty() || any(&self.select)) && !any(&self.ignore)
    }
}

impl Selection {
    /// Whether `--select` names this code: a finding that is off by default is wanted then.
    pub(crate) fn asks_for(&self, code: Code) -> bool {
        self.select.iter().any(|word| chooses(word, code))
    }
}

fn chooses(word: &str, code: Code) -> bool {
    let begins = code.id().get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let number = word.parse::<u16>().is_ok_and(|number| code.number() == Some(number));
    !word.is_empty() && (begins || number || code.name().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_chosen_by_beginning_slug_and_number() {
        let chosen = |select: &[&str], ignore: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let selection = Selection::of(&owned(select), &owned(ignore)).expect("known codes");
            let codes = spanglass::codes().into_iter();
            codes.filter(|code| selection.takes(*code)).map(|code| code.id()).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&[], &[]).len(), spanglass::codes().len());
        assert_eq!(chosen(&["D003"], &[]), ["D003"]);
        assert_eq!(chosen(&["wrong-type"], &[]), ["D003"]);
        assert!(chosen(&["d00"], &["D003"]).iter().all(|id| id.starts_with("D00") && *id != "D003"));
        assert!(Selection::of(&["TCC".to_owned()], &[]).is_err() && Selection::of(&[], &[String::new()]).is_err());
    }
}
