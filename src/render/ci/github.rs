//! GitHub workflow commands: `::error file=,line=,col=,endLine=,endColumn=,title=::text`, one annotation each.

use super::{Item, Suite, distinct};
use crate::diagnostic::Severity;
use crate::render::clean;
use std::io::{self, Write};

/// Writes every finding as a workflow command.
pub fn github(w: &mut dyn Write, suites: &[Suite<'_>]) -> io::Result<()> {
    // What is at no line does not show which of several targets it is about.
    let named = suites.len() > 1;
    distinct(suites).try_for_each(|(suite, item)| annotation(w, item, Some(suite.name).filter(|_| named)))
}

fn annotation(w: &mut dyn Write, item: &Item<'_>, suite: Option<&str>) -> io::Result<()> {
    let command = match item.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(location) = &item.location {
        properties.push(format!("file={}", property(&location.file)));
        if let Some(region) = location.region {
            let (line, column, end_line, end_column) = (region.line, region.column, region.end_line, region.end_column);
            properties.push(format!("line={line},col={column},endLine={end_line},endColumn={end_column}"));
        }
    }
    properties.push(format!("title={}", property(&item.label())));
    let mut text = item.message.to_owned();
    if item.count > 1 {
        text.push_str(&format!(" ({} alike)", item.count));
    }
    if item.location.as_ref().is_none_or(|location| location.region.is_none()) {
        let before = suite.unwrap_or(&item.subject);
        if !before.is_empty() {
            text = format!("{before}: {text}");
        }
    }
    if let Some(help) = item.help {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    writeln!(w, "::{command} {}::{}", properties.join(","), data(&text))
}

/// Text after the last `::`. The runner reads it up to the end of the line and undoes the escapes.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    clean(&escaped, false).into_owned()
}

/// The value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;

    fn written(item: Item<'_>) -> String {
        let mut out = Vec::new();
        github(&mut out, &[Suite { name: "web", items: vec![item] }]).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_escaped() {
        assert_eq!(
            written(item("50% of a,b: c\r\nd\x1b")),
            "::error file=a%2Cb%3Ac%25.yaml,line=3,col=5,endLine=3,endColumn=8,title=D003::\
             50%25 of a,b: c%0D%0Ad\\u{1b}%0Ahelp: write 1,%0Anot 100%25\n"
        );
        let note = Item { severity: Severity::Note, location: None, help: None, count: 3, ..item("m") };
        assert_eq!(written(note), "::notice title=D003::RATE: m (3 alike)\n");
        let warning = Item { severity: Severity::Warning, help: None, ..item("::error::x") };
        assert!(written(warning).starts_with("::warning file="));
    }
}
