//! Files in, targets out.

use super::codes::forms::{NOTHING, SYNTAX, TWICE, UNREADABLE};
use super::document::{self, Data, MAX_NODES, Node, file_name};
use super::dotenv::{self, Rules};
use super::environment::{Context, Environment, MAX_TARGETS, MAX_VARIABLES};
use super::finding::{Finding, Findings};
use super::manifests::{File, compose, helm, kubernetes, stable};
use super::target::Target;
use super::{Profile, ReadFile};
use crate::diagnostic::{Code, Place, Source};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::de::IgnoredAny;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that one file may have.
const MAX_FILE: usize = 32 << 20;

/// What a file is, by the names of config.md section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Lines `NAME=VALUE`.
    Dotenv,
    /// A compose file: a target per service.
    Compose,
    /// Kubernetes objects: a target per container.
    Kubernetes,
    /// Values of a Helm chart: a target per block that holds variables.
    HelmValues,
    /// Datadog's `application_monitoring.yaml`: a target for its defaults and one per rule.
    StableConfig,
    /// An OpenTelemetry declarative configuration.
    OtelDeclarative,
    /// Code-level settings as JSON.
    TracerJson,
    /// Code-level settings as YAML.
    TracerYaml,
    /// The profile's own file: flowbot.yaml or the CodeQ file.
    Yaml,
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 9] = [
        Form::Dotenv,
        Form::Compose,
        Form::Kubernetes,
        Form::HelmValues,
        Form::StableConfig,
        Form::OtelDeclarative,
        Form::TracerJson,
        Form::TracerYaml,
        Form::Yaml,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Form::Dotenv => "dotenv",
            Form::Compose => "compose",
            Form::Kubernetes => "k8s",
            Form::HelmValues => "helm-values",
            Form::StableConfig => "stable-config",
            Form::OtelDeclarative => "otel-declarative",
            Form::TracerJson => "tracer-config-json",
            Form::TracerYaml => "tracer-config-yaml",
            Form::Yaml => "yaml",
        }
    }
}

/// How `.env` files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Quotes, escapes, comments and interpolation, as compose and the dotenv libraries do.
    #[default]
    Dotenv,
    /// `docker run --env-file`: everything behind `=` is the value.
    Docker,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its path as given; `-` is standard input.
    pub path: PathBuf,
    /// Its bytes, or why it cannot be read.
    pub bytes: Result<Vec<u8>, String>,
    /// Its form when the caller knows; else told by name and content. The file of `--config` is given as
    /// [`Form::TracerJson`] or [`Form::TracerYaml`] (both are read alike unless it is JSON with a fault).
    pub form: Option<Form>,
}

/// The form that an input has or is told to have; `None` when it is none of the forms, or cannot be read.
pub fn form_of(input: &Input, profile: Profile) -> Option<Form> {
    open(input, &Source::File(input.path.clone()), profile).ok()?.form
}

