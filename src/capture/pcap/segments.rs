//! TCP segments out of frames. Link, network and transport layers are parsed by etherparse; checksums are ignored, because
//! loopback and offloading cards leave them wrong.

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// A TCP segment, with its payload in the frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment<'f> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) payload: &'f [u8],
    /// Bytes of the payload behind those, which were not captured.
    pub(super) cut: usize,
}

/// What a frame holds.
#[derive(Debug, PartialEq)]
pub(super) enum Frame<'f> {
    Tcp(Segment<'f>),
    /// Part of a fragmented IP packet.
    Fragment,
    /// Of a link type that is not read.
    UnknownLink,
    /// Anything else.
    Other,
}

/// Reads the frame `data`, of which `full` bytes were on the wire.
pub(super) fn segment(link: i32, data: &[u8], full: usize) -> Frame<'_> {
    let sliced = match link {
        1 => match LaxSlicedPacket::from_ethernet(data) {
            Ok(sliced) => sliced,
            Err(_) => return Frame::Other,
        },
        // NULL and LOOP: four bytes of address family, in the byte order of the host that captured.
        0 | 108 => return ip(data.get(4..).unwrap_or_default(), full.saturating_sub(4)),
        12 | 14 | 101 | 228 | 229 => return ip(data, full),
        // SLL: sixteen bytes, the last two of them the protocol. SLL2: twenty, the first two.
        113 => return cooked(data.get(14..16), data.get(16..), full.saturating_sub(16)),
        276 => return cooked(data.get(0..2), data.get(20..), full.saturating_sub(20)),
        _ => return Frame::UnknownLink,
    };
    of(&sliced, data.len(), full)
}

fn cooked<'f>(protocol: Option<&[u8]>, payload: Option<&'f [u8]>, full: usize) -> Frame<'f> {
    let (Some([high, low]), Some(payload)) = (protocol, payload) else { return Frame::Other };
    let sliced = LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([*high, *low])), payload);
    of(&sliced, payload.len(), full)
}

fn ip(data: &[u8], full: usize) -> Frame<'_> {
    match LaxSlicedPacket::from_ip(data) {
        Ok(sliced) => of(&sliced, data.len(), full),
        Err(_) => Frame::Other,
    }
}

fn of<'f>(sliced: &LaxSlicedPacket<'f>, captured: usize, full: usize) -> Frame<'f> {
    let (source, destination, expected) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(net)) => {
            let header = net.header();
            if header.is_fragmenting_payload() {
                return Frame::Fragment;
            }
            let head = usize::from(header.ihl()) * 4;
            let expected = usize::from(header.total_len()).checked_sub(head).filter(|_| header.total_len() > 0);
            (IpAddr::from(header.source_addr()), IpAddr::from(header.destination_addr()), expected)
        }
        Some(LaxNetSlice::Ipv6(net)) => {
            if net.is_payload_fragmented() {
                return Frame::Fragment;
            }
            // Extension headers are inside the payload length; what they take is not known here.
            (IpAddr::from(net.header().source_addr()), IpAddr::from(net.header().destination_addr()), None)
        }
        _ => return Frame::Other,
    };
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return Frame::Other };
    let payload = tcp.payload();
    // What the frame lacks is missing at its end. A total length of 0 is that of a segment which the card was to cut.
    let cut = match expected {
        Some(expected) => expected.saturating_sub(tcp.slice().len()).min(full.saturating_sub(captured)),
        None => full.saturating_sub(captured),
    };
    Frame::Tcp(Segment {
        from: SocketAddr::new(source, tcp.source_port()),
        to: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload,
        cut,
    })
}
