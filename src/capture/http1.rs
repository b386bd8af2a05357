//! HTTP/1.1 messages out of bytes: saved requests, and the streams of a pcap. Heads are parsed by httparse; framing is that
//! of RFC 9112: Content-Length, or chunks with extensions and trailers.
//!
//! ```text
//! PUT /v0.4/traces HTTP/1.1\r\nHost: localhost:8126\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x91\x90\r\n0\r\n\r\n
//! ```

use crate::http::{Headers, Request};

/// Most header lines of a message.
const HEADER_LINES: usize = 256;
/// Longest head that is waited for.
pub(crate) const MAX_HEAD: usize = 256 << 10;

/// The head of a message, and how its body is framed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    /// Bytes of the head, the blank line included.
    pub(crate) len: usize,
    pub(crate) start: Start,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    Request { method: String, target: String },
    Response { status: u16 },
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// Where the connection closes: answers without either.
    Close,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Parsed {
    Head(Box<Head>),
    /// The head goes on behind them.
    Partial,
    /// No head of HTTP/1.
    Bad(String),
}

/// Parses the head of a request.
pub(crate) fn request_head(bytes: &[u8]) -> Parsed {
    let mut lines = [httparse::EMPTY_HEADER; HEADER_LINES];
    let mut parsed = httparse::Request::new(&mut lines);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => {
            let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
                return Parsed::Bad("no request line".to_owned());
            };
            let start = Start::Request { method: method.to_owned(), target: target.to_owned() };
            head(len, start, parsed.headers, Framing::Length(0))
        }
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => Parsed::Bad("a head without an end".to_owned()),
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(error) => Parsed::Bad(error.to_string()),
    }
}

/// Parses the head of an answer to a request of `method`.
pub(crate) fn response_head(bytes: &[u8], method: &str) -> Parsed {
    let mut lines = [httparse::EMPTY_HEADER; HEADER_LINES];
    let mut parsed = httparse::Response::new(&mut lines);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => {
            let status = parsed.code.unwrap_or_default();
            let bodiless = method == "HEAD" || matches!(status, 100..200 | 204 | 304);
            let framing = if bodiless { Framing::Length(0) } else { Framing::Close };
            let parsed = head(len, Start::Response { status }, parsed.headers, framing);
            match parsed {
                Parsed::Head(mut head) if bodiless => {
                    head.framing = Framing::Length(0);
                    Parsed::Head(head)
                }
                other => other,
            }
        }
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => Parsed::Bad("a head without an end".to_owned()),
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(error) => Parsed::Bad(error.to_string()),
    }
}

fn head(len: usize, start: Start, lines: &[httparse::Header<'_>], unsaid: Framing) -> Parsed {
    let mut headers = Headers::default();
    for line in lines {
        // Header values are bytes; what is not UTF-8 is read as ISO 8859-1.
        let value = match std::str::from_utf8(line.value) {
            Ok(value) => value.to_owned(),
            Err(_) => line.value.iter().map(|byte| char::from(*byte)).collect(),
        };
        headers.push(line.name, value);
    }
    let chunked = headers
        .get_all("transfer-encoding")
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("chunked"));
    let framing = match headers.get("content-length") {
        _ if chunked => Framing::Chunked,
        Some(length) => match length.trim().parse() {
            Ok(length) => Framing::Length(length),
            Err(_) => return Parsed::Bad(format!("Content-Length {length:?} is no number")),
        },
        None => unsaid,
    };
    Parsed::Head(Box::new(Head { len, start, headers, framing }))
}

/// Finds the end of a chunked body without collecting it; keeps its place between calls, so that a body which comes in many
/// pieces is walked once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chunks {
    at: usize,
    /// Ranges of data so far, relative to the body's first byte.
    data: Vec<std::ops::Range<usize>>,
    /// The last chunk was seen: trailers follow.
    last: bool,
}

