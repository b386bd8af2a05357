//! One pass over all records, decoded on several threads and joined in the order of the input.
//!
//! ```text
//! this thread:  find lines ─┬─ queue ─> workers: parse, decode, map ─┬─> join in order: count, index, each
//!                           └─ when the queue is full: parse, decode, map here
//! ```
//! A block of whole lines is the unit of work ([`Block`]). Records are numbered only when they are joined, because only
//! then it is known how many came before; findings made in a block have numbers from 0 and are moved. With one thread
//! everything happens here, record by record, and what comes out is the same.
//!
//! Bodies in files of their own are decoded here: where one ends is known when it is decoded.

use super::{Extent, Intake, Loaded, NoTraces, Scanned, Settings, recognise};
use crate::capture::{Block, Capture, Event, Failure, Raw};
use crate::diagnostic::{Diagnostics, Severity};
use crate::encoding::Encoding;
use crate::trace::{Payload, Span};
use crate::wire::{self, Options, Part, Protocol};
use std::collections::BTreeMap;
use std::io::{BufRead, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

/// What a scan notes of the traces that it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing: memory does not grow with the input.
    Nothing,
    /// How many there are, and from when to when each ran: about a hundred bytes each.
    Ids,
    /// Where each lies, for [`Intake::visit`].
    Places,
}

/// A body of this size stays decoded until it is joined, so that what is made of it need not be in memory at once.
pub const HELD: usize = 4 << 20;

/// Records that may wait in the queue, for each worker.
const QUEUED: usize = 2;

/// What a block is parsed with.
struct Task<'t, M> {
    settings: Settings,
    options: &'t Options<'t>,
    note: Note,
    map: &'t M,
}

/// A block and the files it is of.
struct Job {
    number: usize,
    input: usize,
    file: PathBuf,
    block: Block,
}

/// A block that was parsed.
struct Done<T> {
    number: usize,
    input: usize,
    block: Option<Block>,
    records: Vec<Read<T>>,
}

/// What was found in a line or a body.
struct Read<T> {
    event: Event,
    found: Diagnostics,
    result: Option<Result<(Protocol, T), NoTraces>>,
    spans: u64,
    bytes: u64,
    seen: Seen,
    /// Only for [`Note::Places`], and when it is [`HELD`].
    loaded: Option<Loaded>,
}

/// The traces of one record, for [`Note::Ids`].
#[derive(Default)]
struct Seen {
    /// Not twice in a row.
    traces: Vec<Extent>,
}

impl Seen {
    fn of(payload: Payload<'_>) -> Seen {
        let mut traces: Vec<Extent> = Vec::new();
        for span in payload.spans() {
            let of_span = Extent {
                id: span.trace_id(),
                start: span.start(),
                end: span.end(),
                spans: 1,
                errors: u64::from(span.error()),
            };
            match traces.last_mut() {
                Some(last) if last.id == of_span.id => last.add(of_span),
                _ => traces.push(of_span),
            }
        }
        Seen { traces }
    }
}

