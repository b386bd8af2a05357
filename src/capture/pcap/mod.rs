//! HTTP/1.1 requests out of pcap and pcapng files (captures.md section 10).
//!
//! Packets become TCP segments, segments the two streams of a connection, the stream that sends request lines becomes
//! requests, the other one their answers. One packet is in memory at a time, beside the messages that are in flight; a request can
//! be read again from the places of its bytes. HTTP/2 and TLS are recognised, counted and not read.

mod packets;
mod segments;
mod stream;

use super::codes::{BAD_RECORD, BODY_MISSING, STREAM_GAP, TORN_TAIL};
use super::http1::{self, Chunks, Framing, Head, Parsed, Start};
use super::{CaptureLimits, CaptureRecord};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::http::{Request, Response};
use crate::time::Timestamp;
use packets::{Next, Packet, Packets};
use segments::{Frame, Segment, segment};
use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use stream::{MOST_FILLED, Origin, Span, Stream};

/// Ports of agents and collectors over HTTP/1.1.
pub const PORTS: [u16; 2] = [8126, 4318];

/// Requests that wait for their answer before they are handed out without it.
const MOST_WAITING: usize = 256;
const MOST_WAITING_BYTES: usize = 8 << 20;

/// Which connections are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those to or from one of these.
    Only(Vec<u16>),
    /// All.
    All,
}

impl Default for Ports {
    fn default() -> Self {
        Ports::Only(PORTS.to_vec())
    }
}

impl Ports {
    fn have(&self, port: u16) -> bool {
        match self {
            Ports::Only(ports) => ports.contains(&port),
            Ports::All => true,
        }
    }
}

/// Reads the requests of a packet capture and remembers where each was.
pub(super) struct Pcap<R> {
    input: R,
    name: PathBuf,
    limit: usize,
    ports: Ports,
    packets: Packets,
    connections: HashMap<(SocketAddr, SocketAddr), Connection>,
    /// Requests in the order in which they were complete.
    ready: VecDeque<Waiting>,
    ready_bytes: usize,
    /// Requests taken out of `ready` so far.
    handed: u64,
    /// Where the bytes of each request are.
    places: Vec<Vec<(u64, u32)>>,
    moved: bool,
    done: bool,
    /// Zeros that may still stand for missing bytes.
    fill: u64,
    seen: Seen,
    pub(super) skipped: u64,
    pub(super) responses: u64,
    pub(super) error: Option<io::Error>,
}

/// What was seen and not read.
#[derive(Default)]
struct Seen {
    http2: (u64, u64),
    tls: (u64, u64),
    fragments: u64,
    unknown_links: u64,
    other_ports: u64,
}

struct Waiting {
    record: CaptureRecord,
    place: Vec<(u64, u32)>,
    /// The answer came, or none will.
    settled: bool,
}

/// Both directions of a TCP connection; direction 0 is that of the smaller address.
#[derive(Default)]
struct Connection {
    sides: [Side; 2],
    /// Which side sends requests.
    client: Option<usize>,
    /// Numbers (over the file) and methods of requests without an answer so far.
    unanswered: VecDeque<(u64, String)>,
    /// Neither side speaks HTTP/1: what it is, and how many bytes went by.
    opaque: Option<Opaque>,
    opaque_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opaque {
    Http2,
    Tls,
}

#[derive(Default)]
struct Side {
    stream: Stream,
    state: State,
    ended: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    Body(Box<Head>, Chunks),
}

impl<R: BufRead + Seek> Pcap<R> {
    pub(super) fn new(input: R, name: &Path, limits: &CaptureLimits) -> Self {
        Pcap {
            input,
            name: name.to_owned(),
            limit: usize::try_from(limits.body).unwrap_or(usize::MAX).saturating_add(1 << 20),
            ports: limits.ports.clone(),
            packets: Packets::default(),
            connections: HashMap::new(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            handed: 0,
            places: Vec::new(),
            moved: true,
            done: false,
            fill: MOST_FILLED,
            seen: Seen::default(),
            skipped: 0,
            responses: 0,
            error: None,
        }
    }

    /// Reads the next request into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        loop {
            let crowded = self.ready.len() > MOST_WAITING || self.ready_bytes > MOST_WAITING_BYTES;
            if self.ready.front().is_some_and(|first| first.settled || crowded || self.done)
                && let Some(first) = self.ready.pop_front()
            {
                self.ready_bytes = self.ready_bytes.saturating_sub(first.record.request.body.len());
                self.handed += 1;
                *record = first.record;
                record.index = self.places.len();
                self.places.push(first.place);
                return true;
            }
            if self.done {
                return false;
            }
            if let Err(error) = self.step(out) {
                self.finish(out);
                // Decompression tells what is wrong with the file by a finding.
                match error.downcast::<Diagnostic>() {
                    Ok(finding) => out.report(finding),
                    Err(error) => self.error = Some(error),
                }
            }
        }
    }

