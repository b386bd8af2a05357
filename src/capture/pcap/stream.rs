//! One direction of a TCP connection: segments in any order become bytes in order, each with its place in the file.
//!
//! The first copy of a byte counts, whatever comes again. Segments ahead of a gap are held until it fills; when too much is
//! held, or the connection ends, the gap is closed with zeros, and the message that it lies in is known to be broken.

use std::collections::{BTreeMap, VecDeque};

/// Bytes that are held behind a gap before it is given up.
const MOST_HELD: usize = 16 << 20;
/// Zeros that may stand for missing bytes over a whole file, beside as many as there were bytes of payload: a small file
/// must not declare gigabytes of gaps.
pub(super) const MOST_FILLED: u64 = 16 << 20;

/// Where bytes of a stream stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) len: usize,
    pub(super) origin: Origin,
}

/// Where bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From this byte of the file.
    File(u64),
    /// They were not captured: the frame was cut.
    Cut,
    /// They were never seen.
    Gap,
}

/// A piece of payload with its place.
struct Held {
    bytes: Vec<u8>,
    at: u64,
    cut: usize,
}

/// The bytes of one direction, in order.
#[derive(Default)]
pub(super) struct Stream {
    /// Sequence number of the byte behind those that are in order; `None` before the first.
    next: Option<u32>,
    /// That of the first byte.
    first: u32,
    /// How many bytes came before `next`, for numbering what is held.
    position: u64,
    held: BTreeMap<u64, Held>,
    held_bytes: usize,
    /// Bytes in order that nobody took yet, and where they came from.
    pub(super) bytes: Vec<u8>,
    spans: VecDeque<Span>,
    /// More was missing than is filled: what was in flight is gone.
    restarted: bool,
}

