//! The schema of declarative configuration files (opentelemetry-configuration 1.1), as data, and its validator.
//!
//! What describes traces is here in full. Meters, loggers and instrumentation are checked to be mappings and no further.

use super::super::codes::otel::SCHEMA;
use super::substitute::{MAX_FAULTS, Substituted, dotted};
use crate::config::Finding;
use crate::config::document::{Data, Node};
use crate::config::vars::nearest;
use crate::diagnostic::Place;

/// What a value may be.
struct Schema {
    nullable: bool,
    shape: Shape,
}

enum Shape {
    Text,
    Bool,
    /// An integer from this on.
    Int(i64),
    /// A number from 0 to 1.
    Ratio,
    Words(&'static [&'static str]),
    /// A text, number or boolean, or a list of one of these.
    Value,
    Map {
        fields: Fields,
        required: &'static [&'static str],
        /// Other keys are allowed.
        open: bool,
    },
    /// A mapping with exactly one member, `what`. With `plugins` others than these may stand for extensions of an SDK.
    One {
        what: &'static str,
        members: Fields,
        plugins: bool,
    },
    /// At least one of these.
    List(&'static Schema),
}

type Fields = &'static [(&'static str, &'static Schema)];

const fn required(shape: Shape) -> Schema {
    Schema { nullable: false, shape }
}

const fn nullable(shape: Shape) -> Schema {
    Schema { nullable: true, shape }
}

/// A closed mapping.
const fn map(fields: Fields, required: &'static [&'static str]) -> Shape {
    Shape::Map { fields, required, open: false }
}

static TEXT: Schema = required(Shape::Text);
static TEXT_OR_NULL: Schema = nullable(Shape::Text);
static BOOL_OR_NULL: Schema = nullable(Shape::Bool);
static FROM_0: Schema = nullable(Shape::Int(0));
static FROM_1: Schema = nullable(Shape::Int(1));
static RATIO: Schema = nullable(Shape::Ratio);
static EMPTY: Schema = nullable(map(&[], &[]));
static OPEN: Schema = required(Shape::Map { fields: &[], required: &[], open: true });
static OPEN_OR_NULL: Schema = nullable(Shape::Map { fields: &[], required: &[], open: true });

static ROOT: Schema = required(Shape::Map {
    fields: &[
        ("file_format", &TEXT),
        ("disabled", &BOOL_OR_NULL),
        ("log_level", &TEXT_OR_NULL),
        ("attribute_limits", &ATTRIBUTE_LIMITS),
        ("resource", &RESOURCE),
        ("propagator", &PROPAGATOR),
        ("tracer_provider", &TRACER_PROVIDER),
        ("meter_provider", &OPEN),
        ("logger_provider", &OPEN),
        ("instrumentation/development", &OPEN),
    ],
    required: &["file_format"],
    open: true,
});

static ATTRIBUTE_LIMITS: Schema =
    required(map(&[("attribute_value_length_limit", &FROM_0), ("attribute_count_limit", &FROM_0)], &[]));

static RESOURCE: Schema = required(map(
    &[
        ("attributes", &ATTRIBUTES),
        ("attributes_list", &TEXT_OR_NULL),
        ("detection/development", &OPEN),
        ("schema_url", &TEXT_OR_NULL),
    ],
    &[],
));
static ATTRIBUTES: Schema = required(Shape::List(&ATTRIBUTE));
static ATTRIBUTE: Schema =
    required(map(&[("name", &TEXT), ("value", &ATTRIBUTE_VALUE), ("type", &ATTRIBUTE_TYPE)], &["name", "value"]));
static ATTRIBUTE_VALUE: Schema = nullable(Shape::Value);
static ATTRIBUTE_TYPE: Schema = nullable(Shape::Words(&[
    "string",
    "bool",
    "int",
    "double",
    "string_array",
    "bool_array",
    "int_array",
    "double_array",
]));

