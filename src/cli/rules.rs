//! What must hold for a capture: `--expr` and the rules of `--rules` files.

use anyhow::{Result, anyhow, bail};
use spanglass::analysis::Assertion;
use spanglass::analysis::codes::ASSERTION_FAILED;
use spanglass::config::document::{self, Node};
use spanglass::diagnostic::{Diagnostic, Diagnostics, Severity, Source};
use spanglass::render::diagnostic::pointed;
use spanglass::tree::TraceTree;
use std::path::{Path, PathBuf};

/// An assertion with what a failure of it is called and counts.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) severity: Severity,
    assertion: Assertion,
}

/// Reads `--expr`.
pub(crate) fn parse_expr(text: &str) -> Result<Rule> {
    let assertion =
        Assertion::parse(text).map_err(|error| anyhow!("{error}\n{}", pointed(text, error.column, &error.message)))?;
    Ok(Rule { name: assertion.text().to_owned(), severity: Severity::Error, assertion })
}

impl Rule {
    /// Takes the spans of one trace into account.
    pub(crate) fn see(&mut self, tree: &TraceTree<'_, '_>) {
        self.assertion.see(tree);
    }

    /// Reports what does not hold; whether everything does.
    pub(crate) fn report(&self, found: &mut Diagnostics) -> bool {
        let broken = self.assertion.broken();
        for broken in &broken {
            let finding = Diagnostic::new(ASSERTION_FAILED, format!("{}: {}", self.name, broken.message));
            let finding = finding.severity_is(self.severity).help(format!("expected: {}", self.assertion.text()));
            found.report(match broken.span {
                Some((trace, span)) => finding.of_span(trace, span),
                None => finding,
            });
        }
        broken.is_empty()
    }
}

/// The rules of files: YAML (or JSON) lists of `{name, expr, severity}`.
pub(crate) fn read(files: &[PathBuf]) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for path in files {
        rules.extend(read_file(path)?);
    }
    Ok(rules)
}

fn read_file(path: &Path) -> Result<Vec<Rule>> {
    let bytes = std::fs::read(path).map_err(|error| anyhow!("cannot read {}: {error}", path.display()))?;
    let source = Source::File(path.to_owned());
    let bad = |finding: spanglass::config::Finding| anyhow!("{}: {}", path.display(), finding.diagnostic.message());
    let text = document::text(&source, &bytes).map_err(bad)?;
    let documents = document::parse(source, text).map_err(bad)?;
    let mut rules = Vec::new();
    for node in documents.iter().flat_map(Node::items) {
        rules.push(rule(node).map_err(|error| anyhow!("{}:{}: {error:#}", path.display(), node.line))?);
    }
    if rules.is_empty() {
        bail!(
            "{}: no rules\nhelp: write a list such as\n- name: fast\n  expr: \"service:web : p95 < 200ms\"",
            path.display()
        );
    }
    Ok(rules)
}

fn rule(node: &Node) -> Result<Rule> {
    for (key, _) in node.entries() {
        let key = key.text().unwrap_or_default();
        if !["name", "expr", "severity"].contains(&key) {
            bail!("{key:?} is no member of a rule; members are name, expr, severity");
        }
    }
    let text = |key: &str| node.get(key).and_then(Node::text);
    let Some(expr) = text("expr") else { bail!("a rule needs expr: the assertion, as text") };
    let mut rule = parse_expr(expr)?;
    if let Some(name) = text("name") {
        rule.name = name.to_owned();
    }
    rule.severity = match text("severity") {
        None | Some("error") => Severity::Error,
        Some("warning" | "warn") => Severity::Warning,
        Some("info" | "note") => Severity::Note,
        Some(other) => bail!("{other:?} is no severity; severities are error, warning, info"),
    };
    Ok(rule)
}
