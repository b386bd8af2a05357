//! `workloads [OUT_DIR [w1 w2 w3 w3l w4 w5 w6 w7 w8 w8t]]` writes the benchmark inputs, all unless some are named (3 GB), into OUT_DIR
//! (default: `target/bench-data` of the package above).

#![forbid(unsafe_code)]

use anyhow::Result;
use spanglass_peers::workloads::Workload;
use std::env;
use std::path::PathBuf;

const DEFAULT_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench-data");

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let folder = PathBuf::from(args.next().as_deref().unwrap_or(DEFAULT_FOLDER));
    let named = args.map(|name| name.parse()).collect::<Result<Vec<Workload>>>()?;
    let workloads = if named.is_empty() { Workload::ALL.to_vec() } else { named };
    for workload in workloads {
        println!("{}", workload.write_into(&folder)?.display());
    }
    Ok(())
}