static PROPAGATOR: Schema = required(map(&[("composite", &COMPOSITE), ("composite_list", &TEXT_OR_NULL)], &[]));
static COMPOSITE: Schema = required(Shape::List(&TEXT_MAP_PROPAGATOR));
static TEXT_MAP_PROPAGATOR: Schema = required(Shape::One {
    what: "propagator",
    members: &[
        ("tracecontext", &EMPTY),
        ("baggage", &EMPTY),
        ("b3", &EMPTY),
        ("b3multi", &EMPTY),
        ("jaeger", &OPEN_OR_NULL),
        ("ottrace", &EMPTY),
        ("xray", &OPEN_OR_NULL),
    ],
    plugins: true,
});

static TRACER_PROVIDER: Schema = required(map(
    &[
        ("processors", &PROCESSORS),
        ("limits", &SPAN_LIMITS),
        ("sampler", &SAMPLER),
        ("id_generator", &OPEN_OR_NULL),
        ("tracer_configurator/development", &OPEN),
    ],
    &["processors"],
));
static PROCESSORS: Schema = required(Shape::List(&PROCESSOR));
static PROCESSOR: Schema =
    required(Shape::One { what: "processor", members: &[("batch", &BATCH), ("simple", &SIMPLE)], plugins: false });
static BATCH: Schema = required(map(
    &[
        ("schedule_delay", &FROM_0),
        ("export_timeout", &FROM_0),
        ("max_queue_size", &FROM_1),
        ("max_export_batch_size", &FROM_1),
        ("exporter", &EXPORTER),
    ],
    &["exporter"],
));
static SIMPLE: Schema = required(map(&[("exporter", &EXPORTER)], &["exporter"]));
static EXPORTER: Schema = required(Shape::One {
    what: "exporter",
    members: &[
        ("otlp_http", &OTLP_HTTP),
        ("otlp_grpc", &OTLP_GRPC),
        ("otlp_file/development", &OTLP_FILE),
        ("console", &EMPTY),
        ("zipkin", &ZIPKIN),
    ],
    plugins: true,
});
static OTLP_HTTP: Schema = nullable(map(
    &[
        ("endpoint", &TEXT_OR_NULL),
        ("tls", &HTTP_TLS),
        ("headers", &HEADERS),
        ("headers_list", &TEXT_OR_NULL),
        ("compression", &TEXT_OR_NULL),
        ("timeout", &FROM_0),
        ("encoding", &ENCODING),
    ],
    &[],
));
static OTLP_GRPC: Schema = nullable(map(
    &[
        ("endpoint", &TEXT_OR_NULL),
        ("tls", &GRPC_TLS),
        ("headers", &HEADERS),
        ("headers_list", &TEXT_OR_NULL),
        ("compression", &TEXT_OR_NULL),
        ("timeout", &FROM_0),
    ],
    &[],
));
static OTLP_FILE: Schema = nullable(map(&[("output_stream", &TEXT_OR_NULL)], &[]));
static ZIPKIN: Schema = nullable(map(&[("endpoint", &TEXT_OR_NULL), ("timeout", &FROM_0)], &[]));
static ENCODING: Schema = nullable(Shape::Words(&["protobuf", "json"]));
static HTTP_TLS: Schema =
    nullable(map(&[("ca_file", &TEXT_OR_NULL), ("key_file", &TEXT_OR_NULL), ("cert_file", &TEXT_OR_NULL)], &[]));
static GRPC_TLS: Schema = nullable(map(
    &[
        ("ca_file", &TEXT_OR_NULL),
        ("key_file", &TEXT_OR_NULL),
        ("cert_file", &TEXT_OR_NULL),
        ("insecure", &BOOL_OR_NULL),
    ],
    &[],
));
static HEADERS: Schema = required(Shape::List(&HEADER));
static HEADER: Schema = required(map(&[("name", &TEXT), ("value", &TEXT_OR_NULL)], &["name", "value"]));

static SPAN_LIMITS: Schema = required(map(
    &[
        ("attribute_value_length_limit", &FROM_0),
        ("attribute_count_limit", &FROM_0),
        ("event_count_limit", &FROM_0),
        ("link_count_limit", &FROM_0),
        ("event_attribute_count_limit", &FROM_0),
        ("link_attribute_count_limit", &FROM_0),
    ],
    &[],
));

