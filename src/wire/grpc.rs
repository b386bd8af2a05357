//! The framing of gRPC: before every message a flag and a length.
//!
//! ```text
//! 00 00 00 01 9c  (412 bytes)     not compressed
//! 01 00 00 00 7b  (123 bytes)     compressed as the header grpc-encoding says
//! ```
//! Defined by gRPC's PROTOCOL-HTTP2. The messages of one request to the TraceService are one, but several can be read: the
//! first byte of a bare OTLP message is never 0 or 1, so a body without frames can be told from one with them.

use super::codes::{TRAILING_BYTES, TRUNCATED};
use crate::diagnostic::{BodyScope, Diagnostic};
use crate::encoding::{self, Encoding, codes::BAD_ENCODING};

/// A frame.
pub(super) struct Frame<'a> {
    /// Offset of its message.
    pub(super) start: usize,
    pub(super) compressed: bool,
    /// The message, or what is there of it.
    pub(super) message: &'a [u8],
    /// How many bytes of it are missing.
    pub(super) missing: usize,
}

/// The frames of a body; ends at what is none.
pub(super) struct Frames<'a> {
    body: &'a [u8],
    rest: &'a [u8],
}

/// Whether a body begins with a frame.
pub(super) fn is_framed(body: &[u8]) -> bool {
    matches!(body, [0 | 1, _, _, _, _, ..])
}

/// Whether a body is frames and nothing else.
pub(super) fn fits(body: &[u8]) -> bool {
    let mut frames = frames(body);
    is_framed(body) && frames.by_ref().all(|frame| frame.missing == 0) && frames.rest.is_empty()
}

pub(super) fn frames(body: &[u8]) -> Frames<'_> {
    Frames { body, rest: body }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let [flag @ (0 | 1), a, b, c, d, rest @ ..] = self.rest else { return None };
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (message, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let start = self.body.len() - rest.len();
        self.rest = behind;
        Some(Frame { start, compressed: *flag == 1, message, missing: length - message.len() })
    }
}

impl Frames<'_> {
    /// Reports what follows the last frame and is none.
    pub(super) fn report_rest(&self, out: &mut BodyScope<'_>) {
        if !self.rest.is_empty() {
            let message = format!("{} bytes after the last gRPC frame", self.rest.len());
            out.report(TRAILING_BYTES, self.body.len() - self.rest.len(), "", message);
        }
    }
}

/// The same frames with their messages decompressed; `None` when no message is compressed. `said` is the encoding that
/// the header `grpc-encoding` names; without it, or against it, the message itself tells. A message that does not
/// decompress is reported and left out.
pub fn decompressed(
    body: &[u8],
    said: Option<Encoding>,
    limits: &encoding::Limits,
    out: &mut BodyScope<'_>,
) -> Option<Vec<u8>> {
    if !frames(body).any(|frame| frame.compressed) {
        return None;
    }
    let mut all = Vec::new();
    for frame in frames(body) {
        let left = encoding::Limits { decoded: limits.decoded.saturating_sub(all.len() as u64), ..*limits };
        let message = if frame.compressed {
            if frame.missing > 0 {
                report_cut(&frame, body, out);
            }
            let encoding = Encoding::sniff(frame.message).or(said).unwrap_or(Encoding::Deflate);
            match encoding::decode(encoding, frame.message, &left) {
                Ok(message) => message,
                // Nothing says that it was deflate.
                Err(finding) if Encoding::sniff(frame.message).is_none() && said.is_none() => {
                    let message = format!("a gRPC message in an unknown compression: {}", finding.message());
                    out.report(BAD_ENCODING, frame.start, "", message);
                    continue;
                }
                Err(finding) => {
                    out.take(finding, Some(frame.start), "");
                    continue;
                }
            }
        } else {
            frame.message.to_vec()
        };
        let Ok(length) = u32::try_from(message.len() + frame.missing * usize::from(!frame.compressed)) else { break };
        all.push(0);
        all.extend_from_slice(&length.to_be_bytes());
        all.extend_from_slice(&message);
    }
    Some(all)
}

/// Reports a frame whose message is not all there.
pub(super) fn report_cut(frame: &Frame<'_>, body: &[u8], out: &mut BodyScope<'_>) {
    let message = format!(
        "a gRPC frame of {} bytes, of which {} are missing",
        frame.message.len() + frame.missing,
        frame.missing
    );
    out.take(Diagnostic::new(TRUNCATED, message), Some(body.len()), "");
}

/// One frame around `message`, not compressed; `None` for a message of 4 GiB and more.
pub(super) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut body = Vec::with_capacity(message.len() + 5);
    body.push(0);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(message);
    Some(body)
}
