//! Kubernetes objects: a target per container, values from ConfigMaps of the same input resolved.

use super::{File, refuse, set};
use crate::config::codes::forms::{REFUSED, UNRESOLVED};
use crate::config::document::{Data, Node};
use crate::config::environment::{Context, Environment};
use crate::config::finding::Finding;
use crate::config::target::{Entry, Target};
use crate::diagnostic::Place;
use rustc_hash::FxHashMap;

/// Lists in lists.
const MAX_LISTS: usize = 8;

/// Objects that containers of the input may name.
#[derive(Default)]
pub struct Objects<'o> {
    config_maps: ByName<'o, ConfigMap<'o>>,
    secrets: ByName<'o, &'o Node>,
}

struct ConfigMap<'o> {
    file: &'o File<'o>,
    /// In order, as written.
    data: &'o [(Node, Node)],
    keys: FxHashMap<&'o str, usize>,
}

/// Objects of one kind by namespace and name.
struct ByName<'o, V> {
    all: Vec<V>,
    exact: FxHashMap<(Option<&'o str>, &'o str), usize>,
    /// The first of each name.
    first: FxHashMap<&'o str, usize>,
}

impl<V> Default for ByName<'_, V> {
    fn default() -> Self {
        ByName { all: Vec::new(), exact: FxHashMap::default(), first: FxHashMap::default() }
    }
}

impl<'o, V> ByName<'o, V> {
    fn insert(&mut self, (namespace, name): (Option<&'o str>, &'o str), value: V) {
        self.exact.insert((namespace, name), self.all.len());
        self.first.entry(name).or_insert(self.all.len());
        self.all.push(value);
    }

    /// What a container in `namespace` means by `name`. An object that does not say its namespace goes where the manifest
    /// is applied, which is not known: it matches any, and a container that does not say one finds any.
    fn get(&self, namespace: Option<&str>, name: &str) -> Option<&V> {
        let exact = self.exact.get(&(namespace, name)).or_else(|| self.exact.get(&(None, name)));
        let found = exact.or_else(|| self.first.get(name).filter(|_| namespace.is_none()))?;
        self.all.get(*found)
    }
}

/// Whether a document is an object of Kubernetes.
pub fn recognised(document: &Node) -> bool {
    document.get("kind").and_then(Node::text).is_some()
        && ["apiVersion", "spec", "items", "data"].iter().any(|key| document.get(key).is_some())
}

/// The objects of a document: itself, or those of a `List`.
fn objects<'d>(document: &'d Node, depth: usize, each: &mut dyn FnMut(&'d Node)) {
    let list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(items) if list && depth < MAX_LISTS => {
            items.items().iter().for_each(|item| objects(item, depth + 1, each))
        }
        _ => each(document),
    }
}

fn identity(object: &Node) -> Option<(Option<&str>, &str)> {
    let metadata = object.get("metadata")?;
    let name = metadata.get("name")?.text()?;
    Some((metadata.get("namespace").and_then(Node::text), name))
}

impl<'o> Objects<'o> {
    /// Adds the objects of a file.
    pub fn add(&mut self, file: &'o File<'o>) {
        for document in file.documents {
            objects(document, 0, &mut |object| {
                let Some(identity) = identity(object) else { return };
                match object.get("kind").and_then(Node::text) {
                    Some("ConfigMap") => {
                        let data = object.get("data").map(Node::entries).unwrap_or_default();
                        let keys = data.iter().enumerate();
                        let keys = keys.filter_map(|(at, (key, _))| Some((key.text()?, at))).collect();
                        self.config_maps.insert(identity, ConfigMap { file, data, keys });
                    }
                    Some("Secret") => self.secrets.insert(identity, object),
                    _ => {}
                }
            });
        }
    }
}

/// Whether a file holds objects that containers refer to.
pub fn has_referred(file: &File<'_>) -> bool {
    let mut found = false;
    for document in file.documents {
        objects(document, 0, &mut |object| {
            let kind = object.get("kind").and_then(Node::text);
            found |= matches!(kind, Some("ConfigMap" | "Secret"));
        });
    }
    found
}

/// The containers of a file that have an environment, each with a longer name.
pub fn targets(file: &File<'_>, known: &Objects<'_>, context: &mut Context<'_>) -> Vec<(Target, String)> {
    let mut targets = Vec::new();
    for document in file.documents {
        objects(document, 0, &mut |object| {
            let kind = object.get("kind").and_then(Node::text).unwrap_or_default().to_lowercase();
            let (namespace, name) = identity(object).unwrap_or_default();
            let Some(pod) = pod(object) else { return };
            for list in ["initContainers", "containers", "ephemeralContainers"] {
                for container in pod.get(list).map(Node::items).unwrap_or_default() {
                    let has = container.get("env").is_some() || container.get("envFrom").is_some();
                    if !has || !context.one_more() {
                        continue;
                    }
                    let short = container.get("name").and_then(Node::text).unwrap_or(name).to_owned();
                    let long = format!("{kind}/{name}/{short}");
                    let mut reader =
                        Reader { file, known, namespace, environment: Environment::default(), context, open: false };
                    reader.container(container);
                    let mut environment = reader.environment;
                    environment.overlay(context);
                    targets.push((environment.target(short, true), long));
                }
            }
        });
    }
    targets
}

