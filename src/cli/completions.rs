//! `spanglass completions`: scripts for shells.

use super::output::Output;
use anyhow::Result;
use clap_complete::Shell;
use spanglass::diagnostic::Outcome;
use std::io::Write;

/// Print a completion script.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "spanglass", &mut script);
    output.write_all(&script)?;
    Ok(Outcome::Good)
}
