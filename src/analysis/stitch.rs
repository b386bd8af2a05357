//! Relations between spans that no parent id says: by tags, links, persisted contexts and time (seeds-scenarios.md sections 5 and 9).
//!
//! A relation is told beside the trees, with its reason and how sure it is; the trees stay as they are.

use super::context_store::{ContextStore, Retrieved};
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Span, SpanKind};
use crate::tree::TraceTree;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What relations are looked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Spans with the same values of these tags.
    Tag(Vec<String>),
    /// Span links.
    Links,
    /// Contexts in records of tasks.
    Task,
    /// A span inside the time of another.
    Time,
}

impl By {
    /// Reads `tag:K`, `tag:K+K`, `links`, `task`, `time`.
    pub fn parse(text: &str) -> Option<By> {
        Some(match text {
            "links" => By::Links,
            "task" => By::Task,
            "time" => By::Time,
            _ => {
                let keys: Vec<String> = text.strip_prefix("tag:")?.split('+').map(str::to_owned).collect();
                if keys.iter().any(String::is_empty) {
                    return None;
                }
                By::Tag(keys)
            }
        })
    }
}

/// How sure a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// The data says it.
    Certain,
    /// Nothing else explains it.
    Likely,
    /// It may be otherwise.
    Guess,
}

impl Confidence {
    /// The word of cli.md section 4.
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Guess => "guess",
        }
    }
}

/// A relation that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stitch {
    /// `tag:staged_id`, `links`, `task`, `time`, `time+route`.
    pub by: String,
    /// The value that both have.
    pub value: Option<String>,
    /// The span that would be the parent; `None` when it is not known.
    pub from: Option<SpanId>,
    /// The trace of the other.
    pub trace: TraceId,
    /// The span that it leads to.
    pub to: SpanId,
    /// Why it is no parent: `expired`, `already-retrieved`, `queue`, ...
    pub reason: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A context that was persisted with a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The task's id.
    pub id: String,
    /// The trace of its context.
    pub trace: TraceId,
    /// The span in it.
    pub span: SpanId,
}

/// What is kept of a span until all traces were seen.
#[derive(Clone, Debug)]
struct Seen {
    trace: TraceId,
    id: SpanId,
    /// Its parent, when that is in the input.
    parent: Option<SpanId>,
    is_top: bool,
    is_leaf: bool,
    service: String,
    name: String,
    is_client: bool,
    start: Timestamp,
    end: Timestamp,
    linked: Option<bool>,
    node: String,
    task: String,
    timer_fallback: bool,
    /// Values of the tags of each [`By::Tag`], joined with `/`; empty where one is missing.
    values: Vec<String>,
    links: Vec<SpanId>,
}

/// Looks for relations over many traces.
#[derive(Clone, Debug, Default)]
pub struct Stitcher {
    by: Vec<By>,
    tasks: Vec<Task>,
    seen: Vec<Seen>,
}

impl Stitcher {
    /// A stitcher by `by`, with the records of tasks.
    pub fn new(by: Vec<By>, tasks: Vec<Task>) -> Stitcher {
        Stitcher { by, tasks, seen: Vec::new() }
    }

    /// Takes the spans of one trace into account: those that may have a relation.
    pub fn see(&mut self, tree: &TraceTree<'_, '_>) {
        for at in 0..tree.len() {
            let Some(span) = tree.span(at) else { continue };
            let parent = tree.parent(at).and_then(|parent| tree.span(parent)).map(|parent| parent.span_id());
            let seen = self.seen(span, parent, tree.children(at).next().is_none());
            let of_task = self.by.contains(&By::Task) && !seen.task.is_empty();
            let of_time = self.by.contains(&By::Time)
                && (seen.is_top || seen.is_leaf && seen.is_client || seen.verb().is_some() || seen.route().is_some());
            let of_links = self.by.contains(&By::Links) && !seen.links.is_empty();
            let publishes = seen.name == PUBLISH || seen.timer_fallback;
            let of_tag = self.by.iter().any(|by| matches!(by, By::Tag(_)));
            if of_task
                || of_time
                || of_links
                || of_tag && (publishes || seen.values.iter().any(|value| !value.is_empty()))
            {
                self.seen.push(seen);
            }
        }
    }

