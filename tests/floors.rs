//! The house rules that a compiler does not see: modules name only modules of lower floors, every source file says
//! what it is, nothing outside the project is named, and the top level holds what belongs there.
//!
//! A floor is a row of [`FLOORS`]. `crate::x` (also inside `use crate::{...}`, `$crate::x` and through `super::`) may
//! be written in a module of a higher floor than that of `x`, or in `x` itself. Siblings never name each other.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::root;

/// Modules by floor, the lowest first. A module that does not exist yet may stand here; one that exists must.
const FLOORS: [&[&str]; 9] = [
    &["http", "id", "time"],
    &["diagnostic"],
    &["context", "encoding", "endpoint", "rule"],
    &["trace"],
    &["capture", "config", "propagation", "wire"],
    &["intake", "query", "rewrite", "sampling", "synth", "tree"],
    &["analysis", "lint"],
    &["agent", "render"],
    &["cli", "main"],
];

/// What may stand at the top level of the project.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".clippy.toml",
    ".gitignore",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "completions",
    "fixtures",
    "fuzz",
    "man",
    "src",
    "tests",
];

/// Not part of the project: made by tools, ignored by git.
const MADE: &[&str] = &[".git", "target", "benches/peers/target", "fuzz/artifacts", "fuzz/corpus", "fuzz/target"];