    /// Takes in one packet.
    fn step(&mut self, out: &mut Diagnostics) -> io::Result<()> {
        if self.moved {
            self.input.seek(SeekFrom::Start(self.packets.read_to()))?;
            self.moved = false;
        }
        // Taken out while its buffer is looked at.
        let mut packets = std::mem::take(&mut self.packets);
        let next = packets.next(&mut self.input);
        if let Ok(Next::Packet(packet)) = &next {
            self.packet(packet, packets.data(packet), out);
        }
        self.packets = packets;
        match next? {
            Next::Packet(_) => {}
            Next::Torn(at) => {
                self.finish(out);
                let message = "the file ends inside a packet; everything before it is used";
                out.report(Diagnostic::new(TORN_TAIL, message).at(self.place(at)));
            }
            Next::Broken(at, problem) => {
                self.finish(out);
                let message = format!("the file cannot be read further: {problem}");
                out.report(Diagnostic::new(BAD_RECORD, message).at(self.place(at)));
            }
            Next::End => self.finish(out),
        }
        Ok(())
    }

    fn packet(&mut self, packet: &Packet, data: &[u8], out: &mut Diagnostics) {
        match segment(packet.link, data, packet.full) {
            Frame::Tcp(segment) if self.ports.have(segment.from.port()) || self.ports.have(segment.to.port()) => {
                // Where the payload stands in the frame: it is a part of it.
                let inside = (segment.payload.as_ptr() as usize).saturating_sub(data.as_ptr() as usize);
                let at = packet.at + inside.min(data.len()) as u64;
                self.take(&segment, at, packet.time, out);
            }
            Frame::Tcp(segment) => self.seen.other_ports += u64::from(!segment.payload.is_empty()),
            Frame::Fragment => self.seen.fragments += 1,
            Frame::UnknownLink => self.seen.unknown_links += 1,
            Frame::Other => {}
        }
    }

    fn place(&self, at: u64) -> Place {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        Place::Text { source: Source::File(self.name.clone()), range: at..at, line: None }
    }

    fn take(&mut self, segment: &Segment<'_>, at: u64, time: Timestamp, out: &mut Diagnostics) {
        let side = usize::from(segment.from > segment.to);
        let key = if side == 0 { (segment.from, segment.to) } else { (segment.to, segment.from) };
        let (syn, fin, rst) = (segment.syn, segment.fin, segment.rst);
        // The same addresses again: another connection, unless it is the SYN of this one seen twice.
        let again = self.connections.get(&key).is_some_and(|connection| {
            let stream = &connection.sides[side].stream;
            stream.has_begun() && !stream.began_at(segment.sequence.wrapping_add(1))
        });
        if syn && again {
            self.close(key, out);
        }
        let connection = self.connections.entry(key).or_default();
        if syn && !connection.sides[side].stream.has_begun() {
            connection.sides[side].stream.begin(segment.sequence.wrapping_add(1));
        }
        if !segment.payload.is_empty() || segment.cut > 0 {
            let payload = segment.payload;
            if let Some(kind) = opaque(payload).filter(|_| connection.client.is_none()) {
                connection.opaque = Some(kind);
            }
            if connection.opaque.is_some() {
                connection.opaque_bytes += (payload.len() + segment.cut) as u64;
            } else {
                let begins = http1::begins_request(payload);
                let stream = &mut connection.sides[side].stream;
                if !stream.has_begun() && (begins || payload.starts_with(b"HTTP/1.")) {
                    stream.begin(segment.sequence);
                }
                if begins && connection.client.is_none() {
                    connection.client = Some(side);
                }
                let sequence = if syn { segment.sequence.wrapping_add(1) } else { segment.sequence };
                connection.sides[side].stream.take(sequence, payload, at, segment.cut, &mut self.fill);
                self.messages(key, side, time, out);
            }
        }
        if fin || rst {
            let Some(connection) = self.connections.get_mut(&key) else { return };
            connection.sides[side].ended = true;
            if rst || connection.sides.iter().all(|side| side.ended) {
                self.close(key, out);
            }
        }
    }