impl Chunks {
    /// Goes on in `body`, all bytes behind the head so far; the length of the whole body once its end is there.
    pub(crate) fn end(&mut self, body: &[u8]) -> Result<Option<usize>, String> {
        loop {
            let rest = body.get(self.at..).unwrap_or_default();
            let Some(line) = rest.iter().position(|byte| *byte == b'\n') else {
                if rest.len() > MAX_HEAD {
                    return Err("a chunk size without an end".to_owned());
                }
                return Ok(None);
            };
            let text = rest[..line].strip_suffix(b"\r").unwrap_or(&rest[..line]);
            if self.last {
                self.at += line + 1;
                if text.is_empty() {
                    return Ok(Some(self.at));
                }
                continue;
            }
            let size = text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(size).ok().filter(|size| !size.is_empty() && size.len() <= 16);
            let Some(size) = size.and_then(|size| u64::from_str_radix(size, 16).ok()) else {
                let shown = String::from_utf8_lossy(&text[..text.len().min(20)]).into_owned();
                return Err(format!("{shown:?} is no chunk size"));
            };
            if size == 0 {
                self.at += line + 1;
                self.last = true;
                continue;
            }
            let start = self.at + line + 1;
            let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
            let Some(end) = end.filter(|end| body.len() > *end) else { return Ok(None) };
            let after = &body[end..];
            let line_end = if after.starts_with(b"\r\n") {
                2
            } else if after.starts_with(b"\n") {
                1
            } else if after == b"\r" {
                return Ok(None);
            } else {
                return Err("a chunk longer than its size".to_owned());
            };
            self.data.push(start..end);
            self.at = end + line_end;
        }
    }

    /// The data of the chunks of `body`.
    pub(crate) fn data(&self, body: &[u8]) -> Vec<u8> {
        self.data.iter().filter_map(|range| body.get(range.clone())).flatten().copied().collect()
    }
}

/// A whole request in `bytes`, and how long it is; `None` when it goes on behind them.
pub(crate) fn request(bytes: &[u8]) -> Result<Option<(Request, usize)>, String> {
    let head = match request_head(bytes) {
        Parsed::Head(head) => head,
        Parsed::Partial => return Ok(None),
        Parsed::Bad(problem) => return Err(problem),
    };
    let rest = &bytes[head.len..];
    let (body, len) = match head.framing {
        Framing::Length(length) => match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(body) => (body.to_vec(), body.len()),
            None => return Ok(None),
        },
        Framing::Chunked => {
            let mut chunks = Chunks::default();
            match chunks.end(rest)? {
                Some(len) => (chunks.data(rest), len),
                None => return Ok(None),
            }
        }
        Framing::Close => (Vec::new(), 0),
    };
    let Start::Request { method, target } = head.start else { return Err("no request".to_owned()) };
    Ok(Some((Request { method, path: target, headers: head.headers, body }, head.len + len)))
}

/// Whether `bytes` may begin a request: a method, a space, a target.
pub(crate) fn begins_request(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] = [b"POST ", b"PUT ", b"GET ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH "];
    METHODS.iter().any(|method| bytes.starts_with(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_every_framing() {
        let plain = b"POST /v0.4/traces HTTP/1.1\r\nContent-Length: 2\r\n\r\n\x91\x90GET";
        let (request, len) = self::request(plain).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str(), len), ("POST", "/v0.4/traces", plain.len() - 3));
        assert_eq!(request.body, [0x91, 0x90]);
        let chunked = b"PUT / HTTP/1.1\r\ntransfer-encoding: gzip, Chunked\r\n\r\n1;a=\"b\"\r\n\x91\r\n01\r\n\x90\r\n0\r\nTrailer: x\r\n\r\n";
        for cut in 0..chunked.len() {
            assert_eq!(self::request(&chunked[..cut]), Ok(None), "cut at {cut}");
        }
        let (request, len) = self::request(chunked).unwrap().unwrap();
        assert_eq!((request.body, len), (vec![0x91, 0x90], chunked.len()));
        let none = b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(self::request(none).unwrap().map(|(request, len)| (request.body, len)), Some((vec![], none.len())));
    }

    #[test]
    fn what_is_no_http_is_said() {
        for bytes in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert!(request(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn answers_end_where_their_request_says() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let framing = |method| match response_head(head, method) {
            Parsed::Head(head) => head.framing,
            other => panic!("{other:?}"),
        };
        assert_eq!((framing("POST"), framing("HEAD")), (Framing::Length(5), Framing::Length(0)));
        assert!(
            matches!(response_head(b"HTTP/1.1 100 Continue\r\n\r\n", "POST"), Parsed::Head(head) if head.framing == Framing::Length(0))
        );
    }
}