impl Stream {
    /// Begins at the byte with this sequence number.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.next = Some(sequence);
        self.first = sequence;
    }

    /// Whether it began at the byte with this sequence number.
    pub(super) fn began_at(&self, sequence: u32) -> bool {
        self.next.is_some() && self.first == sequence
    }

    pub(super) fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Takes a segment; `cut` bytes behind `payload` were on the wire and not in the file.
    pub(super) fn take(&mut self, sequence: u32, payload: &[u8], at: u64, cut: usize, fill: &mut u64) {
        *fill += payload.len() as u64;
        let Some(next) = self.next else { return };
        // Sequence numbers wrap at 2^32; what is more than half of that ahead is behind.
        let ahead = sequence.wrapping_sub(next) as i32;
        let total = payload.len() + cut;
        if ahead <= 0 {
            let old = ahead.unsigned_abs() as usize;
            if old < total {
                self.append(payload.get(old..).unwrap_or_default(), at + old as u64, cut.min(total - old), fill);
                self.drain_held(fill);
            }
            return;
        }
        let offset = self.position + ahead as u64;
        if self.held.get(&offset).is_some_and(|held| held.bytes.len() + held.cut >= total) {
            return;
        }
        self.held_bytes += payload.len();
        if let Some(shorter) = self.held.insert(offset, Held { bytes: payload.to_vec(), at, cut }) {
            self.held_bytes -= shorter.bytes.len();
        }
        if self.held_bytes > MOST_HELD {
            self.close_gap(fill);
        }
    }

    fn append(&mut self, payload: &[u8], at: u64, cut: usize, fill: &mut u64) {
        if !payload.is_empty() {
            self.bytes.extend_from_slice(payload);
            self.note(Span { len: payload.len(), origin: Origin::File(at) });
        }
        self.advance(payload.len() as u64);
        self.missing(cut as u64, Origin::Cut, fill);
    }

    /// Puts zeros where bytes are missing; when those are too many, one that stands for all, and reading begins anew.
    fn missing(&mut self, count: u64, origin: Origin, fill: &mut u64) {
        if count == 0 {
            return;
        }
        self.advance(count);
        let filled = if count <= *fill {
            *fill -= count;
            count as usize
        } else {
            self.bytes.clear();
            self.spans.clear();
            self.restarted = true;
            1
        };
        self.bytes.resize(self.bytes.len() + filled, 0);
        self.note(Span { len: filled, origin });
    }

    /// Whether what was in flight is gone, since this was asked last.
    pub(super) fn was_restarted(&mut self) -> bool {
        std::mem::take(&mut self.restarted)
    }

    fn advance(&mut self, count: u64) {
        self.position += count;
        self.next = self.next.map(|next| next.wrapping_add(count as u32));
    }

    fn note(&mut self, span: Span) {
        if let Some(last) = self.spans.back_mut() {
            match (last.origin, span.origin) {
                (Origin::File(from), Origin::File(at)) if from + last.len as u64 == at => {
                    last.len += span.len;
                    return;
                }
                (Origin::Cut, Origin::Cut) | (Origin::Gap, Origin::Gap) => {
                    last.len += span.len;
                    return;
                }
                _ => {}
            }
        }
        self.spans.push_back(span);
    }

    /// Appends what was held and is next now.
    fn drain_held(&mut self, fill: &mut u64) {
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.position {
                return;
            }
            let old = (self.position - *entry.key()) as usize;
            let held = entry.remove();
            self.held_bytes -= held.bytes.len();
            let total = held.bytes.len() + held.cut;
            if old < total {
                let rest = held.bytes.get(old..).unwrap_or_default();
                self.append(rest, held.at + old as u64, held.cut.min(total - old), fill);
            }
        }
    }

    /// Gives up the first gap: what was held behind it is next. False when nothing is held.
    pub(super) fn close_gap(&mut self, fill: &mut u64) -> bool {
        let Some(first) = self.held.keys().next().copied() else { return false };
        self.missing(first - self.position, Origin::Gap, fill);
        self.drain_held(fill);
        true
    }

    /// Removes the first `count` bytes and says where they came from.
    pub(super) fn remove(&mut self, count: usize) -> Vec<Span> {
        let mut left = count.min(self.bytes.len());
        self.bytes.drain(..left);
        let mut removed = Vec::new();
        while left > 0 {
            let Some(first) = self.spans.front_mut() else { break };
            let taken = first.len.min(left);
            removed.push(Span { len: taken, origin: first.origin });
            left -= taken;
            if taken == first.len {
                self.spans.pop_front();
            } else {
                first.len -= taken;
                if let Origin::File(at) = &mut first.origin {
                    *at += taken as u64;
                }
            }
        }
        removed
    }

    /// Where the first byte that is in the file stands.
    pub(super) fn first_place(&self) -> Option<u64> {
        self.spans.iter().find_map(|span| if let Origin::File(at) = span.origin { Some(at) } else { None })
    }

    /// Bytes that are missing among those in order.
    pub(super) fn missing_bytes(&self) -> usize {
        self.spans.iter().filter(|span| !matches!(span.origin, Origin::File(_))).map(|span| span.len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gap_that_never_fills_is_closed_with_zeros() {
        let (mut stream, mut fill) = (Stream::default(), 1);
        stream.begin(u32::MAX);
        stream.take(u32::MAX, b"ab", 100, 0, &mut fill);
        stream.take(3, b"ef", 300, 0, &mut fill);
        assert_eq!((stream.bytes.as_slice(), stream.missing_bytes()), (&b"ab"[..], 0));
        assert!(stream.close_gap(&mut fill) && !stream.close_gap(&mut fill));
        assert_eq!((stream.bytes.as_slice(), stream.missing_bytes()), (&b"ab\0\0ef"[..], 2));
        let spans = stream.remove(5);
        assert_eq!(
            spans,
            [
                Span { len: 2, origin: Origin::File(100) },
                Span { len: 2, origin: Origin::Gap },
                Span { len: 1, origin: Origin::File(300) },
            ]
        );
        assert_eq!(stream.remove(9), [Span { len: 1, origin: Origin::File(301) }]);
        // More than may be filled: what was in flight is gone, and one byte says so.
        stream.take(5, b"gh", 500, 0, &mut fill);
        stream.take(5 + (1 << 30), b"ij", 600, 0, &mut fill);
        assert!(stream.close_gap(&mut fill) && stream.was_restarted() && !stream.was_restarted());
        assert_eq!((stream.bytes.as_slice(), stream.missing_bytes()), (&b"\0ij"[..], 1));
    }

    proptest! {
        /// Segments in any order, again, and overlapping make the same bytes.
        #[test]
        fn order_and_repetition_do_not_matter(
            text in prop::collection::vec(any::<u8>(), 1..200),
            cuts in prop::collection::vec((0usize..200, 1usize..40), 0..30),
            start in any::<u32>(),
            seed in any::<u64>(),
        ) {
            let mut segments: Vec<(usize, usize)> = (0..text.len()).step_by(7).map(|at| (at, 7)).collect();
            segments.extend(cuts);
            // A shuffle by a multiplicative hash of the seed.
            segments.sort_by_key(|(at, len)| (*at as u64 * 31 + *len as u64 + 1).wrapping_mul(seed | 1));
            let (mut stream, mut fill) = (Stream::default(), 0);
            stream.begin(start);
            for (at, len) in segments {
                let end = (at + len).min(text.len());
                if at < end {
                    stream.take(start.wrapping_add(at as u32), &text[at..end], 1000 + at as u64, 0, &mut fill);
                }
            }
            prop_assert_eq!(&stream.bytes, &text);
            // Every byte is where it says.
            let mut position = 0;
            for span in stream.remove(text.len()) {
                prop_assert_eq!(span.origin, Origin::File(1000 + position as u64));
                position += span.len;
            }
            prop_assert_eq!(position, text.len());
        }
    }
}
