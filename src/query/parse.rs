//! The grammar of queries.

use super::{Bound, Expression, Key, Pattern, Piece, QueryError, Term, Test};

/// Deepest nesting of parentheses.
const DEPTH: usize = 64;

/// Reads a whole query.
pub(super) fn expression(text: &str) -> Result<Expression, QueryError> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth: 0 };
    let expression = parser.any()?;
    match parser.peek() {
        None => Ok(expression),
        Some(c) => Err(parser.error(format!("an unexpected {c}"))),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn error(&self, message: impl Into<String>) -> QueryError {
        QueryError { column: self.at + 1, message: message.into() }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes `word` when it stands here by itself.
    fn keyword(&mut self, word: &str) -> bool {
        self.blanks();
        let end = self.at + word.len();
        let here = self.chars.get(self.at..end).is_some_and(|chars| chars.iter().copied().eq(word.chars()));
        let alone = self.chars.get(end).is_none_or(|c| c.is_whitespace() || *c == '(' || *c == ')');
        if here && alone {
            self.at = end;
        }
        here && alone
    }

    fn any(&mut self) -> Result<Expression, QueryError> {
        let mut parts = vec![self.all()?];
        while self.keyword("OR") {
            let at = self.at;
            let part = self.all()?;
            if part == Expression::All(Vec::new()) {
                self.at = at;
                return Err(self.error("a term is missing after OR"));
            }
            parts.push(part);
        }
        if parts.len() > 1 && parts[0] == Expression::All(Vec::new()) {
            return Err(QueryError { column: 1, message: "a term is missing before OR".to_owned() });
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, QueryError> {
        let mut parts: Vec<Expression> = Vec::new();
        loop {
            self.blanks();
            let before = self.at;
            let and = self.keyword("AND");
            if and && parts.is_empty() {
                self.at = before;
                return Err(self.error("a term is missing before AND"));
            }
            self.blanks();
            let or = self.at;
            let ends = matches!(self.peek(), None | Some(')')) || self.keyword("OR");
            if ends {
                self.at = or;
                if and {
                    return Err(self.error("a term is missing after AND"));
                }
                return Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) });
            }
            parts.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Expression, QueryError> {
        let mut negated = false;
        loop {
            if self.keyword("NOT") {
                negated = !negated;
                self.blanks();
            } else if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace()) {
                self.at += 1;
                negated = !negated;
            } else {
                break;
            }
        }
        let expression = match self.peek() {
            None | Some(')') => return Err(self.error("a term is missing after NOT")),
            Some('(') => {
                let expression = self.parentheses(Parser::any)?;
                if expression == Expression::All(Vec::new()) {
                    return Err(self.error("nothing between the parentheses"));
                }
                expression
            }
            Some(_) => self.term()?,
        };
        Ok(if negated { Expression::Not(Box::new(expression)) } else { expression })
    }

    /// Reads what stands between parentheses.
    fn parentheses<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.error(format!("parentheses nested over {DEPTH} deep")));
        }
        let read = read(self)?;
        self.blanks();
        if self.peek() != Some(')') {
            return Err(QueryError { column: open + 1, message: "a parenthesis that is not closed".to_owned() });
        }
        self.at += 1;
        self.depth -= 1;
        Ok(read)
    }

    fn term(&mut self) -> Result<Expression, QueryError> {
        let from = self.at;
        if self.peek() == Some('"') {
            let literal = self.quoted()?;
            return Ok(self.finished(from, Key::Word, Test::Text(literal)));
        }
        // A key goes up to the first colon; without one, this is a word.
        let mut key = String::new();
        let mut word = Vec::new();
        loop {
            match self.peek() {
                None | Some(')') => break,
                Some(c) if c.is_whitespace() => break,
                Some(':') => {
                    self.at += 1;
                    if key.is_empty() || key == "@" {
                        self.at -= 1;
                        return Err(self.error("a key is missing before the colon"));
                    }
                    return self.value(from, &key);
                }
                Some('(') => return Err(self.error("a parenthesis inside a word; quote it")),
                Some('\\') => {
                    self.at += 1;
                    let Some(c) = self.peek() else { return Err(self.error("nothing follows the backslash")) };
                    key.push(c);
                    word.push(Piece::Char(c));
                }
                Some(c) => {
                    key.push(c);
                    // A bare word is looked for anywhere, so wildcards at its ends say nothing.
                    word.push(Piece::Char(c));
                }
            }
            self.at += 1;
        }
        word.retain(|piece| !matches!(piece, Piece::Char('*')));
        Ok(self.finished(from, Key::Word, Test::Text(Pattern(word))))
    }

    fn finished(&self, from: usize, key: Key, test: Test) -> Expression {
        let text = self.chars.get(from..self.at).unwrap_or_default().iter().collect();
        Expression::Term(Term { text, key, test })
    }

    /// Reads what stands behind the colon of `key`.
    fn value(&mut self, from: usize, key: &str) -> Result<Expression, QueryError> {
        let which = key_of(key);
        if self.peek() == Some('(') {
            // `key:(a OR b)`: each of them is a value of the key.
            return self.parentheses(|parser| parser.values(key));
        }
        let test = self.test(&which)?;
        Ok(self.finished(from, which, test))
    }

    fn values(&mut self, key: &str) -> Result<Expression, QueryError> {
        let mut any = Vec::new();
        let mut all = Vec::new();
        loop {
            self.blanks();
            if matches!(self.peek(), None | Some(')')) {
                break;
            }
            if self.keyword("OR") {
                any.push(Expression::All(std::mem::take(&mut all)));
                continue;
            }
            if self.keyword("AND") {
                continue;
            }
            let negated = self.keyword("NOT");
            self.blanks();
            let from = self.at;
            let which = key_of(key);
            let test = self.test(&which)?;
            let term = self.finished(from, which, test);
            all.push(if negated { Expression::Not(Box::new(term)) } else { term });
        }
        any.push(Expression::All(all));
        if any.iter().any(|part| *part == Expression::All(Vec::new())) {
            return Err(self.error("a value is missing"));
        }
        Ok(Expression::Any(any))
    }

    fn test(&mut self, key: &Key) -> Result<Test, QueryError> {
        match self.peek() {
            None => Err(self.error("a value is missing after the colon")),
            Some(c) if c.is_whitespace() || c == ')' => Err(self.error("a value is missing after the colon")),
            Some('"') => Ok(Test::Text(self.quoted()?)),
            Some(open @ ('[' | '{')) => self.range(open, key),
            Some(sign @ ('<' | '>')) => {
                self.at += 1;
                let with = self.peek() == Some('=');
                self.at += usize::from(with);
                let bound = Some((self.number(key)?, with));
                Ok(if sign == '>' { Test::Range(bound, None) } else { Test::Range(None, bound) })
            }
            Some(_) => {
                let start = self.at;
                let pattern = self.pattern()?;
                if pattern.0 == [Piece::Run] {
                    return Ok(Test::Exists);
                }
                if *key == Key::Duration {
                    let end = std::mem::replace(&mut self.at, start);
                    let number = self.number(key)?;
                    self.at = end;
                    return Ok(Test::Range(Some((number, true)), Some((number, true))));
                }
                Ok(Test::Text(pattern))
            }
        }
    }

    /// A quoted text, in which nothing but the backslash is special.
    fn quoted(&mut self) -> Result<Pattern, QueryError> {
        let open = self.at;
        self.at += 1;
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                None => return Err(QueryError { column: open + 1, message: "a quote that is not closed".to_owned() }),
                Some('"') => break,
                Some('\\') => {
                    self.at += 1;
                    let Some(c) = self.peek() else { return Err(self.error("nothing follows the backslash")) };
                    pieces.push(Piece::Char(c));
                }
                Some(c) => pieces.push(Piece::Char(c)),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(Pattern(pieces))
    }

    /// Text with wildcards, up to a blank or a parenthesis that closes.
    fn pattern(&mut self) -> Result<Pattern, QueryError> {
        let mut pieces = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || c == ')' => break,
                '*' => {
                    if pieces.last() != Some(&Piece::Run) {
                        pieces.push(Piece::Run);
                    }
                }
                '?' => pieces.push(Piece::One),
                '\\' => {
                    self.at += 1;
                    let Some(c) = self.peek() else { return Err(self.error("nothing follows the backslash")) };
                    pieces.push(Piece::Char(c));
                }
                c => pieces.push(Piece::Char(c)),
            }
            self.at += 1;
        }
        Ok(Pattern(pieces))
    }

    /// `[a TO b]` with its bounds, `{a TO b}` without them; the two kinds of bracket may be mixed.
    fn range(&mut self, open: char, key: &Key) -> Result<Test, QueryError> {
        self.at += 1;
        let low = self.bound(key)?;
        if !self.keyword("TO") {
            return Err(self.error("TO is missing in a range"));
        }
        let high = self.bound(key)?;
        self.blanks();
        let close = match self.peek() {
            Some(close @ (']' | '}')) => close,
            _ => return Err(self.error("a range that is not closed")),
        };
        self.at += 1;
        let low = low.map(|number| (number, open == '['));
        let high = high.map(|number| (number, close == ']'));
        Ok(Test::Range(low as Bound, high as Bound))
    }

    fn bound(&mut self, key: &Key) -> Result<Option<f64>, QueryError> {
        self.blanks();
        if self.peek() == Some('*') {
            self.at += 1;
            return Ok(None);
        }
        self.number(key).map(Some)
    }

    /// A number, with a unit of time for a duration.
    fn number(&mut self, key: &Key) -> Result<f64, QueryError> {
        let from = self.at;
        while self.peek().is_some_and(|c| !c.is_whitespace() && !")]}".contains(c)) {
            self.at += 1;
        }
        let text: String = self.chars.get(from..self.at).unwrap_or_default().iter().collect();
        let text = text.trim_matches('"');
        let split = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == 'µ');
        let (digits, unit) = match text.parse::<f64>() {
            Ok(_) => (text, ""),
            Err(_) => (split, &text[split.len()..]),
        };
        let scale = match unit {
            "" | "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => f64::NAN,
        };
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if unit.is_empty() => Ok(number),
            Some(number) if *key == Key::Duration && !scale.is_nan() => Ok((number * scale).round()),
            _ => {
                self.at = from;
                let expected = if *key == Key::Duration { "a duration such as 100ms" } else { "a number" };
                Err(self.error(format!("expected {expected}, found {text:?}")))
            }
        }
    }
}

