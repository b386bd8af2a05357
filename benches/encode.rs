//! Encoding against another encoder and a bare copy: `cargo bench --bench encode`.
//!
//! Timed is one encode, from spans that were decoded before to a body of its own, freed again. What we write is the bytes
//! of W2 again, which is looked at before anything is timed. The protocol is that of `benches/decode.rs`.
//!
//! | id | state | body |
//! |---|---|---|
//! | P6 | steady | W2, 1,000 traces of 20 spans, v0.4 |

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::comparison::{Comparison, STEADY};
use harness::{Bench, Required, Result};
use std::process::ExitCode;

/// A fifth of the speed of a copy is asked for: a copy takes at least a fifth of the time.
const OF_A_COPY: f64 = 0.2;

const P6: Comparison = Comparison {
    target: "P6",
    state: "W2 v0.4 encode",
    workload: ("w2", "w2.v04.msgpack"),
    decodes: STEADY,
    processes: 1,
    ours: "spanglass-encode",
    others: &[("libdd-encode", Required::AtLeast(1.4)), ("memcpy", Required::AtLeast(OF_A_COPY))],
};

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Encoding: time of each encoder and its ratio to ours")? else {
        return Ok(());
    };
    P6.run(&mut bench)?;
    bench.finish();
    Ok(())
}
