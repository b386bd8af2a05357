//! `spanglass man`: manual pages.

use super::output::Output;
use anyhow::{Context, Result};
use clap::Command;
use spanglass::diagnostic::Outcome;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// Print the manual page, or write all pages.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Folder for one page per command; without it the main page is printed
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let mut command = super::command();
    command.build();
    let Some(folder) = args.folder else {
        output.write_all(&page(command)?)?;
        return Ok(Outcome::Good);
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let subcommands: Vec<Command> = command.get_subcommands().cloned().collect();
    let pages = std::iter::once(command).chain(subcommands);
    for command in pages {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, page(command)?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Outcome::Good)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
