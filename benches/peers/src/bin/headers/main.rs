//! `headers VARIANT extract|inject FILE SETS N` runs one propagation library over the first SETS header sets of FILE and
//! prints one line of JSON.
//!
//! Timed: CPU time of this thread for one pass over all sets, which lie in memory as lists of names and values (or, for
//! inject, as that library's contexts). One pass warms up, another is added up, then N are timed one by one and the
//! median is reported.
//!
//! ```json
//! {"variant":"spanglass","sets":100000,"cpu_ns":21000000,"count":100000,"trace":1,"span":2,"decision":3}
//! ```

#![forbid(unsafe_code)]

mod datadog;
mod otel;
#[cfg(feature = "ours")]
mod ours;
mod work;

use anyhow::{Context, Result, bail};
use cpu_time::ThreadTime;
use serde::Serialize;
use std::{env, fs};
use work::{Sums, Work};

#[derive(Serialize)]
struct Report<'a> {
    variant: &'a str,
    sets: usize,
    cpu_ns: u64,
    #[serde(flatten)]
    sums: Sums,
}

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [variant, work, path, sets, passes] = args.as_slice() else {
        bail!("usage: headers VARIANT extract|inject FILE SETS N");
    };
    let work = match work.as_str() {
        "extract" => Work::Extract,
        "inject" => Work::Inject,
        _ => bail!("{work:?} is neither extract nor inject"),
    };
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let sets = work::sets(&text, sets.parse().context("SETS is a number")?, variant)?;
    drop(text);
    let mut pass = work::pass(variant, work, &sets)?;

    let mut sums = Sums::default();
    pass(None)?;
    pass(Some(&mut sums))?;
    let mut times = Vec::new();
    for _ in 0..passes.parse::<usize>().context("N is a number")?.max(1) {
        let start = ThreadTime::try_now()?;
        pass(None)?;
        times.push(start.try_elapsed()?);
    }
    times.sort_unstable();
    let cpu_ns = u64::try_from(times[times.len() / 2].as_nanos())?;
    println!("{}", serde_json::to_string(&Report { variant, sets: sets.len(), cpu_ns, sums })?);
    Ok(())
}