/// The pod's specification in an object of any kind that has one.
fn pod(object: &Node) -> Option<&Node> {
    const WAYS: [&[&str]; 4] = [
        &["spec"],
        &["spec", "template", "spec"],
        &["spec", "jobTemplate", "spec", "template", "spec"],
        &["template", "spec"],
    ];
    WAYS.iter().find_map(|way| {
        let spec = way.iter().try_fold(object, |node, key| node.get(key))?;
        let lists = ["containers", "initContainers"];
        let has = lists.iter().any(|key| spec.get(key).is_some_and(|list| !list.items().is_empty()));
        has.then_some(spec)
    })
}

struct Reader<'r, 'f, 'o, 'c> {
    file: &'r File<'f>,
    known: &'r Objects<'o>,
    namespace: Option<&'r str>,
    environment: Environment,
    context: &'r mut Context<'c>,
    /// Variables whose names are not known may be set.
    open: bool,
}

impl Reader<'_, '_, '_, '_> {
    fn container(&mut self, container: &Node) {
        for from in container.get("envFrom").map(Node::items).unwrap_or_default() {
            self.environment.source();
            self.all_of(from);
        }
        self.environment.source();
        for item in container.get("env").map(Node::items).unwrap_or_default() {
            self.entry(item);
        }
    }

    /// An item of `envFrom`.
    fn all_of(&mut self, from: &Node) {
        let prefix = from.get("prefix").and_then(Node::text).unwrap_or_default();
        let (kind, reference) = match (from.get("configMapRef"), from.get("secretRef")) {
            (Some(reference), _) => ("ConfigMap", reference),
            (_, Some(reference)) => ("Secret", reference),
            _ => return,
        };
        let Some(at) = reference.get("name") else { return };
        let Some(name) = at.text() else { return };
        let known = self.known;
        if kind == "ConfigMap"
            && let Some(map) = known.config_maps.get(self.namespace, name)
        {
            for (key, value) in map.data {
                if self.environment.is_full() {
                    return;
                }
                if let Some(key_text) = key.text().filter(|key| !key.is_empty() && !key.contains('=')) {
                    self.take(&format!("{prefix}{key_text}"), key.place(), map, value);
                }
            }
            return;
        }
        match known.secrets.get(self.namespace, name) {
            Some(secret) if kind == "Secret" => {
                for key in ["data", "stringData"].iter().filter_map(|key| secret.get(key)).flat_map(Node::entries) {
                    if self.environment.is_full() {
                        return;
                    }
                    if let Some(key) = key.0.text() {
                        self.environment.refused(&format!("{prefix}{key}"), None, self.context);
                    }
                }
            }
            _ => self.open = true,
        }
        let message = match kind {
            "Secret" => format!("the variables of Secret {name} are not read"),
            _ => format!("ConfigMap {name} is not in the input, so its variables are not known here"),
        };
        self.environment.report(Finding::new(UNRESOLVED, name, message).at(Some(at.place())));
    }

    /// A value out of a ConfigMap.
    fn take(&mut self, name: &str, name_place: Place, map: &ConfigMap<'_>, value: &Node) {
        match &value.data {
            Data::Str(text) if !other_type(text, value) => {
                let entry = Entry::at(name, text.clone(), name_place, value);
                self.environment.set(entry, self.context);
            }
            _ => {
                let message = refusal(name, value, map.file);
                refuse(&mut self.environment, self.context, name, value, value, message, map.file);
            }
        }
    }

    /// An item of `env`.
    fn entry(&mut self, item: &Node) {
        let Some(key) = item.get("name") else {
            let message = "an entry of env has no name";
            self.environment.report(Finding::new(REFUSED, "env", message).at(Some(item.place())));
            return;
        };
        let Some(name) = key.text().filter(|text| !other_type(text, key)) else {
            let about = self.file.scalar(key).unwrap_or_else(|| "env".into());
            let message = format!("Kubernetes takes only strings as names, not the {} {about}", key.type_word());
            self.environment.report(Finding::new(REFUSED, about, message).at(Some(key.place())));
            return;
        };
        if let Some(from) = item.get("valueFrom").filter(|from| from.data != Data::Null) {
            return self.from(name, key, from);
        }
        let Some(value) = item.get("value") else {
            let entry = Entry::at(name, String::new(), key.place(), item);
            return self.environment.set(entry, self.context);
        };
        match &value.data {
            Data::Null => set(&mut self.environment, self.context, name, key, value, String::new(), self.file),
            Data::Str(text) if !other_type(text, value) => match self.expand(text) {
                Ok(text) => set(&mut self.environment, self.context, name, key, value, text, self.file),
                Err(other) => {
                    let why = format!("the value of $({other}) is not known");
                    self.environment.unresolved(name, [Some(key.place()), Some(value.place())], &why, self.context);
                }
            },
            _ => {
                let message = refusal(name, value, self.file);
                refuse(&mut self.environment, self.context, name, key, value, message, self.file);
            }
        }
    }