/// The environments and configurations of `inputs`, and what is wrong with inputs that give none (TC001, TC002, TC010)
/// or that belong to every target (`--config`).
///
/// `process` is the process environment, when it is to be used: without other inputs it is the target, otherwise it wins
/// over each of them. Findings on an input that gives targets are in these. Names of targets are those of services and
/// containers; where one stands twice, a longer one that tells them apart.
pub fn targets(
    inputs: &[Input],
    profile: Profile,
    dialect: Dialect,
    process: Option<&[(String, String)]>,
    read: ReadFile<'_>,
) -> (Vec<Target>, Vec<Finding>) {
    let mut context = Context::new(process, read);
    let mut findings = Findings::default();
    let sources: Vec<Source> = inputs.iter().map(|input| Source::File(input.path.clone())).collect();
    let mut opened = Vec::new();
    for (input, source) in inputs.iter().zip(&sources) {
        match open(input, source, profile) {
            Ok(file) => opened.push(file),
            Err(finding) => findings.push(finding),
        }
    }
    let files: Vec<(Form, File<'_>)> = opened
        .iter()
        .filter_map(|file| {
            let form = file.form?;
            Some((form, File { source: file.source, text: file.text, documents: &file.documents }))
        })
        .collect();
    let mut known = kubernetes::Objects::default();
    for (_, file) in files.iter().filter(|(form, _)| *form == Form::Kubernetes) {
        known.add(file);
    }

    let mut found: Vec<(Target, String)> = Vec::new();
    let mut code = None;
    let mut own = Vec::new();
    let mut referred = Vec::new();
    let mut files = files.iter();
    for file in &opened {
        let before = found.len() + own.len();
        let Some(form) = file.form else {
            findings.push(nothing(file.source, "it is none of the forms that are read"));
            continue;
        };
        let Some((_, manifest)) = files.next() else { continue };
        let mut why = "it sets no variables";
        match form {
            Form::Dotenv => {
                if context.one_more() {
                    let mut environment = Environment::default();
                    let rules = Rules { dialect, inherits: dialect == Dialect::Docker };
                    dotenv::read(file.source, file.text, rules, &mut environment, &mut context);
                    if !environment.is_empty() {
                        environment.overlay(&mut context);
                        let name = file.source.to_string();
                        found.push((environment.target(&*name, false), name));
                    }
                }
            }
            Form::Compose => found.extend(compose::targets(manifest, &mut context)),
            Form::Kubernetes => found.extend(kubernetes::targets(manifest, &known, &mut context)),
            Form::HelmValues => found.extend(helm::targets(manifest, &mut context)),
            Form::StableConfig => {
                // Of the tracers behind the profiles only dd-trace-go reads it.
                found.extend(stable::targets(manifest, profile == Profile::Xmtpd, &mut context));
            }
            Form::TracerJson | Form::TracerYaml => {
                twice(file.source, file.documents.as_slice(), &mut findings);
                code = Some(first(file));
                continue;
            }
            Form::OtelDeclarative if profile != Profile::Otel => {
                why = "it is a declarative configuration of OpenTelemetry, which --profile otel reads";
            }
            Form::Yaml if !matches!(profile, Profile::Flowbot | Profile::Codeq) => {
                why = "only the profiles flowbot and codeq have a file of their own";
            }
            Form::OtelDeclarative | Form::Yaml => own.push(file),
        }
        if found.len() + own.len() == before {
            match kubernetes::has_referred(manifest) && form == Form::Kubernetes {
                true => referred.push(file.source),
                false => findings.push(nothing(file.source, why)),
            }
        }
    }
    // A file of ConfigMaps is no environment, but of use to one.
    if found.is_empty() {
        for source in referred {
            findings.push(nothing(source, "no container is in the input that uses its ConfigMaps"));
        }
    }
    let given = inputs.iter().any(|input| !matches!(input.form, Some(Form::TracerJson | Form::TracerYaml)));
    if !given {
        let mut environment = Environment::default();
        environment.overlay(&mut context);
        found.push((environment.target(PROCESS, false), PROCESS.to_owned()));
    }
    let mut targets = named(found);
    if !own.is_empty() {
        targets = with_files(targets, &own, &mut context);
    }
    if let Some(code) = code {
        let room = MAX_NODES / count(&code).max(1);
        if targets.len() > room {
            context.leave_out();
            targets.truncate(room);
        }
        for target in &mut targets {
            target.code = Some(code.clone());
        }
    }
    if context.left_out() {
        let message = format!(
            "more than {MAX_TARGETS} environments, {MAX_VARIABLES} variables or {MAX_NODES} values in all; \
             the rest was not looked at"
        );
        findings.push(Finding::new(UNREADABLE, "FILE", message).help("give fewer files at once"));
    }
    (targets, findings.finish())
}

/// The name of the target that is the process environment.
const PROCESS: &str = "process";

/// A file that could be read.
struct Opened<'i> {
    source: &'i Source,
    text: &'i str,
    documents: Vec<Node>,
    /// `None` when nothing is recognised.
    form: Option<Form>,
}

fn nothing(source: &Source, why: &str) -> Finding {
    let name = file_name(source);
    let message = format!("no tracer configuration in {name}: {why}");
    let place = Place::Text { source: source.clone(), range: 0..0, line: Some(1) };
    Finding::new(NOTHING, name, message).at(Some(place))
}

