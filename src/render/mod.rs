//! Text and JSON out: data, a [`Theme`] and a writer in, `io::Result` out.
//!
//! Width is display width, measured per grapheme. Text that comes from data is cleaned: control characters and
//! directional overrides are shown escaped and never reach a terminal raw. Colour is never the only sign.

pub mod ci;
pub mod config;
pub mod context;
pub mod diagnostic;
pub mod export;
mod flame;
pub mod header;
pub mod hexdump;
pub mod json;
mod merged;
mod overview;
pub mod page;
mod place;
mod rows;
pub mod table;
pub mod time;
mod tree;

pub use flame::flame;
pub use merged::merged;
pub use place::Region;
pub use rows::Shown;
pub use tree::{Notes, Timeline, TreeOptions, tree};

use owo_colors::{Style, Styled};
use std::borrow::Cow;
use std::fmt::Display;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How to draw: decided once, by the command line.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Columns of the output.
    pub width: usize,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Colours, by what they mean.
    pub palette: Palette,
    /// Mask the values of keys that look like secrets.
    pub redact: bool,
}

impl Theme {
    /// Plain text of `width` columns.
    pub fn plain(width: usize) -> Self {
        Theme { width, ascii: false, palette: Palette::plain(), redact: true }
    }

    /// The glyphs to draw with.
    pub(crate) fn glyphs(&self) -> &'static Glyphs {
        if self.ascii { &ASCII } else { &UNICODE }
    }
}

/// Colours by what they mean. Plain styles print nothing but the text.
#[derive(Clone, Debug)]
pub struct Palette {
    /// Failures.
    pub error: Style,
    /// Things to look at.
    pub warning: Style,
    /// Remarks and remedies.
    pub note: Style,
    /// What frames the data: guides, axes, units.
    pub faint: Style,
    /// Headings and ids.
    pub strong: Style,
    services: Option<[Style; 12]>,
}

impl Palette {
    /// No colour at all.
    pub fn plain() -> Self {
        let none = Style::new();
        Palette { error: none, warning: none, note: none, faint: none, strong: none, services: None }
    }

    /// Twelve service colours from the 256-colour table, readable on light and dark grounds.
    pub fn coloured() -> Self {
        const COLOURS: [u8; 12] = [33, 35, 136, 133, 37, 166, 69, 71, 173, 168, 30, 99];
        let style = |code: u8| Style::new().color(owo_colors::XtermColors::from(code));
        Palette {
            error: Style::new().red().bold(),
            warning: Style::new().yellow().bold(),
            note: Style::new().cyan().bold(),
            faint: Style::new().dimmed(),
            strong: Style::new().bold(),
            services: Some(COLOURS.map(style)),
        }
    }

    /// Whether it prints any colour.
    pub fn is_coloured(&self) -> bool {
        self.services.is_some()
    }

    /// The colour of a service: the same in every run and on every machine.
    pub fn service(&self, name: &[u8]) -> Style {
        let hash = name.iter().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        self.services.map_or(Style::new(), |colours| colours[hash as usize % colours.len()])
    }
}

/// `text` in a style; nothing around it when the style is plain.
pub(crate) fn paint<T: Display>(text: T, style: Style) -> Styled<T> {
    style.style(text)
}

/// What lines and bars are made of.
pub(crate) struct Glyphs {
    pub(crate) branch: &'static str,
    pub(crate) last: &'static str,
    pub(crate) pass: &'static str,
    pub(crate) gap: &'static str,
    pub(crate) ellipsis: &'static str,
    pub(crate) full: &'static str,
    pub(crate) over: &'static str,
    pub(crate) wait: &'static str,
    /// A bar of one to seven eighths of a column.
    pub(crate) eighths: [&'static str; 7],
    pub(crate) edge: &'static str,
    pub(crate) fill: &'static str,
}

pub(crate) static UNICODE: Glyphs = Glyphs {
    branch: "├─ ",
    last: "└─ ",
    pass: "│  ",
    gap: "┊  ",
    ellipsis: "…",
    full: "█",
    over: "▒",
    wait: "·",
    eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉"],
    edge: "▏",
    fill: "─",
};

pub(crate) static ASCII: Glyphs = Glyphs {
    branch: "|- ",
    last: "`- ",
    pass: "|  ",
    gap: ":  ",
    ellipsis: "~",
    full: "#",
    over: "+",
    wait: ".",
    eighths: ["|", "|", "|", "|", "#", "#", "#"],
    edge: "|",
    fill: "-",
};

/// Whether text can be printed as it is and takes one column a byte: 0x20 to 0x7e only.
#[inline]
pub(crate) fn is_simple(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Eight bytes at once: 0x60 more sets the high bit of those from 0x20 up, one more that of 0x7f. Sums of bytes without
    // a high bit do not run over into their neighbours.
    let unfit = |word: u64| (word | !(word.wrapping_add(0x60 * EACH)) | word.wrapping_add(EACH)) & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    words.iter().fold(0, |all, word| all | unfit(u64::from_ne_bytes(*word))) == 0
        && rest.iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// Whether a character could steer a terminal or forge a line: controls, line separators, marks that turn the direction
/// of text.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Text with everything that could steer a terminal shown escaped; in ASCII mode everything beyond ASCII too.
pub fn clean(text: &str, ascii: bool) -> Cow<'_, str> {
    let harmful = |c: char| steers(c) || (ascii && !c.is_ascii());
    if is_simple(text.as_bytes()) || !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => cleaned.push_str("\\n"),
            '\t' => cleaned.push_str("\\t"),
            '\r' => cleaned.push_str("\\r"),
            c if harmful(c) => cleaned.extend(c.escape_unicode()),
            c => cleaned.push(c),
        }
    }
    Cow::Owned(cleaned)
}