    /// Takes complete messages out of a stream.
    fn messages(&mut self, key: (SocketAddr, SocketAddr), side: usize, time: Timestamp, out: &mut Diagnostics) {
        loop {
            let Some(connection) = self.connections.get_mut(&key) else { return };
            let is_client = connection.client == Some(side);
            let method = connection.unanswered.front().map(|(_, method)| method.clone()).unwrap_or_default();
            if connection.client.is_none() {
                // Answers before any request: the capture began in the middle.
                return;
            }
            match connection.sides[side].message(is_client, &method, self.limit) {
                Message::None => return,
                Message::Lost { missing, cut, at } => {
                    if is_client {
                        self.skipped += 1;
                    }
                    let what = if is_client { "request" } else { "answer" };
                    let (code, message) = match (cut, missing) {
                        (true, _) => (
                            BODY_MISSING,
                            format!("frames of this {what} were cut: {missing} bytes of it were not captured"),
                        ),
                        (false, 0) => (BODY_MISSING, format!("a {what} longer than {} bytes is left out", self.limit)),
                        (false, _) => {
                            (STREAM_GAP, format!("{missing} bytes of this {what} are missing in the capture"))
                        }
                    };
                    let help = if cut {
                        "capture whole packets: tcpdump -s 0"
                    } else {
                        "capture with a larger buffer: tcpdump -B 65536"
                    };
                    if is_client {
                        out.report(Diagnostic::new(code, message).at(self.place(at)).help(help));
                    }
                }
                Message::Request(request, spans) => {
                    let number = self.handed + self.ready.len() as u64;
                    connection.unanswered.push_back((number, request.method.clone()));
                    self.ready_bytes += request.body.len();
                    let record = CaptureRecord { request: *request, received: Some(time), ..CaptureRecord::default() };
                    self.ready.push_back(Waiting { record, place: places(&spans), settled: false });
                }
                Message::Response(response) => {
                    if (100..200).contains(&response.status) {
                        continue;
                    }
                    self.responses += 1;
                    if let Some((number, _)) = connection.unanswered.pop_front() {
                        self.settle(number, Some(*response));
                    }
                }
            }
        }
    }

    /// No more is to come for a request.
    fn settle(&mut self, number: u64, response: Option<Response>) {
        let index = number.checked_sub(self.handed).and_then(|index| usize::try_from(index).ok());
        if let Some(waiting) = index.and_then(|index| self.ready.get_mut(index)) {
            waiting.settled = true;
            waiting.record.response = response;
        }
    }