static SAMPLER: Schema = required(Shape::One {
    what: "sampler",
    members: &[
        ("always_on", &EMPTY),
        ("always_off", &EMPTY),
        ("trace_id_ratio_based", &RATIO_SAMPLER),
        ("parent_based", &PARENT_BASED),
        ("composite/development", &OPEN_OR_NULL),
        ("jaeger_remote/development", &OPEN_OR_NULL),
        ("probability/development", &RATIO_SAMPLER),
    ],
    plugins: true,
});
static RATIO_SAMPLER: Schema = nullable(map(&[("ratio", &RATIO)], &[]));
static PARENT_BASED: Schema = nullable(map(
    &[
        ("root", &SAMPLER),
        ("remote_parent_sampled", &SAMPLER),
        ("remote_parent_not_sampled", &SAMPLER),
        ("local_parent_sampled", &SAMPLER),
        ("local_parent_not_sampled", &SAMPLER),
    ],
    &[],
));

/// Reports everything in a document that the schema does not allow, in the order of the file.
pub fn validate(document: &Substituted, errors: &mut Vec<Finding>) {
    let mut validator = Validator { document, errors };
    validator.value(&ROOT, &document.root, None, "");
    if validator.errors.len() >= MAX_FAULTS {
        let place = document.root.place();
        let more = validator.fault("", place, format!("has {MAX_FAULTS} faults or more, of which no more are told"));
        validator.errors.push(more);
    }
}

struct Validator<'v> {
    document: &'v Substituted,
    errors: &'v mut Vec<Finding>,
}