impl<M> Task<'_, M> {
    /// Maps what was loaded, and says what it is.
    fn read<A, T>(
        &self,
        own: &mut A,
        file: &Path,
        loaded: &mut Loaded,
        event: Event,
        protocol: Result<Protocol, NoTraces>,
        mut found: Diagnostics,
    ) -> Read<T>
    where
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
    {
        let payload = loaded.payload();
        let (spans, bytes) = (payload.spans().len() as u64, loaded.record.request.body.len() as u64);
        let result = protocol.map(|protocol| {
            let scanned = Scanned { number: 0, file, record: &loaded.record, protocol, payload };
            (protocol, (self.map)(own, &scanned, &mut found))
        });
        let seen = if self.note == Note::Ids { Seen::of(payload) } else { Seen::default() };
        let held = self.note == Note::Places || loaded.body().len() >= HELD;
        let loaded = held.then(|| std::mem::take(loaded));
        Read { event, found, result: Some(result), spans, bytes, seen, loaded }
    }

    /// Parses and decodes what comes next in a block.
    fn next<A, T>(&self, own: &mut A, file: &Path, block: &mut Block, loaded: &mut Loaded) -> Option<Read<T>>
    where
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
    {
        let mut found = Diagnostics::default();
        let event = block.next(&mut loaded.record, &mut found)?;
        if !matches!(event, Event::Request(_)) {
            let (result, seen, loaded) = (None, Seen::default(), None);
            return Some(Read { event, found, result, spans: 0, bytes: 0, seen, loaded });
        }
        let protocol = super::load(loaded, &self.settings, self.options, &mut found);
        Some(self.read(own, file, loaded, event, protocol, found))
    }

    /// Reads and decodes the next record of a container that is read in one piece; `None` at its end. Findings on the
    /// container go to `out`.
    fn record<R, A, T>(
        &self,
        own: &mut A,
        file: &Path,
        capture: &mut Capture<R>,
        loaded: &mut Loaded,
        out: &mut Diagnostics,
    ) -> Option<Read<T>>
    where
        R: BufRead + Seek,
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
    {
        if !capture.read(&mut loaded.record, out) {
            return None;
        }
        let mut found = Diagnostics::default();
        let protocol = super::load(loaded, &self.settings, self.options, &mut found);
        Some(self.read(own, file, loaded, Event::Request(0), protocol, found))
    }

    /// Loads and decodes the next body of an input without a container; `None` at its end.
    fn body<R, A, T>(
        &self,
        own: &mut A,
        file: &Path,
        raw: &mut Raw<R>,
        loaded: &mut Loaded,
    ) -> Result<Option<Read<T>>, Failure>
    where
        R: BufRead + Seek,
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
    {
        loaded.batch.clear();
        loaded.decoded = None;
        if !raw.window(&mut loaded.record)? {
            return Ok(None);
        }
        loop {
            let mut found = Diagnostics::default();
            let beyond = raw.beyond(&loaded.record);
            let body = &loaded.record.request.body;
            if beyond > 0 && (Encoding::sniff(body).is_some() || !Protocol::has_span_maps(body)) {
                raw.widen(&mut loaded.record)?;
                continue;
            }
            let protocol = recognise(loaded, &self.settings, &mut found);
            let part = match protocol {
                Ok(Protocol::V03 | Protocol::V04) if loaded.decoded.is_none() => {
                    let Loaded { record, batch, .. } = loaded;
                    wire::decode_next(&record.request.body, beyond, self.options, batch, &mut found.body(0))
                }
                _ if beyond > 0 => Part::Cut,
                Ok(protocol) => {
                    super::decode(loaded, protocol, self.options, &mut found);
                    Part::Last
                }
                Err(_) => Part::Last,
            };
            let len = match part {
                Part::Cut => {
                    raw.widen(&mut loaded.record)?;
                    continue;
                }
                Part::Whole(len) => Some(len),
                Part::Last => None,
            };
            raw.keep(&mut loaded.record, len);
            return Ok(Some(self.read(own, file, loaded, Event::Request(0), protocol, found)));
        }
    }
}

/// The threads beside this one, started when there is something for them.
struct Workers<'scope, A, T> {
    jobs: Sender<Job>,
    done: Receiver<Done<T>>,
    handles: Vec<ScopedJoinHandle<'scope, A>>,
    /// Blocks that were given to them and did not come back.
    out: usize,
}

/// What the scan has in hand while it runs.
struct Pass<'p, 'f, T, E> {
    note: Note,
    /// Errors that there were before, when the next one ends the scan.
    strict: Option<u64>,
    filter: Option<&'f dyn Fn(Span<'_>) -> bool>,
    out: &'p mut Diagnostics,
    each: E,
    /// Blocks parsed before it is their turn, and whose turn it is.
    early: BTreeMap<usize, Done<T>>,
    turn: usize,
    blocks: Vec<Block>,
}