    /// Ends a connection: gaps are given up, what is in flight is reported.
    fn close(&mut self, key: (SocketAddr, SocketAddr), out: &mut Diagnostics) {
        for side in 0..2 {
            loop {
                self.messages(key, side, Timestamp(0), out);
                let Some(connection) = self.connections.get_mut(&key) else { return };
                if !connection.sides[side].stream.close_gap(&mut self.fill) {
                    break;
                }
            }
        }
        let Some(mut connection) = self.connections.remove(&key) else { return };
        if let Some(client) = connection.client {
            let rest = &connection.sides[client].stream;
            if !rest.bytes.is_empty() {
                self.skipped += 1;
                let missing = rest.missing_bytes();
                let (code, message) = if missing > 0 {
                    (STREAM_GAP, format!("{missing} bytes of the last request of a connection are missing"))
                } else {
                    (BODY_MISSING, format!("a connection ends inside a request; {} bytes of it came", rest.bytes.len()))
                };
                out.report(Diagnostic::new(code, message).at(self.place(rest.first_place().unwrap_or_default())));
            }
            let server = &mut connection.sides[1 - client];
            let method = connection.unanswered.front().map(|(_, method)| method.clone()).unwrap_or_default();
            if let Some(response) = server.rest_as_response(&method)
                && let Some((number, _)) = connection.unanswered.pop_front()
            {
                self.responses += 1;
                self.settle(number, Some(response));
            }
        }
        for (number, _) in std::mem::take(&mut connection.unanswered) {
            self.settle(number, None);
        }
        let counted = match connection.opaque {
            Some(Opaque::Http2) => &mut self.seen.http2,
            Some(Opaque::Tls) => &mut self.seen.tls,
            None => return,
        };
        counted.0 += 1;
        counted.1 += connection.opaque_bytes;
    }

    fn finish(&mut self, out: &mut Diagnostics) {
        if self.done {
            return;
        }
        self.done = true;
        let mut open: Vec<_> = self.connections.keys().copied().collect();
        open.sort_unstable();
        open.into_iter().for_each(|key| self.close(key, out));
    }

    /// Number of the request that was read last.
    pub(super) fn last_index(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    /// Request `index` again; `None` when there is none.
    pub(super) fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> io::Result<Option<()>> {
        let Some(places) = self.places.get(index).cloned() else { return Ok(None) };
        self.moved = true;
        let mut bytes = Vec::new();
        for (at, len) in places {
            self.input.seek(SeekFrom::Start(at))?;
            self.input.by_ref().take(u64::from(len)).read_to_end(&mut bytes)?;
        }
        let Ok(Some((request, _))) = http1::request(&bytes) else { return Ok(None) };
        *record = CaptureRecord { request, index, ..CaptureRecord::default() };
        Ok(Some(()))
    }

    /// What was seen and could not be read, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        let count =
            |number: u64, what: &str| if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") };
        let mut notes = Vec::new();
        let (streams, bytes) = self.seen.http2;
        if streams > 0 {
            let streams = count(streams, "connection");
            notes.push(format!("{streams} of HTTP/2 (gRPC), {bytes} bytes, not read: record gRPC with record-capture"));
        }
        let (streams, bytes) = self.seen.tls;
        if streams > 0 {
            notes
                .push(format!("{} of TLS, {bytes} bytes, not readable without its keys", count(streams, "connection")));
        }
        if self.seen.fragments > 0 {
            notes.push(format!("{}, not reassembled", count(self.seen.fragments, "IP fragment")));
        }
        if self.seen.unknown_links > 0 {
            notes.push(format!("{} of a link type that is not read", count(self.seen.unknown_links, "packet")));
        }
        if self.seen.other_ports > 0 {
            let packets = count(self.seen.other_ports, "TCP packet");
            notes.push(format!("{packets} of other ports, not looked at: --port N or --all-ports"));
        }
        notes
    }
}

/// What begins a connection that does not speak HTTP/1.
fn opaque(payload: &[u8]) -> Option<Opaque> {
    if payload.starts_with(b"PRI * HTTP/2.0") {
        Some(Opaque::Http2)
    } else if matches!(payload, [0x16, 0x03, 0..=4, ..]) {
        Some(Opaque::Tls)
    } else {
        None
    }
}

/// The places of bytes that are all in the file.
fn places(spans: &[Span]) -> Vec<(u64, u32)> {
    let of = |span: &Span| match span.origin {
        Origin::File(at) => Some((at, u32::try_from(span.len).unwrap_or(u32::MAX))),
        _ => None,
    };
    spans.iter().filter_map(of).collect()
}

/// What the beginning of a stream holds.
enum Message {
    /// Nothing complete.
    None,
    /// A message of which bytes are missing; it is removed.
    Lost {
        missing: usize,
        cut: bool,
        at: u64,
    },
    Request(Box<Request>, Vec<Span>),
    Response(Box<Response>),
}