/// What a key stands for.
fn key_of(key: &str) -> Key {
    let (attribute, name) = match key.strip_prefix('@') {
        Some(name) => (true, name),
        None => (false, key),
    };
    match name {
        "duration" => Key::Duration,
        "error" if attribute => Key::Error,
        "error.message" | "error.msg" => Key::ErrorDetail("error.message"),
        "error.type" => Key::ErrorDetail("error.type"),
        _ if attribute => Key::Attribute(name.to_owned()),
        "env" => Key::Env,
        "operation_name" => Key::Operation,
        "resource_name" => Key::Resource,
        "service" => Key::Service,
        "status" => Key::Status,
        "type" => Key::Type,
        "trace_id" => Key::Trace,
        "span_id" => Key::Span,
        "span.kind" => Key::Kind,
        "error" => Key::Error,
        _ => Key::Attribute(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        match Query::parse(text) {
            Ok(query) => format!("{query:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn faults_have_a_column() {
        for (text, fault) in [
            ("a:", "a value is missing after the colon at column 3"),
            (":x", "a key is missing before the colon at column 1"),
            ("a OR", "a term is missing after OR at column 5"),
            ("AND a", "a term is missing before AND at column 1"),
            ("a AND", "a term is missing after AND at column 6"),
            ("NOT", "a term is missing after NOT at column 4"),
            ("(a", "a parenthesis that is not closed at column 1"),
            ("a)", "an unexpected ) at column 2"),
            ("x:\"a", "a quote that is not closed at column 3"),
            ("x:[1 2]", "TO is missing in a range at column 6"),
            ("x:[1 TO 2", "a range that is not closed at column 10"),
            ("x:>a", "expected a number, found \"a\" at column 4"),
            ("@duration:>5x", "expected a duration such as 100ms, found \"5x\" at column 12"),
            ("()", "nothing between the parentheses at column 3"),
        ] {
            assert_eq!(refused(text), fault, "{text}");
        }
        let deep = "(".repeat(100_000);
        assert_eq!(refused(&deep), "parentheses nested over 64 deep at column 66");
    }

    #[test]
    fn terms_are_shown_as_written() {
        let query = Query::parse(r#"service:xmtpd -@a:1 (b OR @duration:>1.5ms) @k:("x y" OR z)"#).unwrap();
        let terms: Vec<&str> = query.terms().iter().map(|term| term.text.as_str()).collect();
        assert_eq!(terms, ["service:xmtpd", "b", "@duration:>1.5ms", "\"x y\"", "z"]);
        assert_eq!(query.keys(), ["a", "error.message", "error.msg", "k"]);
        assert_eq!(Query::parse("  ").unwrap().terms().len(), 0);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[ab:@\"*?()\\[\\]{}<>=\\\\ \\-0-9A-Z]{0,40}") {
            let _ = Query::parse(&text);
        }
    }
}
