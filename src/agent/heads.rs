//! Heads of HTTP/1.1 requests as they were on the wire. hyper sorts header names into lower case; what is recorded has their
//! order and case, so the bytes that hyper reads are looked at as they pass.

use super::first::{FirstBytes, Watch};
use crate::capture::http1::{Framing, Head, Parsed, request_head};
use std::collections::VecDeque;

/// Most bytes that are kept while a head is not complete.
const MOST: usize = 512 << 10;

/// The heads of one connection that were seen and not yet asked for.
#[derive(Default)]
pub(super) struct Heads {
    /// Bytes of a head that is not complete.
    bytes: Vec<u8>,
    /// Bytes of a body that follow.
    body: u64,
    /// Inside a body whose end is not known: chunks, or no HTTP at all.
    lost: bool,
    complete: VecDeque<Head>,
    /// The first bytes of the connection.
    pub(super) first: FirstBytes,
}

impl Watch for Heads {
    fn see(&mut self, mut new: &[u8]) {
        self.first.see(new);
        loop {
            let of_body = usize::try_from(self.body).unwrap_or(usize::MAX).min(new.len());
            self.body -= of_body as u64;
            new = &new[of_body..];
            if self.lost || new.is_empty() {
                return;
            }
            self.bytes.extend_from_slice(new);
            match request_head(&self.bytes) {
                Parsed::Partial if self.bytes.len() < MOST => return,
                Parsed::Partial | Parsed::Bad(_) => {
                    self.lost = true;
                    self.bytes = Vec::new();
                    return;
                }
                Parsed::Head(head) => {
                    // The rest of `bytes` is the end of `new`.
                    let rest = self.bytes.len() - head.len;
                    new = &new[new.len() - rest.min(new.len())..];
                    self.bytes.clear();
                    match head.framing {
                        Framing::Length(length) => self.body = length,
                        Framing::Chunked | Framing::Close => self.lost = true,
                    }
                    self.complete.push_back(*head);
                }
            }
        }
    }
}

impl Heads {
    /// The head of the request that hyper has just read; `None` when a client sent it before the end of a chunked one.
    pub(super) fn take(&mut self) -> Option<Head> {
        self.complete.pop_front()
    }

    /// The body of a request has been read to its end: a head comes next.
    pub(super) fn body_ended(&mut self) {
        if std::mem::take(&mut self.lost) {
            self.bytes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_however_the_bytes_are_cut() {
        let stream = b"PUT /a HTTP/1.1\r\nX-B: 1\r\nContent-Length: 3\r\n\r\nGETGET /b HTTP/1.1\r\nx-a: 2\r\n\r\n";
        for cut in 0..stream.len() {
            let mut heads = Heads::default();
            heads.see(&stream[..cut]);
            heads.see(&stream[cut..]);
            let names: Vec<_> = std::iter::from_fn(|| heads.take())
                .map(|head| head.headers.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(","))
                .collect();
            assert_eq!(names, ["X-B,Content-Length", "x-a"], "cut at {cut}");
        }
    }

    #[test]
    fn a_head_is_found_behind_a_chunked_body() {
        let mut heads = Heads::default();
        heads.see(b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        heads.see(b"0\r\n\r\n");
        assert!(heads.take().is_some());
        heads.body_ended();
        heads.see(b"GET /b HTTP/1.1\r\n\r\n");
        assert!(heads.take().is_some() && heads.take().is_none());
    }
}
