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
            return Err(Diagnostic::new(DECOMPRESSION_LIMIT, message));
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
/// size). Errors of `input` pass unchanged.
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
        let finding = match self.decoder.read(buffer) {
            Ok(made) => {
                self.out += made as u64;
                if !self.limits.bomb(self.out, self.taken.get()) {
                    return Ok(made);
                }
                ratio_exceeded(self.encoding, self.out, self.taken.get(), &self.limits)
            }
            Err(error) if self.input_failed.get() => return Err(error),
            Err(error) => broken(self.encoding, &error, self.out),
        };
        self.ended = true;
        Err(io::Error::new(io::ErrorKind::InvalidData, finding))
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
