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
//! | P4 | steady | W5, the spans of W2 as one OTLP protobuf request; peers: prost with opentelemetry-proto, quick-protobuf |
//! | P5 | steady | W6, the spans of W2 as 1,000 OTLP JSON requests; peers: serde_json with opentelemetry-proto, sonic-rs with structs that borrow |
//!
//! P1 also counts instructions with valgrind, where it is installed: `peer spanglass W2 2` less `peer spanglass W2 1`
//! is one decode. A ratio is the other decoder's time divided by ours.

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::comparison::{COLD, Comparison, STEADY, STEADY_SMALL, report};
use harness::{Bench, Measured, Required, Result, Spread};
use std::process::ExitCode;

const W1: (&str, &str) = ("w1", "w1.v04.msgpack");
const W2: (&str, &str) = ("w2", "w2.v04.msgpack");
const W4: (&str, &str) = ("w4", "w4.v05.msgpack");
const W5: (&str, &str) = ("w5", "w5.otlp.pb");
const W6: (&str, &str) = ("w6", "w6.otlp.jsonl");
const W7: (&str, &str) = ("w7", "w7.v04.msgpack");

const COMPARISONS: [Comparison; 8] = [
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
    Comparison {
        target: "P4",
        state: "W5 OTLP protobuf steady",
        workload: W5,
        decodes: STEADY,
        processes: 1,
        ours: "spanglass-otlp",
        others: &[("prost", Required::AtLeast(8.0)), ("quick-protobuf", Required::AtLeast(4.0))],
    },
    Comparison {
        target: "P5",
        state: "W6 OTLP JSON steady",
        workload: W6,
        decodes: STEADY,
        processes: 1,
        ours: "spanglass-otlp-json",
        others: &[("serde_json", Required::AtLeast(4.0)), ("sonic-rs", Required::AtLeast(1.5))],
    },
];

/// Instructions of one decode of W2, per span.
const MOST_INSTRUCTIONS: f64 = 4000.0;

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