    fn seen(&self, span: Span<'_>, parent: Option<SpanId>, is_leaf: bool) -> Seen {
        let text = |key: &str| tag(span, key).unwrap_or_default();
        let keys = self.by.iter().filter_map(|by| if let By::Tag(keys) = by { Some(keys) } else { None });
        let joined = |keys: &Vec<String>| {
            let values: Option<Vec<String>> = keys.iter().map(|key| tag(span, key)).collect();
            values.map(|values| values.join("/")).unwrap_or_default()
        };
        let kind = span.kind() == SpanKind::Client || text("span.kind") == "client";
        Seen {
            trace: span.trace_id(),
            id: span.span_id(),
            parent,
            is_top: parent.is_none(),
            is_leaf,
            service: span.service().to_owned(),
            name: span.name().to_owned(),
            is_client: kind
                || span.type_() == "http"
                || span.name().starts_with("http.")
                || span.name().starts_with("HTTP "),
            start: span.start(),
            end: span.end(),
            linked: text("trace_linked").parse().ok(),
            node: text("originator_node"),
            task: text("codeq.task_id"),
            timer_fallback: span.name() == POLL && text("trigger") == "timer_fallback",
            values: keys.map(joined).collect(),
            links: span.links().map(|link| link.span_id()).collect(),
        }
    }

    /// What was found, in the order of the starts of the spans that the relations lead to.
    pub fn stitches(&self) -> Vec<Stitch> {
        let mut found = Vec::new();
        let mut tag_number = 0;
        for by in &self.by {
            match by {
                By::Tag(keys) => {
                    self.by_tag(tag_number, &format!("tag:{}", keys.join("+")), &mut found);
                    tag_number += 1;
                }
                By::Links => self.by_links(&mut found),
                By::Task => self.by_task(&mut found),
                By::Time => self.by_time(&mut found),
            }
        }
        let start: HashMap<SpanId, Timestamp> = self.seen.iter().map(|seen| (seen.id, seen.start)).collect();
        found.sort_by_key(|stitch| start.get(&stitch.to).copied());
        found
    }

    fn by_tag(&self, number: usize, by: &str, found: &mut Vec<Stitch>) {
        let mut groups: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        for seen in &self.seen {
            if let Some(value) = seen.values.get(number).filter(|value| !value.is_empty()) {
                groups.entry(value).or_default().push(seen);
            }
        }
        let publishing = Publishing::of(&self.seen, number);
        for (value, mut group) in groups {
            group.sort_by_key(|seen| (seen.start, seen.id));
            for (at, seen) in group.iter().enumerate().filter(|(_, seen)| seen.is_top) {
                let stitch = |from: Option<SpanId>, reason, confidence| Stitch {
                    by: by.to_owned(),
                    value: Some(value.to_owned()),
                    from,
                    trace: seen.trace,
                    to: seen.id,
                    reason,
                    confidence,
                };
                match seen.linked {
                    Some(true) => {}
                    Some(false) => {
                        let (from, reason, confidence) = publishing.unlinked(seen, &group);
                        found.push(stitch(from, reason, confidence));
                    }
                    // A hand-off through a queue: the last one that came before, in another trace.
                    None => {
                        let earlier = group[..at].iter().rev().find(|other| other.trace != seen.trace);
                        if let Some(earlier) = earlier {
                            found.push(stitch(Some(earlier.id), "queue", Confidence::Likely));
                        }
                    }
                }
            }
        }
    }

    fn by_links(&self, found: &mut Vec<Stitch>) {
        for seen in &self.seen {
            for link in &seen.links {
                found.push(Stitch {
                    by: "links".to_owned(),
                    value: None,
                    from: Some(*link),
                    trace: seen.trace,
                    to: seen.id,
                    reason: "link",
                    confidence: Confidence::Certain,
                });
            }
        }
    }

    fn by_task(&self, found: &mut Vec<Stitch>) {
        let known: HashSet<SpanId> = self.seen.iter().map(|seen| seen.id).collect();
        for task in &self.tasks {
            let of_task = |seen: &&Seen| seen.task == task.id && seen.id != task.span && seen.is_top;
            for seen in self.seen.iter().filter(of_task) {
                found.push(Stitch {
                    by: "task".to_owned(),
                    value: Some(task.id.clone()),
                    from: Some(task.span),
                    trace: seen.trace,
                    to: seen.id,
                    reason: if known.contains(&task.span) { "persisted-traceparent" } else { "parent-not-captured" },
                    confidence: Confidence::Likely,
                });
            }
        }
    }

