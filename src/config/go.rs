//! The grammars of Go's standard library that the seed programs read their settings with: `strconv.ParseBool`,
//! `strconv.ParseFloat`, `os.ExpandEnv`, `net/url.Parse`, `path.Clean`. `0x1p-2` and `1_0` are numbers there, ` 1` is none,
//! and `collector:4318` is a URL with the scheme `collector`.

use std::ops::Range;

/// `strconv.ParseBool`: `1 t T true True TRUE 0 f F false False FALSE`, nothing else.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Why `strconv.ParseFloat` refuses a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatError {
    /// It is no number.
    Syntax,
    /// It is a number beyond the range of a double.
    Range,
}

/// `strconv.ParseFloat(text, 64)`: decimal and hexadecimal numbers, `_` between digits, `NaN`, `Inf` and `Infinity` in any
/// case; no white space. What underflows is 0.
pub fn parse_float(text: &str) -> Result<f64, FloatError> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let hex = rest.len() > 2 && (rest.starts_with("0x") || rest.starts_with("0X"));
    let number = read_float(if hex { rest.get(2..).unwrap_or_default() } else { rest }, hex)
        .filter(|_| underscores_between_digits(rest, hex))
        .ok_or(FloatError::Syntax)?;
    let value = if hex {
        number.hexadecimal()
    } else {
        rest.replace('_', "").parse::<f64>().map_err(|_| FloatError::Syntax)?
    };
    match value.is_infinite() {
        true => Err(FloatError::Range),
        false => Ok(if negative { -value } else { value }),
    }
}

/// The digits of a number: `mantissa * 2^exponent` when it is hexadecimal.
struct Number {
    /// Its first 62 bits or fewer, and in the lowest bit whether any of the others is set.
    mantissa: u64,
    /// Power of two.
    exponent: i64,
}

/// Checks the form of a number without its sign and prefix, and collects its hexadecimal digits.
fn read_float(text: &str, hex: bool) -> Option<Number> {
    let bytes = text.as_bytes();
    let (mut at, mut dot, mut digits, mut after_dot) = (0, false, false, 0i64);
    let mut number = Number { mantissa: 0, exponent: 0 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'_' => {}
            b'.' if !dot => dot = true,
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if hex || byte.is_ascii_digit() => {
                digits = true;
                after_dot += i64::from(dot);
                if hex {
                    let digit = u64::from(char::from(byte).to_digit(16).unwrap_or_default());
                    if number.mantissa >> 58 == 0 {
                        number.mantissa = number.mantissa << 4 | digit;
                    } else {
                        number.mantissa |= u64::from(digit != 0);
                        number.exponent += 4;
                    }
                }
            }
            _ => break,
        }
        at += 1;
    }
    if !digits {
        return None;
    }
    number.exponent -= 4 * after_dot;
    let marker = if hex { b'p' } else { b'e' };
    if bytes.get(at).is_some_and(|byte| byte.to_ascii_lowercase() == marker) {
        at += 1;
        let negative = bytes.get(at) == Some(&b'-');
        if matches!(bytes.get(at), Some(b'-' | b'+')) {
            at += 1;
        }
        if !bytes.get(at).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let mut exponent = 0i64;
        while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_digit() || **byte == b'_') {
            if *byte != b'_' && exponent < 1_000_000 {
                exponent = exponent * 10 + i64::from(byte - b'0');
            }
            at += 1;
        }
        number.exponent += if negative { -exponent } else { exponent };
    } else if hex {
        return None;
    }
    (at == bytes.len()).then_some(number)
}

