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
        output.write_all(SYSTEMS.as_bytes())?;
        return Ok(Outcome::Good);
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let subcommands: Vec<Command> = command.get_subcommands().cloned().collect();
    let main = command.get_name().to_owned();
    let pages = std::iter::once(command).chain(subcommands);
    for command in pages {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let path = folder.join(format!("{name}.1"));
        let mut text = page(command)?;
        if name == main {
            text.extend_from_slice(SYSTEMS.as_bytes());
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Outcome::Good)
}

/// What the users of five systems ask, and the commands that answer; behind the main page.
const SYSTEMS: &str = r#".SH "FIVE SYSTEMS"
Captures are those of record\-capture, a folder of them, or a file of another tool.
.TP
xmtpd: a worker span has no parent (trace_linked=false)
spanglass flamegraph\-text CAPTURE \-\-query \(aq@trace_linked:false\(aq \-\-stitch tag:staged_id
.TP
xmtpd: traces do not appear
spanglass validate\-config \-\-profile xmtpd \-\-live; spanglass send\-test\-span \-\-verify
.TP
xmtpd: a lagging replica, dropped clients
spanglass flamegraph\-text CAPTURE \-\-query \(aq@notification_miss:true OR @reason:channel_full\(aq \-\-all
.TP
dd\-trace\-cpp: which process made which part, and why a trace was dropped
spanglass flamegraph\-text CAPTURE \-\-segments \-\-details
.TP
flowbot: log lines under their spans, and failures that no search for errors finds
spanglass flamegraph\-text CAPTURE \-\-logs flowbot.log; spanglass check\-capture CAPTURE \-\-profile flowbot
.TP
CodeQ: a task whose context was persisted, and secrets on spans
spanglass flamegraph\-text CAPTURE \-\-stitch time \-\-tasks tasks.json; spanglass check\-capture CAPTURE \-\-profile codeq
.TP
go\-chi tutorial: a proxy takes the headers away
spanglass flamegraph\-text CAPTURE \-\-stitch time \-\-all
"#;

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
