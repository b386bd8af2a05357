//! Whole commands of the shipped program: `cargo bench --bench render`.
//!
//! Measured is the CPU time (user and system) of the process and its peak resident memory, as the kernel accounts them
//! to its parent (`wait4`). The program is built by `cargo build --release` first, as it is shipped.
//!
//! | id | command | compared with |
//! |---|---|---|
//! | P11 | `flamegraph-text --view tree` of W7, one trace of a million spans, to /dev/null | `cat` of the same file to /dev/null; `benches/peers/tree.py`, once: it takes a quarter of a minute |
//! | P16 | `--version`, and `parse-traceparent` of one header | `benches/peers/src/bin/hello.rs`: what starting any program costs |
//!
//! The Python peer is run by `$PYTHON` or `python3` and needs its `msgpack` package; P16 counts instructions where
//! valgrind is installed. What is missing is said to be skipped.

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::process::Used;
use harness::{Bench, Measured, ROUNDS, Required, Result, Spread};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const SPANS: f64 = 1e6;

/// Runs of each command in a round of P16, of which the median counts.
const STARTS: usize = 30;

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Commands: CPU time and memory of whole processes")? else {
        return Ok(());
    };
    harness::build_release("", harness::target_folder())?;
    let spanglass = harness::target_folder().join("release/spanglass");
    if bench.wants("P11") {
        tree_of_a_million_spans(&mut bench, &spanglass)?;
    }
    if bench.wants("P16") {
        start_up(&mut bench, &spanglass)?;
        start_up_instructions(&mut bench, &spanglass)?;
    }
    bench.finish();
    Ok(())
}

// ---- P11 --------------------------------------------------------------------------------

fn tree_of_a_million_spans(bench: &mut Bench, spanglass: &Path) -> Result<()> {
    eprintln!("P11 tree of W7");
    let body = bench.workload("w7", "w7.v04.msgpack")?;
    let tree = || {
        let mut command = Command::new(spanglass);
        command.args(["flamegraph-text", "--view", "tree", "--max-body", "1GiB", "--color", "never"]);
        command.args(["--width", "120"]).arg(&body);
        command
    };
    // Nothing is worth timing that does not draw every span.
    let lines = lines_printed(&mut tree())?;
    if (lines as f64) < SPANS {
        return Err(format!("{:?} printed {lines} lines for {SPANS} spans", tree()).into());
    }

    let (mut ours, mut cat, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let used = Used::by(&mut tree())?;
        ours.push(used.cpu_ms());
        peak.push(used.peak_bytes);
        cat.push(Used::by(Command::new("cat").arg(&body))?.cpu_ms());
    }
    let ratio = Spread::of_ratios(&ours, &cat);
    let ours = Spread::of(ours);
    let peak = Spread::of(peak);
    let body_bytes = std::fs::metadata(&body)?.len() as f64;
    let beside_body = Spread::of([peak.min, peak.median, peak.max].map(|peak| (peak - body_bytes) / SPANS));
    bench.measured("P11", "tree of W7: spanglass", Measured(ours, "ms CPU"), Required::Nothing);
    bench.measured("P11", "tree of W7: cat", Measured(Spread::of(cat), "ms CPU"), Required::Nothing);
    bench.measured("P11", "tree of W7: spanglass / cat", Measured(ratio, "x"), Required::AtMost(14.0));
    tree_in_python(bench, &body, ours.median)?;
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let peak = Spread { median: mib(peak.median), min: mib(peak.min), max: mib(peak.max) };
    bench.measured("P11", "tree of W7: peak resident memory", Measured(peak, "MiB"), Required::Nothing);
    let what = "tree of W7: peak less the body, per span";
    bench.measured("P11", what, Measured(beside_body, "bytes"), Required::AtMost(170.0));
    Ok(())
}

fn lines_printed(command: &mut Command) -> Result<usize> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no output to read")?);
    let mut lines = 0;
    while output.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    let status = child.wait()?;
    if status.success() { Ok(lines) } else { Err(format!("{command:?}: {status}").into()) }
}

fn tree_in_python(bench: &mut Bench, body: &Path, ours_ms: f64) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a bench target is a program of its own")]
    let python = env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let what = "tree of W7: tree.py / spanglass";
    if harness::output_of(Command::new(&python).args(["-c", "import msgpack"])).is_err() {
        let why = format!("{} with the msgpack package is not installed", python.display());
        bench.skipped("P11", what, why);
        return Ok(());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/tree.py");
    let theirs = Used::by(Command::new(&python).arg(script).arg(body))?.cpu_ms();
    bench.measured("P11", "tree of W7: tree.py", Measured(Spread::of([theirs]), "ms CPU"), Required::Nothing);
    bench.measured("P11", what, Measured(Spread::of([theirs / ours_ms]), "x"), Required::AtLeast(25.0));
    Ok(())
}

// ---- P16 --------------------------------------------------------------------------------

const COMMANDS: [(&str, &[&str]); 2] = [
    ("--version", &["--version"]),
    ("one header", &["parse-traceparent", "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01"]),
];

fn start_up(bench: &mut Bench, spanglass: &Path) -> Result<()> {
    eprintln!("P16 start");
    let hello = bench.peer("hello");
    let programs: Vec<(&Path, &[&str])> =
        std::iter::once((hello.as_path(), [].as_slice())).chain(COMMANDS.map(|(_, args)| (spanglass, args))).collect();
    // Milliseconds by program, then round.
    let mut times = vec![Vec::with_capacity(ROUNDS); programs.len()];
    for _ in 0..ROUNDS {
        let mut round = vec![Vec::with_capacity(STARTS); programs.len()];
        for _ in 0..STARTS {
            for ((program, args), times) in programs.iter().zip(&mut round) {
                times.push(Used::by(Command::new(program).args(*args))?.cpu_ms());
            }
        }
        for (round, times) in round.into_iter().zip(&mut times) {
            times.push(Spread::of(round).median);
        }
    }
    bench.measured("P16", "start: hello", Measured(Spread::of(times[0].iter().copied()), "ms CPU"), Required::Nothing);
    for ((name, _), ours) in COMMANDS.iter().zip(&times[1..]) {
        let time = Spread::of(ours.iter().copied());
        bench.measured("P16", &format!("start: {name}"), Measured(time, "ms CPU"), Required::AtMost(2.0));
        let ratio = Spread::of_ratios(ours, &times[0]);
        bench.measured("P16", &format!("start: {name} / hello"), Measured(ratio, "x"), Required::AtMost(1.5));
    }
    Ok(())
}

fn start_up_instructions(bench: &mut Bench, spanglass: &Path) -> Result<()> {
    for (name, args) in COMMANDS {
        let what = format!("start: instructions of {name}");
        if !harness::has_valgrind() {
            bench.skipped("P16", &what, "valgrind is not installed");
            continue;
        }
        let thousands = harness::instructions(spanglass, args)? / 1000.0;
        bench.measured("P16", &what, Measured(Spread::of([thousands]), "thousand"), Required::AtMost(700.0));
    }
    Ok(())
}