impl<R: BufRead + Seek> Intake<R> {
    /// Reads everything once. `map` is called for every record that carries traces, also one that gave no spans, on any
    /// thread, with something that belongs to the thread; `each` gets what it made, in input order, with the number of the
    /// record over the whole input, and the record itself when it is [`HELD`] or places are noted. `filter` says which spans count as matches of their trace. Returns what belonged to
    /// the threads.
    ///
    /// Findings that `map` makes must be on record 0: [`Scanned::number`].
    pub fn scan<A: Default + Send, T: Send>(
        &mut self,
        options: &Options<'_>,
        note: Note,
        filter: Option<&dyn Fn(Span<'_>) -> bool>,
        out: &mut Diagnostics,
        map: impl Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T + Sync,
        each: impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>,
    ) -> Vec<A> {
        let task = Task { settings: self.settings, options, note, map: &map };
        let strict = self.settings.strict.then(|| out.total(Severity::Error));
        // Which records came before the one that stops a strict scan must not depend on the threads.
        let threads = if strict.is_some() { 1 } else { self.settings.threads.max(1) };
        let pass = Pass { note, strict, filter, out, each, early: BTreeMap::new(), turn: 0, blocks: Vec::new() };
        self.note = note;
        thread::scope(|scope| self.scan_in(scope, &task, threads - 1, pass))
    }

    fn scan_in<'scope, 'env, A: Default + Send + 'scope, T: Send + 'scope, M>(
        &mut self,
        scope: &'scope thread::Scope<'scope, 'env>,
        task: &'env Task<'env, M>,
        most_workers: usize,
        mut pass: Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> Vec<A>
    where
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T + Sync,
    {
        let (mut own, mut mine) = (A::default(), Loaded::default());
        let mut workers: Option<Workers<'scope, A, T>> = None;
        let mut next = 0;
        let mut stopped = ControlFlow::Continue(());
        'inputs: for input in 0..self.inputs.len() {
            let file = self.inputs[input].0.clone();
            loop {
                let (_, capture) = &mut self.inputs[input];
                if let Some(raw) = capture.raw() {
                    let mut loaded = self.spare.pop().unwrap_or_default();
                    let read = task.body(&mut own, &file, raw, &mut loaded);
                    let end = !matches!(read, Ok(Some(_)));
                    match read {
                        Ok(Some(read)) => stopped = self.join(input, read, &mut pass),
                        Ok(None) => {}
                        Err(failure) => {
                            if let Some(raw) = self.inputs[input].1.raw() {
                                raw.fail(failure, pass.out);
                            }
                            stopped = pass.stop_on_errors();
                        }
                    }
                    self.give_back(loaded);
                    if stopped.is_break() {
                        break 'inputs;
                    }
                    if end {
                        break;
                    }
                    continue;
                }
                if capture.lines().is_none() {
                    let mut loaded = self.spare.pop().unwrap_or_default();
                    let read = task.record(&mut own, &file, capture, &mut loaded, pass.out);
                    let end = read.is_none();
                    stopped = match read {
                        Some(read) => self.join(input, read, &mut pass),
                        None => pass.stop_on_errors(),
                    };
                    self.give_back(loaded);
                    if stopped.is_break() {
                        break 'inputs;
                    }
                    if end {
                        break;
                    }
                    continue;
                }
                let Some(lines) = capture.lines() else { break };
                let mut block = pass.blocks.pop().unwrap_or_default();
                match lines.fill(&mut block) {
                    Ok(true) => {}
                    other => {
                        pass.blocks.push(block);
                        stopped = self.join_all(&mut workers, next, &mut pass);
                        if let (Err(error), Some(lines)) = (other, self.inputs[input].1.lines()) {
                            lines.fail(error, pass.out);
                        }
                        if stopped.is_break() {
                            break 'inputs;
                        }
                        break;
                    }
                }
                let job = Job { number: next, input, file: file.clone(), block };
                next += 1;
                // The first block tells nothing; a second one shows that there is work.
                if most_workers > 0 && workers.is_none() && next == 2 {
                    workers = Some(start(scope, task, most_workers));
                }
                let job = match &mut workers {
                    Some(workers) if workers.out < workers.handles.len() * (QUEUED + 1) => match workers.jobs.send(job)
                    {
                        Ok(()) => {
                            workers.out += 1;
                            None
                        }
                        Err(refused) => Some(refused.0),
                    },
                    _ => Some(job),
                };
                stopped = match job {
                    // Whatever came before is joined: each record goes on as soon as it is read.
                    Some(job) if pass.turn == job.number => self.parse_and_join(task, &mut own, job, &mut pass),
                    Some(job) => {
                        let done = parse(task, &mut own, &mut mine, job);
                        pass.early.insert(done.number, done);
                        ControlFlow::Continue(())
                    }
                    None => ControlFlow::Continue(()),
                };
                if stopped.is_continue() {
                    stopped = self.join_ready(&mut workers, &mut pass);
                }
                if stopped.is_break() {
                    break 'inputs;
                }
            }
            let (_, capture) = &self.inputs[input];
            let skipped = capture.skipped();
            self.counts.read += skipped;
            self.counts.skipped += skipped;
            self.counts.refused += skipped;
        }
        let mut all = vec![own];
        if let Some(Workers { jobs, done, handles, .. }) = workers {
            drop((jobs, done));
            all.extend(handles.into_iter().filter_map(|handle| handle.join().ok()));
        }
        all
    }

    /// Joins what is there and has its turn; waits when too much has not.
    fn join_ready<A, T>(
        &mut self,
        workers: &mut Option<Workers<'_, A, T>>,
        pass: &mut Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> ControlFlow<()> {
        let Some(workers) = workers else { return ControlFlow::Continue(()) };
        loop {
            while let Some(done) = pass.early.remove(&pass.turn) {
                self.join_block(done, pass)?;
            }
            let received = if pass.early.len() > workers.handles.len() * (QUEUED + 1) {
                workers.done.recv().ok()
            } else {
                workers.done.try_recv().ok()
            };
            let Some(done) = received else { return ControlFlow::Continue(()) };
            workers.out -= 1;
            pass.early.insert(done.number, done);
        }
    }

    /// Joins everything up to block `end`, waiting for it.
    fn join_all<A, T>(
        &mut self,
        workers: &mut Option<Workers<'_, A, T>>,
        end: usize,
        pass: &mut Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> ControlFlow<()> {
        while pass.turn < end {
            let done = match pass.early.remove(&pass.turn) {
                Some(done) => done,
                None => {
                    let Some(workers) = workers else { break };
                    let Ok(done) = workers.done.recv() else { break };
                    workers.out -= 1;
                    pass.early.insert(done.number, done);
                    continue;
                }
            };
            self.join_block(done, pass)?;
        }
        ControlFlow::Continue(())
    }

    fn join_block<T>(
        &mut self,
        done: Done<T>,
        pass: &mut Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> ControlFlow<()> {
        pass.turn += 1;
        pass.blocks.extend(done.block);
        for read in done.records {
            self.join(done.input, read, pass)?;
        }
        ControlFlow::Continue(())
    }

    /// Parses a block here and joins each record at once.
    fn parse_and_join<A, T, M>(
        &mut self,
        task: &Task<'_, M>,
        own: &mut A,
        mut job: Job,
        pass: &mut Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> ControlFlow<()>
    where
        M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
    {
        pass.turn += 1;
        let mut loaded = self.spare.pop().unwrap_or_default();
        while let Some(read) = task.next(own, &job.file, &mut job.block, &mut loaded) {
            let kept = read.loaded.is_some();
            self.join(job.input, read, pass)?;
            if kept {
                loaded = self.spare.pop().unwrap_or_default();
            }
        }
        self.give_back(loaded);
        pass.blocks.push(job.block);
        ControlFlow::Continue(())
    }

    /// Counts a record, its findings and its traces, and hands on what was made of it.
    fn join<T>(
        &mut self,
        input: usize,
        mut read: Read<T>,
        pass: &mut Pass<'_, '_, T, impl FnMut(usize, Option<&Scanned<'_>>, T) -> ControlFlow<()>>,
    ) -> ControlFlow<()> {
        let (_, capture) = &mut self.inputs[input];
        let index = match capture.lines() {
            Some(lines) => lines.count(read.event),
            None => Some(capture.last_index()),
        };
        let mut found = std::mem::take(&mut read.found);
        let (Some(index), Some(result)) = (index, read.result.take()) else {
            // A request that is there and must not be used is silent.
            if !matches!(read.event, Event::Request(_)) {
                pass.out.append(found);
            }
            return pass.stop_on_errors();
        };
        let number = self.places.len();
        self.places.push((input as u32, index as u32));
        self.counts.read += 1;
        let errors = found.reaches(Severity::Error);
        found.renumber(number);
        pass.out.append(found);
        let why_none = match result {
            Ok((protocol, made)) => {
                let file = self.inputs[input].0.as_path();
                let scanned = read.loaded.as_ref().map(|loaded| Scanned {
                    number,
                    file,
                    record: &loaded.record,
                    protocol,
                    payload: loaded.payload(),
                });
                (pass.each)(number, scanned.as_ref(), made)?;
                None
            }
            Err(why) => Some(why),
        };
        if read.spans > 0 {
            self.counts.decoded += 1;
            self.counts.spans += read.spans;
            self.counts.bytes += read.bytes;
            match pass.note {
                Note::Nothing => {}
                Note::Ids => self.note_ids(&read.seen),
                Note::Places => {
                    if let Some(mut loaded) = read.loaded.take() {
                        loaded.record.index = index;
                        self.locate(&mut loaded, number, pass.filter);
                        self.keep(number, loaded);
                    }
                }
            }
        } else {
            self.counts.skipped += 1;
            match why_none {
                Some(NoTraces::Other(name)) => self.note_other(name),
                Some(NoTraces::Stats(stats)) => {
                    self.note_other(wire::CLIENT_STATS);
                    self.client_stats.append(*stats);
                }
                Some(NoTraces::Refused) => self.counts.refused += 1,
                None => self.counts.refused += u64::from(errors),
            }
        }
        if let Some(loaded) = read.loaded {
            self.give_back(loaded);
        }
        pass.stop_on_errors()
    }

    fn note_other(&mut self, name: &'static str) {
        self.counts.other += 1;
        *self.others.entry(name).or_default() += 1;
    }

    fn note_ids(&mut self, seen: &Seen) {
        for trace in &seen.traces {
            let slot = self.join.slot(trace.id);
            match self.extents.get_mut(slot) {
                Some(extent) => extent.add(*trace),
                None => self.extents.push(*trace),
            }
        }
    }
}

impl<T, E> Pass<'_, '_, T, E> {
    fn stop_on_errors(&self) -> ControlFlow<()> {
        match self.strict {
            Some(before) if self.out.total(Severity::Error) > before => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn parse<A, T, M>(task: &Task<'_, M>, own: &mut A, loaded: &mut Loaded, mut job: Job) -> Done<T>
where
    M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T,
{
    let mut records = Vec::new();
    while let Some(read) = task.next(own, &job.file, &mut job.block, loaded) {
        records.push(read);
    }
    Done { number: job.number, input: job.input, block: Some(job.block), records }
}

fn start<'scope, 'env, A: Default + Send + 'scope, T: Send + 'scope, M>(
    scope: &'scope thread::Scope<'scope, 'env>,
    task: &'env Task<'env, M>,
    count: usize,
) -> Workers<'scope, A, T>
where
    M: Fn(&mut A, &Scanned<'_>, &mut Diagnostics) -> T + Sync,
{
    let (jobs, queue) = mpsc::channel::<Job>();
    let (results, done) = mpsc::channel();
    let queue = std::sync::Arc::new(Mutex::new(queue));
    let work = move |queue: std::sync::Arc<Mutex<Receiver<Job>>>, results: Sender<Done<T>>| {
        let (mut own, mut loaded) = (A::default(), Loaded::default());
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return own };
            if results.send(parse(task, &mut own, &mut loaded, job)).is_err() {
                return own;
            }
        }
    };
    let handles = (0..count)
        .map(|_| {
            let (queue, results) = (queue.clone(), results.clone());
            scope.spawn(move || work(queue, results))
        })
        .collect();
    Workers { jobs, done, handles, out: 0 }
}
