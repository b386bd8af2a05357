//! Packet captures built packet by packet: what must come out of streams that were disturbed on their way.

#![allow(clippy::unwrap_used)]

use etherparse::PacketBuilder;
use spanglass::capture::{self, CaptureLimits, CaptureRecord, pcap::Ports};
use spanglass::diagnostic::Diagnostics;
use std::io::Cursor;
use std::path::Path;

const CLIENT: u16 = 40_000;
const AGENT: u16 = 8126;

/// A packet of one direction, and how it is dressed.
struct Packet {
    from: u16,
    to: u16,
    sequence: u32,
    flags: &'static str,
    payload: Vec<u8>,
    dress: Dress,
    /// Bytes that the capture keeps.
    snap: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Dress {
    Ethernet,
    Vlan,
    Ipv6,
    RawIp,
    Null,
    Sll,
    Sll2,
}

fn packet(from: u16, to: u16, sequence: u32, flags: &'static str, payload: &[u8]) -> Packet {
    Packet { from, to, sequence, flags, payload: payload.to_vec(), dress: Dress::Ethernet, snap: usize::MAX }
}

fn sent(sequence: u32, payload: &[u8]) -> Packet {
    packet(CLIENT, AGENT, sequence, "", payload)
}

impl Packet {
    fn link(&self) -> u32 {
        match self.dress {
            Dress::Ethernet | Dress::Vlan | Dress::Ipv6 => 1,
            Dress::RawIp => 101,
            Dress::Null => 0,
            Dress::Sll => 113,
            Dress::Sll2 => 276,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let ethernet = || PacketBuilder::ethernet2([1; 6], [2; 6]);
        let ip = match self.dress {
            Dress::Ethernet => ethernet().ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64),
            Dress::Vlan => {
                let tag = |id: u16| etherparse::VlanId::try_new(id).unwrap();
                ethernet().double_vlan(tag(7), tag(8)).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            }
            Dress::Ipv6 => ethernet().ipv6([1; 16], [2; 16], 64),
            _ => PacketBuilder::ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64),
        };
        let mut tcp = ip.tcp(self.from, self.to, self.sequence, 1024);
        for flag in self.flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'F' => tcp.fin(),
                _ => tcp.rst(),
            };
        }
        let mut bytes = match self.dress {
            Dress::Null => vec![2, 0, 0, 0],
            Dress::Sll => [&[0; 14][..], &[0x08, 0x00]].concat(),
            Dress::Sll2 => [&[0x08, 0x00][..], &[0; 18]].concat(),
            _ => Vec::new(),
        };
        tcp.write(&mut bytes, &self.payload).unwrap();
        bytes
    }
}

/// A pcap file with microseconds, in either byte order.
fn pcap(packets: &[Packet], big: bool) -> Vec<u8> {
    let u32 = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let u16 = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = [u32(0xa1b2_c3d4).to_vec(), u16(2).to_vec(), u16(4).to_vec(), vec![0; 8]].concat();
    file.extend(u32(65535));
    file.extend(u32(packets.first().map_or(1, Packet::link)));
    for (number, packet) in packets.iter().enumerate() {
        let bytes = packet.bytes();
        let kept = bytes.len().min(packet.snap);
        file.extend([u32(1_700_000_000), u32(number as u32), u32(kept as u32), u32(bytes.len() as u32)].concat());
        file.extend(&bytes[..kept]);
    }
    file
}

