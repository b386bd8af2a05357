//! Sending made spans and telling how far they came: the stages with their times, the answer, and what was read back.

use super::output::Output;
use super::target::Target;
use anyhow::Result;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use spanglass::agent::client::{Client, Connection, SendError, Stage, Step};
use spanglass::agent::fetch::Fetcher;
use spanglass::agent::info::{self, Info};
use spanglass::agent::likely;
use spanglass::agent::taken::{self, Taken};
use spanglass::agent::verify::{Arrived, Verified, verify};
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::endpoint::{Endpoint, Transport};
use spanglass::http::Request;
use spanglass::id::TraceId;
use spanglass::render::time::duration;
use spanglass::time::Nanos;
use spanglass::trace::{Batch, Keep};
use spanglass::wire::{self, Losses, Options, Protocol};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// What is known of a delivery.
pub(crate) struct Delivery {
    pub(crate) target: Target,
    /// The protocol, and why it is this one.
    pub(crate) protocol: Option<(Protocol, String)>,
    pub(crate) steps: Vec<Step>,
    pub(crate) traces: Vec<TraceId>,
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: BTreeMap<String, u64>,
    pub(crate) rates: BTreeMap<String, f64>,
    pub(crate) losses: Losses,
    pub(crate) verified: Option<Verified>,
    /// What the requests carried, when it is to be read back.
    carried: Option<Batch>,
    /// The user did not wait for the rest.
    pub(crate) interrupted: bool,
    /// What went wrong first, and what is most likely behind it.
    pub(crate) fault: Option<(String, Option<String>)>,
}

/// Why a delivery ended early: it is in the [`Delivery`].
pub(crate) struct Ended;

impl Delivery {
    pub(crate) fn new(target: Target, verify: bool) -> Delivery {
        Delivery {
            target,
            protocol: None,
            steps: Vec::new(),
            traces: Vec::new(),
            spans: 0,
            bytes: 0,
            accepted: 0,
            rejected: BTreeMap::new(),
            rates: BTreeMap::new(),
            losses: Losses::default(),
            verified: None,
            carried: verify.then(Batch::default),
            interrupted: false,
            fault: None,
        }
    }

    /// Connects; until `wait` is over again and again.
    pub(crate) async fn connect(&mut self, client: &Client, wait: Duration) -> Result<Connection, Ended> {
        let started = Instant::now();
        loop {
            let mut steps = Vec::new();
            match client.connect(&mut steps).await {
                Ok(connection) => {
                    self.steps.extend(steps);
                    return Ok(connection);
                }
                Err(_) if started.elapsed() < wait => tokio::time::sleep(Duration::from_millis(200)).await,
                Err(error) => {
                    self.steps.extend(steps);
                    return Err(self.failed(error, started));
                }
            }
        }
    }

    /// Connects and asks what is there, and sends nothing.
    pub(crate) async fn reach(&mut self, client: &Client, asked: Option<Protocol>, wait: Duration) {
        let Ok(mut connection) = self.connect(client, wait).await else { return };
        // What the address says of the protocol is all that can be known without sending.
        if let Some((protocol, why)) = without_asking(asked, &self.target) {
            self.protocol = Some((protocol, why.to_owned()));
            return;
        }
        if let Ok(None) = self.ask_info(&mut connection).await {
            let help = "an agent has port 8126; a collector takes OTLP on 4318 and 4317".to_owned();
            self.fault = Some(("this is not a Datadog agent: /info is not known".to_owned(), Some(help)));
        }
    }

    /// The protocol to speak: what was asked for, what the source or the address says, or what the agent's `/info` lists.
    pub(crate) async fn choose(
        &mut self,
        asked: Option<Protocol>,
        connection: &mut Connection,
    ) -> Result<Protocol, Ended> {
        if let Some((protocol, why)) = without_asking(asked, &self.target) {
            self.protocol = Some((protocol, why.to_owned()));
            return Ok(protocol);
        }
        let info = self.ask_info(connection).await?;
        let listed: Vec<Protocol> = info.iter().flat_map(Info::protocols).collect();
        // v0.4 carries everything, and every agent of the last years takes it.
        let order = [Protocol::V04, Protocol::V05, Protocol::V07, Protocol::V1, Protocol::V03];
        let (protocol, why) = match order.into_iter().find(|protocol| listed.contains(protocol)) {
            Some(protocol) => (protocol, "the agent's /info lists it"),
            None if listed.contains(&Protocol::OtlpProto) => (Protocol::OtlpProto, "/info lists it alone"),
            None => (Protocol::V04, "every agent takes it, and this one has no /info"),
        };
        self.protocol = Some((protocol, why.to_owned()));
        Ok(protocol)
    }

