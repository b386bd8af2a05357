//! Content encodings of bodies and of whole files: gzip (RFC 1952, every member), zstd (RFC 8878, every frame)
//! and deflate (RFC 9110 section 8.4.1.2: zlib; some senders mean bare deflate), undone within [`Limits`].
//!
//! A compressed body begins `1f 8b` (gzip) or `28 b5 2f fd` (zstd); deflate has no magic and is only known from
//! `Content-Encoding`. No size that the data declares is ever believed: output grows as bytes come out.
//!
//! ```
//! use spanglass::encoding::{Encoding, Limits, decode};
//!
//! let stored = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x02\0\xfd\xffhi\xac\x2a\x93\xd8\x02\0\0\0";
//! assert_eq!(Encoding::sniff(stored), Some(Encoding::Gzip));
//! assert_eq!(decode(Encoding::Gzip, stored, &Limits::default()).unwrap(), b"hi");
//! ```

use crate::diagnostic::Diagnostic;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

/// What can be wrong with an encoded body (wire.md section 12).
pub mod codes {
    crate::diagnostic::codes! {
        BAD_ENCODING        "D013" "bad-encoding"        Error "Content-Encoding unknown, corrupt, missing, or not true";
        DECOMPRESSION_LIMIT "D014" "decompression-limit" Error "decompressing gives more than the limits allow";
        TOO_LARGE           "D015" "too-large"           Error "a body is larger than the limit";
    }
}
use codes::{BAD_ENCODING, DECOMPRESSION_LIMIT};

/// How bytes were compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950, or RFC 1951 without its wrapper.
    Deflate,
}

impl Encoding {
    /// The encoding whose magic these bytes begin with.
    pub fn sniff(first: &[u8]) -> Option<Encoding> {
        match first {
            [0x1f, 0x8b, ..] => Some(Encoding::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Encoding::Zstd),
            _ => None,
        }
    }

    /// The encoding that a token of `Content-Encoding` or `grpc-encoding` names, in any case. `identity` is none.
    pub fn from_token(token: &str) -> Option<Encoding> {
        let token = token.trim();
        let is = |name: &str| token.eq_ignore_ascii_case(name);
        if is("gzip") || is("x-gzip") {
            Some(Encoding::Gzip)
        } else if is("zstd") {
            Some(Encoding::Zstd)
        } else if is("deflate") {
            Some(Encoding::Deflate)
        } else {
            None
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
            Encoding::Deflate => "deflate",
        })
    }
}

/// How much compressed data may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that one body may have after decompression.
    pub decoded: u64,
    /// Most bytes out for one byte in ...
    pub ratio: u64,
    /// ... once more than this many came out.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { decoded: 256 << 20, ratio: 1000, ratio_from: 8 << 20 }
    }
}

impl Limits {
    /// Whether `out` bytes from `taken` are too good to be true.
    fn bomb(&self, out: u64, taken: u64) -> bool {
        out > self.ratio_from && out > taken.saturating_mul(self.ratio)
    }
}

/// Most layers of compression around a file: `.gz.gz` happens, five layers are an attack.
pub const MAX_LAYERS: usize = 4;

/// Bytes asked of a decoder at once. A corrupt stream loses what its failing step had produced, so steps are small.
const STEP: usize = 16 << 10;

