//! Findings with the line they are on, the finalized configuration as a table, and a summary.

use super::document::severity;
use super::{Judged, Report, hidden, place};
use crate::config::keys;
use crate::config::{Finding, Mode, Shown};
use crate::diagnostic::{Code, Place, Severity, Source};
use crate::render::diagnostic::{Block, Where};
use crate::render::place::Excerpt;
use crate::render::table::heading;
use crate::render::{MASK, Region, Theme, ci, clean, paint};
use comfy_table::ColumnConstraint;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

/// What is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// The finalized configuration of every target, with where each value came from.
    pub show_final: bool,
    /// Notes with their excerpt too, not on one line.
    pub verbose: bool,
}

/// Prints what was found, target by target in the order of the input, and a summary. What several targets share (an
/// anchor, an `env_file`) is printed once, with their names.
pub fn text(w: &mut dyn Write, report: &Report<'_>, options: TextOptions, theme: &Theme) -> io::Result<()> {
    let shared = Shared::of(report);
    for (number, judged) in report.targets.iter().enumerate() {
        let mut secrets = BTreeMap::new();
        for finding in judged.sorted() {
            let Some(others) = shared.others(number, finding) else { continue };
            if finding.severity() == Severity::Note && !options.verbose {
                writeln!(w, "{}", short(report, judged, finding, theme))?;
            } else {
                writeln!(w, "{}", block(report, judged, finding, others, &mut secrets, theme))?;
            }
        }
    }
    if options.show_final {
        report.targets.iter().try_for_each(|judged| table(w, report, judged, theme))?;
    }
    summary(w, report, theme)
}

/// Code, subject, and where the place begins.
type Key<'f> = (Code, &'f str, usize);

fn key(finding: &Finding) -> Option<Key<'_>> {
    match finding.diagnostic.place()? {
        Place::Text { range, .. } => Some((finding.code(), &finding.about, range.start)),
        Place::Body { .. } => None,
    }
}

/// Findings of several targets at one place, by what tells them apart quickly.
struct Shared<'r> {
    report: &'r Report<'r>,
    made: BTreeMap<Key<'r>, Vec<(usize, &'r Finding)>>,
}

impl<'r> Shared<'r> {
    fn of(report: &'r Report<'r>) -> Self {
        let mut made: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if report.targets.len() > 1 {
            for (number, judged) in report.targets.iter().enumerate() {
                for finding in &judged.findings {
                    if let Some(key) = key(finding) {
                        made.entry(key).or_default().push((number, finding));
                    }
                }
            }
        }
        Shared { report, made }
    }

    /// The further targets in which the same finding was made, in words; `None` when an earlier one has it.
    fn others(&self, number: usize, finding: &Finding) -> Option<Option<String>> {
        const NAMED: usize = 3;
        let made = key(finding).and_then(|key| self.made.get(&key)).map(Vec::as_slice).unwrap_or_default();
        let mut names = Vec::new();
        for (other, _) in made.iter().filter(|(other, same)| *other != number && *same == finding) {
            if *other < number {
                return None;
            }
            names.extend(self.report.targets.get(*other).map(|judged| judged.target.name.as_str()));
        }
        names.dedup();
        Some(match names.len() {
            0 => None,
            count if count > NAMED => Some(format!("{} and {} more", names[..NAMED].join(", "), count - NAMED)),
            _ => Some(names.join(", ")),
        })
    }
}

/// Of each source of a target, what must not be shown.
type Secrets = BTreeMap<Source, Vec<Range<usize>>>;

fn block(
    report: &Report<'_>,
    judged: &Judged,
    finding: &Finding,
    shared: Option<String>,
    secrets: &mut Secrets,
    theme: &Theme,
) -> String {
    let mut remarks = Vec::new();
    if let Some(effect) = &finding.effect {
        remarks.push(("effect", effect.to_string()));
    }
    if finding.substituted {
        remarks.push(("lenient", "another value is used instead".to_owned()));
    }
    if finding.diagnostic.place().is_none() && report.targets.len() > 1 {
        remarks.push(("in", judged.target.name.clone()));
    }
    if let Some(others) = shared {
        remarks.push(("also in", others));
    }
    let block = Block {
        severity: finding.severity(),
        word: severity(finding.severity()),
        label: ci::label(finding.code()),
        message: finding.diagnostic.message(),
        place: shown_place(report, judged, finding, secrets, theme),
        remarks,
        help: finding.diagnostic.help_text(),
    };
    block.render(theme)
}

