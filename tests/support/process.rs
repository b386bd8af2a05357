//! The binary in a fixed environment: nothing of the tester's shell decides about width, colour or locale.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

/// Path of the binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_spanglass");

/// A run to be made.
pub struct Spanglass(pub Command);

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Spanglass {
    /// `spanglass args...` in the root of the project, with a UTF-8 locale and an otherwise empty environment.
    pub fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(BINARY);
        command.args(args).env_clear().env("LANG", "C.UTF-8").current_dir(super::root());
        Spanglass(command)
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs to the end without input.
    pub fn run(self) -> Ran {
        self.with_input(b"")
    }

    /// Runs to the end with `input` on stdin.
    pub fn with_input(mut self, input: &[u8]) -> Ran {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that refuses its input may close the pipe early; that is no fault of the test.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_else(|error| panic!("not UTF-8: {error}"));
        Ran {
            status: output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", output.status)),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// `spanglass` with these arguments, separated by blanks.
pub fn spanglass(line: &str) -> Spanglass {
    Spanglass::new(line.split_whitespace())
}

impl Ran {
    /// The same, after checking the exit status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// stdout as one JSON document a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}
