//! Recorded requests go out again: paced, over a few connections, sent again when the target asks for it.

use super::client::{Client, Connection, Head, SendError, Stage};
use super::likely;
use super::taken::{self, Taken};
use crate::endpoint::Endpoint;
use crate::http::{Headers, Request, Response};
use crate::time::Timestamp;
use bytes::Bytes;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Longest pause before a request is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// When requests go out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// With the gaps that they were recorded with, so many times faster.
    Recorded(f64),
    /// So many a second.
    Rate(f64),
    /// As fast as the target takes them.
    Max,
}

/// How to send.
pub struct Settings {
    /// Where to.
    pub client: Client,
    /// When.
    pub pace: Pace,
    /// Connections that are used beside each other.
    pub concurrency: usize,
    /// How often a request is sent again that was not taken.
    pub retries: u32,
}

/// A request to be sent, once or in every round.
#[derive(Debug)]
pub struct Outgoing {
    method: String,
    path: String,
    headers: Headers,
    body: Bytes,
    received: Option<Timestamp>,
    spans: u64,
    /// Made when it is sent first.
    head: OnceCell<Head>,
}

impl Outgoing {
    /// `request` as it was recorded at `received`, with so many spans; its path is that below the base of the endpoint.
    pub fn new(request: Request, received: Option<Timestamp>, spans: u64) -> Outgoing {
        let Request { method, path, headers, body } = request;
        Outgoing { method, path, headers, body: Bytes::from(body), received, spans, head: OnceCell::new() }
    }

    /// The body as it goes out.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Spans in it.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    fn head(&self, endpoint: &Endpoint) -> Result<&Head, SendError> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let head = Head::new(endpoint, &self.method, &self.path, &self.headers)?;
        Ok(self.head.get_or_init(|| head))
    }
}

/// What became of the requests: each is accepted, rejected or failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Answered with a status of 200 to 299 (and 0 in gRPC).
    pub accepted: u64,
    /// Answered with another.
    pub rejected: u64,
    /// Spans of accepted requests that the target says it did not take (OTLP partial success).
    pub rejected_spans: u64,
    /// Not answered.
    pub failed: u64,
    /// Taken up, and not sent before the interruption; a part of `failed`.
    pub unsent: u64,
    /// Attempts beyond the first.
    pub retried: u64,
    /// Spans in answered requests.
    pub spans: u64,
    /// Bytes of the bodies of answered requests.
    pub bytes: u64,
    /// Final answers by status: `200`, `grpc-14`.
    pub responses: BTreeMap<String, u64>,
    /// Why the first request failed or was rejected.
    pub first_fault: Option<Fault>,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happened.
    pub what: String,
    /// What is most likely behind it, and what to do.
    pub help: Option<String>,
}

/// Where requests come from, one after the other.
pub type Source = Box<dyn FnMut() -> Option<Rc<Outgoing>>>;

/// Sends what `source` gives until it ends or `stop` is done; then waits for the answers that are under way. Must be called
/// inside a `LocalSet`.
pub async fn replay(settings: Settings, source: Source, stop: impl Future<Output = ()>) -> Report {
    let (stopping, stopped) = watch::channel(false);
    let workers = settings.concurrency.max(1);
    let replay = Rc::new(Replay {
        settings,
        source: RefCell::new(source),
        report: RefCell::default(),
        taken: Cell::new(0),
        first: Cell::new(None),
        started: Instant::now(),
    });
    let mut running = JoinSet::new();
    for _ in 0..workers {
        running.spawn_local(replay.clone().work(stopped.clone()));
    }
    let mut stop = std::pin::pin!(stop);
    let mut asked = false;
    loop {
        tokio::select! {
            finished = running.join_next() => if finished.is_none() { break },
            () = &mut stop, if !asked => {
                asked = true;
                let _ = stopping.send(true);
            }
        }
    }
    replay.report.take()
}

struct Replay {
    settings: Settings,
    source: RefCell<Source>,
    report: RefCell<Report>,
    taken: Cell<u64>,
    /// When the first request was recorded.
    first: Cell<Option<Timestamp>>,
    started: Instant,
}

