//! Implementations of one thing on one body, run by the program `peer`.

use super::{Bench, Measured, ROUNDS, Required, Result, Spread};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

/// Timed runs of a process in the steady state, for large and for small bodies, and for the cold state.
pub const STEADY: u32 = 9;
pub const STEADY_SMALL: u32 = 999;
pub const COLD: u32 = 0;

/// One body, one state, our implementation and others.
pub struct Comparison {
    pub target: &'static str,
    pub state: &'static str,
    pub workload: (&'static str, &'static str),
    /// Timed decodes in a process; 0 for the first one of a process.
    pub decodes: u32,
    /// Processes of each implementation in a round, of which the median counts.
    pub processes: usize,
    pub ours: &'static str,
    pub others: &'static [(&'static str, Required)],
}

/// What `peer` prints.
#[derive(Deserialize)]
pub struct Report {
    pub bytes: f64,
    pub cpu_ns: f64,
    #[serde(flatten)]
    pub sums: Sums,
}

/// What all implementations must agree on.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Sums {
    pub spans: u64,
    pub duration: i64,
    pub meta_len: u64,
}

impl Comparison {
    /// Measures all implementations, after they agreed on what the body holds.
    pub fn run(&self, bench: &mut Bench) -> Result<()> {
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

/// What `peer` says of one implementation.
pub fn report(program: &Path, variant: &str, body: &Path, decodes: u32) -> Result<Report> {
    let mut command = Command::new(program);
    command.arg(variant).arg(body).arg(decodes.to_string());
    Ok(serde_json::from_str(&super::output_of(&mut command)?)?)
}
