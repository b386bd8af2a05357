//! Captures meet protocols: records are decoded and their spans grouped by trace over all inputs.
//!
//! Two steps. [`Intake::scan`] streams once through every record, hands each decoded payload to the caller and
//! notes for every trace which records hold its spans. [`Intake::visit`] then takes traces one by one, with the
//! records of that trace loaded again if they were not kept. Memory is one trace with its records, a budget of
//! kept records, and an index of about a hundred bytes a trace. Findings of decoding are reported by the scan only.

use crate::capture::{Capture, CaptureRecord, codes::RENUMBERED};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Severity, Source};
use crate::encoding::{self, Encoding, codes::BAD_ENCODING};
use crate::http::Request;
use crate::id::TraceId;
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, Payload, Span, Trace, TraceJoin};
use crate::wire::{self, ClientStats, Endpoint, Options, Protocol, codes::UNKNOWN_PROTOCOL};
use std::collections::BTreeMap;
use std::io::{BufRead, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

mod evidence;
mod scan;

pub use scan::{HELD, Note};

/// What governs an intake, beside the [`Options`] of decoding.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The protocol of bare bodies whose name does not tell it.
    pub protocol: Option<Protocol>,
    /// Bounds on decompressed bodies.
    pub encoding: encoding::Limits,
    /// Stop at the first record that does not decode.
    pub strict: bool,
    /// Bytes of decoded records to keep between scan and visit.
    pub budget: usize,
    /// Most threads that decode.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { protocol: None, encoding: encoding::Limits::default(), strict: false, budget: 256 << 20, threads: 1 }
    }
}

/// Records of the whole input. `read = decoded + skipped`, and `other`, `refused` are parts of `skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests or documents found.
    pub read: u64,
    /// Those that gave spans, also partly.
    pub decoded: u64,
    /// The rest.
    pub skipped: u64,
    /// Skipped because they carry no traces: statistics, telemetry, `/info`.
    pub other: u64,
    /// Skipped although they carry traces: broken, or in a protocol that is not read.
    pub refused: u64,
    /// Spans in the decoded records.
    pub spans: u64,
    /// Bytes of the decoded records' bodies, as recorded.
    pub bytes: u64,
}

/// A trace and where it lies.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its id, with the high half when any span said it.
    pub id: TraceId,
    /// Records with spans of it, in input order.
    pub records: Vec<u32>,
    /// How many spans.
    pub spans: u64,
    /// How many of them are marked as failed.
    pub errors: u64,
    /// How many of them the scan's filter took.
    pub matches: u64,
    /// First start.
    pub start: Timestamp,
    /// Last end.
    pub end: Timestamp,
    /// Services in order of appearance, at most [`MOST_SERVICES`].
    pub services: Vec<Box<str>>,
    /// Service, name and resource of the earliest root, or of the earliest span when there is no root.
    pub top: [String; 3],
    /// Whether that is a root, and when it starts.
    top_rank: (bool, Timestamp),
}

/// How long a trace ran, without where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its id, with the high half when any span said it.
    pub id: TraceId,
    /// First start.
    pub start: Timestamp,
    /// Last end.
    pub end: Timestamp,
    /// How many spans.
    pub spans: u64,
    /// How many of them are marked as failed.
    pub errors: u64,
}

impl Extent {
    /// From the first start to the last end.
    pub fn duration(&self) -> Nanos {
        self.end - self.start
    }

    fn add(&mut self, other: Extent) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.spans += other.spans;
        self.errors += other.errors;
    }
}

impl From<&Located> for Extent {
    fn from(trace: &Located) -> Extent {
        let Located { id, start, end, spans, errors, .. } = *trace;
        Extent { id, start, end, spans, errors }
    }
}

/// Most services that are listed of one trace.
pub const MOST_SERVICES: usize = 64;

impl Located {
    /// From the first start to the last end.
    pub fn duration(&self) -> Nanos {
        self.end - self.start
    }

    fn of(id: TraceId) -> Self {
        Located {
            id,
            records: Vec::new(),
            spans: 0,
            errors: 0,
            matches: 0,
            start: Timestamp(i64::MAX),
            end: Timestamp(i64::MIN),
            services: Vec::new(),
            top: Default::default(),
            top_rank: (true, Timestamp(i64::MAX)),
        }
    }

