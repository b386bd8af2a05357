//! Propagation headers against other libraries, and the batch mode of the shipped program: `cargo bench --bench
//! propagation`.
//!
//! | id | timed | compared with |
//! |---|---|---|
//! | P10 | extract: header sets, already split, to contexts | datadog-opentelemetry; W3C alone: opentelemetry_sdk |
//! | P10 | inject: contexts to headers | the same |
//! | P10 | `parse-traceparent --as none --summary` over whole files, JSON lines and bare values | lines per second of CPU time |
//!
//! The first two run over the first 100,000 sets of W8, each implementation in processes of its own (`benches/peers`,
//! program `headers`) that read their thread's CPU clock: the median of several passes after a warm-up. The last runs
//! over all of W8 and W8t, user and system time of the process. A ratio is the other library's time divided by ours.

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::{Bench, Measured, ROUNDS, Required, Result, Spread};
use serde::Deserialize;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use wait4::Wait4;

const SETS: usize = 100_000;
const PASSES: usize = 9;

/// One kind of work, our library and another.
struct Comparison {
    work: &'static str,
    ours: &'static str,
    other: &'static str,
    required: Required,
}

const COMPARISONS: [Comparison; 4] = [
    Comparison { work: "extract", ours: "spanglass", other: "datadog-opentelemetry", required: Required::AtLeast(3.0) },
    Comparison { work: "inject", ours: "spanglass", other: "datadog-opentelemetry", required: Required::AtLeast(2.0) },
    Comparison { work: "extract", ours: "spanglass-w3c", other: "opentelemetry-sdk", required: Required::Nothing },
    Comparison { work: "inject", ours: "spanglass-w3c", other: "opentelemetry-sdk", required: Required::Nothing },
];

/// Input format, workload, and the lines per second of CPU time that are asked for.
const BATCHES: [(&str, (&str, &str), f64); 2] =
    [("jsonl", ("w8", "w8.headers.jsonl"), 1.5e6), ("lines", ("w8t", "w8.traceparent.txt"), 15e6)];

/// What `headers` prints.
#[derive(Deserialize)]
struct Report {
    sets: f64,
    cpu_ns: f64,
    #[serde(flatten)]
    sums: Sums,
}

/// What both libraries must agree on.
#[derive(Debug, Deserialize, PartialEq)]
struct Sums {
    count: u64,
    trace: u64,
    span: u64,
    decision: i64,
}

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Propagation: time of each library and its ratio to ours")? else {
        return Ok(());
    };
    if bench.wants("P10") {
        for comparison in &COMPARISONS {
            comparison.run(&mut bench)?;
        }
        harness::build_release("", harness::target_folder())?;
        batch(&mut bench)?;
    }
    bench.finish();
    Ok(())
}

impl Comparison {
    fn run(&self, bench: &mut Bench) -> Result<()> {
        let Comparison { work, ours, other, required } = *self;
        let sets = bench.workload("w8", "w8.headers.jsonl")?;
        let program = bench.peer("headers");
        eprintln!("P10 {work}: {ours} and {other}");
        let report = |variant: &str, passes: usize| -> Result<Report> {
            let mut command = Command::new(&program);
            command.args([variant, work]).arg(&sets).args([SETS.to_string(), passes.to_string()]);
            Ok(serde_json::from_str(&harness::output_of(&mut command)?)?)
        };

        // Equality before time.
        let (own, others) = (report(ours, 1)?, report(other, 1)?);
        if own.sums != others.sums {
            return Err(format!("{other} makes {:?}, {ours} {:?}", others.sums, own.sums).into());
        }

        let mut times = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
        for _ in 0..ROUNDS {
            for (name, times) in [ours, other].iter().zip(&mut times) {
                times.push(report(name, PASSES)?.cpu_ns / own.sets);
            }
        }
        for (name, times) in [ours, other].iter().zip(&times) {
            let time = Spread::of(times.iter().copied());
            bench.measured("P10", &format!("{work}: {name}"), Measured(time, "ns/set"), Required::Nothing);
        }
        let ratio = Spread::of_ratios(&times[1], &times[0]);
        bench.measured("P10", &format!("{work}: {other} / {ours}"), Measured(ratio, "x"), required);
        Ok(())
    }
}

fn batch(bench: &mut Bench) -> Result<()> {
    let spanglass = harness::target_folder().join("release/spanglass");
    for (format, (id, file), required) in BATCHES {
        let path = bench.workload(id, file)?;
        eprintln!("P10 parse-traceparent --input-format {format}");
        let command = || {
            let mut command = Command::new(&spanglass);
            command.args(["parse-traceparent", "--as", "none", "--summary", "--input-format", format]).arg(&path);
            command
        };
        // Nothing is worth timing that does not count every line.
        let lines = lines_of(&path)?;
        let output = command().output()?;
        let summary = String::from_utf8(output.stdout)?;
        if !summary.starts_with(&format!("{lines} header sets read")) {
            return Err(format!("{:?} of {lines} lines printed {summary:?}", command()).into());
        }
        let mut speeds = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            // It ends with 1: W8 has malformed values.
            let usage = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?.wait4()?.rusage;
            speeds.push(lines as f64 / (usage.utime + usage.stime).as_secs_f64() / 1e6);
        }
        let what = format!("parse-traceparent --summary, {format}");
        let speed = Measured(Spread::of(speeds), "M lines/s CPU");
        bench.measured("P10", &what, speed, Required::AtLeast(required / 1e6));
    }
    Ok(())
}

fn lines_of(path: &Path) -> Result<usize> {
    Ok(std::fs::read(path)?.iter().filter(|byte| **byte == b'\n').count())
}