/// Columns that cleaned text takes.
pub fn width_of(text: &str) -> usize {
    if is_simple(text.as_bytes()) { text.len() } else { text.width() }
}

/// Cleaned text in at most `columns`, cut in the middle when it is longer: both ends of a name tell something.
pub(crate) fn clip<'t>(text: &'t str, columns: usize, glyphs: &Glyphs) -> Cow<'t, str> {
    if width_of(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns <= 3 {
        return Cow::Owned(head(text, columns).to_owned());
    }
    let keep = columns - 1;
    let front = head(text, keep - keep / 3);
    let back = tail(&text[front.len()..], keep - width_of(front));
    Cow::Owned(format!("{front}{}{back}", glyphs.ellipsis))
}

/// As much from the front as fits in `columns`.
pub(crate) fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        taken += grapheme.width();
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

fn tail(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let mut from = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        taken += grapheme.width();
        if taken > columns {
            break;
        }
        from = at;
    }
    &text[from..]
}

/// So many spaces.
pub(crate) fn spaces(count: usize) -> Cow<'static, str> {
    const SPACES: &str = match std::str::from_utf8(&[b' '; 256]) {
        Ok(spaces) => spaces,
        Err(_) => "",
    };
    SPACES.get(..count).map_or_else(|| Cow::Owned(" ".repeat(count)), Cow::Borrowed)
}

/// Whether the value of `key` should be masked: it looks like a credential.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let parts = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "api-key",
        "apikey",
        "app_key",
        "authorization",
        "cookie",
        "credential",
        "private_key",
        "private-key",
        "access_key",
        "access-key",
    ];
    parts.iter().any(|part| key.contains(part)) && !key.ends_with("token_count") && !key.ends_with("_tokens")
}

/// What is printed in place of a secret.
pub const MASK: &str = "********";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        assert_eq!(clean("a\x1b[31mb\n\u{202e}c\u{85}", false), "a\\u{1b}[31mb\\n\\u{202e}c\\u{85}");
        assert_eq!(clean("東京 ✓", false), "東京 ✓");
        assert_eq!(clean("東京", true), "\\u{6771}\\u{4eac}");
    }

    #[test]
    fn simple_text_is_told_by_the_word_and_by_the_byte() {
        for byte in 0..=255u8 {
            for position in 0..19 {
                let mut text = [b'a'; 19];
                text[position] = byte;
                assert_eq!(is_simple(&text), (0x20..0x7f).contains(&byte), "{byte:#x} at {position}");
            }
        }
    }

    #[test]
    fn clipping_counts_columns_and_keeps_both_ends() {
        assert_eq!(clip("xmtpd.publish_worker.process", 12, &UNICODE), "xmtpd.pu…ess");
        assert_eq!(clip("東京東京東京", 7, &UNICODE), "東京…京");
        assert_eq!(clip("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 5, &UNICODE), "👩‍👩‍👧‍👦…👩‍👩‍👧‍👦");
        for columns in 0..20 {
            for text in ["abcdefghijklmnop", "東京東京東京東京", "e\u{301}e\u{301}e\u{301}e\u{301}"] {
                assert!(width_of(&clip(text, columns, &UNICODE)) <= columns, "{text} {columns}");
            }
        }
    }

    #[test]
    fn secrets_are_known_by_their_key() {
        for key in ["http.request.headers.authorization", "db.password", "X-Api-Key", "session_token", "aws.secret"] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["http.url", "llm.token_count", "env"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
