//! Compose files: a target per service.

use super::{File, key_name, refuse, set};
use crate::config::codes::forms::{REFUSED, SYNTAX, UNREADABLE, UNRESOLVED};
use crate::config::document::{self, Data, Node, file_name};
use crate::config::dotenv::{self, Rules};
use crate::config::environment::{Context, Environment};
use crate::config::finding::Finding;
use crate::config::inputs::Dialect;
use crate::config::interpolate::{self, Fault};
use crate::config::target::{Entry, Target};
use crate::diagnostic::{Place, Source};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Services that may extend one another.
const MAX_EXTENDS: usize = 16;

/// Whether a document is a compose file.
pub fn recognised(document: &Node) -> bool {
    const KEYS: [&str; 5] = ["environment", "env_file", "image", "build", "extends"];
    let services = document.get("services").map(Node::entries).unwrap_or_default();
    services.iter().any(|(_, service)| KEYS.iter().any(|key| service.get(key).is_some()))
}

/// The services that have an environment.
pub fn targets(file: &File<'_>, context: &mut Context<'_>) -> Vec<(Target, String)> {
    let mut targets = Vec::new();
    for document in file.documents {
        let services = document.get("services").map(Node::entries).unwrap_or_default();
        let by_name: FxHashMap<&str, &Node> =
            services.iter().filter_map(|(key, service)| Some((key.text()?, service))).collect();
        for (key, service) in services {
            if context.left_out() {
                break;
            }
            let Some(name) = key_name(file, key) else { continue };
            // The service itself, then those that it extends.
            let mut chain = vec![service];
            let mut environment = Environment::default();
            while let Some(base) = chain.last().and_then(|service| service.get("extends")) {
                match extended(base).and_then(|name| by_name.get(name)) {
                    Some(service) if chain.len() < MAX_EXTENDS => chain.push(service),
                    _ => {
                        let why = format!("what {name} extends is not in this file");
                        environment.report(Finding::new(UNRESOLVED, &*name, why).at(Some(base.place())));
                        break;
                    }
                }
            }
            let has =
                chain.iter().any(|service| service.get("environment").is_some() || service.get("env_file").is_some());
            if !has || !context.one_more() {
                continue;
            }
            let mut reader = Reader { file, service: &name, environment, context };
            for service in chain.iter().rev() {
                if let Some(files) = service.get("env_file") {
                    reader.env_files(files);
                }
            }
            for service in chain.iter().rev() {
                if let Some(variables) = service.get("environment") {
                    reader.variables(variables);
                }
            }
            let Reader { mut environment, context, .. } = reader;
            environment.overlay(context);
            let long = format!("{}/{name}", file_name(file.source));
            targets.push((environment.target(name, true), long));
        }
    }
    targets
}

/// The name of the service of the same file that `extends` means.
fn extended(extends: &Node) -> Option<&str> {
    match &extends.data {
        Data::Str(name) => Some(name),
        _ if extends.get("file").is_some() => None,
        _ => extends.get("service")?.text(),
    }
}

struct Reader<'r, 'f, 'c> {
    file: &'r File<'f>,
    service: &'r str,
    environment: Environment,
    context: &'r mut Context<'c>,
}

