//! Bodies made by hand: v0.4 from a list of spans, and msgpack rewritten with other widths.

use serde::Serialize;
use spanglass::diagnostic::Diagnostics;
use spanglass::trace::Batch;
use spanglass::wire::{self, Options, Protocol};
use std::collections::BTreeMap;

/// A span of a v0.4 body.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    pub service: String,
    pub name: String,
    pub resource: String,
    pub trace_id: u64,
    pub span_id: u64,
    pub parent_id: u64,
    pub start: i64,
    pub duration: i64,
    pub error: i32,
    pub meta: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, f64>,
}

/// When made spans begin.
pub const NOW: i64 = 1_795_168_000_000_000_000;

impl Made {
    /// A span of trace 7 that begins `after` ns after [`NOW`].
    pub fn new(span_id: u64, parent_id: u64, after: i64, duration: i64) -> Self {
        Made {
            service: "shop".into(),
            name: "op".into(),
            resource: "op".into(),
            trace_id: 7,
            span_id,
            parent_id,
            start: NOW + after,
            duration,
            error: 0,
            meta: BTreeMap::new(),
            metrics: BTreeMap::new(),
        }
    }

    /// The same under another name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self.resource = name.into();
        self
    }

    /// The same with a tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }
}

/// One chunk with these spans, as a v0.4 body.
pub fn v04(spans: &[Made]) -> Vec<u8> {
    v04_chunks(&[spans])
}

/// Chunks of spans, as a v0.4 body.
pub fn v04_chunks(chunks: &[&[Made]]) -> Vec<u8> {
    rmp_serde::to_vec_named(chunks).unwrap()
}

/// `count` spans, each the child of the one before.
pub fn chain(count: u64) -> Vec<Made> {
    (1..=count).map(|id| Made::new(id, id - 1, id as i64, 2 * (count - id) as i64 + 1)).collect()
}

/// A root with `count` children.
pub fn fan(count: u64) -> Vec<Made> {
    let root = Made::new(1, 0, 0, 10 * count as i64).named("root");
    std::iter::once(root).chain((0..count).map(|child| Made::new(child + 2, 1, 10 * child as i64, 8))).collect()
}

/// A body decoded through the library.
pub struct Decoded {
    pub body: Vec<u8>,
    pub batch: Batch,
    pub found: Diagnostics,
}

impl Decoded {
    pub fn of(protocol: Protocol, body: Vec<u8>) -> Self {
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        wire::decode(protocol, &body, &Options::default(), &mut batch, &mut found.body(0));
        Decoded { body, batch, found }
    }

    pub fn payload(&self) -> spanglass::trace::Payload<'_> {
        self.batch.view(&self.body)
    }

    /// Codes of the findings with where they are.
    pub fn findings(&self) -> Vec<String> {
        self.found.iter().map(ToString::to_string).collect()
    }
}

/// Rewrites msgpack so that every length and integer takes a width that `wider` chooses: it gets how many forms
/// there are (the shortest first) and answers with one of them. The values stay the same.
pub fn rewrite_widths(bytes: &[u8], mut wider: impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    let mut at = 0;
    let number = |at: usize, width: usize| bytes[at..at + width].iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    while at < bytes.len() {
        let marker = bytes[at];
        at += 1;
        let mut take = |width: usize| {
            let value = number(at, width);
            at += width;
            value
        };
        match marker {
            0x00..=0x7f => write_unsigned(&mut out, u64::from(marker), &mut wider),
            0xcc..=0xcf => {
                let value = take(1 << (marker - 0xcc));
                write_unsigned(&mut out, value, &mut wider);
            }
            0xe0..=0xff => write_signed(&mut out, i64::from(marker as i8), &mut wider),
            0xd0..=0xd3 => {
                let width = 1u32 << (marker - 0xd0);
                let unused = 64 - 8 * width;
                let value = (take(width as usize) << unused) as i64 >> unused;
                write_signed(&mut out, value, &mut wider);
            }
            0x80..=0x8f => write_length(&mut out, &MAP, u64::from(marker & 0x0f), &mut wider),
            0xde | 0xdf => {
                let count = take(if marker == 0xde { 2 } else { 4 });
                write_length(&mut out, &MAP, count, &mut wider);
            }
            0x90..=0x9f => write_length(&mut out, &ARRAY, u64::from(marker & 0x0f), &mut wider),
            0xdc | 0xdd => {
                let count = take(if marker == 0xdc { 2 } else { 4 });
                write_length(&mut out, &ARRAY, count, &mut wider);
            }
            0xa0..=0xbf | 0xd9..=0xdb => {
                let length = match marker {
                    0xd9 => take(1),
                    0xda => take(2),
                    0xdb => take(4),
                    short => u64::from(short & 0x1f),
                };
                write_length(&mut out, &STR, length, &mut wider);
                out.extend_from_slice(&bytes[at..at + length as usize]);
                at += length as usize;
            }
            0xc4..=0xc6 => {
                let length = take(1 << (marker - 0xc4));
                write_length(&mut out, &BIN, length, &mut wider);
                out.extend_from_slice(&bytes[at..at + length as usize]);
                at += length as usize;
            }
            0xc0 | 0xc2 | 0xc3 => out.push(marker),
            0xca | 0xcb => {
                let width = if marker == 0xca { 4 } else { 8 };
                out.push(marker);
                out.extend_from_slice(&bytes[at..at + width]);
                at += width;
            }
            other => panic!("marker 0x{other:02x} is not made here"),
        }
    }
    out
}