impl Validator<'_> {
    fn fault(&self, path: &str, place: Place, message: String) -> Finding {
        let about = if path.is_empty() { "the file" } else { path };
        Finding::new(SCHEMA, path_or(path, self.document), format!("{about} {message}")).at(Some(place))
    }

    /// Recursion is bounded by the depth of documents.
    fn value(&mut self, schema: &Schema, node: &Node, key: Option<&Node>, path: &str) {
        if self.document.is_unknown(node) || self.errors.len() >= MAX_FAULTS {
            return;
        }
        // A scalar is marked itself, a container by its key.
        let place = match (&node.data, key) {
            (Data::Null | Data::Seq(_) | Data::Map(_), Some(key)) => key.place(),
            _ => node.place(),
        };
        if node.data == Data::Null {
            if !schema.nullable {
                self.errors.push(self.fault(path, place, format!("is null, not {}", expected(&schema.shape))));
            }
            return;
        }
        match (&schema.shape, &node.data) {
            (Shape::Text, Data::Str(_)) | (Shape::Bool, Data::Bool(_)) => {}
            (Shape::Int(min), Data::Int(number)) if number >= min => {}
            (Shape::Int(min), Data::Int(number)) => {
                self.errors.push(self.fault(path, place, format!("is {number}, which is below {min}")));
            }
            // JSON schema takes a number without a fraction for an integer.
            (Shape::Int(min), Data::Float(number)) if number.fract() == 0.0 && *number >= *min as f64 => {}
            (Shape::Ratio, Data::Int(_) | Data::Float(_)) => {
                let number = match &node.data {
                    Data::Int(number) => *number as f64,
                    Data::Float(number) => *number,
                    _ => f64::NAN,
                };
                if !(0.0..=1.0).contains(&number) {
                    let meant = crate::config::vars::meant_rate(&number.to_string());
                    let fault = self.fault(path, place, format!("is {number}, which is not from 0 to 1"));
                    self.errors.push(match meant {
                        Some(meant) => fault.help(format!("write ratio: {meant}")).replacement(meant),
                        None => fault,
                    });
                }
            }
            (Shape::Words(words), Data::Str(text)) => {
                if !words.contains(&text.as_str()) {
                    let meant = nearest(text, words);
                    let fault = self.fault(path, place, format!("is {text:?}, none of {}", words.join(", ")));
                    self.errors.push(match meant {
                        Some(meant) => fault.suggest(meant).replacement(meant).help(format!("did you mean {meant}?")),
                        None => fault,
                    });
                }
            }
            (Shape::Value, Data::Seq(items)) => self.values(items, place, path),
            (Shape::Value, data) if !matches!(data, Data::Map(_)) => {}
            (Shape::List(_), Data::Seq(items)) if items.is_empty() => {
                self.errors.push(self.fault(path, place, "is empty; at least one item is needed".to_owned()));
            }
            (Shape::List(item), Data::Seq(items)) => {
                for (at, node) in items.iter().enumerate() {
                    self.value(item, node, None, &format!("{path}[{at}]"));
                }
            }
            (Shape::Map { fields, required, open }, Data::Map(entries)) => {
                self.mapping(fields, required, *open, entries, &place, path);
                if std::ptr::eq(schema, &ATTRIBUTE) {
                    self.attribute_type(node, path);
                }
            }
            (Shape::One { what, members, plugins }, Data::Map(entries)) => {
                self.one(what, members, *plugins, entries, place, path);
            }
            (shape, _) => self.misfit(shape, node, place, path),
        }
    }

    fn misfit(&mut self, shape: &Shape, node: &Node, place: Place, path: &str) {
        let key = path.rsplit('.').next().unwrap_or(path).to_owned();
        let found = match &node.data {
            Data::Str(text) => format!("is the text {text:?}"),
            Data::Bool(value) => format!("is the boolean {value}"),
            Data::Int(value) => format!("is the number {value}"),
            Data::Float(value) => format!("is the number {value}"),
            Data::Null => "is null".to_owned(),
            Data::Seq(_) => "is a list".to_owned(),
            Data::Map(_) => "is a mapping".to_owned(),
        };
        let fault = self.fault(path, place, format!("{found}, not {}", expected(shape)));
        let scalar = match &node.data {
            Data::Bool(value) => Some(value.to_string()),
            Data::Int(value) => Some(value.to_string()),
            Data::Float(value) => Some(format!("{value:?}")),
            _ => None,
        };
        self.errors.push(match (shape, scalar, &node.data) {
            (Shape::Text, Some(text), _) => fault.help(format!("put it in quotes: {key}: \"{text}\"")),
            (Shape::Int(_) | Shape::Ratio, None, Data::Str(text)) if text.trim().parse::<f64>().is_ok() => {
                fault.help(format!("leave the quotes away: {key}: {}", text.trim()))
            }
            (Shape::One { members, .. }, _, Data::Str(text)) => {
                let known: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
                match known.iter().find(|name| *name == text).copied().or_else(|| nearest(text, &known)) {
                    Some(meant) => fault.help(format!("write {{{meant}: {{}}}}")),
                    None => fault.help(format!("write a mapping with one of {}", known.join(", "))),
                }
            }
            _ => fault,
        });
    }

    fn mapping(
        &mut self,
        fields: Fields,
        required: &[&str],
        open: bool,
        entries: &[(Node, Node)],
        place: &Place,
        path: &str,
    ) {
        for (key, value) in entries {
            let name = key.text().unwrap_or("?");
            let inner = dotted(path, name);
            match fields.iter().find(|(field, _)| *field == name) {
                Some((_, schema)) => self.value(schema, value, Some(key), &inner),
                None if open => {}
                None => {
                    let known: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                    self.unknown(&inner, name, key, &known);
                }
            }
        }
        for name in required {
            if !entries.iter().any(|(key, _)| key.text() == Some(name)) {
                let fault = self.fault(&dotted(path, name), place.clone(), "is missing, and it is required".to_owned());
                let example = match *name {
                    "file_format" => "file_format: \"1.0\"".to_owned(),
                    name => format!("{name}:"),
                };
                self.errors.push(fault.help(format!("add {example}")));
            }
        }
    }

    fn unknown(&mut self, path: &str, name: &str, key: &Node, known: &[&str]) {
        if self.errors.len() >= MAX_FAULTS {
            return;
        }
        let meant = nearest(name, known);
        let fault = self.fault(path, key.place(), "is no key of the schema, which allows no others here".to_owned());
        self.errors.push(match meant {
            Some(meant) => fault.suggest(meant).replacement(meant).help(format!("did you mean {meant}?")),
            None if known.is_empty() => fault.help("no keys are allowed here"),
            None => fault.help(format!("the keys are {}", known.join(", "))),
        });
    }

    fn one(&mut self, what: &str, members: Fields, plugins: bool, entries: &[(Node, Node)], place: Place, path: &str) {
        let known: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let names: Vec<&str> = entries.iter().map(|(key, _)| key.text().unwrap_or("?")).collect();
        if entries.len() != 1 {
            let found = match names.as_slice() {
                [] => "is empty".to_owned(),
                names => format!("has {} members ({})", names.len(), names.join(", ")),
            };
            let fault = self.fault(path, place, format!("{found}; exactly one {what} is allowed"));
            self.errors.push(fault.help(match names.first() {
                Some(first) => format!("keep one of them, for example {first}"),
                None => format!("write one of {}", known.join(", ")),
            }));
        }
        for (key, value) in entries {
            let name = key.text().unwrap_or("?");
            let inner = dotted(path, name);
            match members.iter().find(|(member, _)| *member == name) {
                Some((_, schema)) => self.value(schema, value, Some(key), &inner),
                None if plugins && nearest(name, &known).is_none() => {
                    self.value(&OPEN_OR_NULL, value, Some(key), &inner)
                }
                None => self.unknown(&inner, name, key, &known),
            }
        }
    }

    /// A list as the value of an attribute: not empty, all of one type.
    fn values(&mut self, items: &[Node], place: Place, path: &str) {
        let word = |node: &Node| node.type_word();
        let Some(first) = items.first() else {
            self.errors.push(self.fault(path, place, "is empty; a list has at least one value".to_owned()));
            return;
        };
        let known = |node: &&Node| !self.document.is_unknown(node);
        let fault = items
            .iter()
            .filter(known)
            .find(|node| word(node) != word(first) || matches!(node.data, Data::Null | Data::Seq(_) | Data::Map(_)));
        if let Some(node) = fault {
            let message =
                format!("holds a {} beside a {}; a list has texts, booleans or numbers only", word(node), word(first));
            self.errors.push(self.fault(path, node.place(), message));
        }
    }

    /// The value of an attribute has the type that is written beside it.
    fn attribute_type(&mut self, node: &Node, path: &str) {
        let (Some(value), Some(wanted)) = (node.get("value"), node.get("type").and_then(Node::text)) else { return };
        if value.data == Data::Null || self.document.is_unknown(value) {
            return;
        }
        let is = |node: &Node, wanted: &str| {
            self.document.is_unknown(node)
                || match wanted {
                    "string" => matches!(node.data, Data::Str(_)),
                    "bool" => matches!(node.data, Data::Bool(_)),
                    "int" => matches!(node.data, Data::Int(_)),
                    "double" => matches!(node.data, Data::Int(_) | Data::Float(_)),
                    _ => true,
                }
        };
        let fits = match wanted.strip_suffix("_array") {
            Some(wanted) => match &value.data {
                Data::Seq(items) => items.iter().all(|item| is(item, wanted)),
                _ => false,
            },
            None => is(value, wanted),
        };
        if !fits {
            self.errors.push(self.fault(
                &dotted(path, "value"),
                value.place(),
                format!("does not have the type {wanted} that is written beside it"),
            ));
        }
    }
}

/// The path, or the name of the file at the top.
fn path_or(path: &str, document: &Substituted) -> String {
    if path.is_empty() { document.root.source.to_string() } else { path.to_owned() }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::Bool => "a boolean".to_owned(),
        Shape::Int(min) => format!("an integer from {min} on"),
        Shape::Ratio => "a number from 0 to 1".to_owned(),
        Shape::Words(words) => format!("one of {}", words.join(", ")),
        Shape::Value => "a text, number or boolean, or a list of them".to_owned(),
        Shape::Map { .. } => "a mapping".to_owned(),
        Shape::One { what, .. } => format!("a mapping with one {what}"),
        Shape::List(_) => "a list".to_owned(),
    }
}