impl Number {
    /// The double nearest to it, ties to even; infinite when it is beyond the range.
    fn hexadecimal(&self) -> f64 {
        if self.mantissa == 0 {
            return 0.0;
        }
        // Normalised so that the highest bit is bit 63: the value is mantissa / 2^63 * 2^scale.
        let shift = i64::from(self.mantissa.leading_zeros());
        let mantissa = self.mantissa << shift;
        let scale = self.exponent + 63 - shift;
        if scale > 1023 {
            return f64::INFINITY;
        }
        // 53 bits are kept, fewer below the normal range.
        let kept = if scale >= -1022 { 53 } else { 53 + 1022 + scale };
        if kept < 0 {
            return 0.0;
        }
        let cut = 64 - kept;
        let (high, low) = match cut {
            64 => (0, u128::from(mantissa)),
            _ => (mantissa >> cut, u128::from(mantissa) & ((1u128 << cut) - 1)),
        };
        let half = 1u128 << (cut - 1);
        let up = low > half || (low == half && high & 1 == 1);
        let rounded = high + u64::from(up);
        // Exact: at most 53 bits, times a power of two that leaves it representable, in two steps that do not underflow.
        let power = scale - kept + 1;
        let value = rounded as f64;
        if power < -1000 {
            value * 2f64.powi(-1000) * 2f64.powi((power + 1000) as i32)
        } else {
            value * 2f64.powi(power as i32)
        }
    }
}

/// Every `_` stands between two digits, or between the prefix and a digit.
fn underscores_between_digits(text: &str, hex: bool) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at).map(|byte| (at, byte)))
            .is_some_and(|(at, byte)| byte.is_ascii_digit() || hex && (byte.is_ascii_hexdigit() || at == 1))
    };
    bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

/// References to variables that one text may hold.
pub const MAX_REFERENCES: usize = 100_000;

/// Bytes that variables may add to a text.
pub const MAX_GROWTH: usize = 16 << 20;

/// A text after `os.Expand`, with where each part of it came from.
#[derive(Debug, Default)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// Parts in order: the range in `text` and the range it replaces in the original, of equal length when it was copied.
    parts: Vec<(Range<usize>, Range<usize>)>,
    /// The references: ranges of the name and of the whole in the original.
    pub references: Vec<(Range<usize>, Range<usize>)>,
}

impl Expanded {
    /// The bytes of the original that `range` of the text came from. A range inside of what a reference gave is the whole
    /// reference.
    pub fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.original_of(range.start, false);
        start..self.original_of(range.end.max(range.start), true).max(start)
    }

    /// The original offset of offset `at`; `end` asks for the end of a range.
    fn original_of(&self, at: usize, end: bool) -> usize {
        let after = self.parts.partition_point(|(new, _)| if end { new.end < at } else { new.end <= at });
        match self.parts.get(after).or(self.parts.last()) {
            Some((new, old)) if new.len() == old.len() => old.start + at.saturating_sub(new.start).min(old.len()),
            Some((new, old)) if end && at <= new.start => old.start,
            Some((_, old)) if end => old.end,
            Some((new, old)) => {
                if at >= new.end {
                    old.end
                } else {
                    old.start
                }
            }
            None => at,
        }
    }

    fn push(&mut self, text: &str, from: Range<usize>) {
        let start = self.text.len();
        self.text.push_str(text);
        if !text.is_empty() || !from.is_empty() {
            self.parts.push((start..self.text.len(), from));
        }
    }
}

/// `os.Expand`: `$NAME` and `${NAME}` become what `value_of` says, also inside quotes and comments. There is no escape:
/// `$$` is the variable `$`, and `${A:-b}` the variable `A:-b`.
///
/// # Errors
/// Where it was given up: at more than [`MAX_REFERENCES`] references or [`MAX_GROWTH`] bytes that variables gave.
pub fn expand<'v>(text: &str, value_of: impl Fn(&str) -> &'v str) -> Result<Expanded, usize> {
    let bytes = text.as_bytes();
    let mut out = Expanded::default();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'$' || at + 1 >= bytes.len() {
            at += 1;
            continue;
        }
        let (name, width) = shell_name(text.get(at + 1..).unwrap_or_default());
        if name.is_empty() && width == 0 {
            // No name follows: the dollar stays.
            at += 1;
            continue;
        }
        out.push(text.get(copied..at).unwrap_or_default(), copied..at);
        let end = at + 1 + width;
        let value = if name.is_empty() { "" } else { value_of(name) };
        out.push(value, at..end);
        if !name.is_empty() {
            let start = at + 1 + usize::from(bytes.get(at + 1) == Some(&b'{'));
            out.references.push((start..start + name.len(), at..end));
        }
        if out.references.len() > MAX_REFERENCES || out.text.len() > text.len() + MAX_GROWTH {
            return Err(at);
        }
        at = end;
        copied = end;
    }
    out.push(text.get(copied..).unwrap_or_default(), copied..text.len());
    Ok(out)
}