    /// Asks for `/info`, which is a stage of its own kind: its failure to be an agent is none yet.
    pub(crate) async fn ask_info(&mut self, connection: &mut Connection) -> Result<Option<Info>, Ended> {
        let started = Instant::now();
        match info::ask(connection).await {
            Ok((response, info)) => {
                let said = match &info {
                    Some(Info { version: Some(version), .. }) => format!("agent {version}"),
                    Some(_) => "an agent".to_owned(),
                    None => format!("{}, and not what an agent says", response.status),
                };
                self.step(Stage::Response, info.is_some(), response.elapsed, format!("GET /info: {said}"));
                Ok(info)
            }
            Err(error) => Err(self.failed(error, started)),
        }
    }

    /// Sends batches as one request.
    pub(crate) async fn send(
        &mut self,
        connection: &mut Connection,
        protocol: Protocol,
        batches: &[Batch],
    ) -> Result<(), Ended> {
        let request = self.request(protocol, batches);
        let Some(request) = request else {
            self.fault = Some((format!("{} cannot be written", protocol.name()), None));
            return Err(Ended);
        };
        if let Some(carried) = &mut self.carried {
            let options = Options { keep: Keep::All, ..Options::default() };
            let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
            wire::decode(protocol, &request.body, &options, &mut batch, &mut found.body(0));
            carried.append(batch.view(&request.body));
        }
        let started = Instant::now();
        let Request { method, path, headers, body } = request;
        let (bytes, spans) =
            (body.len(), batches.iter().map(|batch| batch.view(&[]).spans().len() as u64).sum::<u64>());
        let answered = connection.send(&method, &path, &headers, Bytes::from(body)).await;
        self.spans += spans;
        self.bytes += bytes as u64;
        let whole = self.target.endpoint.path(&path);
        let response = match answered {
            Ok(response) => response,
            Err(error) => {
                if error.stage == Stage::Response {
                    self.step(Stage::Request, true, Duration::ZERO, format!("{method} {whole}, bytes: {bytes}"));
                }
                *self.rejected.entry(format!("{error}")).or_default() += spans;
                return Err(self.failed(error, started));
            }
        };
        self.step(Stage::Request, true, Duration::ZERO, format!("{method} {whole}, spans: {spans}, bytes: {bytes}"));
        let taken = Taken::of(&response);
        let said = taken.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.step(Stage::Response, taken.ok, response.elapsed, format!("{}{said}", taken.status));
        let refused = if taken.ok { taken.rejected_spans.min(spans) } else { spans };
        self.accepted += spans - refused;
        if taken.ok {
            self.rates.extend(taken::rates(&response));
        }
        if refused > 0 {
            let reason = taken.reason.unwrap_or_else(|| taken.status.clone());
            let what = match taken.ok {
                true => format!("{refused} of {spans} spans were not taken: {reason}"),
                false => format!("{whole} was answered with {}{said}", taken.status),
            };
            *self.rejected.entry(reason).or_default() += refused;
            self.fault.get_or_insert((what, likely::of_answer(&self.target.endpoint, &path, &response)));
        }
        if taken.ok { Ok(()) } else { Err(Ended) }
    }

    /// The request that carries batches, with the headers of the source; notes its traces and what is lost.
    pub(crate) fn request(&mut self, protocol: Protocol, batches: &[Batch]) -> Option<Request> {
        let mut all = Batch::default();
        for batch in batches {
            all.append(batch.view(&[]));
        }
        all.finish();
        for span in all.view(&[]).spans() {
            if !self.traces.contains(&span.trace_id()) {
                self.traces.push(span.trace_id());
            }
        }
        let mut request = wire::encode(protocol, all.view(&[]), &mut self.losses)?;
        for (name, value) in self.target.headers.iter() {
            request.headers.push(name, value);
        }
        if self.target.whole_path {
            request.path.clear();
        }
        Some(request)
    }

