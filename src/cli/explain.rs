//! `spanglass explain`: what a code means.

use super::output::Output;
use anyhow::{Result, bail};
use spanglass::diagnostic::{Code, Outcome};
use std::io::Write;

/// Explain a finding's code.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A code (`D003`, `RATE_OUT_OF_RANGE`), its slug (`wrong-type`), or a number of dd-trace-cpp (`18`)
    #[arg(value_name = "CODE", required_unless_present = "list")]
    code: Vec<String>,
    /// List every code
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let codes = spanglass::codes();
    if args.list {
        for code in &codes {
            writeln!(output, "{:6} {:8} {:26} {}", code.id(), code.severity().word(), code.name(), code.title())?;
        }
    }
    explain(&args.code, output)
}

/// Prints what the codes mean.
pub(crate) fn explain(wanted: &[String], output: &mut Output) -> Result<Outcome> {
    let codes = spanglass::codes();
    let mut first = true;
    for wanted in wanted {
        let found = find(&codes, wanted);
        if found.is_empty() {
            bail!(unknown(&codes, wanted));
        }
        for code in found {
            if !std::mem::take(&mut first) {
                writeln!(output)?;
            }
            print(code, output)?;
        }
    }
    Ok(Outcome::Good)
}

/// By id or slug in any case, or by dd-trace-cpp's number. A slug may be that of two codes: the same fault of a header and
/// of a tag.
fn find(codes: &[Code], wanted: &str) -> Vec<Code> {
    let number = wanted.parse::<u16>().ok();
    let means = |code: &Code| {
        code.id().eq_ignore_ascii_case(wanted)
            || code.name().eq_ignore_ascii_case(wanted)
            || (number.is_some() && code.number() == number)
    };
    codes.iter().copied().filter(means).collect()
}

/// An error that names the nearest codes.
pub(crate) fn unknown(codes: &[Code], wanted: &str) -> String {
    let wanted = wanted.to_ascii_lowercase();
    let likeness = |code: &Code| {
        strsim::jaro_winkler(&code.id().to_ascii_lowercase(), &wanted).max(strsim::jaro_winkler(code.name(), &wanted))
    };
    let mut near: Vec<&Code> = codes.iter().collect();
    near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let near: Vec<String> = near.iter().take(3).map(|code| format!("{} ({})", code.id(), code.name())).collect();
    format!("no code {wanted:?}\nhelp: the nearest are {}; --list shows all", near.join(", "))
}

fn print(code: Code, output: &mut Output) -> Result<()> {
    let palette = output.theme.palette.clone();
    let severity = match code.severity().word() {
        word @ "error" => palette.error.style(word),
        word @ "warning" => palette.warning.style(word),
        word => palette.note.style(word),
    };
    write!(output, "{} {} {severity}", palette.strong.style(code.id()), code.name())?;
    if let Some(number) = code.number() {
        write!(output, " (dd-trace-cpp error {number})")?;
    }
    writeln!(output, "\n{}.\n", capitalised(code.title()))?;
    if let Some(explanation) = code.explanation() {
        paragraphs(explanation.cause, output)?;
        writeln!(output)?;
        write!(output, "{} ", palette.note.style("Remedy:"))?;
        paragraphs(explanation.remedy, output)?;
    }
    Ok(())
}

fn capitalised(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn paragraphs(text: &str, output: &mut Output) -> Result<()> {
    writeln!(output, "{text}")?;
    Ok(())
}