impl Replay {
    async fn work(self: Rc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut connection = None;
        loop {
            if *stopped.borrow() {
                return;
            }
            let Some(outgoing) = self.source.borrow_mut()() else { return };
            if let Some(due) = self.due(&outgoing) {
                tokio::select! {
                    () = sleep_until(due) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {
                        let mut report = self.report.borrow_mut();
                        report.failed += 1;
                        report.unsent += 1;
                        return;
                    }
                }
            }
            let answered = self.deliver(&outgoing, &mut connection, &mut stopped).await;
            self.note(&outgoing, answered);
        }
    }

    /// When it is to go out; `None` for at once.
    fn due(&self, outgoing: &Outgoing) -> Option<Instant> {
        let number = self.taken.replace(self.taken.get() + 1);
        let after = match self.settings.pace {
            Pace::Max => return None,
            Pace::Rate(rate) => number as f64 / rate,
            Pace::Recorded(speed) => {
                let received = outgoing.received?;
                let first = self.first.get().unwrap_or(received);
                self.first.set(Some(first));
                (received - first).0 as f64 / 1e9 / speed
            }
        };
        let due = self.started + Duration::try_from_secs_f64(after).unwrap_or_default();
        (due > Instant::now()).then_some(due)
    }

    /// Sends it until it is answered for good.
    async fn deliver(
        &self,
        outgoing: &Outgoing,
        connection: &mut Option<Connection>,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<Response, SendError> {
        let mut attempt = 0;
        loop {
            let answered = self.attempt(outgoing, connection).await;
            let pause = match &answered {
                Ok(response) if taken::is_passing(response) => {
                    taken::asked_pause(response).unwrap_or_else(|| backoff(attempt))
                }
                Err(error) if !matches!(error.stage, Stage::Resolve | Stage::Tls) => backoff(attempt),
                _ => return answered,
            };
            if attempt == self.settings.retries {
                return answered;
            }
            attempt += 1;
            tokio::select! {
                () = sleep(pause.min(LONGEST_PAUSE)) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return answered,
            }
            self.report.borrow_mut().retried += 1;
        }
    }

    async fn attempt(&self, outgoing: &Outgoing, kept: &mut Option<Connection>) -> Result<Response, SendError> {
        // A target closes connections that it does not like to keep.
        let ready = match kept.as_mut() {
            Some(connection) => connection.is_ready().await,
            None => false,
        };
        let mut connection = match kept.take() {
            Some(connection) if ready => connection,
            _ => self.settings.client.connect(&mut Vec::new()).await?,
        };
        let head = outgoing.head(self.settings.client.endpoint())?;
        let answered = connection.send_under(head, outgoing.body.clone()).await?;
        *kept = Some(connection);
        Ok(answered)
    }

    fn note(&self, outgoing: &Outgoing, answered: Result<Response, SendError>) {
        let mut report = self.report.borrow_mut();
        let fault = match answered {
            Ok(response) => {
                report.bytes += outgoing.body.len() as u64;
                report.spans += outgoing.spans;
                let taken = Taken::of(&response);
                match report.responses.get_mut(&taken.status) {
                    Some(count) => *count += 1,
                    None => drop(report.responses.insert(taken.status.clone(), 1)),
                }
                report.rejected_spans += taken.rejected_spans;
                match taken.ok {
                    true => report.accepted += 1,
                    false => report.rejected += 1,
                }
                if taken.ok && taken.rejected_spans == 0 {
                    return;
                }
                let said = taken.reason.unwrap_or_default();
                let what = match taken.ok {
                    true => format!("{} spans of {} were not taken: {said}", taken.rejected_spans, outgoing.path),
                    false => format!("{} was answered with {}: {said}", outgoing.path, taken.status),
                };
                Fault { what, help: likely::of_answer(self.settings.client.endpoint(), &outgoing.path, &response) }
            }
            Err(error) => {
                report.failed += 1;
                Fault { what: format!("{} got no answer: {error}", outgoing.path), help: error.help }
            }
        };
        report.first_fault.get_or_insert(fault);
    }
}

/// 100 ms, doubled with every attempt.
fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(100).saturating_mul(1 << attempt.min(8)).min(LONGEST_PAUSE)
}
