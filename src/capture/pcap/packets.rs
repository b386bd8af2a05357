//! Packets out of pcap and pcapng files, one block in memory at a time. The formats are parsed by pcap-parser; here is the
//! walk over the file, so that every packet's place in it is known.

use crate::time::Timestamp;
use pcap_parser::nom;
use pcap_parser::{Block, InterfaceDescriptionBlock, parse_block_be, parse_block_le};
use std::io::{self, Read};

/// Largest block that is read.
const MAX_BLOCK: usize = 64 << 20;
/// Bytes that are asked for at a time.
const STEP: usize = 256 << 10;

/// One captured packet. Its bytes are in the buffer of [`Packets`].
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) time: Timestamp,
    /// Link type by its number (tcpdump.org/linktypes).
    pub(super) link: i32,
    /// In the buffer.
    range: std::ops::Range<usize>,
    /// Byte of the file where it begins.
    pub(super) at: u64,
    /// Its length on the wire, when only the beginning was captured.
    pub(super) full: usize,
}

/// What came next.
pub(super) enum Next {
    Packet(Packet),
    /// The file ends inside a block that began at this byte.
    Torn(u64),
    /// What stands at this byte is no block.
    Broken(u64, String),
    End,
}

#[derive(Default)]
enum Format {
    /// Nothing was read yet.
    #[default]
    Unknown,
    Legacy {
        big: bool,
        nanos: bool,
        modified: bool,
        link: i32,
        zone: i64,
    },
    Ng {
        big: bool,
        interfaces: Vec<Interface>,
    },
}

#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    /// Units per second, and seconds to add.
    resolution: u64,
    offset: i64,
    snaplen: usize,
}

/// Walks a file packet by packet.
#[derive(Default)]
pub(super) struct Packets {
    buffer: Vec<u8>,
    /// Bytes of the buffer that are used up.
    used: usize,
    /// Byte of the file where the buffer begins.
    base: u64,
    ended: bool,
    format: Format,
}

impl Packets {
    /// The bytes of a packet that was just returned.
    pub(super) fn data(&self, packet: &Packet) -> &[u8] {
        self.buffer.get(packet.range.clone()).unwrap_or_default()
    }

