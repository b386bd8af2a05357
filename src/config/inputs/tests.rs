//! Every form: values, their lines and columns, and findings.

use super::*;
use crate::config::Origin;
use crate::diagnostic::Severity;
use std::fmt::Write;
use std::io;

fn input(path: &str, text: &str) -> Input {
    Input { path: path.into(), bytes: Ok(text.as_bytes().to_vec()), form: None }
}

fn no_file(_: &Path) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::NotFound.into())
}

/// `line:column-end` of a place in `text`, columns in characters from 1.
fn at(place: Option<&Place>, files: &[(&str, &str)]) -> String {
    let Some(Place::Text { source, range, line }) = place else { return "-".into() };
    let Some((_, text)) = files.iter().find(|(path, _)| Source::File(path.into()) == *source) else {
        return format!("{source}");
    };
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let column = text[start..range.start].chars().count() + 1;
    assert_eq!(*line, Some(text[..range.start].matches('\n').count() as u64 + 1), "line of {range:?}");
    let first = files.first().is_some_and(|(path, _)| Source::File(path.into()) == *source);
    let file = if first { String::new() } else { format!("{source}:") };
    format!("{file}{}:{column}-{}", line.unwrap_or(0), column + text[range.clone()].chars().count())
}

fn show_finding(finding: &Finding, files: &[(&str, &str)]) -> String {
    let (id, about) = (finding.code().id(), &finding.about);
    format!("{id} {about} {} {}", at(finding.diagnostic.place(), files), finding.diagnostic.message())
}

/// Targets and findings, one line each. A value whose parts have no places is marked with `~`.
fn show(files: &[(&str, &str)], profile: Profile, dialect: Dialect, process: Option<&[(&str, &str)]>) -> String {
    let inputs: Vec<Input> = files.iter().map(|(path, text)| input(path, text)).collect();
    let process: Option<Vec<(String, String)>> =
        process.map(|process| process.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
    let (targets, findings) = targets(&inputs, profile, dialect, process.as_deref(), &no_file);
    let mut out = String::new();
    for target in targets {
        let _ = writeln!(out, "[{}]{}", target.name, if target.container { "" } else { " here" });
        for entry in &target.env {
            let (name, value) = (at(entry.name_place.as_ref(), files), at(entry.value_place.as_ref(), files));
            let sign = if entry.verbatim { "" } else { "~" };
            let _ = writeln!(out, "{}={}{sign} {name} {value}", entry.name, entry.value);
        }
        if !target.unresolved.is_empty() {
            let _ = writeln!(out, "? {}", target.unresolved.join(" "));
        }
        for finding in &target.findings {
            let _ = writeln!(out, "{}", show_finding(finding, files));
        }
    }
    for finding in &findings {
        let _ = writeln!(out, "! {}", show_finding(finding, files));
    }
    out
}

fn shown(path: &str, text: &str) -> String {
    show(&[(path, text)], Profile::DdTraceCpp, Dialect::Dotenv, None)
}

/// The finding codes and places of a text.
fn codes(path: &str, text: &str) -> Vec<String> {
    let out = shown(path, text);
    let lines = out.lines().map(|line| line.trim_start_matches("! ")).filter(|line| line.starts_with("TC"));
    lines.map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn assert_lines(found: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn dotenv_lines_in_the_usual_dialect() {
    let text = "\u{feff}# comment\r\nexport A=\"a b\" # c\r\nB = x#y #z\nC='$A \\n' \nD=\"\\n\\t\\\"\\$A\\q${A}\"\nE=$A-${N:-d}${A-e}\nF=\nG= # only\n  H=é\nI=\"two\nlines\"\nJ=1\nJ=2\nK=${UNKNOWN}\nL=$K\n";
    assert_lines(
        &shown(".env", text),
        "[.env] here
         A=a b 2:8-9 2:11-14
         B=x#y 3:1-2 3:5-8
         C=$A \\n 4:1-2 4:4-9
         D=\n",
    );
}
