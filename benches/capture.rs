//! Whole captures through the shipped program: `cargo bench --bench capture`.
//!
//! Measured is the CPU time (user and system) of the process and its peak resident memory, as the kernel accounts them
//! to its parent (`wait4`); for two threads against one, wall time, which needs an otherwise idle machine.
//!
//! | id | command | compared with |
//! |---|---|---|
//! | P7 | `replay-capture --count --threads 1` of W3, 1,000 bodies one after the other, and of the same as a capture | `read(2)` of the file to its end by `benches/peers/src/bin/readpass.rs`; 32 MiB |
//! | P8 | the same of the capture with two threads | the same with one |
//! | P9 | `replay-capture --decoded jsonl` of W2 and W7: everything kept | the size of the file |
//!
//! Also shown, and not asked for: the summary without `--count`, which tells traces and operations apart, and
//! `check-capture`. The inputs take 2.7 GB; without the room for them this says so and skips.

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::process::Used;
use harness::{Bench, Measured, Required, Result, Spread};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, process::ExitCode};

/// Rounds; a command takes up to a second.
const ROUNDS: usize = 7;

const MIB: f64 = (1 << 20) as f64;

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Captures: time and memory of whole processes")? else {
        return Ok(());
    };
    harness::build_release("", harness::target_folder())?;
    let spanglass = harness::target_folder().join("release/spanglass");
    for (id, file, what) in [("w3", "w3.v04.msgpack-seq", "W3"), ("w3l", "w3.capture.jsonl", "W3 as JSON lines")] {
        if !(bench.wants("P7") || bench.wants("P8") && id == "w3l") {
            continue;
        }
        match large(&mut bench, id, file) {
            Ok(path) => streamed(&mut bench, &spanglass, &path, what)?,
            Err(why) => bench.skipped("P7", what, why),
        }
    }
    if bench.wants("P9") {
        for (id, file, what) in [("w2", "w2.v04.msgpack", "W2"), ("w7", "w7.v04.msgpack", "W7")] {
            kept(&mut bench, &spanglass, id, file, what)?;
        }
    }
    bench.finish();
    Ok(())
}

/// A workload of more than a gigabyte, when there is room for it.
fn large(bench: &mut Bench, id: &str, file: &str) -> Result<PathBuf> {
    let present = harness::target_folder().join("bench-data").join(file).exists();
    let free = harness::output_of(Command::new("df").args(["--output=avail", "-B1"]).arg(harness::target_folder()))?;
    let free: u64 = free.lines().nth(1).unwrap_or_default().trim().parse()?;
    if !present && free < 4 << 30 {
        return Err(format!("{} MiB are free on the disk", free >> 20).into());
    }
    bench.workload(id, file)
}

fn streamed(bench: &mut Bench, spanglass: &Path, file: &Path, what: &str) -> Result<()> {
    eprintln!("P7, P8 {what}");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(spanglass);
        command.args(["replay-capture", "--color", "never"]).args(arguments).arg(file);
        command
    };
    let counted = harness::output_of(&mut command(&["--count", "--threads", "2"]))?;
    let summed = harness::output_of(&mut command(&["--threads", "1"]))?;
    for (output, of) in [(&counted, "1500000 spans"), (&summed, "1500000 spans in 75000 traces")] {
        if !output.contains(of) {
            return Err(format!("{what}: not {of:?} but\n{output}").into());
        }
    }
    let framed = file.extension().is_some_and(|end| end == "jsonl");
    let readpass = bench.peer("readpass");
    let (mut read, mut one, mut two, mut summary) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        read.push(Used::by(Command::new(&readpass).arg(file))?);
        one.push(Used::by(&mut command(&["--count", "--threads", "1"]))?);
        if framed {
            two.push(Used::by(&mut command(&["--count", "--threads", "2"]))?);
        }
        summary.push(Used::by(&mut command(&["--threads", "1"]))?);
    }
    let cpu = |all: &[Used]| all.iter().map(|used| used.cpu_s).collect::<Vec<_>>();
    let wall = |all: &[Used]| all.iter().map(|used| used.wall_s).collect::<Vec<_>>();
    let peak = |all: &[Used]| Spread::of(all.iter().map(|used| used.peak_bytes / MIB));
    let mut show = |target, name: &str, spread, unit, required| {
        bench.measured(target, &format!("{what}: {name}"), Measured(spread, unit), required);
    };
    show("P7", "read(2) alone", Spread::of(cpu(&read)), "s CPU", Required::Nothing);
    show("P7", "--count, one thread", Spread::of(cpu(&one)), "s CPU", Required::Nothing);
    let ratio = Spread::of_ratios(&cpu(&one), &cpu(&read));
    show("P7", "--count, one thread / read(2)", ratio, "x", Required::AtMost(3.5));
    show("P7", "--count, one thread: peak memory", peak(&one), "MiB", Required::AtMost(32.0));
    show("P7", "summary, one thread", Spread::of(cpu(&summary)), "s CPU", Required::Nothing);
    let ratio = Spread::of_ratios(&cpu(&summary), &cpu(&read));
    show("P7", "summary, one thread / read(2)", ratio, "x", Required::Nothing);
    show("P7", "summary, one thread: peak memory", peak(&summary), "MiB", Required::Nothing);
    if framed {
        show("P8", "--count, one thread", Spread::of(wall(&one)), "s", Required::Nothing);
        show("P8", "--count, two threads", Spread::of(wall(&two)), "s", Required::Nothing);
        let ratio = Spread::of_ratios(&wall(&two), &wall(&one));
        show("P8", "--count, two threads / one", ratio, "x", Required::AtMost(0.6));
        show("P8", "--count, two threads: peak memory", peak(&two), "MiB", Required::Nothing);
    }
    Ok(())
}

fn kept(bench: &mut Bench, spanglass: &Path, id: &str, file: &str, what: &str) -> Result<()> {
    eprintln!("P9 {what}");
    let file = bench.workload(id, file)?;
    let size = fs::metadata(&file)?.len() as f64;
    let peak = |command: &str, arguments: &[&str], rounds| -> Result<Spread> {
        let mut peaks = Vec::new();
        for _ in 0..rounds {
            let mut run = Command::new(spanglass);
            run.arg(command).args(arguments).args(["--quiet", "--max-body", "1GiB"]).arg(&file);
            peaks.push(Used::by(&mut run)?.peak_bytes / size);
        }
        Ok(Spread::of(peaks))
    };
    let spread = peak("replay-capture", &["--decoded", "jsonl"], 3)?;
    bench.measured(
        "P9",
        &format!("{what}: peak memory / file, --decoded"),
        Measured(spread, "x"),
        Required::AtMost(1.75),
    );
    let spread = peak("check-capture", &["--fail-on", "never"], 1)?;
    bench.measured(
        "P9",
        &format!("{what}: peak memory / file, check-capture"),
        Measured(spread, "x"),
        Required::Nothing,
    );
    Ok(())
}
