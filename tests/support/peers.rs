//! Real tracers to compare with, installed by `.ci/peers` into a folder that holds `venv/` (Python packages of
//! `tests/peers/requirements.txt`) and `node_modules/` (npm packages of `tests/peers/package.json`).
//!
//! The folder is `target/peers`, or what `SPANGLASS_PEERS` says. Where one is missing, a test that needs it is skipped
//! with a message, unless `SPANGLASS_REQUIRE_PEERS` is set.

use std::env;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// In which language a peer is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Node,
}

/// The installed peers.
pub struct Peers {
    folder: PathBuf,
}

/// The peers, when the packages of `needed` are there; the name of a package is that of its folder.
#[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
pub fn peers(needed: &[(Language, &str)]) -> Option<Peers> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/tmp has a parent");
    let folder = env::var_os("SPANGLASS_PEERS").map_or_else(|| target.join("peers"), PathBuf::from);
    let peers = Peers { folder };
    let missing: Vec<String> =
        needed.iter().filter(|(language, package)| !peers.has(*language, package)).map(|(_, p)| (*p).into()).collect();
    if missing.is_empty() {
        return Some(peers);
    }
    let message = format!("{} not found in {}: run .ci/peers", missing.join(", "), peers.folder.display());
    assert!(env::var_os("SPANGLASS_REQUIRE_PEERS").is_none(), "{message}");
    skipped(&message);
    None
}

/// Says why a comparison is skipped, past the capturing of the test harness: it must be seen.
pub fn skipped(message: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {message}");
}

impl Peers {
    fn has(&self, language: Language, package: &str) -> bool {
        match language {
            Language::Node => self.folder.join("node_modules").join(package).is_dir(),
            Language::Python => {
                let versions = std::fs::read_dir(self.folder.join("venv/lib")).into_iter().flatten().flatten();
                versions.into_iter().any(|python| python.path().join("site-packages").join(package).is_dir())
            }
        }
    }

    /// The Python that has the packages.
    pub fn python(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }

    /// Where the npm packages are.
    pub fn node_modules(&self) -> PathBuf {
        self.folder.join("node_modules")
    }

    /// What a script of `tests/peers/` prints for `input`, line by line.
    pub fn run(&self, script: &str, args: &[&str], input: &str) -> Vec<String> {
        let path = super::root().join("tests/peers").join(script);
        let mut command = if script.ends_with(".py") {
            Command::new(self.python())
        } else {
            let mut node = Command::new("node");
            node.env("NODE_PATH", self.node_modules());
            node
        };
        // A file: a pipe would need a thread that feeds it.
        let mut stdin = tempfile::tempfile().expect("a temporary file");
        stdin.write_all(input.as_bytes()).and_then(|()| stdin.rewind()).expect("a temporary file");
        let output = command.arg(&path).args(args).stdin(Stdio::from(stdin)).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    }
}