impl Side {
    fn message(&mut self, is_client: bool, method: &str, limit: usize) -> Message {
        if self.stream.was_restarted() {
            self.state = State::Head;
        }
        loop {
            let bytes = self.stream.bytes.as_slice();
            match &mut self.state {
                State::Head => {
                    if bytes.is_empty() {
                        return Message::None;
                    }
                    let parsed =
                        if is_client { http1::request_head(bytes) } else { http1::response_head(bytes, method) };
                    match parsed {
                        Parsed::Head(head) => self.state = State::Body(head, Chunks::default()),
                        Parsed::Partial => return Message::None,
                        Parsed::Bad(_) => return self.resume(is_client),
                    }
                }
                State::Body(head, chunks) => {
                    let rest = &bytes[head.len.min(bytes.len())..];
                    let body = match head.framing {
                        Framing::Length(length) => usize::try_from(length).ok(),
                        Framing::Chunked => match chunks.end(rest) {
                            Ok(end) => end,
                            Err(_) => {
                                self.state = State::Head;
                                return self.resume(is_client);
                            }
                        },
                        Framing::Close => None,
                    };
                    if body.unwrap_or(rest.len()) > limit {
                        let removed = self.stream.remove(usize::MAX);
                        self.state = State::Head;
                        return Message::Lost { missing: 0, cut: false, at: place_of(&removed) };
                    }
                    let Some(body) = body.filter(|body| rest.len() >= *body) else { return Message::None };
                    let data = match head.framing {
                        Framing::Chunked => chunks.data(rest),
                        _ => rest[..body].to_vec(),
                    };
                    let total = head.len + body;
                    let State::Body(head, _) = std::mem::take(&mut self.state) else { return Message::None };
                    let spans = self.stream.remove(total);
                    if let Some(lost) = lost(&spans) {
                        return lost;
                    }
                    let Head { start, headers, .. } = *head;
                    return match start {
                        Start::Request { method, target } => {
                            Message::Request(Box::new(Request { method, path: target, headers, body: data }), spans)
                        }
                        Start::Response { status } => {
                            Message::Response(Box::new(Response { status, headers, body: data, ..Response::default() }))
                        }
                    };
                }
            }
        }
    }

    /// Goes on at the next line that begins a message.
    fn resume(&mut self, is_client: bool) -> Message {
        let bytes = self.stream.bytes.as_slice();
        let begins = |rest: &[u8]| if is_client { http1::begins_request(rest) } else { rest.starts_with(b"HTTP/1.") };
        let next = (1..bytes.len()).find(|at| begins(&bytes[*at..]));
        let removed = self.stream.remove(next.unwrap_or(bytes.len()));
        lost(&removed).unwrap_or(Message::Lost { missing: 0, cut: false, at: place_of(&removed) })
    }

    /// What is left is an answer without a length, which the end of the connection ends.
    fn rest_as_response(&mut self, method: &str) -> Option<Response> {
        let bytes = self.stream.bytes.as_slice();
        let Parsed::Head(head) = http1::response_head(bytes, method) else { return None };
        let Start::Response { status } = head.start else { return None };
        let body = bytes.get(head.len..).filter(|_| head.framing == Framing::Close)?.to_vec();
        Some(Response { status, headers: head.headers, body, ..Response::default() })
    }
}

fn place_of(spans: &[Span]) -> u64 {
    spans.iter().find_map(|span| if let Origin::File(at) = span.origin { Some(at) } else { None }).unwrap_or_default()
}

/// That bytes are missing, when some are.
fn lost(spans: &[Span]) -> Option<Message> {
    let missing = |origin| spans.iter().filter(|span| span.origin == origin).map(|span| span.len).sum::<usize>();
    let (gap, cut) = (missing(Origin::Gap), missing(Origin::Cut));
    (gap + cut > 0).then(|| Message::Lost { missing: gap + cut, cut: cut > gap, at: place_of(spans) })
}
