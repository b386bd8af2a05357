//! `${NAME}` as compose and the dotenv libraries interpolate it.

use std::borrow::Cow;

/// How deep defaults may hold references themselves.
const MAX_DEPTH: usize = 16;

/// Why a text cannot be interpolated.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The value of this name is needed and not known.
    Unknown(String),
    /// The reference at this byte is malformed.
    Malformed(usize, &'static str),
    /// The result is too long.
    TooLong,
}

impl Fault {
    /// The reason in words.
    pub fn why(&self) -> String {
        match self {
            Fault::Unknown(name) => format!("the value of ${{{name}}} is not known"),
            Fault::Malformed(_, message) => (*message).to_owned(),
            Fault::TooLong => "the interpolated text is too long".to_owned(),
        }
    }
}

/// Gives the value of a name.
pub type Values<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Interpolates `text`. With `strict` a `$` that begins no reference is malformed, as in compose; else it is itself.
/// `room` is lowered by the length of the result.
///
/// # Errors
/// [`Fault`].
pub fn expand<'t>(text: &'t str, values: Values<'_>, strict: bool, room: &mut usize) -> Result<Cow<'t, str>, Fault> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::new();
    append(text, values, strict, room, 0, &mut out)?;
    Ok(Cow::Owned(out))
}

fn append(
    text: &str,
    values: Values<'_>,
    strict: bool,
    room: &mut usize,
    depth: usize,
    out: &mut String,
) -> Result<(), Fault> {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
        out.push_str(&text[at..at + found]);
        at += found;
        let read = reference(&text[at..], values, strict, room, depth, out);
        at += read.map_err(|fault| match fault {
            Fault::Malformed(inner, message) => Fault::Malformed(at + inner, message),
            other => other,
        })?;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(())
}

/// Appends what the reference at the start of `text`, a `$`, stands for, and gives its length.
///
/// # Errors
/// [`Fault`].
pub fn reference(
    text: &str,
    values: Values<'_>,
    strict: bool,
    room: &mut usize,
    depth: usize,
    out: &mut String,
) -> Result<usize, Fault> {
    let mut put = |value: &str, out: &mut String| {
        *room = room.checked_sub(value.len()).ok_or(Fault::TooLong)?;
        out.push_str(value);
        Ok(())
    };
    let rest = text.get(1..).unwrap_or_default();
    if rest.starts_with('$') {
        out.push('$');
        return Ok(2);
    }
    let Some(braced) = rest.strip_prefix('{') else {
        let name = name(rest);
        if name.is_empty() {
            if strict {
                return Err(Fault::Malformed(0, "a `$` that begins no reference; write `$$` for the character"));
            }
            out.push('$');
            return Ok(1);
        }
        let value = values(name).ok_or_else(|| Fault::Unknown(name.to_owned()))?;
        put(&value, out)?;
        return Ok(1 + name.len());
    };
    let inner = closed(braced).ok_or(Fault::Malformed(0, "the braces of `${` are never closed"))?;
    let length = "${}".len() + inner.len();
    let name = name(inner);
    if name.is_empty() {
        return Err(Fault::Malformed(0, "`${` is not followed by a name"));
    }
    let rest = &inner[name.len()..];
    let value = values(name);
    let unknown = || Fault::Unknown(name.to_owned());
    let (colon, operator) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    // With a colon an empty value counts as none.
    let present = value.as_ref().is_some_and(|value| !colon || !value.is_empty());
    let word = match operator.chars().next() {
        None if !colon => {
            put(&value.ok_or_else(unknown)?, out)?;
            return Ok(length);
        }
        Some('-') if present => None,
        Some('-') => Some(&operator[1..]),
        Some('?') if present => None,
        Some('?') => return Err(unknown()),
        Some('+') if value.is_none() => return Err(unknown()),
        Some('+') if present => Some(&operator[1..]),
        Some('+') => return Ok(length),
        _ => return Err(Fault::Malformed(0, "an unknown operator in `${`; known are `:-` `-` `:?` `?` `:+` `+`")),
    };
    match (word, value) {
        (Some(word), _) if depth < MAX_DEPTH => append(word, values, strict, room, depth + 1, out)?,
        (Some(_), _) => return Err(Fault::Malformed(0, "defaults are nested too deeply")),
        (None, value) => put(&value.ok_or_else(unknown)?, out)?,
    }
    Ok(length)
}

/// The name at the start of `text`; empty when there is none.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = &text[..end];
    if name.starts_with(|c: char| c.is_ascii_digit()) { "" } else { name }
}

/// What stands before the brace that closes an opened one.
fn closed(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut open = 0usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes.get(at - 1) == Some(&b'$') => open += 1,
            b'}' if open == 0 => return text.get(..at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, strict: bool) -> Result<String, Fault> {
        let values = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        };
        expand(text, &values, strict, &mut 1_000).map(Cow::into_owned)
    }

    #[test]
    fn references_are_replaced() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A-${A}", "x-x"),
            ("${E:-d}${E-d}${N:-d}${N-d}", "ddd"),
            ("${N:-${M:-${A}y}}", "xy"),
            ("${A:+alt}${E:+alt}${E+alt}", "altalt"),
            ("${A:?no}${E?no}", "x"),
            ("$$A $${A}", "$A ${A}"),
            ("${N:-}", ""),
            ("é${A}é", "éxé"),
        ] {
            assert_eq!(expanded(text, true).as_deref(), Ok(expected), "{text}");
            assert_eq!(expanded(text, false).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(expanded("a$ 5$", false).as_deref(), Ok("a$ 5$"));
    }

    #[test]
    fn what_cannot_be_replaced_says_why() {
        for text in ["$N", "${N}", "${N:?message}", "${E:?message}", "${N:+alt}"] {
            assert!(matches!(expanded(text, true), Err(Fault::Unknown(_))), "{text}");
        }
        for (text, at) in [("ab$ c", 2), ("a${A", 1), ("${}", 0), ("${A!}", 0), ("${A:}", 0), ("x${N:-y${1}}", 1)] {
            match expanded(text, true) {
                Err(Fault::Malformed(found, _)) => assert!(found >= at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let nested = format!("{}{}", "${N:-".repeat(1_000), "}".repeat(1_000));
        assert!(matches!(expanded(&nested, true), Err(Fault::Malformed(..))));
        assert_eq!(expanded(&"$A".repeat(1_001), true), Err(Fault::TooLong));
    }
}