/// The name at the start of a text that follows a `$`, and how many bytes it takes; bytes without a name are bad syntax,
/// which is swallowed.
fn shell_name(text: &str) -> (&str, usize) {
    let special = |byte: u8| matches!(byte, b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9');
    match text.as_bytes() {
        [b'{', one, b'}', ..] if special(*one) => (text.get(1..2).unwrap_or_default(), 3),
        [b'{', ..] => match text.find('}') {
            Some(1) => ("", 2),
            Some(end) => (text.get(1..end).unwrap_or_default(), end + 1),
            None => ("", 1),
        },
        [one, ..] if special(*one) => (text.get(..1).unwrap_or_default(), 1),
        bytes => {
            let end = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            (text.get(..end).unwrap_or_default(), end)
        }
    }
}

/// What `net/url.Parse` makes of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case; empty when there is none.
    pub scheme: String,
    /// What follows a scheme without a slash: `4318` in `collector:4318`.
    pub opaque: String,
    /// Host and port.
    pub host: String,
    /// Decoded path.
    pub path: String,
    /// Text after `?`.
    pub query: String,
    /// Text after `#`.
    pub fragment: String,
    /// Whether there is user info before the host.
    pub user: bool,
}

/// `net/url.Parse`; an error in its words.
pub fn parse_url(text: &str) -> Result<Url, &'static str> {
    let (whole, fragment) = text.split_once('#').unwrap_or((text, ""));
    if whole.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("invalid control character in URL");
    }
    let mut url = Url { fragment: unescape(fragment).ok_or("invalid URL escape")?, ..Url::default() };
    if whole == "*" {
        url.path = "*".to_owned();
        return Ok(url);
    }
    let (scheme, rest) = scheme(whole)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    url.query = query.to_owned();
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon");
        }
    }
    let mut path = rest;
    let has_authority = !url.scheme.is_empty() || !rest.starts_with("///");
    if let Some(authority) = rest.strip_prefix("//").filter(|_| has_authority) {
        let end = authority.find('/').unwrap_or(authority.len());
        let (authority, after) = authority.split_at(end);
        path = after;
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
                if !user.bytes().all(allowed) {
                    return Err("invalid userinfo");
                }
                unescape(user).ok_or("invalid URL escape")?;
                url.user = true;
                host
            }
            None => authority,
        };
        url.host = self::host(host)?;
    }
    url.path = unescape(path).ok_or("invalid URL escape")?;
    Ok(url)
}

fn scheme(text: &str) -> Result<(&str, &str), &'static str> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme"),
            b':' => return Ok((text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())),
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn host(text: &str) -> Result<String, &'static str> {
    let port = match text.strip_prefix('[') {
        Some(_) => match text.rfind(']') {
            Some(end) => text.get(end + 1..).unwrap_or_default(),
            None => return Err("missing ']' in host"),
        },
        None => text.rfind(':').and_then(|colon| text.get(colon..)).unwrap_or_default(),
    };
    let valid =
        port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    if !valid {
        return Err("invalid port after host");
    }
    let allowed = |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err("invalid character in host name");
    }
    // A host may escape bytes beyond ASCII only; a zone (`%25eth0`) is an exception of bracketed addresses.
    let bytes = text.as_bytes();
    let plain = |at: usize| {
        let high = bytes.get(at + 1).and_then(|byte| char::from(*byte).to_digit(16));
        let zone = text.starts_with('[') && bytes.get(at + 1..at + 3) == Some(b"25");
        bytes[at] != b'%' || zone || high.is_some_and(|high| high >= 8)
    };
    if !(0..bytes.len()).all(plain) {
        return Err("invalid URL escape");
    }
    unescape(text).ok_or("invalid URL escape")
}

/// Percent-decoding; `None` when a `%` is not followed by two hexadecimal digits.
fn unescape(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    percent_decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a percent-encoded text; `None` when a `%` is not followed by two hexadecimal digits.
pub fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        out.push((high * 16 + low) as u8);
    }
    Some(out)
}

