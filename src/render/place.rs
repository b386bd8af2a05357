//! Where a range of bytes is in a text, for people and editors: lines, and columns counted in characters.

use super::steers;
use std::ops::Range;

/// Lines and columns from 1. Columns count characters; the end column is that of the character behind the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Line of the last character.
    pub end_line: usize,
    /// Column behind the last character.
    pub end_column: usize,
}

impl Region {
    /// The region of bytes `range` of `text`; `line` is that of its start when it is known, which saves counting. `None`
    /// when the range is no part of the text.
    pub fn of(text: &str, range: &Range<usize>, line: Option<u64>) -> Option<Region> {
        let (before, part) = (text.get(..range.start)?, text.get(range.clone())?);
        let counted = || before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let line = line.and_then(|line| usize::try_from(line).ok()).unwrap_or_else(counted);
        let column = column_behind(before);
        // A range that ends with a line's end ends on that line, not at the beginning of the next.
        let shown = part.trim_end_matches(['\n', '\r']);
        let breaks = shown.bytes().filter(|byte| *byte == b'\n').count();
        let end_column = if breaks == 0 { column + shown.chars().count() } else { column_behind(shown) };
        Some(Region { line, column, end_line: line + breaks, end_column })
    }
}

/// The column of the character that follows `before`. A byte order mark takes none.
fn column_behind(before: &str) -> usize {
    let line = &before[start_of_last_line(before)..];
    line.chars().filter(|c| *c != '\u{feff}').count() + 1
}

fn start_of_last_line(text: &str) -> usize {
    text.rfind('\n').map_or(0, |at| at + 1)
}

/// A few lines of a text to show, with the range to underline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Whole lines, but for the rest of a very long one.
    pub(super) text: String,
    /// Line number of the first.
    pub(super) line: usize,
    /// What to underline in `text`.
    pub(super) range: Range<usize>,
}

/// Most bytes before the underlined part on its line, and of it, that are shown: drawing looks at each.
const SHOWN: usize = 4096;
/// Most lines to underline.
const LINES: usize = 6;

impl Excerpt {
    /// The lines of `text` around bytes `range`, of which `line` is the first one's number, with the bytes of `hidden`
    /// (ranges of `text`) masked by `mask`. `None` when the range is no part of the text or deep inside a very long line.
    pub(super) fn of(
        text: &str,
        range: &Range<usize>,
        line: usize,
        hidden: &[Range<usize>],
        mask: &str,
    ) -> Option<Self> {
        let (before, part) = (text.get(..range.start)?, text.get(range.clone())?);
        let mut from = start_of_last_line(before);
        if text[from..range.start].starts_with('\u{feff}') {
            from += '\u{feff}'.len_utf8();
        }
        if range.start - from > SHOWN {
            return None;
        }
        let mut end = range.start + part.trim_end_matches(['\n', '\r']).len();
        if let Some((at, _)) = text[range.start..end].match_indices('\n').nth(LINES - 1) {
            end = range.start + at;
        }
        end = floor(text, end.min(range.start + SHOWN)).max(range.start);
        let rest = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let to = floor(text, rest.min(end + SHOWN)).max(end);

        let mut shown = text[from..to].trim_end_matches('\r').to_owned();
        let (mut start, mut stop) = (range.start - from, end - from);
        for secret in disjoint(hidden, text, from..from + shown.len()).into_iter().rev() {
            // What stands before the underlined part keeps its width, so that columns stay those of the file.
            let stars: String = if secret.end <= range.start {
                mask.chars().cycle().take(text[secret.clone()].chars().count()).collect()
            } else {
                mask.to_owned()
            };
            let secret = secret.start - from..secret.end - from;
            let moved = |at: usize, inside: usize| match at {
                at if at <= secret.start => at,
                at if at < secret.end => inside,
                at => at - secret.len() + stars.len(),
            };
            (start, stop) = (moved(start, secret.start), moved(stop, secret.start + stars.len()));
            shown.replace_range(secret, &stars);
        }
        Some(Excerpt { text: harmless(shown), line, range: start..stop.max(start) })
    }
}

