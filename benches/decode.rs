//! Decoding against other decoders: `cargo bench --bench decode`.
//!
//! Timed is one decode, body in memory to values from which every field can be read, freed again; UTF-8, lengths and
//! types checked. Each implementation runs in processes of its own (`benches/peers`, program `peer`), which read their
//! thread's CPU clock around the decode; figures are compared within their round only.
//!
//! | id | state | body |
//! |---|---|---|
//! | P1 | steady: median of several decodes after one warm-up | W2, 1,000 traces of 20 spans, v0.4 |
//! | P2 | cold: the first decode of a new process, fresh memory and all | W2; W1, one flush of 10 spans; W7, a trace of a million spans |
//! | P3 | steady | W4, the spans of W2 as v0.5 |
//!
//! P1 also counts instructions with valgrind, where it is installed: `peer spanglass W2 2` less `peer spanglass W2 1`
//! is one decode. A ratio is the other decoder's time divided by ours.

mod harness;

use harness::{Bench, Measured, ROUNDS, Required, Result, Spread};
use serde::Deserialize;
use std::path::Path;
use std::process::{Command, ExitCode};

/// One body, one state, our decoder and others.
struct Comparison {
    target: &'static str,
    state: &'static str,
    workload: (&'static str, &'static str),
    /// Timed decodes in a process; 0 for the first one of a process.
    decodes: u32,
    /// Processes of each implementation in a round, of which the median counts.
    processes: usize,
    ours: &'static str,
    others: &'static [(&'static str, Required)],
}

const W1: (&str, &str) = ("w1", "w1.v04.msgpack");
const W2: (&str, &str) = ("w2", "w2.v04.msgpack");
const W4: (&str, &str) = ("w4", "w4.v05.msgpack");
const W7: (&str, &str) = ("w7", "w7.v04.msgpack");

const STEADY: u32 = 9;
const STEADY_SMALL: u32 = 999;
const COLD: u32 = 0;

const COMPARISONS: [Comparison; 6] = [
    Comparison {
        target: "P1",
        state: "W2 v0.4 steady",
        workload: W2,
        decodes: STEADY,
        processes: 1,
        ours: "spanglass",
        others: &[
            ("libdd-slice", Required::AtLeast(5.0)),
            ("libdd-bytes", Required::AtLeast(8.0)),
            ("zerompk", Required::AtLeast(2.2)),
            ("rmp-serde-borrowed", Required::Nothing),
            ("rmp-serde-owned", Required::Nothing),
        ],
    },
    Comparison {
        target: "P2",
        state: "W2 v0.4 cold",
        workload: W2,
        decodes: COLD,
        processes: 3,
        ours: "spanglass",
        others: &[("libdd-slice", Required::AtLeast(2.5))],
    },
    Comparison {
        target: "P2",
        state: "W1 v0.4 cold",
        workload: W1,
        decodes: COLD,
        processes: 25,
        ours: "spanglass",
        others: &[("libdd-slice", Required::AtLeast(2.5))],
    },
    // What the cold figure of so small a body leaves out: there, starting to run at all costs more than decoding.
    Comparison {
        target: "P2",
        state: "W1 v0.4 steady",
        workload: W1,
        decodes: STEADY_SMALL,
        processes: 3,
        ours: "spanglass",
        others: &[("libdd-slice", Required::Nothing)],
    },
    Comparison {
        target: "P2",
        state: "W7 v0.4 cold",
        workload: W7,
        decodes: COLD,
        processes: 1,
        ours: "spanglass",
        others: &[("libdd-slice", Required::AtLeast(2.5))],
    },
    Comparison {
        target: "P3",
        state: "W4 v0.5 steady",
        workload: W4,
        decodes: STEADY,
        processes: 1,
        ours: "spanglass-v05",
        others: &[
            ("libdd-v05-slice", Required::AtLeast(8.0)),
            ("libdd-v05-bytes", Required::Nothing),
            ("rmp-serde-v05", Required::Nothing),
        ],
    },
];

