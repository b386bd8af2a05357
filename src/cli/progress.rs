//! Progress of long reading: on a terminal's stderr, after 300 ms, in batches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Nothing is shown before this much time has passed.
const PATIENCE: Duration = Duration::from_millis(300);
/// The clock is only asked once in so many steps.
const BATCH: u64 = 64;

pub(crate) struct Progress {
    started: Instant,
    steps: u64,
    records: u64,
    spans: u64,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        Progress { started: Instant::now(), steps: 0, records: 0, spans: 0, bar: None, wanted }
    }

    /// One more record of so many spans.
    pub(crate) fn step(&mut self, spans: u64) {
        self.records += 1;
        self.spans += spans;
        self.steps += 1;
        if !self.wanted || !self.steps.is_multiple_of(BATCH) {
            return;
        }
        if self.bar.is_none() && self.started.elapsed() > PATIENCE {
            let style =
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} payloads, {} spans", self.records, self.spans));
            bar.inc(BATCH);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