fn shown_place(report: &Report<'_>, judged: &Judged, finding: &Finding, secrets: &mut Secrets, theme: &Theme) -> Where {
    let Some(Place::Text { source, range, line }) = finding.diagnostic.place() else {
        return Where::Nowhere;
    };
    let Some(text) = report.source_text(judged, source) else {
        return Where::Words(source.to_string());
    };
    let secret: &[Range<usize>] = match theme.redact {
        true => secrets.entry(source.clone()).or_insert_with(|| hidden(&judged.target, source)),
        false => &[],
    };
    if let Source::Env(name) = source {
        // A variable is shown as it would be set.
        let text = format!("{name}={text}");
        let moved = |range: &Range<usize>| range.start + name.len() + 1..range.end + name.len() + 1;
        let secret: Vec<Range<usize>> = secret.iter().map(moved).collect();
        return match Excerpt::of(&text, &moved(range), 1, &secret, MASK) {
            Some(excerpt) => Where::Excerpt("environment".to_owned(), excerpt),
            None => Where::Words(format!("environment, {name}")),
        };
    }
    let Some(region) = Region::of(text, range, *line) else {
        return Where::Words(source.to_string());
    };
    match Excerpt::of(text, range, region.line, secret, MASK) {
        Some(excerpt) => Where::Excerpt(source.to_string(), excerpt),
        None => Where::Point(source.to_string(), region),
    }
}

/// A note on one line.
fn short(report: &Report<'_>, judged: &Judged, finding: &Finding, theme: &Theme) -> String {
    let head = format!("{}[{}]", severity(finding.severity()), ci::label(finding.code()));
    let mut line = format!(": {}", clean(finding.diagnostic.message(), theme.ascii));
    let several = report.targets.len() > 1;
    if let Some(place) = where_it_is(report, finding).or_else(|| several.then(|| judged.target.name.clone())) {
        line.push_str(&format!(" ({})", clean(&place, theme.ascii)));
    }
    if let Some(help) = finding.diagnostic.help_text() {
        line.push_str(&format!("; help: {}", clean(help, theme.ascii)));
    }
    format!("{}{line}", paint(head, theme.palette.note))
}

/// `file:line:column`, or the variable.
fn where_it_is(report: &Report<'_>, finding: &Finding) -> Option<String> {
    match place(report, finding) {
        Some((file, Some(region))) => Some(format!("{}:{}:{}", file.display(), region.line, region.column)),
        Some((file, None)) => Some(file.display().to_string()),
        None => None,
    }
}

/// The finalized configuration: what is used, where it was set, what that won over.
fn table(w: &mut dyn Write, report: &Report<'_>, judged: &Judged, theme: &Theme) -> io::Result<()> {
    let Some(finalized) = judged.finalized.as_ref().or(judged.assumed.as_ref()) else {
        return Ok(());
    };
    let refused = judged.finalized.is_none();
    let settings = finalized.settings();
    let name = clean(&judged.target.name, theme.ascii);
    let profile = report.profile.name();
    let file = judged.file();
    let mut head = name.into_owned();
    if let Some(file) = file.map(|file| file.display().to_string()).filter(|file| *file != judged.target.name) {
        head.push_str(&format!(" ({})", clean(&file, theme.ascii)));
    }
    head.push_str(&match refused {
        true => format!(": refused by {profile}; without the faulty values it would use"),
        false => format!(": {profile} would use"),
    });
    writeln!(w, "\n{}", paint(head, theme.palette.strong))?;
    let overrides = settings.iter().any(|setting| !setting.overridden.is_empty());
    let mut columns = vec!["setting", "value", "from"];
    if overrides {
        columns.push("instead of");
    }
    let mut rows = heading(&columns, columns.len(), theme);
    if theme.width >= 80 {
        rows.column_iter_mut().take(1).for_each(|column| {
            column.set_constraint(ColumnConstraint::ContentWidth);
        });
    }
    for setting in &settings {
        let value = match is_invalid(judged, setting) {
            true => format!("! invalid; else {}", setting.value),
            false if setting.value.is_empty() => "\"\"".to_owned(),
            false => setting.value.clone(),
        };
        let cells = [setting.key.clone(), value, origin(report, setting, file), setting.overridden.join(", ")];
        rows.add_row(cells.iter().take(columns.len()).map(|cell| clean(cell, theme.ascii).into_owned()));
    }
    crate::render::table::print(w, &rows)?;
    writeln!(w)
}

/// Whether a setting has its value because the one that was given is faulty.
fn is_invalid(judged: &Judged, setting: &Shown) -> bool {
    let faulty = |finding: &&Finding| finding.severity() == Severity::Error || finding.substituted;
    let decides = |about: &str| about == setting.key || keys::decided_by(about).contains(&setting.key.as_str());
    judged.findings.iter().filter(faulty).any(|finding| decides(&finding.about))
}