    #[inline]
    fn add(&mut self, span: Span<'_>) {
        self.spans += 1;
        self.errors += u64::from(span.error());
        self.start = self.start.min(span.start());
        self.end = self.end.max(span.end());
        let rank = (span.parent_id().is_some(), span.start());
        if rank < self.top_rank || self.spans == 1 {
            self.top_rank = rank;
            for (kept, text) in self.top.iter_mut().zip([span.service(), span.name(), span.resource()]) {
                kept.clear();
                kept.push_str(text);
            }
        }
        let service = span.service_bytes();
        if self.services.last().is_none_or(|last| last.as_bytes() != service) {
            self.add_service(span.service());
        }
    }

    fn add_service(&mut self, service: &str) {
        if let Some(known) = self.services.iter().position(|known| **known == *service) {
            // The last place is the one that the next span is compared with first.
            self.services[known..].rotate_left(1);
        } else if self.services.len() < MOST_SERVICES {
            self.services.push(service.into());
        }
    }
}

/// One decoded record, as [`Intake::scan`] hands it out.
#[derive(Clone, Copy, Debug)]
pub struct Scanned<'s> {
    /// Its number over the whole input; 0 for what is called before it is known how many records came before: findings
    /// that are made then are moved.
    pub number: usize,
    /// The file it is in.
    pub file: &'s Path,
    /// The record.
    pub record: &'s CaptureRecord,
    /// The protocol it was decoded as.
    pub protocol: Protocol,
    /// Its spans.
    pub payload: Payload<'s>,
}

/// Opened captures, read as one input.
pub struct Intake<R> {
    inputs: Vec<(PathBuf, Capture<R>)>,
    settings: Settings,
    counts: Counts,
    others: BTreeMap<&'static str, u64>,
    client_stats: ClientStats,
    /// Input and number in it, of every record.
    places: Vec<(u32, u32)>,
    join: TraceJoin,
    traces: Vec<Located>,
    loaded: BTreeMap<u32, Loaded>,
    loaded_bytes: usize,
    spare: Vec<Loaded>,
    note: Note,
    /// Of every trace, when the scan noted ids.
    extents: Vec<Extent>,
}

/// A record in memory with its spans.
#[derive(Default)]
struct Loaded {
    record: CaptureRecord,
    /// The body without its content encoding, when it has one.
    decoded: Option<Vec<u8>>,
    batch: Batch,
    /// Spans by trace: (trace, from, to) of `order`, by trace.
    groups: Vec<(u32, u32, u32)>,
    order: Vec<u32>,
}

impl Loaded {
    fn body(&self) -> &[u8] {
        self.decoded.as_deref().unwrap_or(&self.record.request.body)
    }

    fn payload(&self) -> Payload<'_> {
        self.batch.view(self.body())
    }

    fn bytes(&self) -> usize {
        self.record.request.body.len()
            + self.decoded.as_ref().map_or(0, Vec::len)
            + self.batch.heap_bytes()
            + 4 * self.order.len()
    }

    /// Sorts the spans by trace, keeping their order within each.
    fn group(&mut self, join: &mut TraceJoin) {
        self.groups.clear();
        self.order.clear();
        let slots: Vec<u32> = self.payload().spans().map(|span| join.slot(span.trace_id()) as u32).collect();
        let Some(first) = slots.first().copied() else { return };
        if slots.iter().all(|slot| *slot == first) {
            self.groups.push((first, 0, slots.len() as u32));
            return;
        }
        self.order.extend(0..slots.len() as u32);
        self.order.sort_by_key(|index| slots[*index as usize]);
        for (position, index) in self.order.iter().enumerate() {
            let (slot, position) = (slots[*index as usize], position as u32);
            match self.groups.last_mut() {
                Some((last, _, to)) if *last == slot => *to = position + 1,
                _ => self.groups.push((slot, position, position + 1)),
            }
        }
    }

    /// The spans of trace `slot`; `None` when all spans are of it.
    fn spans_of(&self, slot: u32) -> Option<&[u32]> {
        if self.order.is_empty() {
            return None;
        }
        let found = self.groups.binary_search_by_key(&slot, |(slot, _, _)| *slot);
        let (_, from, to) = found.ok().and_then(|at| self.groups.get(at)).copied().unwrap_or_default();
        Some(self.order.get(from as usize..to as usize).unwrap_or_default())
    }
}