/// The command line uses the library from outside, by its name.
const COMMANDS: usize = 8;

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn modules_name_lower_floors_only() {
    let mut faults = Vec::new();
    for file in sources() {
        let source = Source::read(&file);
        let module = source.module.first().map_or("lib", String::as_str);
        if module == "lib" {
            continue;
        }
        let Some(floor) = floor_of(module) else {
            faults.push(format!("{}: the module {module} stands on no floor; add it to FLOORS", file.display()));
            continue;
        };
        for (line, named) in source.names() {
            let place = format!("{}:{line}", file.display());
            match named {
                Name::Crate(other) if floor == COMMANDS => {
                    if floor_of(&other) != Some(COMMANDS) {
                        faults.push(format!("{place}: crate::{other}: the binary knows the library as spanglass::"));
                    }
                }
                Name::Crate(other) => match floor_of(&other) {
                    _ if other == module => {}
                    Some(lower) if lower < floor => {}
                    Some(same) if same == floor => {
                        faults.push(format!("{place}: {module} names its sibling {other} (both on floor {floor})"));
                    }
                    Some(higher) => faults.push(format!("{place}: {module} (floor {floor}) names {other} ({higher})")),
                    None if source.at_root(&other) => {
                        faults.push(format!("{place}: {module} names crate::{other}, which stands above all floors"));
                    }
                    None => faults.push(format!("{place}: crate::{other} stands on no floor; add it to FLOORS")),
                },
                Name::Library(_) if floor == COMMANDS => {}
                Name::Library(other) => {
                    faults.push(format!("{place}: spanglass::{other}: inside the library, write crate::"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_reader_of_names_sees_what_it_should() {
    let text = r##"//! crate::agent in a comment
use crate::{diagnostic::{Code, Place}, id, time::Nanos as N};
/// [`crate::render`] /* crate::lint */
fn a<'x>(b: &'x str) -> char { let _ = ("crate::cli", r#"crate::cli"#, b"crate::cli", '"', '\'', '{'); 'c' }
macro_rules! m { () => { $crate::wire::decode } }
mod inner { use super::super::super::trace::Span; pub(in crate::capture) fn f() { super::super::sibling() } }
#[cfg(test)]
mod tests { use crate::agent::X; fn f() { if true { "}" } else { "" } } }
fn z() { crate :: http::get(); crate::codes!{} }
"##;
    let source = Source::of(Path::new("src/wire/v04.rs"), text);
    let names: Vec<(usize, String)> = source
        .names()
        .into_iter()
        .map(|(line, name)| match name {
            Name::Crate(name) => (line, name),
            Name::Library(name) => (line, format!("spanglass {name}")),
        })
        .collect();
    let expected = [
        (2, "diagnostic"),
        (2, "id"),
        (2, "time"),
        (5, "wire"),
        (6, "capture"),
        (6, "trace"),
        (9, "codes"),
        (9, "http"),
    ];
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, expected.map(|(line, name)| (line, name.to_owned())));
}

#[test]
fn every_source_file_says_what_it_is() {
    let mut faults = Vec::new();
    for file in project_files().iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let text = fs::read_to_string(root().join(file)).expect("source is UTF-8");
        let said = text.strip_prefix("//!").and_then(|rest| rest.lines().next()).map(str::trim);
        if said.is_none_or(str::is_empty) {
            faults.push(file.display().to_string());
        }
    }
    assert!(faults.is_empty(), "these files do not begin with //! and a sentence: {}", faults.join(", "));
}

#[test]
fn the_project_stands_alone() {
    // In two parts, so that this file is no fault itself.
    let needle = ["..", "/shared"].concat();
    let absolute = ["/work", "/shared"].concat();
    let mut faults = Vec::new();
    for file in project_files() {
        let bytes = support::read(&root().join(&file));
        let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        if holds(&needle) || holds(&absolute) {
            faults.push(file.display().to_string());
        }
    }
    assert!(faults.is_empty(), "these files name a folder outside the project: {}", faults.join(", "));
}

#[test]
fn the_top_level_holds_what_belongs_there() {
    let mut faults = Vec::new();
    for entry in fs::read_dir(root()).expect("the project's folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        let made = MADE.contains(&name.as_str()) || name.ends_with(".profraw");
        if !made && !TOP_LEVEL.contains(&name.as_str()) {
            faults.push(name);
        }
    }
    assert!(faults.is_empty(), "not expected at the top level: {}", faults.join(", "));
}

// ---- reading sources ----------------------------------------------------------------------------------------

/// Every file of the project, relative to its root: what git would show as tracked or new.
fn project_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a readable folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if MADE.iter().any(|made| path == Path::new(made)) || path.extension().is_some_and(|end| end == "profraw") {
                continue;
            }
            if entry.file_type().expect("a file type").is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn sources() -> Vec<PathBuf> {
    let all = project_files().into_iter();
    all.filter(|file| file.starts_with("src") && file.extension().is_some_and(|end| end == "rs")).collect()
}

/// A name of a module at the top of a crate.
enum Name {
    /// `crate::x`, in whatever spelling.
    Crate(String),
    /// `spanglass::x`
    Library(String),
}

/// One token of Rust, as far as names need it, with its line.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
}

struct Source {
    /// The path of the file's module in its crate: `["wire", "v04"]`.
    module: Vec<String>,
    tokens: Vec<(usize, Token)>,
}

impl Source {
    fn read(file: &Path) -> Self {
        Source::of(file, &fs::read_to_string(root().join(file)).expect("source is UTF-8"))
    }

    fn of(file: &Path, text: &str) -> Self {
        let inside = file.strip_prefix("src").expect("a file of src");
        let mut module: Vec<String> =
            inside.with_extension("").iter().map(|part| part.to_str().expect("a plain name").to_owned()).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        Source { module, tokens: without_tests(tokens(text)) }
    }

    /// Whether a file of the crate's root defines `name` (macros and functions of lib.rs).
    fn at_root(&self, name: &str) -> bool {
        let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap_or_default();
        lib.contains(&format!("fn {name}")) || lib.contains(&format!("macro_rules! {name}"))
    }

    /// Top-level modules that the file names, each once a line.
    fn names(&self) -> Vec<(usize, Name)> {
        let mut found: BTreeMap<(usize, String, bool), ()> = BTreeMap::new();
        let words: Vec<&Token> = self.tokens.iter().map(|(_, token)| token).collect();
        // Modules opened in the file, with the depth of braces at which each closes.
        let mut inner: Vec<usize> = Vec::new();
        let mut depth = 0;
        let mut at = 0;
        while at < words.len() {
            match words[at] {
                Token::Mark('{') => {
                    depth += 1;
                    let opens_module = at >= 2 && is_word(words[at - 2], "mod");
                    if opens_module {
                        inner.push(depth);
                    }
                }
                Token::Mark('}') => {
                    if inner.last() == Some(&depth) {
                        inner.pop();
                    }
                    depth = usize::saturating_sub(depth, 1);
                }
                Token::Word(word) if word == "crate" || word == "spanglass" => {
                    let library = word == "spanglass";
                    for (at, name) in named_after(&words, at + 1) {
                        found.insert((self.tokens[at].0, name, library), ());
                    }
                }
                Token::Word(word) if word == "super" => {
                    let mut ups = 1;
                    let mut next = at + 1;
                    while is_path(&words, next) && words.get(next + 2).is_some_and(|word| is_word(word, "super")) {
                        ups += 1;
                        next += 3;
                    }
                    let is_first = at == 0 || !matches!(words[at - 1], Token::Mark(':'));
                    if is_first && ups == self.module.len() + inner.len() {
                        for (at, name) in named_after(&words, next) {
                            found.insert((self.tokens[at].0, name, false), ());
                        }
                    }
                    at = next - 1;
                }
                _ => {}
            }
            at += 1;
        }
        found
            .into_keys()
            .map(|(line, name, library)| (line, if library { Name::Library(name) } else { Name::Crate(name) }))
            .collect()
    }
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word == wanted)
}

/// Whether `::` stands at `at`.
fn is_path(words: &[&Token], at: usize) -> bool {
    matches!(words.get(at..at + 2), Some([Token::Mark(':'), Token::Mark(':')]))
}

/// The names that follow `crate`: `::x`, or each first name of `::{x::y, z}`; with their positions.
fn named_after(words: &[&Token], at: usize) -> Vec<(usize, String)> {
    if !is_path(words, at) {
        return Vec::new();
    }
    match words.get(at + 2) {
        Some(Token::Word(name)) => vec![(at + 2, name.clone())],
        Some(Token::Mark('{')) => {
            let mut names = Vec::new();
            let (mut depth, mut expects) = (0, true);
            for (at, token) in words.iter().enumerate().skip(at + 2) {
                match token {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') => depth -= 1,
                    Token::Mark(',') if depth == 1 => expects = true,
                    Token::Word(name) if depth == 1 && expects => {
                        names.push((at, name.clone()));
                        expects = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        }
        _ => Vec::new(),
    }
}

/// Words and marks of Rust source; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let c = chars[at];
        let from = at;
        match c {
            '/' if get(at + 1) == '/' => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
            }
            '/' if get(at + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (get(at), get(at + 1)) {
                        ('/', '*') => {
                            depth += 1;
                            at += 2;
                        }
                        ('*', '/') => {
                            depth -= 1;
                            at += 2;
                        }
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            '"' => at = end_of_string(&chars, at),
            '\'' if get(at + 1) == '\\' => {
                at += 3;
                while at < chars.len() && chars[at] != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if get(at + 2) == '\'' => at += 3,
            // A lifetime.
            '\'' => at += 1,
            c if c.is_alphabetic() || c == '_' => {
                while get(at).is_alphanumeric() || get(at) == '_' {
                    at += 1;
                }
                let word: String = chars[from..at].iter().collect();
                let prefix = ["r", "b", "br", "c", "cr"].contains(&word.as_str());
                let hashes = (at..).take_while(|at| get(*at) == '#').count();
                if prefix && get(at + hashes) == '"' && (word.contains('r') || hashes == 0) {
                    at = match word.contains('r') {
                        true => end_of_raw_string(&chars, at + hashes + 1, hashes),
                        false => end_of_string(&chars, at),
                    };
                } else if word == "b" && get(at) == '\'' {
                    at += if get(at + 1) == '\\' { 2 } else { 1 };
                    while at < chars.len() && chars[at] != '\'' {
                        at += 1;
                    }
                    at += 1;
                } else {
                    tokens.push((line, Token::Word(word)));
                }
            }
            c if c.is_whitespace() => at += 1,
            c => {
                tokens.push((line, Token::Mark(c)));
                at += 1;
            }
        }
        line += chars[from..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The position after a string whose opening quote is at `at`.
fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw_string(chars: &[char], mut at: usize, hashes: usize) -> usize {
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

/// The tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: Vec<(usize, Token)>) -> Vec<(usize, Token)> {
    let attribute: Vec<Token> = [Token::Mark('#'), Token::Mark('['), Token::Word("cfg".into()), Token::Mark('(')]
        .into_iter()
        .chain([Token::Word("test".into()), Token::Mark(')'), Token::Mark(']')])
        .collect();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let here = tokens[at..].iter().take(attribute.len()).map(|(_, token)| token);
        if !here.eq(attribute.iter()) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        // To the end of the item: its closing brace, or a semicolon before any brace.
        at += attribute.len();
        let mut depth = 0;
        while at < tokens.len() {
            match &tokens[at].1 {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth -= 1,
                _ => {}
            }
            let ends = depth == 0 && matches!(tokens[at].1, Token::Mark('}' | ';'));
            at += 1;
            if ends {
                break;
            }
        }
    }
    kept
}
