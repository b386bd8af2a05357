//! Codes are permanent: unique, explained, and listed in `fixtures/codes.tsv`, which may only grow.

mod support;

use spanglass::diagnostic::{Code, Severity};
use std::collections::BTreeMap;
use std::fs;
use support::fixture;

const HEAD: &str = "id\tname\tnumber\tseverity";

/// The line of a code in the list.
fn line(code: Code) -> String {
    let number = code.number().map(|number| number.to_string()).unwrap_or_default();
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    format!("{}\t{}\t{number}\t{severity}", code.id(), code.name())
}

/// Slugs that two catalogues give to one condition, as the id of one code and the name of another, or as two names. `explain` must tell
/// of both; nothing may be added here without need.
const SHARED: &[&str] = &["tid-malformed", "kind-unknown"];

#[test]
fn ids_and_names_are_unique() {
    let codes = spanglass::codes();
    let mut faults = Vec::new();
    let mut taken: BTreeMap<String, Code> = BTreeMap::new();
    for code in &codes {
        // `explain` takes either form in any case, so no form of one code may be a form of another.
        let (id, name) = (code.id().to_ascii_lowercase(), code.name().to_ascii_lowercase());
        if id == name {
            faults.push(format!("{code} has one form only"));
        }
        for form in [id, name] {
            match taken.insert(form.clone(), *code) {
                Some(other) if SHARED.contains(&form.as_str()) && other.id() != code.id() => {}
                Some(other) if other.id() == code.id() || other.name() == code.name() => {
                    faults.push(format!("{form} stands for {other} and for {code}"));
                }
                Some(other) => {
                    faults.push(format!("{form} is an id of one and a name of the other: {other}, {code}"));
                }
                None => {}
            }
        }
    }
    let mut numbers: Vec<u16> = codes.iter().filter_map(|code| code.number()).collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "a number of dd-trace-cpp stands twice");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn names_and_titles_have_their_form() {
    for code in spanglass::codes() {
        // D001, G01, XM01
        let digits = code.id().trim_start_matches(|letter: char| letter.is_ascii_uppercase());
        let numbered = code.id().len() <= 4 && digits.len() < code.id().len();
        let slug = if numbered { code.name() } else { code.id() };
        if numbered {
            assert!(digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            let kebab = slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            assert!(kebab && !slug.starts_with('-') && !slug.ends_with('-'), "{code}: {slug}");
        }
        let title = code.title();
        assert!(!title.is_empty() && !title.ends_with('.') && title.len() <= 72, "{code}: {title:?}");
    }
}

#[test]
fn every_code_is_explained() {
    let mut missing = Vec::new();
    for code in spanglass::codes() {
        match code.explanation() {
            Some(explanation) if explanation.cause.is_empty() => missing.push(format!("{code} has no cause")),
            Some(explanation) if explanation.remedy.is_empty() => missing.push(format!("{code} has no remedy")),
            Some(explanation) if explanation.remedy.contains("\n## ") || explanation.cause.contains("## ") => {
                missing.push(format!("{code}: a heading inside its text"));
            }
            Some(_) => {}
            None => missing.push(format!("{code} ({}) is not in src/diagnostic/explain.md", code.name())),
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn explanations_are_of_known_codes() {
    let text = fs::read_to_string(support::root().join("src/diagnostic/explain.md")).expect("explain.md");
    let codes = spanglass::codes();
    let mut headings: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("## ")?.split_whitespace().next()).collect();
    let unknown: Vec<&&str> = headings.iter().filter(|id| !codes.iter().any(|code| code.id() == **id)).collect();
    assert!(unknown.is_empty(), "explain.md explains codes that do not exist: {unknown:?}");
    let count = headings.len();
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), count, "explain.md explains a code twice");
}

#[test]
fn the_list_of_codes_only_grows() {
    let path = fixture("codes.tsv");
    let listed = fs::read_to_string(&path).unwrap_or_else(|_| format!("{HEAD}\n"));
    assert_eq!(listed.lines().next(), Some(HEAD), "the first line of fixtures/codes.tsv");
    let codes: BTreeMap<&str, Code> = spanglass::codes().into_iter().map(|code| (code.id(), code)).collect();
    let mut faults = Vec::new();
    let mut known = Vec::new();
    for listed in listed.lines().skip(1) {
        let id = listed.split('\t').next().unwrap_or_default();
        known.push(id);
        match codes.get(id) {
            None => faults.push(format!("{id} is gone: a code that was published stays (its check may go)")),
            Some(code) if line(*code) != listed => faults.push(format!(
                "{id} changed from {listed:?} to {:?}: scripts rely on it; take a new code instead",
                line(*code)
            )),
            Some(_) => {}
        }
    }
    let count = known.len();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), count, "a code is listed twice in fixtures/codes.tsv");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let new: Vec<String> =
        spanglass::codes().into_iter().filter(|code| known.binary_search(&code.id()).is_err()).map(line).collect();
    if new.is_empty() {
        return;
    }
    if support::updating() {
        fs::write(&path, format!("{}\n{}\n", listed.trim_end(), new.join("\n"))).expect("fixtures/codes.tsv");
        return;
    }
    panic!(
        "new codes: append these lines to fixtures/codes.tsv (or run UPDATE_GOLDEN=1 cargo test --test codes):\n{}",
        new.join("\n")
    );
}