impl<R: BufRead + Seek> Intake<R> {
    /// Takes opened captures, each with the name of its file.
    pub fn new(inputs: Vec<(PathBuf, Capture<R>)>, settings: Settings) -> Self {
        Intake {
            inputs,
            settings,
            counts: Counts::default(),
            others: BTreeMap::new(),
            client_stats: ClientStats::default(),
            places: Vec::new(),
            join: TraceJoin::default(),
            traces: Vec::new(),
            loaded: BTreeMap::new(),
            loaded_bytes: 0,
            spare: Vec::new(),
            note: Note::Places,
            extents: Vec::new(),
        }
    }

    /// Notes which traces the record holds.
    fn locate(&mut self, loaded: &mut Loaded, number: usize, filter: Option<&dyn Fn(Span<'_>) -> bool>) {
        loaded.group(&mut self.join);
        let ids = self.join.ids();
        while self.traces.len() < ids.len() {
            self.traces.push(Located::of(ids[self.traces.len()]));
        }
        let payload = loaded.payload();
        for (slot, from, to) in &loaded.groups {
            let trace = &mut self.traces[*slot as usize];
            trace.id = ids[*slot as usize];
            trace.records.push(number as u32);
            for position in *from..*to {
                let index = loaded.order.get(position as usize).copied().unwrap_or(position);
                let Some(span) = payload.span(index as usize) else { continue };
                trace.add(span);
                trace.matches += u64::from(filter.is_some_and(|filter| filter(span)));
            }
        }
    }

    /// Keeps a record for the visit while the budget lasts; otherwise its memory serves the next one.
    fn keep(&mut self, number: usize, loaded: Loaded) {
        let bytes = loaded.bytes();
        if self.loaded.is_empty() || self.loaded_bytes + bytes <= self.settings.budget {
            self.loaded_bytes += bytes;
            self.loaded.insert(number as u32, loaded);
        } else {
            self.give_back(loaded);
        }
    }

    /// Keeps the memory of a record for the next one.
    fn give_back(&mut self, loaded: Loaded) {
        if self.spare.is_empty() {
            self.spare.push(loaded);
        }
    }

    /// Requests without traces, by what they are for.
    pub fn others(&self) -> &BTreeMap<&'static str, u64> {
        &self.others
    }

    /// The statistics that tracers sent, added up.
    pub fn client_stats(&self) -> &ClientStats {
        &self.client_stats
    }

    /// What the scan counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many traces there are; `None` when the scan did not note them.
    pub fn trace_count(&self) -> Option<usize> {
        (self.note != Note::Nothing).then(|| self.join.ids().len())
    }

    /// From the first start to the last end of all spans, when the scan noted traces and there was one.
    pub fn period(&self) -> Option<(Timestamp, Timestamp)> {
        let ends = self.extents().map(|extent| (extent.start, extent.end));
        ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// From when to when each trace ran, first seen first; none when the scan noted nothing.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        // The whole id may have been said by a later span.
        let noted = self.extents.iter().zip(self.join.ids()).map(|(extent, id)| Extent { id: *id, ..*extent });
        noted.chain(self.traces.iter().map(Extent::from))
    }

    /// The traces that the scan found, first seen first; none unless it noted places.
    pub fn traces(&self) -> &[Located] {
        &self.traces
    }

    /// Name and container format of every input.
    pub fn formats(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        self.inputs.iter().map(|(name, capture)| (name.as_path(), capture.format()))
    }

    /// The file that a record is in.
    pub fn file_of(&self, record: usize) -> Option<&Path> {
        let (input, _) = self.places.get(record)?;
        self.inputs.get(*input as usize).map(|(name, _)| name.as_path())
    }

