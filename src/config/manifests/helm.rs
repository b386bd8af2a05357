//! Values of a Helm chart: a target per block that holds variables.

use super::{File, key_name, set};
use crate::config::document::{Data, Node, file_name};
use crate::config::environment::{Context, Environment};
use crate::config::target::Target;

/// Keys under which charts take variables.
const KEYS: [&str; 5] = ["env", "extraEnv", "extraEnvs", "envVars", "environment"];

fn holds_variables(key: &Node, value: &Node) -> bool {
    let container = matches!(&value.data, Data::Map(entries) if !entries.is_empty())
        || matches!(&value.data, Data::Seq(items) if !items.is_empty());
    container && key.text().is_some_and(|key| KEYS.contains(&key))
}

/// Whether a document has variables somewhere.
pub fn recognised(document: &Node) -> bool {
    document.entries().iter().any(|(key, value)| holds_variables(key, value) || recognised(value))
        || document.items().iter().any(recognised)
}

/// The blocks of a file that hold variables, named by their path.
pub fn targets(file: &File<'_>, context: &mut Context<'_>) -> Vec<(Target, String)> {
    let mut targets = Vec::new();
    for document in file.documents {
        walk(file, document, "", context, &mut targets);
    }
    targets
}

/// Documents are no deeper than [`crate::config::document::MAX_DEPTH`], so this may recurse.
fn walk(file: &File<'_>, node: &Node, path: &str, context: &mut Context<'_>, targets: &mut Vec<(Target, String)>) {
    if context.left_out() {
        return;
    }
    let blocks: Vec<&Node> =
        node.entries().iter().filter(|(key, value)| holds_variables(key, value)).map(|(_, value)| value).collect();
    if !blocks.is_empty() && context.one_more() {
        let mut environment = Environment::default();
        for block in blocks {
            environment.source();
            variables(file, block, &mut environment, context);
        }
        environment.overlay(context);
        let name = if path.is_empty() { file_name(file.source) } else { path.to_owned() };
        targets.push((environment.target(&*name, true), format!("{}/{name}", file_name(file.source))));
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, value) in node.entries() {
        if !holds_variables(key, value) && matches!(value.data, Data::Map(_) | Data::Seq(_)) {
            walk(file, value, &below(key.text().unwrap_or("?")), context, targets);
        }
    }
    for (index, item) in node.items().iter().enumerate() {
        let name = item.get("name").and_then(Node::text).map(str::to_owned);
        walk(file, item, &below(&name.unwrap_or_else(|| index.to_string())), context, targets);
    }
}

fn variables(file: &File<'_>, block: &Node, environment: &mut Environment, context: &mut Context<'_>) {
    for (key, value) in block.entries() {
        let Some(name) = key_name(file, key) else { continue };
        variable(file, &name, key, value, environment, context);
    }
    for item in block.items() {
        match item.get("name") {
            Some(key) => {
                let Some(name) = key_name(file, key) else { continue };
                let value = item.get("value").or_else(|| item.get("valueFrom")).unwrap_or(item);
                variable(file, &name, key, value, environment, context);
            }
            None => match item.text().and_then(|text| text.split_once('=')) {
                Some((name, value)) => set(environment, context, name, item, item, value.to_owned(), file),
                None => variables(file, item, environment, context),
            },
        }
    }
}

fn variable(
    file: &File<'_>,
    name: &str,
    key: &Node,
    value: &Node,
    environment: &mut Environment,
    context: &mut Context<'_>,
) {
    let places = || [Some(key.place()), Some(value.place())];
    match (&value.data, file.scalar(value)) {
        (Data::Str(text), _) if text.contains("{{") => {
            environment.unresolved(name, places(), "it is a template", context);
        }
        (_, Some(text)) => set(environment, context, name, key, value, text, file),
        // An unquoted `{{ .Values.x }}` is a mapping in a mapping.
        (Data::Map(_), _) if file.written(value).starts_with("{{") => {
            environment.unresolved(name, places(), "it is a template", context);
        }
        (Data::Map(_), _) => match value.get("value") {
            Some(inner) if inner.entries().is_empty() => variable(file, name, key, inner, environment, context),
            _ if value.get("name").is_some() || value.entries().iter().any(|(key, _)| is_reference(key)) => {
                environment.unresolved(name, places(), "its value comes from somewhere else", context);
            }
            // A group, such as `env.open` and `env.secret`.
            _ => variables(file, value, environment, context),
        },
        // Nothing is set.
        _ => {}
    }
}

fn is_reference(key: &Node) -> bool {
    key.text().is_some_and(|key| key == "valueFrom" || key.ends_with("Ref"))
}
