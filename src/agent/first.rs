//! What passes over a connection, looked at on its way: its first bytes tell which protocol the other side speaks.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that a connection begins with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstBytes {
    bytes: [u8; 16],
    length: usize,
}

/// What a side of a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// Nothing came.
    Silence,
    /// HTTP/1: a request line or a status line.
    Http1,
    /// HTTP/2: the preface of a client, or the settings of a server.
    Http2,
    /// TLS.
    Tls,
    /// Something else.
    Unknown,
}

impl FirstBytes {
    /// What they are the beginning of.
    pub(super) fn spoken(&self) -> Spoken {
        let bytes = &self.bytes[..self.length];
        match bytes {
            [] => Spoken::Silence,
            [0x14..=0x17, 0x03, ..] => Spoken::Tls,
            [b'P', b'R', b'I', b' ', ..] | [0, 0, _, 4, ..] => Spoken::Http2,
            [b'H', b'T', b'T', b'P', b'/', ..] => Spoken::Http1,
            _ if bytes.split(|byte| *byte == b' ').next().is_some_and(is_method) => Spoken::Http1,
            _ => Spoken::Unknown,
        }
    }
}

fn is_method(word: &[u8]) -> bool {
    [&b"GET"[..], b"PUT", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH"].contains(&word)
}

/// Looks at bytes as they are read.
pub(super) trait Watch {
    fn see(&mut self, new: &[u8]);
}

impl Watch for FirstBytes {
    fn see(&mut self, new: &[u8]) {
        let room = &mut self.bytes[self.length..];
        let taken = new.len().min(room.len());
        room[..taken].copy_from_slice(&new[..taken]);
        self.length += taken;
    }
}

/// A stream that is watched while it is read.
pub(super) struct Watched<S, W> {
    pub(super) stream: S,
    pub(super) watch: Rc<RefCell<W>>,
}

impl<S: AsyncRead + Unpin, W: Watch> AsyncRead for Watched<S, W> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(new) = buf.filled().get(before..).filter(|new| !new.is_empty()) {
            self.watch.borrow_mut().see(new);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin, W> AsyncWrite for Watched<S, W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        for (bytes, spoken) in [
            (&b""[..], Spoken::Silence),
            (b"\x16\x03\x01\x02\x00", Spoken::Tls),
            (b"\x15\x03\x03\x00\x02\x02\x0a", Spoken::Tls),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Spoken::Http2),
            (b"\0\0\x06\x04\0\0\0\0\0", Spoken::Http2),
            (b"HTTP/1.1 400 Bad Request\r\n", Spoken::Http1),
            (b"POST /v0.4/traces HTTP/1.1\r\n", Spoken::Http1),
            (b"SSH-2.0-OpenSSH", Spoken::Unknown),
        ] {
            let mut first = FirstBytes::default();
            let (one, other) = bytes.split_at(bytes.len() / 3);
            first.see(one);
            first.see(other);
            assert_eq!(first.spoken(), spoken, "{bytes:?}");
        }
    }
}