fn open<'i>(input: &'i Input, source: &'i Source, profile: Profile) -> Result<Opened<'i>, Finding> {
    let unreadable = |why: &str| Finding::new(UNREADABLE, file_name(source), format!("{source} cannot be read: {why}"));
    let bytes = input.bytes.as_ref().map_err(|why| unreadable(why))?;
    if bytes.len() > MAX_FILE {
        return Err(unreadable(&format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    let text = document::text(source, bytes)?;
    let form = input.form.or_else(|| by_name(&input.path, text));
    if form == Some(Form::Dotenv) {
        return Ok(Opened { source, text, documents: Vec::new(), form });
    }
    if form == Some(Form::TracerJson) {
        json(source, text)?;
    }
    let documents = document::parse(source.clone(), text).map_err(|finding| {
        // What Helm has not rendered yet is no YAML.
        match text.contains("{{") {
            true => {
                finding.help("a template must be rendered first: helm template CHART | spanglass validate-config -")
            }
            false => finding,
        }
    })?;
    let form = form.or_else(|| by_content(&input.path, &documents, profile));
    Ok(Opened { source, text, documents, form })
}

/// Names that only `.env` files have, and texts without a telling name that begin with an assignment.
fn by_name(path: &Path, text: &str) -> Option<Form> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name == ".env" || name.ends_with(".env") || name.starts_with(".env.") {
        return Some(Form::Dotenv);
    }
    if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, _) = line.split_once('=')?;
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name = name.trim_end();
    (!name.is_empty() && name.chars().all(named)).then_some(Form::Dotenv)
}

fn by_content(path: &Path, documents: &[Node], profile: Profile) -> Option<Form> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let any = |recognised: fn(&Node) -> bool| documents.iter().any(recognised);
    let own = matches!(profile, Profile::Flowbot | Profile::Codeq);
    if any(kubernetes::recognised) {
        Some(Form::Kubernetes)
    } else if any(compose::recognised) {
        Some(Form::Compose)
    } else if any(stable::recognised) {
        Some(Form::StableConfig)
    } else if any(|document| document.get("file_format").is_some()) {
        Some(Form::OtelDeclarative)
    } else if own {
        Some(Form::Yaml)
    } else if any(helm::recognised) {
        Some(Form::HelmValues)
    } else if name.starts_with("compose.") || name.starts_with("docker-compose.") {
        Some(Form::Compose)
    } else {
        None
    }
}

/// A JSON file is held to JSON: YAML takes trailing commas, comments and more.
fn json(source: &Source, text: &str) -> Result<(), Finding> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Err(error) = serde_json::from_str::<IgnoredAny>(bare) else { return Ok(()) };
    let (line, column) = (error.line(), error.column());
    let start = bare.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (text.len() - bare.len() + start + column.saturating_sub(1)).min(text.len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let place = Place::Text { source: source.clone(), range: at..end, line: Some(line.max(1) as u64) };
    Err(Finding::new(SYNTAX, file_name(source), format!("not JSON: {message}")).at(Some(place)))
}

/// The first document that is not empty; an empty mapping when there is none.
fn first(file: &Opened<'_>) -> Node {
    let found = file.documents.iter().find(|document| document.data != Data::Null);
    found.cloned().unwrap_or_else(|| Node {
        data: Data::Map(Vec::new()),
        range: 0..0,
        line: 1,
        verbatim: false,
        quoted: false,
        source: Arc::new(file.source.clone()),
    })
}

/// Values in a document. It is no deeper than [`document::MAX_DEPTH`], so this may recurse.
fn count(node: &Node) -> usize {
    let entries = node.entries().iter().map(|(key, value)| count(key) + count(value));
    1 + entries.sum::<usize>() + node.items().iter().map(count).sum::<usize>()
}

