//! `peer VARIANT FILE N` decodes FILE with one implementation and prints one line of JSON.
//!
//! Timed: CPU time of this thread (CLOCK_THREAD_CPUTIME_ID) for one decode: body in memory to readable values, freed
//! again; reading the file and adding up the check sums lie outside. With N > 0 one decode warms up (and is added up),
//! then N are timed one by one and the median is reported: the steady state. With N = 0 the first decode of the process
//! is the one that is timed: the cold state, page faults of fresh memory included.
//!
//! ```json
//! {"variant":"libdd-slice","bytes":13928304,"decodes":9,"cpu_ns":21000000,"spans":20000,"duration":1,"meta_len":2}
//! ```

#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use cpu_time::ThreadTime;
use serde::Serialize;
use spanglass_peers::variant::{self, Decoder, State, Sums};
use std::time::Duration;
use std::{env, fs};

#[derive(Serialize)]
struct Report<'a> {
    variant: &'a str,
    bytes: usize,
    decodes: usize,
    cpu_ns: u64,
    #[serde(flatten)]
    sums: Sums,
}

fn timed(decode: &mut Decoder<'_>) -> Result<Duration> {
    let start = ThreadTime::try_now()?;
    decode(None)?;
    Ok(start.try_elapsed()?)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [variant, path, decodes] = args.as_slice() else {
        let names = variant::NAMES.map(|(name, _)| name).join(" ");
        anyhow::bail!("usage: peer VARIANT FILE N\nvariants: {names}");
    };
    let decodes: usize = decodes.parse().context("N is a number")?;
    let body = fs::read(path).with_context(|| format!("reading {path}"))?;
    let state = if decodes == 0 { State::Cold } else { State::Steady };
    let mut decode = variant::decoder(variant, &body, state)?;

    let mut sums = Sums::default();
    let cpu = match state {
        State::Cold => {
            let first = timed(&mut decode)?;
            decode(Some(&mut sums))?;
            first
        }
        State::Steady => {
            decode(Some(&mut sums))?;
            median((0..decodes).map(|_| timed(&mut decode)).collect::<Result<_>>()?)
        }
    };
    ensure!(sums.spans > 0, "{path} holds no spans");

    let report =
        Report { variant, bytes: body.len(), decodes: decodes.max(1), cpu_ns: u64::try_from(cpu.as_nanos())?, sums };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