/// Decompresses a whole body.
pub fn decode(encoding: Encoding, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Diagnostic> {
    let mut out = Vec::new();
    decode_into(encoding, bytes, limits, &mut out)?;
    Ok(out)
}

/// Decompresses a whole body into `out`, which is emptied first; after an error it holds what did come out.
pub fn decode_into(encoding: Encoding, bytes: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Diagnostic> {
    out.clear();
    let zlib = encoding == Encoding::Deflate && has_zlib_header(bytes);
    let mut result = drain(encoding, &mut Decoder::new(encoding, bytes, zlib), bytes.len(), limits, out);
    if zlib && result.is_err() && out.is_empty() {
        // Bare deflate that looks like a zlib header by chance (1 in about 500).
        result = drain(encoding, &mut Decoder::new(encoding, bytes, false), bytes.len(), limits, out);
    }
    result
}

/// RFC 1950 section 2.2: method 8, and the first two bytes are a multiple of 31.
fn has_zlib_header(bytes: &[u8]) -> bool {
    matches!(bytes, [cmf, flags, ..] if cmf & 0x0f == 8 && ((u32::from(*cmf) << 8) | u32::from(*flags)) % 31 == 0)
}

fn drain(
    encoding: Encoding,
    decoder: &mut Decoder<&[u8]>,
    taken: usize,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Diagnostic> {
    loop {
        let before = out.len();
        out.resize(before + STEP, 0);
        let step = decoder.read(&mut out[before..]);
        out.truncate(before + step.as_ref().copied().unwrap_or(0));
        match step {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(broken(encoding, &error, out.len() as u64)),
        }
        if out.len() as u64 > limits.decoded {
            let message = format!("{encoding} data gives more than {} bytes; reading stopped there", limits.decoded);
            return Err(Diagnostic::new(DECOMPRESSION_LIMIT, message).help("--max-body SIZE allows more"));
        }
        if limits.bomb(out.len() as u64, taken as u64) {
            return Err(ratio_exceeded(encoding, out.len() as u64, taken as u64, limits));
        }
    }
    match decoder.unread() {
        0 => Ok(()),
        rest => Err(Diagnostic::new(
            BAD_ENCODING,
            format!("{rest} bytes follow the end of the {encoding} data; {} bytes came out before them", out.len()),
        )),
    }
}

fn broken(encoding: Encoding, error: &io::Error, out: u64) -> Diagnostic {
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "is cut short".to_owned(),
        _ => format!("is corrupt ({error})"),
    };
    Diagnostic::new(BAD_ENCODING, format!("{encoding} data {what}; {out} bytes came out of it"))
}

fn ratio_exceeded(encoding: Encoding, out: u64, taken: u64, limits: &Limits) -> Diagnostic {
    let message = format!(
        "{encoding} data gives {out} bytes for {taken}, more than {} for one; reading stopped there",
        limits.ratio
    );
    Diagnostic::new(DECOMPRESSION_LIMIT, message).help("--max-ratio N allows more, if the sender can be trusted")
}

/// One decompressor; its errors are those of the libraries.
enum Decoder<R> {
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Zstd<R>),
    Zlib(ZlibDecoder<R>),
    Bare(DeflateDecoder<R>),
}

impl<R: BufRead> Decoder<R> {
    fn new(encoding: Encoding, input: R, zlib: bool) -> Self {
        match encoding {
            Encoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(input))),
            Encoding::Zstd => Decoder::Zstd(Zstd { input, decoder: None, wanted: FRAME_HEADER, in_frame: true }),
            Encoding::Deflate if zlib => Decoder::Zlib(ZlibDecoder::new(input)),
            Encoding::Deflate => Decoder::Bare(DeflateDecoder::new(input)),
        }
    }
}