/// Reports keys that stand twice in one mapping of a configuration file. Sampling rules have a code of their own.
fn twice(source: &Source, documents: &[Node], findings: &mut Findings) {
    let mut waiting: Vec<&Node> = documents.iter().rev().collect();
    let mut seen = FxHashSet::default();
    while let Some(node) = waiting.pop() {
        seen.clear();
        for (key, value) in node.entries() {
            if let Some(name) = key.text()
                && !seen.insert(name)
            {
                let message =
                    format!("{name} is given twice in one mapping of {}; the last one counts", file_name(source));
                findings.push(Finding::new(TWICE, name, message).at(Some(key.place())));
            }
            if key.text() != Some("rules") {
                waiting.push(value);
            }
        }
        waiting.extend(node.items());
    }
}

/// Targets whose names tell them apart where possible.
fn named(found: Vec<(Target, String)>) -> Vec<Target> {
    let mut counts: FxHashMap<String, usize> = FxHashMap::default();
    for (target, _) in &found {
        *counts.entry(target.name.clone()).or_default() += 1;
    }
    let rename = |(mut target, long): (Target, String)| {
        if counts.get(&target.name).is_some_and(|count| *count > 1) {
            target.name = long;
        }
        target
    };
    found.into_iter().map(rename).collect()
}

/// Every environment with every file of the profile's own; without environments each file in an empty one, or in the
/// process environment when that counts.
fn with_files(environments: Vec<Target>, own: &[&Opened<'_>], context: &mut Context<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut room = MAX_NODES;
    for file in own {
        let mut findings = Findings::default();
        twice(file.source, &file.documents, &mut findings);
        let findings = findings.finish();
        let document = first(file);
        let size = count(&document);
        let text: Arc<str> = file.text.into();
        let process = environments.is_empty().then(|| {
            let mut environment = Environment::default();
            environment.overlay(context);
            environment.target(file_name(file.source), false)
        });
        let mut add = |mut target: Target| {
            // Copies of one large file for thousands of containers are not made.
            let Some(left) = room.checked_sub(size) else { return context.leave_out() };
            room = left;
            target.file = Some(document.clone());
            target.file_text = Some(Arc::clone(&text));
            target.findings.extend(findings.iter().cloned());
            targets.push(target);
        };
        process.into_iter().for_each(&mut add);
        for environment in &environments {
            let mut target = environment.clone();
            if own.len() > 1 {
                target.name = format!("{} with {}", target.name, file_name(file.source));
            }
            add(target);
        }
    }
    targets
}

/// The comments `# tc:ignore CODE[, CODE]` of a text. Each turns findings off on its own line and, when it stands alone, on
/// the next.
#[derive(Clone, Debug, Default)]
pub struct Ignores(FxHashMap<u64, Vec<String>>);

impl Ignores {
    /// Those of `text`.
    pub fn of(text: &str) -> Self {
        let mut ignores = Ignores::default();
        if !text.contains(IGNORE) {
            return ignores;
        }
        for (line, number) in text.lines().zip(1u64..) {
            let comments =
                line.match_indices('#').filter_map(|(at, _)| line[at + 1..].trim_start().strip_prefix(IGNORE));
            let codes: Vec<String> = comments
                .flat_map(|list| list.split('#').next().unwrap_or_default().split([',', ' ', '\t']))
                .filter(|code| !code.is_empty())
                .map(str::to_ascii_lowercase)
                .collect();
            if codes.is_empty() {
                continue;
            }
            if line.trim_start().starts_with('#') {
                ignores.0.entry(number + 1).or_default().extend(codes.iter().cloned());
            }
            ignores.0.entry(number).or_default().extend(codes);
        }
        ignores
    }

    /// Whether a comment for `line` (from 1) names `code`: its id, a beginning of that, or its other name.
    pub fn cover(&self, line: u64, code: Code) -> bool {
        let (id, name) = (code.id().to_ascii_lowercase(), code.name().to_ascii_lowercase());
        self.0.get(&line).is_some_and(|codes| codes.iter().any(|word| id.starts_with(word) || *word == name))
    }
}

/// What a comment that turns findings off begins with.
const IGNORE: &str = "tc:ignore";

/// [`Ignores`] for one finding; for several read the text once.
pub fn ignored(text: &str, line: u64, code: Code) -> bool {
    Ignores::of(text).cover(line, code)
}

#[cfg(test)]
mod tests;