/// `DD_SERVICE (line 14)` of the target's own file, `service (tracer.json:3)`, `default`.
fn origin(report: &Report<'_>, setting: &Shown, file: Option<&Path>) -> String {
    let from = if setting.from.is_empty() { setting.origin.word() } else { setting.from.as_str() };
    match &setting.place {
        Some(Place::Text { source: Source::File(path), range, line }) => {
            let region = report.texts.get(path).and_then(|text| Region::of(text, range, *line));
            match region.map(|region| region.line as u64).or(*line) {
                Some(line) if file == Some(path) => format!("{from} (line {line})"),
                Some(line) => format!("{from} ({}:{line})", path.display()),
                None => format!("{from} ({})", path.display()),
            }
        }
        _ => from.to_owned(),
    }
}

/// How many findings there are, and what would be used: a line per target, and one for all when there are several.
fn summary(w: &mut dyn Write, report: &Report<'_>, theme: &Theme) -> io::Result<()> {
    let several = report.targets.len() > 1;
    for judged in report.targets {
        let mut line = String::new();
        if several {
            line.push_str(&format!("{}: ", clean(&judged.target.name, theme.ascii)));
        }
        line.push_str(&counts(&[judged], report.mode, theme));
        let used = headline(judged);
        if !used.is_empty() {
            line.push_str(if theme.ascii { " | final: " } else { " · final: " });
            line.push_str(&clean(&used, theme.ascii));
        }
        writeln!(w, "{line}")?;
    }
    let all: Vec<&Judged> = report.targets.iter().collect();
    if several {
        writeln!(w, "all: {}", counts(&all, report.mode, theme))?;
    }
    let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let skipped = all.iter().filter(|judged| judged.skipped).count();
    let variables: usize = all.iter().map(|judged| judged.target.env.len() + judged.target.unresolved.len()).sum();
    let mut read = format!("{} read, {}", plural(report.texts.len(), "file"), plural(all.len() - skipped, "target"));
    if skipped > 0 {
        read.push_str(&format!(", {} skipped", plural(skipped, "input")));
    }
    read.push_str(&format!(", {}", plural(variables, "variable")));
    let unresolved: usize = all.iter().map(|judged| judged.target.unresolved.len()).sum();
    if unresolved > 0 {
        read.push_str(&format!(", {unresolved} of them unresolved"));
    }
    writeln!(w, "{}", paint(read, theme.palette.faint))
}

fn counts(judged: &[&Judged], mode: Mode, theme: &Theme) -> String {
    let count = |severity| judged.iter().map(|judged| judged.count(severity)).sum::<usize>();
    let words = [
        (count(Severity::Error), "error", "errors", theme.palette.error),
        (count(Severity::Warning), "warning", "warnings", theme.palette.warning),
        (count(Severity::Note), "note", "notes", theme.palette.note),
    ];
    let parts: Vec<String> = words
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many, style)| {
            paint(format!("{count} {}", if count == 1 { one } else { many }), style).to_string()
        })
        .collect();
    let substituted: usize =
        judged.iter().map(|judged| judged.findings.iter().filter(|finding| finding.substituted).count()).sum();
    match (parts.is_empty(), mode) {
        (true, _) => "no findings".to_owned(),
        (false, Mode::Lenient) if substituted > 0 => format!("{} ({substituted} substituted)", parts.join(", ")),
        (false, _) => parts.join(", "),
    }
}

/// The settings that are asked for first, by their keys in the several profiles, with the words for them here.
const HEADLINE: [(&str, &str); 19] = [
    ("enabled", "enabled"),
    ("sdk_disabled", "disabled"),
    ("service", "service"),
    ("service_name", "service"),
    ("exported_service_name", "exported"),
    ("environment", "env"),
    ("env", "env"),
    ("version", "version"),
    ("agent.url", "agent"),
    ("agent_url", "agent"),
    ("endpoint", "endpoint"),
    ("protocol", "protocol"),
    ("extraction_styles", "styles"),
    ("propagators", "propagators"),
    ("sampler", "sampler"),
    ("sampler_ratio", "ratio"),
    ("trace_sampler.sample_rate", "rate"),
    ("sample_rate", "rate"),
    ("sample_ratio", "ratio"),
];

/// `service=web env=prod agent=http://dd:8126 rate=invalid`.
fn headline(judged: &Judged) -> String {
    let Some(finalized) = judged.finalized.as_ref().or(judged.assumed.as_ref()) else {
        return String::new();
    };
    let settings = finalized.settings();
    let mut parts = Vec::new();
    for (key, word) in HEADLINE {
        let Some(setting) = settings.iter().find(|setting| setting.key == key) else { continue };
        if is_invalid(judged, setting) {
            parts.push(format!("{word}=invalid"));
        } else if !setting.value.is_empty() && !setting.value.contains(' ') {
            parts.push(format!("{word}={}", setting.value));
        }
    }
    parts.join(" ")
}