    fn by_time(&self, found: &mut Vec<Stitch>) {
        let mut inner: Vec<&Seen> = self.seen.iter().filter(|seen| seen.is_top || seen.verb().is_some()).collect();
        let mut outer: Vec<&Seen> = self
            .seen
            .iter()
            .filter(|seen| seen.end > seen.start && (seen.is_leaf && seen.is_client || seen.route().is_some()))
            .collect();
        inner.sort_by_key(|seen| (seen.start, seen.id));
        outer.sort_by_key(|seen| (seen.start, seen.id));
        // Those that are running when the inner one begins.
        let (mut next, mut running): (usize, Vec<&Seen>) = (0, Vec::new());
        for seen in inner {
            while let Some(other) = outer.get(next).filter(|other| other.start <= seen.start) {
                running.push(other);
                next += 1;
            }
            running.retain(|other| other.end >= seen.start);
            let around = running.iter().filter(|other| other.trace != seen.trace && seen.end <= other.end);
            let (by, reason, confidence, from) = match seen.verb() {
                Some(verb) => {
                    let request = around.filter(|other| other.route() == Some(verb));
                    (
                        "time+route",
                        "contained-in",
                        Confidence::Likely,
                        request.min_by_key(|other| other.end - other.start),
                    )
                }
                // A call that reached another service, whose headers did not: it has no children, and the root lies in its time.
                None => {
                    let call = around.filter(|other| other.is_leaf && other.is_client && other.service != seen.service);
                    ("time", "headers-lost", Confidence::Guess, call.min_by_key(|other| other.end - other.start))
                }
            };
            found.extend(from.map(|from| Stitch {
                by: by.to_owned(),
                value: None,
                from: Some(from.id),
                trace: seen.trace,
                to: seen.id,
                reason,
                confidence,
            }));
        }
    }
}

impl Seen {
    /// What a span of CodeQ does to its task, in the word of the route that asks for it.
    fn verb(&self) -> Option<&str> {
        let verb = self.name.strip_prefix("codeq.task.")?;
        Some(if verb == "submit_result" { "result" } else { verb })
    }

    /// The last part of the route of a request, in the singular.
    fn route(&self) -> Option<&str> {
        self.name.strip_prefix("HTTP ")?.rsplit('/').next().map(|last| last.trim_end_matches('s'))
    }
}

/// What happened on the side of xmtpd that publishes.
struct Publishing<'s> {
    /// By worker what the store gave it, when everything in the capture happens to it.
    retrieved: HashMap<SpanId, Retrieved<()>>,
    /// Polls that nobody notified, by start.
    fallbacks: Vec<&'s Seen>,
    /// Publish requests by node, each by start.
    requests: HashMap<&'s str, Vec<&'s Seen>>,
}

impl<'s> Publishing<'s> {
    /// `number` is that of the tag that holds the id.
    fn of(all: &'s [Seen], number: usize) -> Self {
        let mut events: Vec<(Timestamp, bool, &Seen)> = Vec::new();
        let mut fallbacks = Vec::new();
        let mut requests: HashMap<&str, Vec<&Seen>> = HashMap::new();
        for seen in all {
            match seen.linked {
                Some(_) => events.push((seen.start, true, seen)),
                None if seen.name.starts_with("xmtpd.node.") => events.push((seen.end, false, seen)),
                None => {}
            }
            if seen.timer_fallback {
                fallbacks.push(seen);
            }
            if seen.name == PUBLISH {
                requests.entry(&seen.node).or_default().push(seen);
            }
        }
        fallbacks.sort_by_key(|seen| seen.start);
        requests.values_mut().for_each(|requests| requests.sort_by_key(|seen| seen.start));
        events.sort_by_key(|(at, retrieves, seen)| (*at, *retrieves, seen.id));
        let mut store = ContextStore::new(events.first().map_or(Timestamp(0), |(at, ..)| *at));
        let mut retrieved = HashMap::new();
        for (at, retrieves, seen) in events {
            let Some(id) = seen.values.get(number).filter(|id| !id.is_empty()) else { continue };
            match retrieves {
                true => drop(retrieved.insert(seen.id, store.retrieve(id, at))),
                false => store.store(id, (), at),
            }
        }
        Publishing { retrieved, fallbacks, requests }
    }

