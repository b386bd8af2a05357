//! `tests/cli/*.md` and the README: every `$ spanglass ...` in a console block, with its whole output.
//!
//! ````text
//! ```console
//! $ spanglass explain nothing          the command, run in the root of the project with an empty environment
//! ? 2                                  its exit status, when it is not 0
//! error: no code "nothing"             stdout and stderr as they come, byte for byte
//! ```
//! ````
//! `< FILE` after a command is its standard input. `UPDATE_GOLDEN=1 cargo test --test cli transcripts` rewrites
//! statuses and outputs; read the difference before committing. (trycmd is not used because it compares, and writes,
//! a slash for every backslash: the JSON in a transcript would be none.)

use crate::support::process::BINARY;
use crate::support::{files_below, root, updating};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// One command of a transcript.
struct Step<'t> {
    line: usize,
    command: &'t str,
    status: i32,
    output: String,
}

/// A file as its plain lines and its commands, in order.
enum Part<'t> {
    Text(&'t str),
    Step(Step<'t>),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(text.lines()) {
        match (inside, text.strip_prefix("$ ")) {
            (true, Some(command)) => parts.push(Part::Step(Step { line, command, status: 0, output: String::new() })),
            (true, None) if text != "```" => match parts.last_mut() {
                Some(Part::Step(step)) => match text.strip_prefix("? ").filter(|_| step.output.is_empty()) {
                    Some(status) => step.status = status.trim().parse().unwrap(),
                    None => {
                        step.output.push_str(text);
                        step.output.push('\n');
                    }
                },
                _ => panic!("line {line}: a console block begins with `$ `, not {text:?}"),
            },
            _ => {
                inside = text == "```console";
                parts.push(Part::Text(text));
            }
        }
    }
    parts
}

/// Runs a command line: words, in single quotes where they hold blanks, and `< FILE`.
fn run(command: &str) -> (i32, String) {
    let mut words: Vec<String> = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    let input = words.iter().position(|word| word == "<").map(|at| {
        let file = words[at + 1].clone();
        words.truncate(at);
        file
    });
    assert_eq!(words.remove(0), "spanglass", "{command}");
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new(BINARY)
        .args(words)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir(root())
        .stdin(input.map_or(Stdio::null(), |file| File::open(root().join(file)).unwrap().into()))
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut output = String::new();
    reader.read_to_string(&mut output).unwrap();
    (child.wait().unwrap().code().unwrap(), output)
}

/// Runs the commands of one file; the faults it found.
fn check(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.strip_prefix(root()).unwrap().display();
    let mut faults = Vec::new();
    let mut steps = 0;
    let mut rewritten = String::new();
    for part in parts(&text) {
        match part {
            Part::Text(line) => rewritten.push_str(&format!("{line}\n")),
            Part::Step(step) => {
                steps += 1;
                let (status, output) = run(step.command);
                rewritten.push_str(&format!("$ {}\n", step.command));
                if status != 0 {
                    rewritten.push_str(&format!("? {status}\n"));
                }
                rewritten.push_str(&output);
                let place = format!("{name}:{}: $ {}", step.line, step.command);
                if status != step.status {
                    faults.push(format!("{place}\n  exits {status}, expected {}", step.status));
                }
                if output != step.output {
                    faults.push(format!("{place}\n{}", difference(&step.output, &output)));
                }
            }
        }
    }
    if updating() && rewritten != text {
        fs::write(path, rewritten).unwrap();
        return Vec::new();
    }
    if steps == 0 {
        faults.push(format!("{name}: no command in it"));
    }
    faults
}

/// The first line in which two texts differ.
fn difference(expected: &str, actual: &str) -> String {
    let (mut a, mut b) = (expected.lines(), actual.lines());
    loop {
        match (a.next(), b.next()) {
            (a, b) if a == b && a.is_some() => {}
            (a, b) => return format!("  expected {}\n  printed  {}", a.unwrap_or("(end)"), b.unwrap_or("(end)")),
        }
    }
}

#[test]
fn transcripts() {
    let mut files = files_below(&root().join("tests/cli"));
    files.retain(|path| path.extension().is_some_and(|end| end == "md"));
    files.push(root().join("README.md"));
    let faults: Vec<String> = files.iter().flat_map(check).collect();
    let hint = "UPDATE_GOLDEN=1 cargo test --test cli transcripts writes them anew";
    assert!(faults.is_empty(), "{} differences; {hint}\n{}", faults.len(), faults.join("\n"));
}