impl Decoder<&[u8]> {
    /// Bytes after the end of the data: gzip and zstd go on with the next member or frame instead.
    fn unread(&self) -> usize {
        match self {
            Decoder::Gzip(_) | Decoder::Zstd(_) => 0,
            Decoder::Zlib(decoder) => decoder.get_ref().len(),
            Decoder::Bare(decoder) => decoder.get_ref().len(),
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = buffer.len().min(STEP);
        let buffer = &mut buffer[..step];
        loop {
            let result = match self {
                Decoder::Gzip(decoder) => decoder.read(buffer),
                Decoder::Zstd(decoder) => decoder.read(buffer),
                Decoder::Zlib(decoder) => decoder.read(buffer),
                Decoder::Bare(decoder) => decoder.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// The longest zstd frame header (RFC 8878 section 3.1.1.1).
const FRAME_HEADER: usize = 18;

/// Frames of zstd one after another. `zstd::Decoder` offers zstd all input at once, and a corrupt block then takes
/// the sound ones of the same step with it; here each step gets what zstd asked for, which is one block.
/// zstd itself refuses windows over 128 MiB.
struct Zstd<R> {
    input: R,
    decoder: Option<zstd::stream::raw::Decoder<'static>>,
    wanted: usize,
    in_frame: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(zstd::stream::raw::Decoder::new()?),
        };
        loop {
            let input = self.input.fill_buf()?;
            let end = input.is_empty();
            if end && !self.in_frame {
                return Ok(0);
            }
            let mut source = InBuffer::around(&input[..input.len().min(self.wanted)]);
            let mut target = OutBuffer::around(&mut *buffer);
            if !self.in_frame {
                decoder.reinit()?;
                self.in_frame = true;
            }
            let hint = decoder.run(&mut source, &mut target)?;
            self.in_frame = hint != 0;
            self.wanted = if hint == 0 { FRAME_HEADER } else { hint };
            let (taken, made) = (source.pos(), target.pos());
            self.input.consume(taken);
            if made > 0 {
                return Ok(made);
            }
            if end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Unwraps every layer of gzip and zstd around `input`, found by magic, and says which there were, outermost first.
///
/// The reader yields all that can be decompressed and then, when the data is cut or corrupt or unfolds beyond
/// `limits.ratio`, an [`io::Error`] that holds a [`Diagnostic`] (`limits.decoded` is for bodies: a file may be any
/// size). Its kind is `UnexpectedEof` for data that is cut short. Errors of `input` pass unchanged.
pub fn unwrap_layers<'r>(input: impl Read + 'r, limits: Limits) -> io::Result<(Vec<Encoding>, Box<dyn Read + 'r>)> {
    let taken = Rc::new(Cell::new(0));
    let source = Watched { input, taken: taken.clone(), failed: Rc::default() };
    let mut peeked = Peeked::new(Box::new(source) as Box<dyn Read + 'r>);
    let mut layers = Vec::new();
    while let Some(encoding) = Encoding::sniff(&peeked.first) {
        if layers.len() == MAX_LAYERS {
            let message = format!("compressed more than {MAX_LAYERS} times over");
            return Err(io::Error::new(io::ErrorKind::InvalidData, Diagnostic::new(DECOMPRESSION_LIMIT, message)));
        }
        layers.push(encoding);
        let failed = Rc::new(Cell::new(false));
        let watched = Watched { input: peeked, taken: Rc::default(), failed: failed.clone() };
        let decoder = Decoder::new(encoding, BufReader::with_capacity(128 << 10, watched), false);
        let layer =
            Layer { encoding, decoder, out: 0, taken: taken.clone(), input_failed: failed, ended: false, limits };
        peeked = Peeked::new(Box::new(layer));
    }
    Ok((layers, Box::new(peeked)))
}

/// The decompressed bytes of one layer of a file.
struct Layer<R> {
    encoding: Encoding,
    decoder: Decoder<BufReader<Watched<R>>>,
    /// Bytes that came out.
    out: u64,
    /// Bytes of the file itself, not of the layer below: layers must not multiply their ratios.
    taken: Rc<Cell<u64>>,
    /// Tells an error of what is below from one of this layer's data.
    input_failed: Rc<Cell<bool>>,
    ended: bool,
    limits: Limits,
}

impl<R: Read> Read for Layer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (kind, finding) = match self.decoder.read(buffer) {
            Ok(made) => {
                self.out += made as u64;
                if !self.limits.bomb(self.out, self.taken.get()) {
                    return Ok(made);
                }
                let finding = ratio_exceeded(self.encoding, self.out, self.taken.get(), &self.limits);
                (io::ErrorKind::InvalidData, finding)
            }
            Err(error) if self.input_failed.get() => return Err(error),
            Err(error) => {
                let cut = error.kind() == io::ErrorKind::UnexpectedEof;
                let kind = if cut { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
                (kind, broken(self.encoding, &error, self.out))
            }
        };
        self.ended = true;
        Err(io::Error::new(kind, finding))
    }
}

/// Counts what is read and remembers a failure.
struct Watched<R> {
    input: R,
    taken: Rc<Cell<u64>>,
    failed: Rc<Cell<bool>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(buffer);
        match &result {
            Ok(count) => self.taken.set(self.taken.get() + *count as u64),
            Err(error) => self.failed.set(error.kind() != io::ErrorKind::Interrupted),
        }
        result
    }
}

/// A reader whose first bytes were looked at; an error met there waits its turn.
struct Peeked<R> {
    first: Vec<u8>,
    given: usize,
    error: Option<io::Error>,
    rest: R,
}

impl<R: Read> Peeked<R> {
    fn new(mut rest: R) -> Self {
        let mut first = Vec::with_capacity(4);
        let error = rest.by_ref().take(4).read_to_end(&mut first).err();
        Peeked { first, given: 0, error, rest }
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waiting = &self.first[self.given..];
        if !waiting.is_empty() {
            let count = waiting.read(buffer)?;
            self.given += count;
            return Ok(count);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.rest.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Text that does not compress to nothing.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u32;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"0123456789abcdef"[(state >> 28) as usize]
        };
        (0..len).map(step).collect()
    }

    fn unwrapped(bytes: &[u8], limits: Limits) -> (Vec<Encoding>, Vec<u8>, Option<io::Error>) {
        let (layers, mut reader) = unwrap_layers(bytes, limits).unwrap();
        let mut out = Vec::new();
        let error = reader.read_to_end(&mut out).err();
        drop(reader);
        (layers, out, error)
    }

    fn finding(error: io::Error) -> Diagnostic {
        error.downcast().expect("a finding")
    }

    #[test]
    fn tokens_and_magics_name_encodings() {
        for (token, encoding) in [
            ("gzip", Some(Encoding::Gzip)),
            (" X-GZIP ", Some(Encoding::Gzip)),
            ("zstd", Some(Encoding::Zstd)),
            ("Deflate", Some(Encoding::Deflate)),
            ("identity", None),
            ("br", None),
            ("", None),
        ] {
            assert_eq!(Encoding::from_token(token), encoding, "{token:?}");
        }
        assert_eq!(Encoding::sniff(&gzip(b"x")), Some(Encoding::Gzip));
        assert_eq!(Encoding::sniff(&zstd(b"x")), Some(Encoding::Zstd));
        assert_eq!(Encoding::sniff(b"\x1f"), None);
        assert_eq!(Encoding::Gzip.to_string(), "gzip");
    }

    #[test]
    fn every_encoding_is_undone_with_all_its_members() {
        let body = noise(300_000);
        let limits = Limits::default();
        let (head, tail) = body.split_at(70_000);
        for (encoding, stored) in [
            (Encoding::Gzip, gzip(&body)),
            (Encoding::Gzip, [gzip(head), gzip(b""), gzip(tail)].concat()),
            (Encoding::Zstd, zstd(&body)),
            (Encoding::Zstd, [zstd(head), zstd(b""), zstd(tail)].concat()),
            (Encoding::Deflate, zlib(&body)),
            (Encoding::Deflate, bare(&body)),
        ] {
            assert!(decode(encoding, &stored, &limits) == Ok(body.clone()), "{encoding}");
        }
    }

    #[test]
    fn faults_say_what_and_how_much_came_out() {
        let limits = Limits::default();
        let stored = gzip(&noise(100_000));
        let message = |encoding, bytes: &[u8]| {
            let finding = decode(encoding, bytes, &limits).unwrap_err();
            (finding.code().id(), finding.message().to_owned())
        };
        for (encoding, bytes, code, text) in [
            (
                Encoding::Gzip,
                &stored[..stored.len() - 4],
                "D013",
                "gzip data is cut short; 100000 bytes came out of it",
            ),
            (Encoding::Gzip, b"", "D013", "gzip data is cut short; 0 bytes came out of it"),
            (Encoding::Zstd, b"", "D013", "zstd data is cut short; 0 bytes came out of it"),
            (Encoding::Zstd, &zstd(b"abc")[..9], "D013", "zstd data is cut short; 0 bytes came out of it"),
            (
                Encoding::Gzip,
                br#"{"resourceSpans":[]}"#,
                "D013",
                "gzip data is corrupt (invalid gzip header); 0 bytes came out of it",
            ),
            (
                Encoding::Zstd,
                b"not zstd",
                "D013",
                "zstd data is corrupt (Unknown frame descriptor); 0 bytes came out of it",
            ),
        ] {
            assert_eq!(message(encoding, bytes), (code, text.to_owned()));
        }
        let trailing = [zlib(b"abc"), vec![0; 5]].concat();
        let text = "5 bytes follow the end of the deflate data; 3 bytes came out before them";
        assert_eq!(message(Encoding::Deflate, &trailing), ("D013", text.to_owned()));
        let mut flipped = gzip(b"abc");
        let crc = flipped.len() - 8;
        flipped[crc] ^= 1;
        assert_eq!(message(Encoding::Gzip, &flipped).0, "D013");
    }

    #[test]
    fn limits_stop_a_bomb() {
        let zeros = vec![0; 20 << 20];
        for (encoding, stored) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Zstd, zstd(&zeros))] {
            let mut out = Vec::new();
            let limits = Limits { decoded: 1 << 20, ..Limits::default() };
            let found = decode_into(encoding, &stored, &limits, &mut out).unwrap_err();
            assert_eq!(
                found.message(),
                format!("{encoding} data gives more than 1048576 bytes; reading stopped there")
            );
            assert!(out.len() <= (1 << 20) + STEP);

            let limits = Limits { ratio: 100, ..Limits::default() };
            let found = decode_into(encoding, &stored, &limits, &mut out).unwrap_err();
            assert_eq!(found.code(), DECOMPRESSION_LIMIT);
            assert!(out.len() <= (8 << 20) + STEP);

            let (layers, out, error) = unwrapped(&gzip(&stored), limits);
            assert_eq!(layers, [Encoding::Gzip, encoding]);
            assert!(out.len() <= (8 << 20) + STEP);
            assert_eq!(error.map(|error| finding(error).code()), Some(DECOMPRESSION_LIMIT));
        }
    }

    #[test]
    fn layers_of_a_file_are_unwrapped_to_a_depth() {
        let body = noise(100_000);
        let limits = Limits::default();
        let (layers, out, error) = unwrapped(&body, limits);
        assert!(layers.is_empty() && out == body && error.is_none());
        let (layers, out, error) = unwrapped(&zstd(&gzip(&body)), limits);
        assert_eq!(layers, [Encoding::Zstd, Encoding::Gzip]);
        assert!(out == body && error.is_none());
        let deep = gzip(&gzip(&gzip(&gzip(b"x"))));
        assert_eq!(unwrapped(&deep, limits).1, b"x");
        let error = unwrap_layers(gzip(&deep).as_slice(), limits).err().expect("too deep");
        assert_eq!(finding(error).code(), DECOMPRESSION_LIMIT);
        assert_eq!(unwrapped(b"", limits).1, b"");
    }

    #[test]
    fn a_torn_file_gives_all_that_it_has_before_the_error() {
        let lines: Vec<Vec<u8>> = (0..5).map(|n| [noise(1_000 + n), b"\n".to_vec()].concat()).collect();
        for compress in [gzip, zstd] {
            let members: Vec<Vec<u8>> = lines.iter().map(|line| compress(line)).collect();
            let whole: usize = members[..4].iter().map(Vec::len).sum();
            let file = members.concat();
            for cut in [whole + 4, whole + members[4].len() / 2, file.len() - 1] {
                let (_, out, error) = unwrapped(&file[..cut], Limits::default());
                assert!(out.starts_with(&lines[..4].concat()), "cut at {cut}");
                let found = finding(error.expect("torn"));
                assert_eq!(found.code(), BAD_ENCODING);
                assert!(found.message().contains(&format!("is cut short; {} bytes", out.len())), "{found}");
            }
            assert!(unwrapped(&file[..whole], Limits::default()).2.is_none());
        }
    }

    #[test]
    fn a_torn_stream_gives_more_than_its_last_block() {
        let body = noise(1 << 20);
        for (stored, lost) in [(gzip(&body), 64 << 10), (zstd(&body), 256 << 10)] {
            let (_, out, error) = unwrapped(&stored[..stored.len() - 10], Limits::default());
            assert!(body.starts_with(&out) && out.len() + lost > body.len(), "{} bytes", out.len());
            assert!(error.is_some());
        }
    }

    #[test]
    fn errors_of_the_input_pass_through() {
        struct Failing(Vec<u8>, usize);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = (&self.0[self.1..]).read(buffer)?;
                self.1 += count;
                if count == 0 { Err(io::Error::other("the disk is gone")) } else { Ok(count) }
            }
        }
        for mut bytes in [b"plain".to_vec(), gzip(&noise(1_000)), zstd(&gzip(&noise(1_000))), vec![0x1f, 0x8b]] {
            bytes.truncate(bytes.len() - bytes.len() / 10);
            let (_, mut reader) = unwrap_layers(Failing(bytes, 0), Limits::default()).unwrap();
            let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
            assert_eq!(error.to_string(), "the disk is gone");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(body: Vec<u8>, at in 0usize..4096) {
            for (encoding, stored) in
                [(Encoding::Gzip, gzip(&body)), (Encoding::Zstd, zstd(&body)), (Encoding::Deflate, zlib(&body))]
            {
                prop_assert_eq!(decode(encoding, &stored, &Limits::default()), Ok(body.clone()));
                let mut out = Vec::new();
                let cut = &stored[..at % stored.len()];
                prop_assert!(decode_into(encoding, cut, &Limits::default(), &mut out).is_err());
                prop_assert!(body.starts_with(&out));
            }
            let out = decode(Encoding::Deflate, &bare(&body), &Limits::default());
            prop_assert_eq!(out, Ok(body));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            for (encoding, magic) in [(Encoding::Gzip, &b"\x1f\x8b\x08"[..]), (Encoding::Zstd, b"\x28\xb5\x2f\xfd")] {
                let bytes = [magic, &bytes].concat();
                let _ = decode(encoding, &bytes, &Limits::default());
                let _ = unwrapped(&bytes, Limits::default());
                let _ = decode(Encoding::Deflate, &bytes, &Limits::default());
            }
        }
    }
}
