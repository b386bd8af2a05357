//! Sampling rules: a rate, and patterns that a span must fit for it to apply.
//!
//! The vocabulary of `DD_TRACE_SAMPLING_RULES`, `[{"service": "xmtpd*", "tags": {"tier": "?"}, "sample_rate": 0.1}]`,
//! with the matching of Datadog's tracers. Patterns know `*` (any run, also empty) and `?` (one character) and nothing
//! else; there are no escapes.
//!
//! ```
//! use spanglass::rule::{Glob, Rate};
//!
//! assert!(Glob::new("xmtpd.sync.*").matches("XMTPD.sync.receive_batch"));
//! assert_eq!("0.1".parse::<Rate>().map(Rate::get), Ok(0.1));
//! assert_eq!("1.5".parse::<Rate>().unwrap_err().to_string(), "1.5 is above 1");
//! ```

use std::fmt;
use std::str::FromStr;

/// A probability, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// Nothing is kept.
    pub const ZERO: Rate = Rate(0.0);
    /// Everything is kept.
    pub const ONE: Rate = Rate(1.0);

    /// Checks that `rate` lies between 0 and 1.
    pub fn new(rate: f64) -> Result<Rate, RateError> {
        // -0.0 would pass and then print as "-0".
        if (0.0..=1.0).contains(&rate) { Ok(Rate(rate.abs())) } else { Err(RateError::OutOfRange(rate)) }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortest(self.0))
    }
}

/// The shortest text of a number that is read back as the same: `0.1`, but `5e-324` without its 323 zeros.
pub(crate) fn shortest(number: f64) -> String {
    if number > 0.0 && number < 0.000_01 { format!("{number:e}") } else { number.to_string() }
}

impl FromStr for Rate {
    type Err = RateError;
    fn from_str(text: &str) -> Result<Rate, RateError> {
        let number: f64 = text.trim().parse().map_err(|_| RateError::NotANumber(text.to_owned()))?;
        Rate::new(number)
    }
}

/// Why something is no [`Rate`].
#[derive(Clone, Debug, PartialEq)]
pub enum RateError {
    /// The text is no decimal number.
    NotANumber(String),
    /// The number is below 0, above 1 or NaN.
    OutOfRange(f64),
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RateError::NotANumber(text) => write!(f, "{text:?} is not a number"),
            RateError::OutOfRange(rate) if *rate > 1.0 => write!(f, "{rate} is above 1"),
            RateError::OutOfRange(rate) if *rate < 0.0 => write!(f, "{rate} is below 0"),
            RateError::OutOfRange(_) => f.write_str("NaN is not between 0 and 1"),
        }
    }
}

impl std::error::Error for RateError {}

/// A pattern over whole texts: `*` is any run of characters, `?` exactly one, case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Default for Glob {
    /// The pattern that everything fits.
    fn default() -> Self {
        Glob("*".to_owned())
    }
}

impl Glob {
    /// Every text is a pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Glob(pattern.into())
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `subject` fits, as ddtrace and dd-trace-js see it: by Unicode characters, letters of every
    /// script without regard to case.
    pub fn matches(&self, subject: &str) -> bool {
        if self.0.is_ascii() && subject.is_ascii() {
            return self.matches_bytes(subject);
        }
        let units = |text: &str| -> Vec<char> { text.chars().map(fold).collect() };
        fits(&units(&self.0), &units(subject), '*', '?')
    }

    /// Whether the whole of `subject` fits, as dd-trace-cpp and libdatadog see it: `?` is one byte, and only A to Z
    /// are letters with a case. Differs from [`Glob::matches`] only if the pattern or the subject is not ASCII.
    pub fn matches_bytes(&self, subject: &str) -> bool {
        fits(self.0.to_ascii_lowercase().as_bytes(), subject.to_ascii_lowercase().as_bytes(), b'*', b'?')
    }

    /// Whether it consists of `*` and `?` alone.
    pub fn is_wildcards_only(&self) -> bool {
        self.0.bytes().all(|b| matches!(b, b'*' | b'?'))
    }
}

/// Simple case folding: one character for one, so that `?` counts the same before and after.
fn fold(c: char) -> char {
    fn single(mut chars: impl Iterator<Item = char>, otherwise: char) -> char {
        match (chars.next(), chars.next()) {
            (Some(only), None) => only,
            _ => otherwise,
        }
    }
    // Upper case first: that joins the two lower-case forms of sigma.
    let upper = single(c.to_uppercase(), c);
    single(upper.to_lowercase(), upper)
}

/// Whether `subject` fits `pattern`. Remembers one `*`: when the rest does not fit, that star takes one more unit. A
/// later star makes an earlier one final, so the time is at most the product of the lengths.
fn fits<T: Copy + PartialEq>(pattern: &[T], subject: &[T], any: T, one: T) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), subject.get(s)) {
            (Some(unit), _) if *unit == any => {
                star = Some((p, s));
                p += 1;
            }
            (Some(unit), Some(here)) if *unit == one || unit == here => {
                p += 1;
                s += 1;
            }
            (None, None) => return true,
            _ => match star {
                Some((at, taken)) if taken < subject.len() => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    s = taken + 1;
                }
                _ => return false,
            },
        }
    }
}

