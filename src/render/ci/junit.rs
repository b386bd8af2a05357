//! JUnit XML: one suite per target, one case per finding; those below the threshold pass and say so in their output.

use super::{Item, Suite};
use crate::render::clean;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io::{self, Write};

/// Writes a report named `name`.
pub fn junit(w: &mut dyn Write, name: &str, suites: &[Suite<'_>]) -> io::Result<()> {
    let mut report = Report::new(name);
    for suite in suites {
        let mut made = TestSuite::new(text(suite.name));
        made.add_test_cases(suite.items.iter().map(|item| case(suite, item)));
        report.add_test_suite(made);
    }
    report.serialize(&mut *w).map_err(io::Error::other)
}

fn case(suite: &Suite<'_>, item: &Item<'_>) -> TestCase {
    let mut body = item.one_line();
    if item.count > 1 {
        body.push_str(&format!("\n{} alike", item.count));
    }
    if let Some(help) = item.help {
        body.push_str(&format!("\nhelp: {}", text(help)));
    }
    let mut status = TestCaseStatus::success();
    if item.failing {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(text(item.message)).set_type(item.label()).set_description(body.as_str());
    }
    let name = if item.subject.is_empty() { item.label() } else { format!("{}: {}", item.label(), item.subject) };
    let mut case = TestCase::new(text(&name), status);
    case.set_classname(text(suite.name));
    if let Some(location) = &item.location {
        case.extra.insert("file".into(), text(&location.file).into());
        if let Some(region) = location.region {
            case.extra.insert("line".into(), region.line.to_string().into());
        }
    }
    if !item.failing {
        case.set_system_out(body);
    }
    case
}

/// Characters that XML 1.0 cannot hold would be dropped: they are shown escaped.
fn text(text: &str) -> String {
    clean(text, false).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;
    use crate::diagnostic::Severity;

    #[test]
    fn findings_below_the_threshold_pass() {
        let passing = Item { failing: false, severity: Severity::Note, count: 2, ..item("a & b\0") };
        let suites =
            [Suite { name: "web <1>", items: vec![item("bad"), passing] }, Suite { name: "db", items: Vec::new() }];
        let mut out = Vec::new();
        junit(&mut out, "spanglass", &suites).expect("written");
        let read = Report::deserialize_from_str(std::str::from_utf8(&out).expect("text")).expect("JUnit");
        assert_eq!((read.tests, read.failures, read.test_suites.len()), (2, 1, 2));
        let [failed, passed] = &read.test_suites[0].test_cases[..] else { panic!("two cases") };
        assert_eq!((failed.name.as_str(), read.test_suites[0].name.as_str()), ("D003: RATE", "web <1>"));
        assert!(matches!(&failed.status, TestCaseStatus::NonSuccess { message: Some(m), .. } if m.as_str() == "bad"));
        let output = passed.system_out.as_ref().expect("its output").as_str();
        assert!(output.contains("a & b\\u{0}\n2 alike\nhelp: write 1,"), "{output}");
    }
}