/// `path.Clean` of an absolute path.
pub fn clean_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_gos() {
        let good: &[(&str, f64)] = &[
            ("0.35", 0.35),
            ("1_0.5", 10.5),
            ("1_23.50_0_0e+1_2", 1.235e14),
            ("0x1p-2", 0.25),
            ("0x_1p-2", 0.25),
            ("0X1.8P0", 1.5),
            ("-0x1p-2", -0.25),
            ("0x.8p0", 0.5),
            ("0x1_0.p-4", 1.0),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.fffffffffffff8p1022", 2f64.powi(1023)),
            ("0x0p99999999999999999999", 0.0),
            ("1e-400", 0.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1", 1.0),
            ("Inf", f64::INFINITY),
            ("-inFINITY", f64::NEG_INFINITY),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.00000000000018p0", 1.0000000000000004),
        ];
        for (text, value) in good {
            assert_eq!(parse_float(text), Ok(*value), "{text}");
        }
        assert!(parse_float("nAn").is_ok_and(f64::is_nan));
        let bad = [
            "", " 1", "1 ", "+nan", "-nan", "nane", "0x1", "0xp1", "_1", "1_", "1__0", "1_.5", "1e", "1e_5", "1e5_",
            ".", "35%", "0,5", "0x", "0x1p", "infi", "1e+", "0b1", "١", "0x1p1.", "1.2.3", "_0x1p1", "0_x1p1",
        ];
        for text in bad {
            assert_eq!(parse_float(text), Err(FloatError::Syntax), "{text}");
        }
        for text in ["1e400", "-1e999999999999999999999", "0x1p1024", "0x1.fffffffffffff8p1023"] {
            assert_eq!(parse_float(text), Err(FloatError::Range), "{text}");
        }
    }

    #[test]
    fn references_expand_and_keep_their_places() {
        let value_of = |name: &str| match name {
            "A" => "xyz",
            "LONG" => "0123456789",
            _ => "",
        };
        let cases = [
            ("a: $A", "a: xyz"),
            ("${A}b", "xyzb"),
            ("$Ab", ""),
            ("$$A", "A"),
            ("${A:-b}", ""),
            ("$", "$"),
            ("$ A", "$ A"),
            ("$.", "$."),
            ("${}x", "x"),
            ("${x", "x"),
            ("é$A", "éxyz"),
            ("$é", "$é"),
            ("$1x", "x"),
            ("$_", ""),
        ];
        for (text, want) in cases {
            assert_eq!(expand(text, value_of).unwrap().text, want, "{text}");
        }
        let text = "k: ${LONG}/v\nn: $A";
        assert!(expand(&"$LONG ".repeat(100_001), value_of).is_err());
        let expanded = expand(text, value_of).unwrap();
        let at = |part: &str| expanded.text.find(part).unwrap();
        let original = |part: &str| &text[expanded.original(at(part)..at(part) + part.len())];
        assert_eq!(original("0123456789/v"), "${LONG}/v");
        assert_eq!(original("345"), "${LONG}");
        assert_eq!(original("xyz"), "$A");
        assert_eq!(original("n: "), "n: ");
        assert_eq!(original("/v"), "/v");
    }

    #[test]
    fn urls_are_gos() {
        let host = |text: &str| parse_url(text).map(|url| (url.scheme, url.host, url.path, url.opaque));
        let four = |a: &str, b: &str, c: &str, d: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()));
        assert_eq!(host("collector:4318"), four("collector", "", "", "4318"));
        assert_eq!(host("HTTP://c:4318/v1/traces"), four("http", "c:4318", "/v1/traces", ""));
        assert_eq!(host("http://[::1]:4318"), four("http", "[::1]:4318", "", ""));
        assert_eq!(host("http://u:p@h/a%20b?q#f"), four("http", "h", "/a b", ""));
        assert_eq!(host("mailto:x"), four("mailto", "", "", "x"));
        assert_eq!(host("collector"), four("", "", "collector", ""));
        for bad in [
            "10.0.0.1:4318",
            "http://h:port/",
            "http://a b/",
            "http://[::1",
            "http://h/%zz",
            ":x",
            "a\u{1}",
            "http://h%41/",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