/// Forms of a length: (marker, bytes of length, longest); without bytes the length is part of the marker.
type Forms = [(u8, usize, u64)];
const MAP: [(u8, usize, u64); 3] = [(0x80, 0, 15), (0xde, 2, 0xffff), (0xdf, 4, u32::MAX as u64)];
const ARRAY: [(u8, usize, u64); 3] = [(0x90, 0, 15), (0xdc, 2, 0xffff), (0xdd, 4, u32::MAX as u64)];
const STR: [(u8, usize, u64); 4] = [(0xa0, 0, 31), (0xd9, 1, 0xff), (0xda, 2, 0xffff), (0xdb, 4, u32::MAX as u64)];
const BIN: [(u8, usize, u64); 3] = [(0xc4, 1, 0xff), (0xc5, 2, 0xffff), (0xc6, 4, u32::MAX as u64)];

fn write_length(out: &mut Vec<u8>, forms: &Forms, length: u64, wider: &mut impl FnMut(usize) -> usize) {
    let fitting: Vec<_> = forms.iter().filter(|(_, _, longest)| length <= *longest).collect();
    let (marker, width, _) = *fitting[wider(fitting.len())];
    if width == 0 {
        out.push(marker | length as u8);
    } else {
        out.push(marker);
        out.extend_from_slice(&length.to_be_bytes()[8 - width..]);
    }
}

fn write_unsigned(out: &mut Vec<u8>, value: u64, wider: &mut impl FnMut(usize) -> usize) {
    // Positive fixint, uint 8 to 64, and the signed forms where the value fits.
    let forms = [
        (value < 0x80).then_some(None),
        (value <= 0xff).then_some(Some((0xcc, 1))),
        (value <= 0xffff).then_some(Some((0xcd, 2))),
        (value <= 0xffff_ffff).then_some(Some((0xce, 4))),
        Some(Some((0xcf, 8))),
        (value <= 0x7f).then_some(Some((0xd0, 1))),
        (value <= 0x7fff).then_some(Some((0xd1, 2))),
        (value <= 0x7fff_ffff).then_some(Some((0xd2, 4))),
        (value <= i64::MAX as u64).then_some(Some((0xd3, 8))),
    ];
    write_number(out, value, &forms.into_iter().flatten().collect::<Vec<_>>(), wider);
}

fn write_signed(out: &mut Vec<u8>, value: i64, wider: &mut impl FnMut(usize) -> usize) {
    if value >= 0 {
        return write_unsigned(out, value as u64, wider);
    }
    let forms = [
        (value >= -32).then_some(None),
        (value >= i64::from(i8::MIN)).then_some(Some((0xd0, 1))),
        (value >= i64::from(i16::MIN)).then_some(Some((0xd1, 2))),
        (value >= i64::from(i32::MIN)).then_some(Some((0xd2, 4))),
        Some(Some((0xd3, 8))),
    ];
    write_number(out, value as u64, &forms.into_iter().flatten().collect::<Vec<_>>(), wider);
}

fn write_number(out: &mut Vec<u8>, value: u64, forms: &[Option<(u8, usize)>], wider: &mut impl FnMut(usize) -> usize) {
    match forms[wider(forms.len())] {
        None => out.push(value as u8),
        Some((marker, width)) => {
            out.push(marker);
            out.extend_from_slice(&value.to_be_bytes()[8 - width..]);
        }
    }
}