    /// Where xmtpd's worker would have hung, and why it does not.
    fn unlinked(&self, worker: &Seen, group: &[&Seen]) -> (Option<SpanId>, &'static str, Confidence) {
        if let Some(other) = group.iter().find(|other| other.linked == Some(true)) {
            return (other.parent, "already-retrieved", Confidence::Likely);
        }
        let before = |all: &[&'s Seen]| {
            all.partition_point(|other| other.start <= worker.start).checked_sub(1).and_then(|at| all.get(at).copied())
        };
        // A poll that nobody notified, just before.
        let fallback = before(&self.fallbacks).is_some_and(|poll| worker.start - poll.end < JUST_BEFORE);
        let unknown = if fallback { "timer-fallback" } else { "unknown" };
        let stored = group.iter().rev().find(|other| other.linked.is_none() && other.end <= worker.start);
        let Some(stored) = stored else {
            // Later versions put no id on the side that publishes.
            let request = self.requests.get(worker.node.as_str()).and_then(|requests| before(requests));
            return (request.map(|request| request.id), unknown, Confidence::Guess);
        };
        let reason = match self.retrieved.get(&worker.id) {
            Some(Retrieved::Expired) => "expired",
            _ if fallback => "timer-fallback",
            Some(Retrieved::DroppedAtCapacity) => "dropped-at-capacity",
            Some(Retrieved::AlreadyRetrieved) => "already-retrieved",
            _ => "unknown",
        };
        (stored.parent.or(Some(stored.id)), reason, Confidence::Likely)
    }
}

/// The span whose context xmtpd stores.
const PUBLISH: &str = "xmtpd.node.publish_payer_envelopes";
/// The span that looks for work.
const POLL: &str = "xmtpd.db_subscription.poll";
/// A worker starts this soon after the poll that found its work.
const JUST_BEFORE: Nanos = Nanos(1_000_000_000);