/// When a rule applies, and at what rate.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingRule {
    /// Fits the service.
    pub service: Glob,
    /// Fits the name of the operation.
    pub name: Glob,
    /// Fits the resource.
    pub resource: Glob,
    /// Tags that must be there, by exact name, with a pattern for the value.
    pub tags: Vec<(String, Glob)>,
    /// How much to keep of what fits.
    pub rate: Rate,
    /// At most so many a second; span rules only.
    pub max_per_second: Option<f64>,
}

impl Default for SamplingRule {
    /// Fits everything and keeps it.
    fn default() -> Self {
        SamplingRule {
            service: Glob::default(),
            name: Glob::default(),
            resource: Glob::default(),
            tags: Vec::new(),
            rate: Rate::ONE,
            max_per_second: None,
        }
    }
}

/// What rules look at in a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'s> {
    /// Its service.
    pub service: &'s str,
    /// Its operation.
    pub name: &'s str,
    /// Its resource.
    pub resource: &'s str,
    /// Its tags; the last one counts when a name stands twice.
    pub tags: &'s [(&'s str, TagValue<'s>)],
}

/// The value of a tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TagValue<'s> {
    /// Of `meta`.
    Text(&'s str),
    /// Of `metrics`.
    Number(f64),
}

impl SamplingRule {
    /// Whether all patterns fit, as ddtrace and dd-trace-js see it.
    pub fn matches(&self, span: Subject<'_>) -> bool {
        self.fits(span, Glob::matches, |pattern, value| match value {
            TagValue::Text(text) => pattern.matches(text),
            // 20.0 is the text "20". 20.1 has no agreed text, so nothing but wildcards fits it.
            TagValue::Number(number) if number.fract() == 0.0 => pattern.matches(&format!("{:.0}", number + 0.0)),
            TagValue::Number(number) => pattern.is_wildcards_only() && pattern.matches(&number.to_string()),
        })
    }

    /// Whether all patterns fit, as dd-trace-cpp sees it: by bytes, and never a numeric tag.
    pub fn matches_bytes(&self, span: Subject<'_>) -> bool {
        self.fits(span, Glob::matches_bytes, |pattern, value| match value {
            TagValue::Text(text) => pattern.matches_bytes(text),
            TagValue::Number(_) => false,
        })
    }

    fn fits(
        &self,
        span: Subject<'_>,
        text: impl Fn(&Glob, &str) -> bool,
        tag: impl Fn(&Glob, TagValue<'_>) -> bool,
    ) -> bool {
        let value = |wanted: &str| span.tags.iter().rev().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        text(&self.service, span.service)
            && text(&self.name, span.name)
            && text(&self.resource, span.resource)
            && self.tags.iter().all(|(name, pattern)| value(name).is_some_and(|value| tag(pattern, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_between_nothing_and_everything() {
        for (text, rate) in [("0", 0.0), ("-0", 0.0), ("1", 1.0), ("5e-324", 5e-324), (" 0.1 ", 0.1), (".5", 0.5)] {
            assert_eq!(text.parse::<Rate>().map(Rate::get), Ok(rate), "{text}");
        }
        assert_eq!("-0".parse::<Rate>().map(|rate| rate.to_string()), Ok("0".to_owned()));
        for (text, message) in [
            ("1.5", "1.5 is above 1"),
            ("1.0000000000000002", "1.0000000000000002 is above 1"),
            ("-0.1", "-0.1 is below 0"),
            ("inf", "inf is above 1"),
            ("nan", "NaN is not between 0 and 1"),
            ("", "\"\" is not a number"),
            ("10%", "\"10%\" is not a number"),
        ] {
            assert_eq!(text.parse::<Rate>().map_err(|error| error.to_string()), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn small_rates_are_not_spelled_out() {
        let shown = |rate| Rate::new(rate).map(|rate| rate.to_string());
        assert_eq!(
            [0.0, 1.0, 0.1, 0.00001, 0.000001, 5e-324].map(shown),
            [
                Ok("0".to_owned()),
                Ok("1".to_owned()),
                Ok("0.1".to_owned()),
                Ok("0.00001".to_owned()),
                Ok("1e-6".to_owned()),
                Ok("5e-324".to_owned()),
            ]
        );
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let pattern = Glob::new("*a".repeat(500) + "b");
        assert!(!pattern.matches(&"a".repeat(20_000)));
        assert!(Glob::new("*".repeat(10_000)).matches("x"));
    }

    #[test]
    fn characters_are_folded_one_by_one() {
        assert!(Glob::new("ΟΔΟΣ").matches("οδος"));
        assert!(Glob::new("straße").matches("STRAßE"));
        assert!(!Glob::new("strasse").matches("straße"));
        assert!(Glob::new("???").matches("İßé"));
    }

    #[test]
    fn all_parts_of_a_rule_must_fit() {
        let rule = SamplingRule {
            service: Glob::new("xmtpd*"),
            tags: vec![("tier".into(), Glob::new("?"))],
            ..SamplingRule::default()
        };
        let tags = [("tier", TagValue::Text("ab")), ("tier", TagValue::Text("a"))];
        let span = Subject { service: "xmtpd", tags: &tags, ..Subject::default() };
        assert!(rule.matches(span) && rule.matches_bytes(span));
        assert!(!rule.matches(Subject { tags: &tags[..1], ..span }));
        assert!(!rule.matches(Subject { tags: &[], ..span }));
        assert!(!rule.matches(Subject { service: "flowbot", ..span }));
    }
}