/// A pcapng file with an interface per packet, the time in nanoseconds.
fn pcapng(packets: &[Packet]) -> Vec<u8> {
    let block = |kind: u32, body: Vec<u8>| {
        let length = (12 + body.len()) as u32;
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), &body, &length.to_le_bytes()].concat()
    };
    let mut file = block(0x0a0d_0d0a, [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    for packet in packets {
        let resolution = [&[9, 0, 1, 0, 9, 0, 0, 0][..], &[0; 4]].concat();
        let link = (packet.link() as u16).to_le_bytes();
        file.extend(block(1, [&link[..], &[0; 2], &0u32.to_le_bytes(), &resolution].concat()));
    }
    // An unknown block is passed over.
    file.extend(block(0x0bad, vec![1, 2, 3, 4]));
    for (number, packet) in packets.iter().enumerate() {
        let mut bytes = packet.bytes();
        let length = (bytes.len() as u32).to_le_bytes();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let time = 1_700_000_000_000_000_000u64 + number as u64;
        let (high, low) = (((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes());
        file.extend(block(6, [&(number as u32).to_le_bytes()[..], &high, &low, &length, &length, &bytes].concat()));
    }
    file
}

struct Read {
    records: Vec<CaptureRecord>,
    codes: Vec<&'static str>,
    skipped: u64,
    notes: Vec<String>,
}

fn read_with(file: &[u8], limits: CaptureLimits) -> Read {
    let mut found = Diagnostics::default();
    let mut capture = capture::open(Cursor::new(file), Path::new("t.pcap"), limits).unwrap();
    let mut records: Vec<CaptureRecord> = Vec::new();
    while let Some(record) = capture.next_record(&mut found) {
        let again = capture.record(record.index).unwrap();
        assert_eq!(again.request, record.request, "request {} read again", record.index);
        records.push(record);
    }
    assert!(capture.error().is_none());
    let codes = found.iter().map(|finding| finding.code().id()).collect();
    Read { records, codes, skipped: capture.skipped(), notes: capture.notes() }
}

fn read(file: &[u8]) -> Read {
    read_with(file, CaptureLimits::default())
}

fn bodies(read: &Read) -> Vec<String> {
    read.records.iter().map(|record| String::from_utf8_lossy(&record.request.body).into_owned()).collect()
}

fn post(body: &str) -> Vec<u8> {
    format!("POST /v0.4/traces HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A connection that is opened, sends `bytes` in segments of 10, and closes.
fn connection(bytes: &[u8], start: u32) -> Vec<Packet> {
    let mut packets = vec![packet(CLIENT, AGENT, start, "S", b""), packet(AGENT, CLIENT, 500, "S", b"")];
    let first = start.wrapping_add(1);
    packets.extend(bytes.chunks(10).enumerate().map(|(n, part)| sent(first.wrapping_add(10 * n as u32), part)));
    packets.push(packet(CLIENT, AGENT, first.wrapping_add(bytes.len() as u32), "F", b""));
    packets.push(packet(AGENT, CLIENT, 501, "F", b""));
    packets
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let bytes = [post("one"), post("two"), post("three")].concat();
    for big in [false, true] {
        let read = read(&pcap(&connection(&bytes, u32::MAX - 20), big));
        assert_eq!(
            (bodies(&read), read.codes.len(), read.skipped),
            (vec!["one".into(), "two".into(), "three".into()], 0, 0)
        );
        assert_eq!(read.records[0].received.map(|time| time.0 / 1_000_000_000), Some(1_700_000_000));
    }
}

#[test]
fn every_dress_is_taken_off() {
    for dress in [Dress::Ethernet, Dress::Vlan, Dress::Ipv6, Dress::RawIp, Dress::Null, Dress::Sll, Dress::Sll2] {
        let mut packets = connection(&post("hello"), 7);
        packets.iter_mut().for_each(|packet| packet.dress = dress);
        assert_eq!(bodies(&read(&pcap(&packets, false))), ["hello"]);
        let ng = read(&pcapng(&packets));
        assert_eq!(bodies(&ng), ["hello"]);
        assert_eq!(ng.records[0].received.map(|time| time.0 / 1_000_000_000), Some(1_700_000_000));
    }
}

#[test]
fn disorder_repetition_and_overlap_do_not_matter() {
    let bytes = [post("first body"), post("second body")].concat();
    let mut packets = connection(&bytes, 100);
    let last = packets.len() - 2;
    packets[2..last].reverse();
    packets.insert(4, sent(106, &bytes[5..40]));
    let last = packets.len() - 2;
    packets.insert(last, sent(101, b"XXXXXXXXXX"));
    let read = read(&pcap(&packets, false));
    // The first copy of a byte counts.
    assert_eq!(read.codes, [""; 0]);
    assert_eq!(read.records.len(), 2, "{:?}", bodies(&read));
}

#[test]
fn answers_are_matched_in_order() {
    let mut packets = connection(&[post("one"), post("two")].concat(), 1);
    let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let end = packets.len() - 2;
    packets.insert(end, packet(AGENT, CLIENT, 501, "", answer));
    let read = read(&pcap(&packets, false));
    let answers: Vec<_> =
        read.records.iter().map(|record| record.response.as_ref().map(|r| (r.status, r.body.clone()))).collect();
    assert_eq!(answers, [Some((200, b"{}".to_vec())), Some((429, b"x".to_vec()))]);
}

#[test]
fn a_capture_may_begin_in_the_middle() {
    let bytes = [post("lost, its beginning is missing"), post("found")].concat();
    let cut = post("lost, its beginning is missing").len();
    let mut packets = vec![sent(1000, &bytes[20..cut]), sent(1000 + (cut - 20) as u32, &bytes[cut..])];
    packets.insert(0, packet(AGENT, CLIENT, 1, "", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let read = read(&pcap(&packets, false));
    assert_eq!(bodies(&read), ["found"]);
}

#[test]
fn a_gap_costs_the_request_it_lies_in() {
    let bytes = [post("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), post("bbbb"), post("cccc")].concat();
    let mut packets = connection(&bytes, 9);
    packets.remove(8);
    let read = read(&pcap(&packets, false));
    assert_eq!((bodies(&read), read.codes, read.skipped), (vec!["bbbb".to_owned(), "cccc".into()], vec!["C008"], 1));
    // Its head: reading goes on at the next request line.
    let mut packets = connection(&bytes, 9);
    packets.remove(3);
    let read = self::read(&pcap(&packets, false));
    assert_eq!((bodies(&read), read.codes), (vec!["bbbb".to_owned(), "cccc".into()], vec!["C008"]));
}

#[test]
fn frames_that_were_cut_cost_their_request() {
    let bytes = [post(&"a".repeat(2000)), post("whole")].concat();
    let split = bytes.len() - post("whole").len();
    let mut packets = connection(b"", 9);
    let mut long = sent(10, &bytes[..split]);
    long.snap = 200;
    packets.insert(2, long);
    packets.insert(3, sent(10 + split as u32, &bytes[split..]));
    let read = read(&pcap(&packets, false));
    assert_eq!((bodies(&read), read.codes, read.skipped), (vec!["whole".to_owned()], vec!["C005"], 1));
}

#[test]
fn addresses_are_used_again() {
    let mut packets = connection(&post("one"), 5000);
    packets.extend(connection(&post("two"), 70));
    let mut unended = connection(&post("three"), 900_000);
    unended.truncate(unended.len() - 2);
    packets.extend(unended);
    packets.extend(connection(&post("four"), 12));
    let read = read(&pcap(&packets, false));
    assert_eq!(bodies(&read), ["one", "two", "three", "four"]);
}

#[test]
fn what_is_not_http1_is_named() {
    let mut packets = vec![sent(1, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), sent(25, b"0123456789")];
    packets.push(packet(40_001, AGENT, 1, "", b"\x16\x03\x01\x02\x00\x01"));
    packets.push(packet(40_002, 9999, 1, "", b"POST / HTTP/1.1\r\n"));
    let read = read(&pcap(&packets, false));
    assert_eq!(read.records.len(), 0);
    assert_eq!(
        read.notes,
        [
            "1 connection of HTTP/2 (gRPC), 34 bytes, not read: record gRPC with record-capture",
            "1 connection of TLS, 6 bytes, not readable without its keys",
            "1 TCP packet of other ports, not looked at: --port N or --all-ports",
        ]
    );
}

#[test]
fn ports_can_be_chosen() {
    let mut packets = connection(&post("elsewhere"), 1);
    packets.iter_mut().for_each(|packet| {
        let port = |port: &mut u16| {
            if *port == AGENT {
                *port = 9000
            }
        };
        port(&mut packet.from);
        port(&mut packet.to);
    });
    let file = pcap(&packets, false);
    assert_eq!(read(&file).records.len(), 0);
    for ports in [Ports::Only(vec![9000]), Ports::All] {
        assert_eq!(bodies(&read_with(&file, CaptureLimits { ports, ..CaptureLimits::default() })), ["elsewhere"]);
    }
}

#[test]
fn a_file_cut_anywhere_gives_what_is_before_the_cut() {
    let file = pcap(&connection(&[post("one"), post("two")].concat(), 3), false);
    for cut in (24..file.len()).step_by(3) {
        let read = read(&file[..cut]);
        assert!(
            read.codes.iter().all(|code| ["C001", "C005", "C008"].contains(code)),
            "cut at {cut}: {:?}",
            read.codes
        );
        assert!(bodies(&read).iter().zip(["one", "two"]).all(|(found, sent)| found == sent));
    }
}

#[test]
fn hostile_files_end_in_findings() {
    let file = pcap(&connection(&[post("one"), post("two")].concat(), 3), false);
    // Bytes of the file turned: no panic, no runaway.
    for at in (4..file.len()).step_by(5) {
        for bit in [0x01, 0xff] {
            let mut bytes = file.clone();
            bytes[at] ^= bit;
            let mut found = Diagnostics::default();
            let Ok(mut capture) = capture::open(Cursor::new(&bytes), Path::new("t"), CaptureLimits::default()) else {
                continue;
            };
            while let Some(record) = capture.next_record(&mut found) {
                let _ = capture.record(record.index);
            }
        }
    }
}