    /// The byte of the file up to which it was read.
    pub(super) fn read_to(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    pub(super) fn next(&mut self, input: &mut impl Read) -> io::Result<Next> {
        loop {
            let at = self.base + self.used as u64;
            let rest = &self.buffer[self.used..];
            if rest.is_empty() && self.ended {
                return Ok(Next::End);
            }
            let parsed = match &mut self.format {
                Format::Unknown => start(rest),
                Format::Legacy { big, nanos, modified, link, zone } => {
                    legacy(rest, *big, *nanos, *modified, *link, *zone)
                }
                Format::Ng { big, interfaces } => ng(rest, big, interfaces),
            };
            match parsed {
                Parsed::More if self.ended => return Ok(Next::Torn(at)),
                Parsed::More => self.fill(input)?,
                Parsed::Start(format, length) => {
                    self.format = format;
                    self.used += length;
                }
                Parsed::Passed(length) => self.used += length,
                Parsed::Packet { length, time, link, from, captured, full } => {
                    let from = self.used + from;
                    self.used += length;
                    let range = from..from + captured;
                    let at = self.base + from as u64;
                    return Ok(Next::Packet(Packet { time, link, range, at, full }));
                }
                Parsed::Broken(problem) => return Ok(Next::Broken(at, problem)),
            }
        }
    }

    /// Forgets what is used up and reads more.
    fn fill(&mut self, input: &mut impl Read) -> io::Result<()> {
        self.buffer.drain(..self.used);
        self.base += self.used as u64;
        self.used = 0;
        let read = input.take(STEP as u64).read_to_end(&mut self.buffer)?;
        self.ended = read == 0;
        Ok(())
    }
}

/// What the bytes at hand are.
enum Parsed {
    /// They go on.
    More,
    Start(Format, usize),
    /// A block without a packet, of this length.
    Passed(usize),
    /// A block of `length` bytes with a packet of `captured` bytes at `from`.
    Packet {
        length: usize,
        time: Timestamp,
        link: i32,
        from: usize,
        captured: usize,
        full: usize,
    },
    Broken(String),
}

/// More bytes help, unless the block says that it is absurdly long.
fn incomplete<E>(error: nom::Err<E>, bytes: &[u8], name: impl FnOnce(E) -> String) -> Parsed {
    match error {
        nom::Err::Incomplete(nom::Needed::Size(more)) if more.get() > MAX_BLOCK => {
            Parsed::Broken("a block longer than 64 MiB".to_owned())
        }
        nom::Err::Incomplete(_) if bytes.len() > MAX_BLOCK => Parsed::Broken("a block longer than 64 MiB".to_owned()),
        nom::Err::Incomplete(_) => Parsed::More,
        nom::Err::Error(error) | nom::Err::Failure(error) => Parsed::Broken(name(error)),
    }
}

fn start(bytes: &[u8]) -> Parsed {
    match bytes {
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => Parsed::Start(Format::Ng { big: false, interfaces: Vec::new() }, 0),
        _ => match pcap_parser::parse_pcap_header(bytes) {
            Ok((rest, header)) => {
                let format = Format::Legacy {
                    big: header.is_bigendian(),
                    nanos: header.is_nanosecond_precision(),
                    modified: header.is_modified_format(),
                    // The upper bits say whether frames end in a checksum.
                    link: header.network.0 & 0x0fff_ffff,
                    zone: i64::from(header.thiszone),
                };
                Parsed::Start(format, bytes.len() - rest.len())
            }
            Err(error) => incomplete(error, bytes, |_| "no header of a pcap file".to_owned()),
        },
    }
}

fn legacy(bytes: &[u8], big: bool, nanos: bool, modified: bool, link: i32, zone: i64) -> Parsed {
    let (parsed, head) = match (big, modified) {
        (true, _) => (pcap_parser::parse_pcap_frame_be(bytes), 16),
        (false, false) => (pcap_parser::parse_pcap_frame(bytes), 16),
        (false, true) => (pcap_parser::parse_pcap_frame_modified(bytes), 24),
    };
    match parsed {
        Ok((rest, frame)) => {
            let unit = if nanos { 1 } else { 1000 };
            let seconds = (i64::from(frame.ts_sec) + zone).saturating_mul(1_000_000_000);
            Parsed::Packet {
                length: bytes.len() - rest.len(),
                time: Timestamp(seconds.saturating_add(i64::from(frame.ts_usec) * unit)),
                link,
                from: head,
                captured: frame.data.len(),
                full: (frame.origlen as usize).max(frame.data.len()),
            }
        }
        Err(error) => incomplete(error, bytes, |_| "no packet record".to_owned()),
    }
}

fn ng(bytes: &[u8], big: &mut bool, interfaces: &mut Vec<Interface>) -> Parsed {
    if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        // A section says its byte order itself, and begins with no interfaces.
        let Some(order) = bytes.get(8..12) else { return Parsed::More };
        *big = order == [0x1a, 0x2b, 0x3c, 0x4d];
        interfaces.clear();
    }
    let parsed = if *big { parse_block_be(bytes) } else { parse_block_le(bytes) };
    let (rest, block) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return incomplete(error, bytes, |_| "no block of a pcapng file".to_owned()),
    };
    let length = bytes.len() - rest.len();
    match block {
        Block::InterfaceDescription(interface) => {
            interfaces.push(described(&interface));
            Parsed::Passed(length)
        }
        Block::EnhancedPacket(packet) => {
            let interface = interfaces.get(packet.if_id as usize).copied().unwrap_or(Interface::UNKNOWN);
            let captured = (packet.caplen as usize).min(packet.data.len());
            Parsed::Packet {
                length,
                time: interface.time((u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low)),
                link: interface.link,
                from: 28,
                captured,
                full: (packet.origlen as usize).max(captured),
            }
        }
        Block::SimplePacket(packet) => {
            let interface = interfaces.first().copied().unwrap_or(Interface::UNKNOWN);
            let full = packet.origlen as usize;
            let captured = full.min(interface.snaplen).min(packet.data.len());
            Parsed::Packet { length, time: Timestamp(0), link: interface.link, from: 12, captured, full }
        }
        _ => Parsed::Passed(length),
    }
}

fn described(interface: &InterfaceDescriptionBlock<'_>) -> Interface {
    Interface {
        link: interface.linktype.0,
        resolution: interface.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000),
        offset: interface.ts_offset(),
        snaplen: if interface.snaplen == 0 { usize::MAX } else { interface.snaplen as usize },
    }
}

impl Interface {
    /// Stands for one that the file does not describe: Ethernet, microseconds.
    const UNKNOWN: Interface = Interface { link: 1, resolution: 1_000_000, offset: 0, snaplen: usize::MAX };

    fn time(self, units: u64) -> Timestamp {
        let nanos = u128::from(units) * 1_000_000_000 / u128::from(self.resolution);
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        Timestamp(nanos.saturating_add(self.offset.saturating_mul(1_000_000_000)))
    }
}
