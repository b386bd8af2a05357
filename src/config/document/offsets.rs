//! From saphyr's character positions to bytes of the file.

use std::borrow::Cow;

/// Characters between two remembered positions.
const STEP: usize = 256;

/// Byte order mark.
const BOM: char = '\u{feff}';

/// The text that saphyr is given, and where its characters stand in the file.
///
/// It differs from the file in two ways: a byte order mark is left out, and a pair of `\u` escapes that JSON writes for
/// one character beyond the basic plane, which YAML does not know, is that character.
pub struct Offsets<'t> {
    /// The file's text.
    pub file: &'t str,
    text: Cow<'t, str>,
    /// Byte of every [`STEP`]th character of `text`; empty when it is ASCII.
    steps: Vec<usize>,
    /// Bytes of the file before `text`.
    skipped: usize,
    /// Where in `text` the replaced pairs stand.
    pairs: Vec<usize>,
}

/// Bytes that a pair of escapes is longer than its character.
const SHORTER: usize = r"\ud83d\ude00".len() - 4;

impl<'t> Offsets<'t> {
    /// Prepares a file's text.
    pub fn new(file: &'t str) -> Self {
        let bare = file.strip_prefix(BOM).unwrap_or(file);
        let (text, pairs) = join_pairs(bare);
        let mut steps = Vec::new();
        if !text.is_ascii() {
            steps.extend(text.char_indices().step_by(STEP).map(|(at, _)| at));
        }
        Offsets { file, skipped: file.len() - bare.len(), text, steps, pairs }
    }

    /// The text for saphyr.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte of the file at which character `index` of [`Offsets::text`] stands; the file's end when there is none.
    pub fn byte(&self, index: usize) -> usize {
        let at = if self.steps.is_empty() {
            index.min(self.text.len())
        } else {
            let start = self.steps.get(index / STEP).copied().unwrap_or(self.text.len());
            let rest = self.text.get(start..).unwrap_or_default();
            start + rest.char_indices().nth(index % STEP).map_or(rest.len(), |(at, _)| at)
        };
        let pairs = self.pairs.partition_point(|pair| *pair < at);
        self.skipped + at + pairs * SHORTER
    }
}

/// Replaces pairs of surrogate escapes by the character that they mean, and says where in the result.
fn join_pairs(text: &str) -> (Cow<'_, str>, Vec<usize>) {
    let mut joined = String::new();
    let mut pairs = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        // A backslash and what it escapes are stepped over together, so that `\\ud83d` is no escape of this kind.
        match pair(&text.as_bytes()[at..]) {
            Some(character) => {
                joined.push_str(&text[copied..at]);
                pairs.push(joined.len());
                joined.push(character);
                at += SHORTER + 4;
                copied = at;
            }
            None => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    if pairs.is_empty() {
        return (Cow::Borrowed(text), pairs);
    }
    joined.push_str(&text[copied..]);
    (Cow::Owned(joined), pairs)
}

/// The character of a pair of surrogate escapes at the start of `bytes`.
fn pair(bytes: &[u8]) -> Option<char> {
    let unit = |bytes: &[u8]| {
        let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
        digits.iter().try_fold(0u16, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)? as u16))
    };
    let units = [unit(bytes)?, unit(bytes.get(6..)?)?];
    let character = char::decode_utf16(units).next()?.ok()?;
    // Two escapes of the basic plane are two characters, which YAML reads as well.
    (character.len_utf16() == 2).then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_its_byte() {
        let long = "é\u{1f600}x".repeat(1_000);
        for text in ["", "plain", "\u{feff}a: é", long.as_str(), "\u{feff}ü"] {
            let offsets = Offsets::new(text);
            let skipped = text.len() - text.strip_prefix(BOM).unwrap_or(text).len();
            for (index, (at, _)) in offsets.text().char_indices().enumerate() {
                assert_eq!(offsets.byte(index), skipped + at);
            }
            assert_eq!(offsets.byte(usize::MAX), text.len());
        }
    }

    #[test]
    fn pairs_of_escapes_are_one_character_and_shift_what_follows() {
        let text = r#"["\ud83d\ude00", "\\ud83d\ude00", "\u00e9\u00e9", "\ud83d", 1]"#;
        let offsets = Offsets::new(text);
        assert_eq!(offsets.text(), "[\"\u{1f600}\", \"\\\\ud83d\\ude00\", \"\\u00e9\\u00e9\", \"\\ud83d\", 1]");
        for (index, character) in offsets.text().chars().enumerate() {
            if character != '\u{1f600}' {
                assert_eq!(text[offsets.byte(index)..].chars().next(), Some(character));
            }
        }
    }
}
