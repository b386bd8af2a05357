//! What the tests share: fixtures, bodies made by hand, the binary in a fixed environment, golden files.
#![allow(dead_code, clippy::unwrap_used)]

pub mod body;
pub mod configuration;
pub mod headers;
pub mod peers;
#[cfg(feature = "cli")]
pub mod process;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    root().join("fixtures").join(path)
}

/// The bytes of a file.
pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file as JSON.
pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `folder`, by name.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// The name of a file, without its folder.
pub fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_else(|| panic!("{}", path.display()))
}

/// The recorded bodies with a meta.json beside them.
pub fn recorded_bodies() -> Vec<PathBuf> {
    let mut bodies = files_below(&fixture("payloads"));
    bodies.retain(|path| path.extension().is_some_and(|end| end == "bin") && !path.starts_with(invalid()));
    assert!(bodies.len() >= 30, "only {} recorded bodies under fixtures/payloads", bodies.len());
    bodies
}

/// The folder of bodies that are wrong on purpose.
pub fn invalid() -> PathBuf {
    fixture("payloads/invalid")
}

/// Every body: recorded ones and those that are wrong on purpose.
pub fn all_bodies() -> Vec<PathBuf> {
    let mut bodies = files_below(&fixture("payloads"));
    bodies.retain(|path| path.extension().is_some_and(|end| end == "bin"));
    bodies
}

/// `NAME.bin` to `NAME.meta.json`.
pub fn meta_of(body: &Path) -> Value {
    read_json(&body.with_extension("meta.json"))
}

/// The protocol that the name of a body says.
pub fn protocol_of(body: &Path) -> spanglass::wire::Protocol {
    let name = name_of(body);
    let known = spanglass::wire::Protocol::ALL;
    let protocol = known.into_iter().find(|protocol| name.ends_with(&format!(".{}.bin", protocol.name())));
    protocol.unwrap_or_else(|| panic!("{name} names no protocol"))
}

/// Compares what was made with a checked-in file; `UPDATE_GOLDEN=1` writes it instead.
pub fn golden(path: &Path, made: &[u8]) {
    if updating() {
        if fs::read(path).is_ok_and(|old| old == made) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, made).unwrap();
        return;
    }
    let hint = "UPDATE_GOLDEN=1 cargo test writes it; read the difference before committing";
    let Ok(expected) = fs::read(path) else { panic!("{} is missing; {hint}", path.display()) };
    if expected == made {
        return;
    }
    let (expected, made) = (String::from_utf8_lossy(&expected), String::from_utf8_lossy(made));
    let mut at = 0;
    let mut differing = String::new();
    for (old, new) in expected.split('\n').zip(made.split('\n')) {
        at += 1;
        if old != new {
            differing = format!("line {at}\n  expected {old:?}\n  made     {new:?}");
            break;
        }
    }
    let (old, new) = (expected.lines().count(), made.lines().count());
    panic!("{} differs ({old} lines, made {new}): {differing}\n{hint}", path.display());
}

/// Whether golden files are to be written.
#[allow(clippy::disallowed_methods)]
pub fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty() && value != "0")
}