impl Reader<'_, '_, '_> {
    fn expand<'t>(&mut self, text: &'t str) -> Result<Cow<'t, str>, Fault> {
        let process = &self.context.process;
        let values = |name: &str| process.get(name).map(|value| (*value).to_owned());
        interpolate::expand(text, &values, true, &mut self.context.room)
    }

    fn refused(&mut self, name: &str, key: &Node, value: &Node, message: String) {
        refuse(&mut self.environment, self.context, name, key, value, message, self.file);
    }

    fn variables(&mut self, variables: &Node) {
        self.environment.source();
        match &variables.data {
            Data::Map(entries) => {
                for (key, value) in entries {
                    if self.environment.is_full() {
                        return;
                    }
                    self.entry(key, value);
                }
            }
            Data::Seq(items) => {
                for item in items {
                    if self.environment.is_full() {
                        return;
                    }
                    self.item(item);
                }
            }
            Data::Null => {}
            _ => {
                let message = format!("the environment of {} is neither a mapping nor a list", self.service);
                self.environment.report(Finding::new(REFUSED, self.service, message).at(Some(variables.place())));
            }
        }
    }

    /// `NAME: value`.
    fn entry(&mut self, key: &Node, value: &Node) {
        let Some(name) = key_name(self.file, key) else { return };
        match &value.data {
            Data::Null => self.inherited(&name, key.place()),
            Data::Str(text) => match self.expand(text) {
                Ok(text) => {
                    let text = text.into_owned();
                    set(&mut self.environment, self.context, &name, key, value, text, self.file);
                }
                Err(fault) => self.unexpanded(&name, key.place(), value, fault),
            },
            Data::Bool(_) => {
                self.refused(&name, key, value, format!("compose refuses the boolean that {name} is set to"));
            }
            Data::Int(_) | Data::Float(_) => {
                let text = self.file.scalar(value).unwrap_or_default();
                set(&mut self.environment, self.context, &name, key, value, text, self.file);
            }
            Data::Seq(_) | Data::Map(_) => {
                let message = format!("compose refuses the {} that {name} is set to", value.type_word());
                self.refused(&name, key, value, message);
            }
        }
    }

    /// `- NAME=value`.
    fn item(&mut self, item: &Node) {
        let Data::Str(written) = &item.data else {
            let (name, message) = match item.entries() {
                [(key, value)] => {
                    let name = self.file.scalar(key).unwrap_or_default();
                    let value = self.file.scalar(value).unwrap_or_default();
                    let message = format!("an entry of the list is a mapping; write `- {name}={value}`");
                    (Some(name).filter(|name| !name.is_empty()), message)
                }
                _ => {
                    let word = item.type_word();
                    (None, format!("an entry of the list is not `NAME=value` but of type {word}"))
                }
            };
            let about = name.as_deref().unwrap_or(self.service);
            self.environment.report(Finding::new(REFUSED, about, message).at(Some(item.place())));
            if let Some(name) = name {
                self.environment.refused(&name, Some(item.place()), self.context);
            }
            return;
        };
        let equals = written.find('=').filter(|at| !written[..*at].contains('$'));
        let whole = match equals {
            // The name needs interpolation itself.
            None => match self.expand(written) {
                Ok(text) => text,
                Err(fault) => return self.unexpanded(written, item.place(), item, fault),
            },
            Some(_) => Cow::Borrowed(&**written),
        };
        let Some((name, value)) = whole.split_once('=') else {
            return self.inherited(&whole.clone(), item.place());
        };
        let parts = item.verbatim && equals.is_some();
        let part = |start: usize, end: usize| match (parts, item.place()) {
            (true, Place::Text { source, range, line }) => {
                Place::Text { source, range: range.start + start..range.start + end, line }
            }
            (_, place) => place,
        };
        let name_place = part(0, name.len());
        let value_place = part(name.len() + 1, written.len());
        let expanded = match equals {
            Some(_) => self.expand(value),
            None => Ok(Cow::Borrowed(value)),
        };
        match expanded {
            Ok(text) => {
                let verbatim = parts && text == value;
                let entry = Entry {
                    name: name.to_owned(),
                    value: text.into_owned(),
                    name_place: Some(name_place),
                    value_place: Some(value_place),
                    verbatim,
                };
                self.environment.set(entry, self.context);
            }
            Err(fault) => self.unexpanded(name, name_place, item, fault),
        }
    }

    /// A value that cannot be interpolated.
    fn unexpanded(&mut self, name: &str, name_place: Place, value: &Node, fault: Fault) {
        match fault {
            Fault::Malformed(at, message) => {
                let place = match value.place() {
                    Place::Text { source, range, line } if value.verbatim => {
                        let start = (range.start + at).min(range.end);
                        Place::Text { source, range: start..range.end, line }
                    }
                    place => place,
                };
                let message = format!("the value of {name} has {message}");
                self.environment.report(Finding::new(SYNTAX, name, message).at(Some(place)));
                self.environment.refused(name, Some(name_place), self.context);
            }
            fault => {
                let mut why = fault.why();
                if matches!(fault, Fault::Unknown(_)) {
                    why.push_str("; compose takes it from its shell or from .env");
                }
                self.environment.unresolved(name, [Some(name_place), Some(value.place())], &why, self.context);
            }
        }
    }

    /// A name without value.
    fn inherited(&mut self, name: &str, place: Place) {
        match self.context.process.get(name) {
            Some(value) => {
                let entry = Entry { name_place: Some(place), ..Entry::process(name, value) };
                self.environment.set(entry, self.context);
            }
            None => {
                let why = "its value is taken from the shell that starts compose";
                self.environment.unresolved(name, [Some(place.clone()), Some(place)], why, self.context);
            }
        }
    }

    fn env_files(&mut self, files: &Node) {
        match &files.data {
            Data::Seq(items) => items.iter().for_each(|item| self.env_file(item)),
            Data::Null => {}
            _ => self.env_file(files),
        }
    }

    fn env_file(&mut self, item: &Node) {
        let path = item.get("path").unwrap_or(item);
        let Some(written) = path.text() else { return };
        let required = !matches!(item.get("required").map(|node| &node.data), Some(Data::Bool(false)));
        let raw = item.get("format").and_then(Node::text) == Some("raw");
        let read = match self.expand(written) {
            Ok(name) => {
                let full = beside(self.file.source, &name);
                let read = self.context.follow(&full);
                read.map(|bytes| (full, bytes)).map_err(|why| format!("{name} cannot be read: {why}"))
            }
            Err(fault) => Err(format!("the path of an env_file: {}", fault.why())),
        };
        let (full, bytes) = match read {
            Ok(read) => read,
            Err(_) if !required => return,
            Err(why) => {
                let message = format!("{why}; the variables in it are not known here");
                self.environment.report(Finding::new(UNRESOLVED, written, message).at(Some(path.place())));
                return;
            }
        };
        let source = Source::File(full);
        match document::text(&source, &bytes) {
            Ok(text) => {
                let dialect = if raw { Dialect::Docker } else { Dialect::Dotenv };
                let rules = Rules { dialect, inherits: true };
                dotenv::read(&source, text, rules, &mut self.environment, self.context);
            }
            Err(finding) => {
                debug_assert_eq!(finding.code(), UNREADABLE);
                self.environment.report(finding);
            }
        }
    }
}

/// A path as compose takes it: from the folder of the compose file.
fn beside(source: &Source, path: &str) -> PathBuf {
    match source {
        Source::File(file) => file.parent().unwrap_or(Path::new("")).join(path),
        _ => PathBuf::from(path),
    }
}