/// A tag as text: numbers without a fraction as integers.
fn tag(span: Span<'_>, key: &str) -> Option<String> {
    use crate::trace::Value;
    Some(match span.attributes().get(key)? {
        Value::Str(text) => text.to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Batch, LinkDraft, OwnedValue, SpanDraft, Trace};

    const SECOND: i64 = 1_000_000_000;

    /// A span of 1 s, by itself in its trace unless `parent` is one.
    fn span(trace: u128, id: u64, parent: u64, name: &str, start_s: i64, tags: &[(&str, &str)]) -> SpanDraft {
        let tag = |(key, value): &(&str, &str)| ((*key).to_owned(), OwnedValue::Str((*value).to_owned()));
        SpanDraft {
            trace_id: TraceId(trace),
            span_id: SpanId(id),
            parent_id: Some(SpanId(parent)).filter(|id| id.0 != 0),
            service: "s".to_owned(),
            name: name.to_owned(),
            start: Timestamp(start_s * SECOND),
            duration: Nanos(SECOND),
            attributes: tags.iter().map(tag).collect(),
            ..SpanDraft::default()
        }
    }

    fn stitched(by: &[&str], tasks: Vec<Task>, spans: &[SpanDraft]) -> Vec<String> {
        let mut traces: BTreeMap<u128, Batch> = BTreeMap::new();
        for span in spans {
            traces.entry(span.trace_id.0).or_default().push(span);
        }
        let mut stitcher = Stitcher::new(by.iter().filter_map(|by| By::parse(by)).collect(), tasks);
        for (id, mut batch) in traces {
            batch.finish();
            let trace = Trace::whole(TraceId(id), batch.view(&[]));
            stitcher.see(&TraceTree::of(&trace));
        }
        let shown = |stitch: Stitch| {
            let from = stitch.from.map_or_else(|| "?".to_owned(), |id| id.0.to_string());
            format!("{from}>{} {} {}", stitch.to.0, stitch.reason, stitch.confidence.word())
        };
        stitcher.stitches().into_iter().map(shown).collect()
    }

    const WORKER: &str = "xmtpd.publish_worker.process";
    const STAGE: &str = "xmtpd.node.stage_transaction";

    #[test]
    fn grammar() {
        assert_eq!(By::parse("tag:a+b"), Some(By::Tag(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(
            (By::parse("links"), By::parse("task"), By::parse("time")),
            (Some(By::Links), Some(By::Task), Some(By::Time))
        );
        for text in ["tag:", "tag:a+", "tags:a", "", "none"] {
            assert_eq!(By::parse(text), None, "{text}");
        }
    }

    #[test]
    fn why_a_worker_has_no_parent() {
        let by = ["tag:staged_id"];
        let id = ("staged_id", "7");
        let unlinked = |start| span(2, 20, 0, WORKER, start, &[id, ("trace_linked", "false")]);
        let publish = span(1, 10, 0, PUBLISH, 0, &[]);
        let stage = span(1, 11, 10, STAGE, 0, &[id]);
        let all = |more: Vec<SpanDraft>| [vec![publish.clone(), stage.clone()], more].concat();
        assert_eq!(stitched(&by, vec![], &all(vec![unlinked(303)])), ["10>20 expired likely"]);
        assert_eq!(stitched(&by, vec![], &all(vec![unlinked(200)])), ["10>20 unknown likely"]);
        let taken = span(1, 12, 10, WORKER, 2, &[id, ("trace_linked", "true")]);
        assert_eq!(stitched(&by, vec![], &all(vec![taken, unlinked(4)])), ["10>20 already-retrieved likely"]);
        let poll = span(3, 30, 0, POLL, 198, &[("trigger", "timer_fallback")]);
        assert_eq!(stitched(&by, vec![], &all(vec![poll, unlinked(199)])), ["10>20 timer-fallback likely"]);
        // So many before it that it found no room.
        let many =
            (0..10_000).map(|at| span(100 + at, 1000 + at as u64, 0, STAGE, -1, &[("staged_id", &format!("m{at}"))]));
        let many: Vec<SpanDraft> = many.chain(all(vec![unlinked(3)])).collect();
        assert_eq!(stitched(&by, vec![], &many), ["10>20 dropped-at-capacity likely"]);
        // Without the id on the side that publishes it is a guess by time and node; without that side nothing is known.
        let node = ("originator_node", "100");
        let emitted =
            [span(1, 10, 0, PUBLISH, 0, &[node]), span(2, 20, 0, WORKER, 3, &[id, node, ("trace_linked", "false")])];
        assert_eq!(stitched(&by, vec![], &emitted), ["10>20 unknown guess"]);
        assert_eq!(stitched(&by, vec![], &[unlinked(3)]), ["?>20 unknown guess"]);
    }

    #[test]
    fn other_relations() {
        let of_task =
            |trace, id, parent, start| span(trace, id, parent, "codeq.task.claim", start, &[("codeq.task_id", "t")]);
        let task = vec![Task { id: "t".to_owned(), trace: TraceId(1), span: SpanId(10) }];
        let known = [of_task(1, 10, 0, 0), of_task(2, 20, 0, 5)];
        assert_eq!(stitched(&["task"], task.clone(), &known), ["10>20 persisted-traceparent likely"]);
        assert_eq!(stitched(&["task"], task.clone(), &[of_task(1, 20, 10, 5)]), ["10>20 parent-not-captured likely"]);
        assert_eq!(stitched(&["task"], task, &[of_task(1, 10, 0, 0), of_task(1, 20, 10, 5)]), Vec::<String>::new());
        let link = LinkDraft { trace_id: TraceId(9), span_id: SpanId(90), ..LinkDraft::default() };
        let linked = SpanDraft { links: vec![link], ..span(1, 10, 0, "a", 0, &[]) };
        assert_eq!(stitched(&["links"], vec![], &[linked]), ["90>10 link certain"]);
        // The call has no children, and is of another service.
        let call = SpanDraft {
            service: "a".to_owned(),
            duration: Nanos(9 * SECOND),
            ..span(1, 10, 0, "http.request", 0, &[])
        };
        let answer = span(2, 20, 0, "handle", 3, &[]);
        assert_eq!(stitched(&["time"], vec![], &[call.clone(), answer.clone()]), ["10>20 headers-lost guess"]);
        let busy = span(1, 11, 10, "child", 1, &[]);
        assert_eq!(stitched(&["time"], vec![], &[call.clone(), busy, answer.clone()]), Vec::<String>::new());
        let same = SpanDraft { service: "s".to_owned(), ..call };
        assert_eq!(stitched(&["time"], vec![], &[same, answer]), Vec::<String>::new());
    }
}