    /// What the inputs hold and could not be read, in words, with the name of each.
    pub fn notes(&self) -> impl Iterator<Item = (&Path, String)> {
        self.inputs.iter().flat_map(|(name, capture)| capture.notes().into_iter().map(|note| (name.as_path(), note)))
    }

    /// Errors of the inputs themselves that ended their reading early.
    pub fn input_errors(&self) -> impl Iterator<Item = (&Path, &std::io::Error)> {
        self.inputs.iter().filter_map(|(name, capture)| Some((name.as_path(), capture.error()?)))
    }

    /// Drops the records that were kept: what is visited next is decoded again, and may be with other options.
    pub fn forget(&mut self) {
        self.loaded.clear();
        self.loaded_bytes = 0;
    }

    /// Hands out the traces numbered in `wanted` (positions in [`Intake::traces`]), in that order, each with the
    /// numbers of its records. `options` must be those of the scan unless [`Intake::forget`] came before.
    pub fn visit(
        &mut self,
        wanted: &[usize],
        options: &Options<'_>,
        mut each: impl FnMut(&Trace<'_>, &[u32]) -> ControlFlow<()>,
    ) -> Result<(), Diagnostic> {
        for slot in wanted {
            let Some(located) = self.traces.get(*slot) else { continue };
            let (id, records) = (located.id, located.records.clone());
            for record in &records {
                self.load_again(*record, &records, options)?;
            }
            let loaded: Vec<&Loaded> = records.iter().filter_map(|record| self.loaded.get(record)).collect();
            let payloads = loaded.iter().map(|loaded| loaded.payload()).collect();
            let spans = loaded.iter().map(|loaded| loaded.spans_of(*slot as u32)).collect::<Vec<_>>();
            if each(&Trace::of(id, payloads, &spans), &records).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Loads a record that the scan did not keep, dropping others that the trace at hand does not need.
    fn load_again(&mut self, number: u32, needed: &[u32], options: &Options<'_>) -> Result<(), Diagnostic> {
        if self.loaded.contains_key(&number) {
            return Ok(());
        }
        let mut memory = self.spare.pop();
        while self.loaded_bytes > self.settings.budget {
            let Some(idle) = self.loaded.keys().copied().find(|kept| !needed.contains(kept)) else { break };
            if let Some(dropped) = self.loaded.remove(&idle) {
                self.loaded_bytes = self.loaded_bytes.saturating_sub(dropped.bytes());
                memory.get_or_insert(dropped);
            }
        }
        let mut loaded = memory.unwrap_or_default();
        let Some((input, index)) = self.places.get(number as usize).copied() else { return Ok(()) };
        if let Some((_, capture)) = self.inputs.get_mut(input as usize) {
            capture.read_again(index as usize, &mut loaded.record)?;
        }
        // Its findings were reported by the scan.
        let mut reported = Diagnostics::default();
        let _ = load(&mut loaded, &self.settings, options, &mut reported);
        loaded.group(&mut self.join);
        self.loaded_bytes += loaded.bytes();
        self.loaded.insert(number, loaded);
        Ok(())
    }
}

/// Decodes records one by one, each for itself: for requests that are looked at while they pass.
#[derive(Default)]
pub struct Decoder {
    loaded: Loaded,
    settings: Settings,
}

impl Decoder {
    /// A decoder with these limits.
    pub fn new(settings: Settings) -> Self {
        Decoder { loaded: Loaded::default(), settings }
    }

    /// The record that was decoded last, which is given up.
    pub fn take(&mut self) -> CaptureRecord {
        std::mem::take(&mut self.loaded.record)
    }

    /// The spans of `record`, and the protocol they came in; `None` when it carries none or is broken at its beginning.
    pub fn decode(
        &mut self,
        record: CaptureRecord,
        options: &Options<'_>,
        out: &mut Diagnostics,
    ) -> Option<(Protocol, Payload<'_>)> {
        self.loaded.record = record;
        let protocol = load(&mut self.loaded, &self.settings, options, out).ok()?;
        Some((protocol, self.loaded.payload()))
    }
}

/// Why a record gave no payload at all.
enum NoTraces {
    /// It is for something else, of this name.
    Other(&'static str),
    Stats(Box<ClientStats>),
    Refused,
}

/// The name of requests to an address that is not known.
const UNKNOWN_ENDPOINT: &str = "unknown endpoints";

/// Undoes the content encoding of a record's body, finds its protocol and decodes it.
fn load(
    loaded: &mut Loaded,
    settings: &Settings,
    options: &Options<'_>,
    out: &mut Diagnostics,
) -> Result<Protocol, NoTraces> {
    let protocol = recognise(loaded, settings, out)?;
    decode(loaded, protocol, options, out);
    Ok(protocol)
}

fn decode(loaded: &mut Loaded, protocol: Protocol, options: &Options<'_>, out: &mut Diagnostics) {
    let Loaded { record, decoded, batch, .. } = loaded;
    let body = decoded.as_deref().unwrap_or(&record.request.body);
    wire::decode(protocol, body, options, batch, &mut out.body(0));
}

/// Undoes the content encoding of a record's body and finds its protocol.
fn recognise(loaded: &mut Loaded, settings: &Settings, out: &mut Diagnostics) -> Result<Protocol, NoTraces> {
    let number = 0;
    loaded.batch.clear();
    loaded.decoded = None;
    let request = &loaded.record.request;
    let endpoint = Protocol::of_path(&request.path);
    if let Some(Endpoint::Other(name)) = endpoint
        && name != wire::CLIENT_STATS
    {
        return Err(NoTraces::Other(name));
    }
    loaded.decoded = content(&loaded.record, number, settings, out)?;
    if let Some(Endpoint::Other(_)) = endpoint {
        return Err(client_stats(loaded, number, out));
    }
    let named = || loaded.record.document.and_then(Protocol::from_name);
    let asked = settings.protocol.filter(|_| loaded.record.bare).or_else(named);
    let said = match endpoint {
        Some(Endpoint::Traces(protocol)) => Some(protocol),
        _ => None,
    };
    let body = loaded.decoded.as_deref().unwrap_or(&loaded.record.request.body);
    if asked.or(said) == Some(Protocol::OtlpGrpc) || Protocol::sniff(body) == Some(Protocol::OtlpGrpc) {
        let encoding = request.headers.get("grpc-encoding").and_then(Encoding::from_token);
        let messages = wire::grpc_decompressed(body, encoding, &settings.encoding, &mut out.body(number));
        loaded.decoded = messages.or(loaded.decoded.take());
    }
    let body = loaded.decoded.as_deref().unwrap_or(&loaded.record.request.body);
    let said = said.map(|said| otlp_in_json(said, &loaded.record.request, body));
    let Some(protocol) = asked.or_else(|| by_content(said, body)).or(said) else {
        if !loaded.record.bare && endpoint.is_none() && !request.path.is_empty() {
            return Err(NoTraces::Other(UNKNOWN_ENDPOINT));
        }
        unrecognised(body, number, out);
        return Err(NoTraces::Refused);
    };
    if protocol == Protocol::Stats {
        return Err(client_stats(loaded, number, out));
    }
    if protocol == Protocol::V04Json && wire::is_snapshot(body) {
        let message = "a snapshot of the test agent: traces and spans are counted, their ids were never sent";
        out.body(number).take(Diagnostic::new(RENUMBERED, message), None, "");
        return Ok(Protocol::Snapshot);
    }
    Ok(protocol)
}

/// Statistics in place of traces. What cannot be read is reported, and counted like any other request.
fn client_stats(loaded: &Loaded, number: usize, out: &mut Diagnostics) -> NoTraces {
    match ClientStats::read(loaded.body()) {
        Ok(stats) => NoTraces::Stats(Box::new(stats)),
        Err(finding) => {
            out.body(number).take(finding.severity_is(Severity::Warning), None, "");
            NoTraces::Other(wire::CLIENT_STATS)
        }
    }
}

/// One path takes both forms of OTLP: Content-Type tells which, or the first byte, which no protobuf message has.
fn otlp_in_json(said: Protocol, request: &Request, body: &[u8]) -> Protocol {
    let json = |value: &str| value.trim_start().to_ascii_lowercase().starts_with("application/json");
    let looks = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let protobuf = !looks && body.first() == Some(&0x0a);
    if said == Protocol::OtlpProto && (looks || (!protobuf && request.headers.get("content-type").is_some_and(json))) {
        return Protocol::OtlpJson;
    }
    said
}

/// The protocol that the content shows, where it speaks clearly against (or in the absence of) what the path says.
fn by_content(said: Option<Protocol>, body: &[u8]) -> Option<Protocol> {
    let seen = Protocol::sniff(body)?;
    match (said, seen) {
        // Any array looks like v0.4 when nothing better fits, so that alone does not overrule a path.
        (Some(said), Protocol::V04) if said != Protocol::V05 => Some(said),
        (Some(Protocol::V05), Protocol::V04) if !Protocol::has_span_maps(body) => Some(Protocol::V05),
        (Some(Protocol::V03), Protocol::V03 | Protocol::V04) => Some(Protocol::V03),
        // A gRPC message whose frame is gone.
        (Some(Protocol::OtlpGrpc), Protocol::OtlpProto) => Some(Protocol::OtlpGrpc),
        (_, seen) => Some(seen),
    }
}

#[cold]
fn unrecognised(body: &[u8], number: usize, out: &mut Diagnostics) {
    let first: Vec<String> = body.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let message = format!(
        "no trace payload: the first bytes are {}; tried msgpack (v0.4, v0.5, v0.7, v1.0), OTLP protobuf and JSON, gRPC \
         framing",
        first.join(" ")
    );
    let finding = Diagnostic::new(UNKNOWN_PROTOCOL, message).help("name the protocol: --protocol v0.4");
    out.body(number).take(finding, Some(0), "");
}

/// The body without its content encoding; `None` when it has none.
fn content(
    record: &CaptureRecord,
    number: usize,
    settings: &Settings,
    out: &mut Diagnostics,
) -> Result<Option<Vec<u8>>, NoTraces> {
    let request = &record.request;
    let mut current: Option<Vec<u8>> = None;
    let said = request.headers.get("content-encoding").unwrap_or_default();
    let tokens = said.split(',').map(str::trim).filter(|token| !token.is_empty() && *token != "identity");
    for token in tokens.collect::<Vec<_>>().into_iter().rev() {
        let body = current.as_deref().unwrap_or(&request.body);
        let Some(encoding) = Encoding::from_token(token) else {
            let message = format!("Content-Encoding {token:?} is not known");
            let help = "gzip, zstd and deflate are read";
            out.body(number).take(Diagnostic::new(BAD_ENCODING, message).help(help), None, "");
            return Err(NoTraces::Refused);
        };
        match encoding::decode(encoding, body, &settings.encoding) {
            Ok(decoded) => current = Some(decoded),
            Err(_) if Encoding::sniff(body).is_none() && Protocol::sniff(body).is_some() => {
                let message = format!("Content-Encoding says {token}, but the body is not compressed; read as it is");
                let finding = Diagnostic::new(BAD_ENCODING, message).severity_is(Severity::Warning);
                out.body(number).take(finding, None, "");
            }
            Err(finding) => {
                out.report(finding.at(Place::Body { record: number, offset: Some(0), path: String::new() }));
                return Err(NoTraces::Refused);
            }
        }
    }
    if current.is_none()
        && let Some(encoding) = Encoding::sniff(&request.body)
    {
        match encoding::decode(encoding, &request.body, &settings.encoding) {
            Ok(decoded) => {
                if !record.bare {
                    let message = format!("the body is {encoding}, but no Content-Encoding says so; decompressed");
                    let finding = Diagnostic::new(BAD_ENCODING, message).severity_is(Severity::Warning);
                    out.body(number).take(finding, None, "");
                }
                current = Some(decoded);
            }
            Err(finding) => {
                out.report(finding.at(Place::Body { record: number, offset: Some(0), path: String::new() }));
                return Err(NoTraces::Refused);
            }
        }
    }
    Ok(current)
}

/// The place of a finding on a whole input.
pub fn whole(file: &Path) -> Place {
    Place::Text { source: Source::File(file.to_owned()), range: 0..0, line: None }
}