    fn from(&mut self, name: &str, key: &Node, from: &Node) {
        let (why, at) = match from.entries() {
            [(kind, reference)] => {
                let part = |key: &str| reference.get(key).and_then(Node::text).unwrap_or_default();
                let at = |key: &str| reference.get(key).unwrap_or(reference).place();
                match kind.text().unwrap_or_default() {
                    "configMapKeyRef" => {
                        let (map_name, wanted) = (part("name"), part("key"));
                        let known = self.known;
                        match known.config_maps.get(self.namespace, map_name) {
                            None => {
                                (format!("ConfigMap {map_name} is not in the input; give its file as well"), at("name"))
                            }
                            Some(map) => match map.keys.get(wanted).and_then(|at| map.data.get(*at)) {
                                Some((_, value)) => return self.take(name, key.place(), map, value),
                                None if is_true(reference.get("optional")) => return,
                                None => {
                                    let why = "so the container would not start";
                                    (format!("ConfigMap {map_name} has no key {wanted}, {why}"), at("key"))
                                }
                            },
                        }
                    }
                    "secretKeyRef" => {
                        (format!("it comes from Secret {}, key {}", part("name"), part("key")), at("key"))
                    }
                    "fieldRef" => (format!("it comes from {} of the pod", part("fieldPath")), at("fieldPath")),
                    "resourceFieldRef" => {
                        (format!("it comes from {} of the container", part("resource")), at("resource"))
                    }
                    other => (format!("it comes from a {other}"), reference.place()),
                }
            }
            _ => ("its valueFrom names no single source".to_owned(), from.place()),
        };
        self.environment.unresolved(name, [Some(key.place()), Some(at)], &why, self.context);
    }

    /// Replaces `$(NAME)` by earlier variables; `$$` is the character. Names that are not set stay as they are.
    ///
    /// # Errors
    /// The first name whose value is not known here.
    fn expand(&mut self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        // Behind the last bracket nothing is a reference; looking for one again and again would be slow.
        let last = text.rfind(')').unwrap_or(0);
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let closed = text.len() - after.len() <= last;
            let name = after.strip_prefix('(').filter(|_| closed).and_then(|inner| inner.split_once(')'));
            let Some((name, behind)) = name else {
                out.push('$');
                rest = after;
                // Without a closing bracket nothing that follows is a reference either, but `$$` is.
                continue;
            };
            match self.context.process.get(name).copied().or_else(|| self.environment.get(name)) {
                Some(value) => match self.context.room.checked_sub(value.len()) {
                    Some(left) => {
                        self.context.room = left;
                        out.push_str(value);
                    }
                    None => return Err(name.to_owned()),
                },
                None if self.open || self.environment.is_unknown(name) || is_service(name) => {
                    return Err(name.to_owned());
                }
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn is_true(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.data == Data::Bool(true))
}

/// Whether Kubernetes itself sets a variable of this name, for a service.
fn is_service(name: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| name.ends_with(end)) || name.contains("_SERVICE_PORT_")
}

/// Whether a plain scalar that is text by the core schema is a boolean or number for Kubernetes, which reads YAML 1.1.
fn other_type(text: &str, node: &Node) -> bool {
    const WORDS: [&str; 6] = ["y", "yes", "on", "n", "no", "off"];
    if node.quoted {
        return false;
    }
    let cased = text == text.to_ascii_lowercase()
        || text == text.to_ascii_uppercase()
        || (text.starts_with(|c: char| c.is_ascii_uppercase())
            && !text[1..].contains(|c: char| c.is_ascii_uppercase()));
    let boolean = text.len() <= 3 && cased && WORDS.contains(&text.to_ascii_lowercase().as_str());
    let digits = text.trim_start_matches(['+', '-']);
    let number = digits.contains('_')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    boolean || number
}

fn refusal(name: &str, value: &Node, file: &File<'_>) -> String {
    let word = match &value.data {
        Data::Str(text) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => "boolean",
        Data::Str(_) => "number",
        _ => value.type_word(),
    };
    match value.data {
        Data::Seq(_) | Data::Map(_) | Data::Null => format!("Kubernetes takes only strings; {name} is set to {word}"),
        _ => format!("Kubernetes takes only strings; {name} is set to the {word} {}", file.written(value)),
    }
}
