//! SARIF 2.1.0, as code scanning services and editors read it.

use super::{Item, Location, Suite, distinct, label, level};
use crate::diagnostic::Code;
use crate::render::{Region, json};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Where the documentation of a code is: a search for its name, which its constant has as an alias.
const HELP: &str = concat!("https://docs.rs/spanglass/", env!("CARGO_PKG_VERSION"), "/spanglass/?search=");

/// Writes one log with one run.
pub fn sarif(w: &mut dyn Write, suites: &[Suite<'_>]) -> io::Result<()> {
    let mut codes: Vec<Code> = suites.iter().flat_map(|suite| &suite.items).map(|item| item.code).collect();
    codes.sort();
    codes.dedup();
    let mut seen = BTreeMap::new();
    let results = distinct(suites).map(|(suite, item)| result(suite, item, &codes, &mut seen)).collect();
    let driver = Driver {
        name: "spanglass",
        semantic_version: env!("CARGO_PKG_VERSION"),
        information_uri: concat!("https://docs.rs/spanglass/", env!("CARGO_PKG_VERSION")),
        rules: codes.iter().map(|code| rule(*code)).collect(),
    };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    json::write(w, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })?;
    writeln!(w)
}

fn rule(code: Code) -> Rule {
    let explanation = code.explanation();
    Rule {
        id: code.id(),
        name: code.name(),
        short_description: Text { text: capitalised(code.title()) },
        full_description: explanation.map(|explanation| Text { text: unwrapped(explanation.cause) }),
        help: explanation.map(|explanation| Text { text: unwrapped(explanation.remedy) }),
        help_uri: format!("{HELP}{}", code.name()),
        default_configuration: Configuration { level: level(code.severity()) },
        properties: code.number().map(|number| Properties { number }),
    }
}

fn result<'a>(
    suite: &'a Suite<'a>,
    item: &'a Item<'a>,
    codes: &[Code],
    seen: &mut BTreeMap<u64, usize>,
) -> SarifResult<'a> {
    let mut text = item.message.to_owned();
    if let Some(help) = item.help {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    let physical = item.location.as_ref().map(physical);
    let name =
        [suite.name, &item.subject].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let logical = LogicalLocation { name: &item.subject, fully_qualified_name: name };
    let location = ResultLocation {
        physical_location: physical,
        logical_locations: Some(logical).filter(|logical| !logical.name.is_empty()).into_iter().collect(),
    };
    SarifResult {
        rule_id: item.code.id(),
        rule_index: codes.binary_search(&item.code).ok(),
        level: level(item.severity),
        message: Text { text },
        locations: Some(location).filter(|place| !place.is_empty()).into_iter().collect(),
        occurrence_count: Some(item.count).filter(|count| *count > 1),
        partial_fingerprints: [("spanglassFinding/v1", fingerprint(suite, item, seen))].into(),
        fixes: fix(item).into_iter().collect(),
    }
}

/// The same for the same finding when lines are added above it: of the code, the file, the target and what it is about,
/// and which one of those alike it is.
fn fingerprint(suite: &Suite<'_>, item: &Item<'_>, seen: &mut BTreeMap<u64, usize>) -> String {
    let file = item.location.as_ref().map_or("", |location| location.file.as_str());
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in [item.code.id(), file, suite.name, &item.subject] {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let number = seen.entry(hash).or_default();
    *number += 1;
    format!("{hash:016x}:{number}")
}

fn fix<'a>(item: &'a Item<'a>) -> Option<Fix<'a>> {
    let replacement = item.replacement?;
    let location = item.location.as_ref()?;
    let deleted_region = sarif_region(location.region?);
    let replacement = Replacement { deleted_region, inserted_content: Content { text: replacement } };
    let change = Change { artifact_location: artifact(location), replacements: [replacement] };
    let text = item.help.map_or_else(|| format!("repair {}", label(item.code)), str::to_owned);
    Some(Fix { description: Text { text }, artifact_changes: [change] })
}

fn physical(location: &Location) -> PhysicalLocation {
    PhysicalLocation { artifact_location: artifact(location), region: location.region.map(sarif_region) }
}

fn artifact(location: &Location) -> ArtifactLocation {
    ArtifactLocation { uri: uri(&location.file) }
}

fn sarif_region(region: Region) -> SarifRegion {
    SarifRegion {
        start_line: region.line,
        start_column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
    }
}

/// A path as a URI: relative as it is, absolute as `file://`; what a path segment may not hold is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'+' | b',' | b'=' | b'@' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn capitalised(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

/// Paragraphs as one line each.
fn unwrapped(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Text>,
    help_uri: String,
    default_configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
}

#[derive(Serialize)]
struct Properties {
    /// dd-trace-cpp's number of the error.
    number: u16,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    locations: Vec<ResultLocation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrence_count: Option<u64>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultLocation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation<'a>>,
}

impl ResultLocation<'_> {
    fn is_empty(&self) -> bool {
        self.physical_location.is_none() && self.logical_locations.is_empty()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'a> {
    name: &'a str,
    fully_qualified_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<SarifRegion>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix<'a> {
    description: Text,
    artifact_changes: [Change<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    artifact_location: ArtifactLocation,
    replacements: [Replacement<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: SarifRegion,
    inserted_content: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;
    use crate::diagnostic::Severity;
    use serde_json::{Value, json};

    fn log(items: Vec<Item<'_>>) -> Value {
        let mut out = Vec::new();
        sarif(&mut out, &[Suite { name: "web", items }]).expect("written");
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn a_result_has_its_place_and_its_repair() {
        let log = log(vec![item("bad"), Item { severity: Severity::Warning, location: None, ..item("again") }]);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
        assert_eq!(run["tool"]["driver"]["rules"][0]["defaultConfiguration"]["level"], "error");
        let [first, second] = &run["results"].as_array().expect("results")[..] else { panic!("two results") };
        let region = json!({"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 8});
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]), (&json!("a,b%3Ac%25.yaml"), &region));
        let replacement = &first["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(replacement, &json!({"deletedRegion": region, "insertedContent": {"text": "0.2"}}));
        assert_eq!((&second["level"], &second["fixes"]), (&json!("warning"), &Value::Null));
        assert_eq!(second["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "web/RATE");
    }

    #[test]
    fn fingerprints_outlive_moved_lines_and_tell_findings_apart() {
        let print = |log: &Value, index: usize| {
            log["runs"][0]["results"][index]["partialFingerprints"]["spanglassFinding/v1"].as_str().map(str::to_owned)
        };
        let mut moved = item("bad");
        moved.location = moved.location.map(|mut location| {
            location.region = location.region.map(|region| Region { line: 9, end_line: 9, ..region });
            location
        });
        let (two, one) = (log(vec![item("bad"), item("worse")]), log(vec![moved]));
        assert_eq!(print(&two, 0), print(&one, 0));
        assert_ne!(print(&two, 0), print(&two, 1));
        assert!(print(&one, 0).is_some());
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./deploy dir/ü.yaml"), "deploy%20dir/%C3%BC.yaml");
        assert_eq!(uri("/etc/a:b"), "file:///etc/a%3Ab");
        assert_eq!(uri("-"), "-");
    }
}