/// Text without the characters beyond ASCII that steer a terminal, each replaced by one of as many bytes, so that ranges
/// stay what they are. Those of ASCII are replaced when the excerpt is drawn.
fn harmless(text: String) -> String {
    let harmful = |c: char| !c.is_ascii() && steers(c);
    if !text.chars().any(harmful) {
        return text;
    }
    let stand_in = |c: char| match c.len_utf8() {
        _ if !harmful(c) => c,
        2 => '\u{b7}',
        3 => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    text.chars().map(stand_in).collect()
}

/// The parts of `ranges` that are inside `whole`, in order, none overlapping another.
fn disjoint(ranges: &[Range<usize>], text: &str, whole: Range<usize>) -> Vec<Range<usize>> {
    let inside =
        |range: &Range<usize>| floor(text, range.start).max(whole.start)..floor(text, range.end).min(whole.end);
    let mut parts: Vec<Range<usize>> = ranges.iter().map(inside).filter(|part| part.start < part.end).collect();
    parts.sort_by_key(|part| part.start);
    let mut behind = 0;
    for part in &mut parts {
        part.start = part.start.max(behind).min(part.end);
        behind = behind.max(part.end);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The nearest boundary of characters at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_in_excerpts() {
        let text = "a\u{8b}\u{9b}b \u{202e}c";
        let excerpt = Excerpt::of(text, &(5..6), 1, &[], "*").expect("an excerpt");
        assert_eq!((excerpt.text.as_str(), excerpt.range), ("a\u{b7}\u{b7}b \u{fffd}c", 5..6));
    }

    #[test]
    fn columns_count_characters_from_one() {
        let text = "a: b\n  ключ: \"2.0\"\r\nlast";
        let at = text.find("2.0").expect("it");
        let region = |range, line| Region::of(text, &range, line).expect("a region");
        let expected = Region { line: 2, column: 10, end_line: 2, end_column: 13 };
        assert_eq!(region(at..at + 3, None), expected);
        assert_eq!(region(at..at + 3, Some(2)), expected);
        assert_eq!(region(0..4, None), Region { line: 1, column: 1, end_line: 1, end_column: 5 });
        assert_eq!(region(3..text.len(), None), Region { line: 1, column: 4, end_line: 3, end_column: 5 });
        assert_eq!(region(0..5, None).end_line, 1, "the end of a line is on it");
        assert_eq!(region(text.len()..text.len(), None), Region { line: 3, column: 5, end_line: 3, end_column: 5 });
        assert_eq!(Region::of(text, &(0..999), None), None);
        assert_eq!(
            Region::of("\u{feff}A=1", &(5..6), None).expect("a region").column,
            3,
            "a byte order mark has no width"
        );
    }

    #[test]
    fn secrets_are_masked_and_columns_stay() {
        let text = "first\nDD_TAGS=api_key:verysecretvalue,rate:2.0\nlast";
        let secret = text.find("verysecretvalue").expect("it");
        let secret = secret..secret + "verysecretvalue".len();
        let rate = text.find("2.0").expect("it");
        let shown = |range: Range<usize>, hidden: &[Range<usize>]| {
            let excerpt = Excerpt::of(text, &range, 2, hidden, "****").expect("an excerpt");
            (excerpt.text.clone(), excerpt.text[excerpt.range].to_owned())
        };
        assert_eq!(
            shown(rate..rate + 3, std::slice::from_ref(&secret)),
            ("DD_TAGS=api_key:***************,rate:2.0".to_owned(), "2.0".to_owned())
        );
        let masked = "DD_TAGS=api_key:****,rate:2.0".to_owned();
        assert_eq!(shown(secret.clone(), std::slice::from_ref(&secret)), (masked.clone(), "****".to_owned()));
        let part = secret.start + 2..secret.start + 4;
        assert_eq!(shown(part.clone(), std::slice::from_ref(&secret)), (masked.clone(), "****".to_owned()));
        let overlapping = [part, secret.clone(), secret.start + 1..secret.end];
        assert_eq!(shown(6..secret.end + 1, &overlapping).0, masked);
        let whole = 0..text.len();
        assert_eq!(shown(6..13, &[whole]), ("****".to_owned(), "****".to_owned()));
    }

    #[test]
    fn excerpts_are_bounded() {
        let long = format!("A={}\nB=1\n", "é".repeat(1 << 20));
        let excerpt = Excerpt::of(&long, &(2..long.len() - 5), 1, &[], "*").expect("an excerpt");
        assert!(excerpt.text.len() <= 3 * SHOWN && excerpt.range.start == 2);
        assert_eq!(Excerpt::of(&long, &(1 << 20..(1 << 20) + 2), 1, &[], "*"), None);
        let many = "x: |\n".to_owned() + &"  line\n".repeat(1000);
        assert_eq!(Excerpt::of(&many, &(0..many.len()), 1, &[], "*").expect("an excerpt").text.lines().count(), LINES);
        assert_eq!(Excerpt::of("", &(0..0), 1, &[], "*").expect("an excerpt").text, "");
    }
}