/// Instructions of one decode of W2, per span.
const MOST_INSTRUCTIONS: f64 = 4000.0;

/// What `peer` prints.
#[derive(Deserialize)]
struct Report {
    bytes: f64,
    cpu_ns: f64,
    #[serde(flatten)]
    sums: Sums,
}

/// What all decoders of a body must agree on.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Sums {
    spans: u64,
    duration: i64,
    meta_len: u64,
}

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Decoding: time of each decoder and its ratio to ours")? else {
        return Ok(());
    };
    for comparison in COMPARISONS.iter().filter(|comparison| bench.wants(comparison.target)).collect::<Vec<_>>() {
        comparison.run(&mut bench)?;
    }
    if bench.wants("P1") {
        count_instructions(&mut bench)?;
    }
    bench.finish();
    Ok(())
}

impl Comparison {
    fn run(&self, bench: &mut Bench) -> Result<()> {
        let body = bench.workload(self.workload.0, self.workload.1)?;
        let program = bench.peer("peer");
        eprintln!("{} {}", self.target, self.state);
        let names: Vec<&str> = std::iter::once(self.ours).chain(self.others.iter().map(|(name, _)| *name)).collect();

        // Equality before time.
        let reports = names.iter().map(|name| report(&program, name, &body, COLD)).collect::<Result<Vec<_>>>()?;
        let (bytes, sums) = (reports[0].bytes, reports[0].sums.clone());
        for (name, report) in names.iter().zip(&reports) {
            if report.sums != sums {
                return Err(format!("{name} reads {:?}, {} {sums:?}", report.sums, self.ours).into());
            }
        }

        // Nanoseconds by implementation, then round.
        let mut times = vec![Vec::with_capacity(ROUNDS); names.len()];
        for _ in 0..ROUNDS {
            let mut round = vec![Vec::with_capacity(self.processes); names.len()];
            for _ in 0..self.processes {
                for (name, of_name) in names.iter().zip(&mut round) {
                    of_name.push(report(&program, name, &body, self.decodes)?.cpu_ns);
                }
            }
            for (of_name, times) in round.into_iter().zip(&mut times) {
                times.push(Spread::of(of_name).median);
            }
        }

        for (name, times) in names.iter().zip(&times) {
            // Bytes per nanosecond are GB/s.
            let speed = Spread::of(times.iter().map(|ns| bytes / ns * 1000.0));
            bench.measured(self.target, &format!("{}: {name}", self.state), Measured(speed, "MB/s"), Required::Nothing);
        }
        for ((name, required), others) in self.others.iter().zip(&times[1..]) {
            let ratio = Spread::of_ratios(others, &times[0]);
            let what = format!("{}: {name} / {}", self.state, self.ours);
            bench.measured(self.target, &what, Measured(ratio, "x"), *required);
        }
        Ok(())
    }
}

fn report(program: &Path, variant: &str, body: &Path, decodes: u32) -> Result<Report> {
    let mut command = Command::new(program);
    command.arg(variant).arg(body).arg(decodes.to_string());
    Ok(serde_json::from_str(&harness::output_of(&mut command)?)?)
}

fn count_instructions(bench: &mut Bench) -> Result<()> {
    let what = "W2 v0.4 steady: instructions per span";
    if !harness::has_valgrind() {
        bench.skipped("P1", what, "valgrind is not installed");
        return Ok(());
    }
    let (body, program) = (bench.workload(W2.0, W2.1)?, bench.peer("peer"));
    let spans = report(&program, "spanglass", &body, COLD)?.sums.spans;
    let path = body.to_str().ok_or("the path of W2 is not UTF-8")?;
    let count = |decodes| harness::instructions(&program, &["spanglass", path, decodes]);
    let per_span = (count("2")? - count("1")?) / spans as f64;
    bench.measured("P1", what, Measured(Spread::of([per_span]), ""), Required::AtMost(MOST_INSTRUCTIONS));
    Ok(())
}