    /// Reads the traces back, until they are there or `wait` is over.
    pub(crate) async fn read_back(&mut self, from: &Fetcher, wait: Duration) {
        let carried = self.carried.take().unwrap_or_default();
        let started = Instant::now();
        let verified = loop {
            let verified = verify(from, carried.view(&[]), &self.traces).await;
            if verified.arrived != Arrived::Missing || started.elapsed() >= wait {
                break verified;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let arrived = verified.arrived.word();
        let ok = matches!(verified.arrived, Arrived::Equal | Arrived::Unsupported);
        self.step(Stage::Verify, ok, started.elapsed(), format!("{arrived}: {}", verified.detail));
        self.verified = Some(verified);
    }

    /// The target takes spans only.
    pub(crate) fn cannot_read_back(&mut self) {
        let detail = "a gRPC port answers no other requests".to_owned();
        self.step(Stage::Verify, true, Duration::ZERO, format!("unsupported: {detail}"));
        self.verified =
            Some(Verified { arrived: Arrived::Unsupported, missing: Vec::new(), changed: Vec::new(), detail });
    }

    fn step(&mut self, stage: Stage, ok: bool, elapsed: Duration, detail: String) {
        self.steps.push(Step { stage, ok, elapsed, detail });
    }

    /// Notes a failure as the last stage.
    fn failed(&mut self, error: SendError, started: Instant) -> Ended {
        // Addresses that did not answer are stages already.
        let noted = error.stage == Stage::Connect && self.steps.last().is_some_and(|step| !step.ok);
        if !noted {
            self.step(error.stage, false, started.elapsed(), error.cause.clone());
        }
        self.fault = Some((format!("{} failed: {}", error.stage, error.cause), error.help));
        Ended
    }

    /// 3 when something was not delivered, 1 when it is not there, or not as it was sent.
    pub(crate) fn outcome(&self) -> Outcome {
        let there = self.verified.as_ref().map(|verified| &verified.arrived);
        match there {
            _ if self.fault.is_some() => Outcome::Target,
            _ if self.interrupted => Outcome::Interrupted,
            Some(Arrived::Missing | Arrived::Different) => Outcome::Bad,
            _ => Outcome::Good,
        }
    }

    pub(crate) fn document(&self) -> Value {
        let nanos = |length: Duration| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        let stage = |step: &Step| json!({"name": step.stage.to_string(), "ok": step.ok, "ns": nanos(step.elapsed), "detail": step.detail});
        let changed = |verified: &Verified| -> Vec<Value> {
            let one = |changed: &spanglass::agent::verify::Changed| json!({"span_id": changed.span_id.to_string(), "member": changed.member, "sent": changed.sent, "read": changed.read});
            verified.changed.iter().map(one).collect()
        };
        let verify = self.verified.as_ref().map(|verified| {
            let missing: Vec<String> = verified.missing.iter().map(ToString::to_string).collect();
            json!({"status": verified.arrived.word(), "missing": missing, "changed": changed(verified)})
        });
        let rejected = |(reason, count): (&String, &u64)| json!({"reason": reason, "count": count});
        let rates: Map<String, Value> = self.rates.iter().map(|(key, rate)| (key.clone(), json!(rate))).collect();
        json!({
            "schema": "spanglass.delivery/1",
            "target": {
                "url": self.target.endpoint.to_string(),
                "source": self.target.source,
                "protocol": self.protocol.as_ref().map(|(protocol, _)| name_of(*protocol)),
            },
            "stages": self.steps.iter().map(stage).collect::<Vec<_>>(),
            "sent": {"traces": self.traces.len(), "spans": self.spans, "bytes": self.bytes},
            "accepted": self.accepted,
            "rejected": self.rejected.iter().map(rejected).collect::<Vec<_>>(),
            "rates": rates,
            "verify": verify,
            "trace_ids": self.traces.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn text(&self, output: &mut Output) -> Result<()> {
        let ascii = output.theme.ascii;
        write!(output, "{} ({})", self.target.endpoint, self.target.source)?;
        match &self.protocol {
            Some((protocol, why)) => writeln!(output, ", {}: {why}", name_of(*protocol))?,
            None => writeln!(output)?,
        }
        for step in &self.steps {
            let mark = if step.ok { "ok" } else { "!" };
            let length = duration(Nanos(i64::try_from(step.elapsed.as_nanos()).unwrap_or(i64::MAX)), ascii);
            let length = if step.elapsed == Duration::ZERO { String::new() } else { length };
            let detail = spanglass::render::clean(&step.detail, ascii);
            writeln!(output, "  {:8} {mark:2} {length:>9}  {detail}", step.stage.to_string())?;
        }
        if let Some(verified) = &self.verified {
            for id in &verified.missing {
                writeln!(output, "  ! span {id} is not there")?;
            }
            for changed in &verified.changed {
                let shown = |text: &str| spanglass::render::clean(text, ascii).into_owned();
                let (sent, read) = (shown(&changed.sent), shown(&changed.read));
                writeln!(
                    output,
                    "  ! span {} {}: sent {sent}, there is {read}",
                    changed.span_id,
                    shown(&changed.member)
                )?;
            }
        }
        for (service, rate) in &self.rates {
            writeln!(output, "  rate {} {rate}", spanglass::render::clean(service, ascii))?;
        }
        for id in self.traces.iter().take(SHOWN) {
            writeln!(output, "trace {id} (decimal {})", id.low())?;
        }
        if self.traces.len() > SHOWN {
            writeln!(output, "and {} more traces", self.traces.len() - SHOWN)?;
        }
        let not =
            if self.accepted < self.spans { format!(", {} not", self.spans - self.accepted) } else { String::new() };
        if self.spans > 0 {
            writeln!(output, "spans: {} sent, {} accepted{not}", self.spans, self.accepted)?;
        }
        Ok(())
    }

    /// What is said beside the result, in every format.
    pub(crate) fn aside(&self, output: &mut Output) {
        if !self.losses.is_empty() {
            let lost: Vec<String> = self.losses.iter().map(|(what, count)| format!("{count} {what}")).collect();
            output.note(&format!("what the protocol cannot carry: {}", lost.join(", ")));
        }
        if let Some((what, help)) = &self.fault {
            output.fault(what, help.as_deref());
        }
        if self.verified.as_ref().is_some_and(|verified| verified.arrived == Arrived::Unsupported) {
            let help = "--verify=URL names where the backend gives traces out (Jaeger 16686, Tempo 3200, Zipkin 9411)";
            output.note("accepted, and not verifiable: the target gives no traces out");
            output.note(help);
        }
    }
}

/// Most trace ids in text.
const SHOWN: usize = 10;

/// The protocol where nobody has to be asked, and why it is this one.
pub(crate) fn without_asking(asked: Option<Protocol>, target: &Target) -> Option<(Protocol, &'static str)> {
    let port = match &target.endpoint.transport {
        Transport::Tcp(_, port) => Some(*port),
        Transport::Unix(_) => None,
    };
    if let Some(protocol) = asked {
        return Some((protocol, "--protocol"));
    }
    if let Some(protocol) = target.protocol {
        return Some((protocol, "the variables say so"));
    }
    match port {
        _ if target.endpoint.grpc => Some((Protocol::OtlpGrpc, "the URL says so")),
        _ if target.endpoint.base.ends_with("/v1/traces") => Some((Protocol::OtlpProto, "the path says so")),
        Some(4318) => Some((Protocol::OtlpProto, "port 4318 is that of OTLP over HTTP")),
        _ => None,
    }
}

/// The name of a protocol on the command line of send-test-span.
pub(crate) fn name_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OtlpProto => "otlp-http",
        other => other.name(),
    }
}

/// An endpoint for reading back, where it is not that of the sending: a gRPC port answers no other requests.
pub(crate) fn readable(endpoint: &Endpoint) -> Option<Endpoint> {
    let base = endpoint.base.strip_suffix("/v1/traces").unwrap_or(&endpoint.base).to_owned();
    (!endpoint.grpc).then(|| Endpoint { base, ..endpoint.clone() })
}
