//! Between Datadog's and OpenTelemetry's way of naming things (wire.md section 11).
//!
//! ```text
//! Datadog                                      OTLP
//! resource "GET /hello"                <->     name "GET /hello"
//! name "http.request"                  <->     attribute operation.name
//! service "shop"                       <->     resource attribute service.name
//! meta["_dd.p.tid"] + trace_id         <->     trace_id of 16 bytes
//! error 1, meta["error.message"]       <->     status ERROR with its message
//! ```
//! The first direction is what libdatadog exports, the second what the agent's OTLP intake makes. Both are used when a
//! payload is written in a protocol of the other kind, and by JSON output, which shows the Datadog view of every span.

use super::Losses;
use crate::id::TraceId;
use crate::trace::{
    Attributes, Batch, Chunk, ChunkDraft, Dialect, EventDraft, OwnedValue, Payload, ResourceDraft, Sender, Span,
    SpanDraft, SpanKind, SpanStatus, Value,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

// ---- OTLP -> Datadog ----------------------------------------------------------------------------------------

/// Attributes that become a field of the Datadog span and no tag.
const CONSUMED: &[&str] = &[
    "datadog.service",
    "datadog.name",
    "datadog.resource",
    "datadog.type",
    "service.name",
    "operation.name",
    "resource.name",
    "span.type",
    "sampling.priority",
];

/// HTTP attributes and what Datadog calls them; all are texts there.
const HTTP_NAMES: &[(&str, &str)] = &[
    ("http.response.status_code", "http.status_code"),
    ("http.status_code", "http.status_code"),
    ("http.request.method", "http.method"),
    ("url.full", "http.url"),
    ("user_agent.original", "http.useragent"),
    ("client.address", "http.client_ip"),
    ("server.address", "http.server_name"),
    ("network.protocol.version", "http.version"),
    ("http.request.body.size", "http.request.content_length"),
    ("http.response.body.size", "http.response.content_length"),
];

/// A span of OTLP looked at with Datadog's eyes.
#[derive(Clone, Copy)]
struct Otel<'b> {
    span: Span<'b>,
    own: Attributes<'b>,
    resource: Option<Attributes<'b>>,
}

impl<'b> Otel<'b> {
    fn of(span: Span<'b>) -> Self {
        let resource = span.chunk().and_then(Chunk::resource).map(|resource| resource.attributes());
        Otel { span, own: span.attributes(), resource }
    }

    /// The first of `keys` that the span, or else its resource, has as text that is not empty.
    fn text(self, keys: &[&str]) -> Option<&'b str> {
        let of = |attributes: Attributes<'b>| {
            keys.iter().find_map(|key| attributes.text(key).filter(|text| !text.is_empty()))
        };
        of(self.own).or_else(|| self.resource.and_then(of))
    }

    fn is(self, kind: SpanKind) -> bool {
        self.span.kind() == kind
    }

    fn service(self) -> &'b str {
        self.text(&["datadog.service"]).or_else(|| self.text(&["service.name"])).unwrap_or("otlpresourcenoservicename")
    }

    /// The operation name, as the agent makes it.
    fn name(self) -> String {
        let (server, client) = (self.is(SpanKind::Server), self.is(SpanKind::Client));
        if let Some(name) = self.text(&["datadog.name"]).or_else(|| self.text(&["operation.name"])) {
            return name.to_owned();
        }
        if self.text(&["http.request.method", "http.method"]).is_some() && (server || client) {
            return if server { "http.server.request" } else { "http.client.request" }.to_owned();
        }
        if client && let Some(system) = self.text(&["db.system", "db.system.name"]) {
            return format!("{system}.query").to_lowercase();
        }
        let messaging =
            (self.text(&["messaging.system"]), self.text(&["messaging.operation", "messaging.operation.type"]));
        if let (Some(system), Some(operation)) = messaging
            && !matches!(self.span.kind(), SpanKind::Internal | SpanKind::Unspecified)
        {
            return format!("{system}.{operation}").to_lowercase();
        }
        if let Some(system) = self.text(&["rpc.system"]) {
            if client && system == "aws-api" {
                let service = self.text(&["rpc.service"]).map_or("client", |service| service);
                return format!("aws.{service}.request").to_lowercase();
            }
            if client || server {
                return format!("{system}.{}.request", if client { "client" } else { "server" }).to_lowercase();
            }
        }
        if client
            && let (Some(provider), Some(name)) =
                (self.text(&["faas.invoked_provider"]), self.text(&["faas.invoked_name"]))
        {
            return format!("{provider}.{name}.invoke").to_lowercase();
        }
        if server && let Some(trigger) = self.text(&["faas.trigger"]) {
            return format!("{trigger}.invoke").to_lowercase();
        }
        if self.text(&["graphql.operation.type"]).is_some() {
            return "graphql.server.request".to_owned();
        }
        let word = self.span.kind().word().unwrap_or("internal");
        if client || server {
            return match self.text(&["network.protocol.name"]) {
                Some(protocol) => format!("{protocol}.{word}.request").to_lowercase(),
                None => format!("{word}.request"),
            };
        }
        word.to_owned()
    }

    /// The resource name, as the agent makes it.
    fn resource_name(self) -> String {
        if let Some(name) = self.text(&["datadog.resource"]).or_else(|| self.text(&["resource.name"])) {
            return name.to_owned();
        }
        let with = |first: &str, second: Option<&str>| match second {
            Some(second) => format!("{first} {second}"),
            None => first.to_owned(),
        };
        if let Some(method) = self.text(&["http.request.method", "http.method"]) {
            let method = if method == "_OTHER" { "HTTP" } else { method };
            return with(method, self.text(&["http.route"]).filter(|_| self.is(SpanKind::Server)));
        }
        if let Some(operation) = self.text(&["messaging.operation", "messaging.operation.type"]) {
            return with(operation, self.text(&["messaging.destination", "messaging.destination.name"]));
        }
        if let Some(method) = self.text(&["rpc.method"]) {
            return with(method, self.text(&["rpc.service"]));
        }
        if let Some(operation) = self.text(&["graphql.operation.type"]) {
            return with(operation, self.text(&["graphql.operation.name"]));
        }
        if self.text(&["db.system", "db.system.name"]).is_some()
            && let Some(statement) = self.text(&["db.statement", "db.query.text"])
        {
            return statement.to_owned();
        }
        self.span.name().to_owned()
    }

    fn type_(self) -> &'b str {
        if let Some(type_) = self.text(&["datadog.type"]).or_else(|| self.text(&["span.type"])) {
            return type_;
        }
        match self.span.kind() {
            SpanKind::Server => "web",
            SpanKind::Client => self.text(&["db.system", "db.system.name"]).map_or("http", database_type),
            _ => "custom",
        }
    }

    /// What its tags and metrics are to Datadog, in order: those of the span, of its resource, and what stands beside
    /// them in OTLP.
    fn tags(self, types: Types) -> Tags {
        let mut tags = Tags::default();
        for (key, value) in self.own.iter() {
            tags.take_otel(key, value, types);
        }
        for (key, value) in self.resource.into_iter().flat_map(Attributes::iter) {
            if !tags.has(key) {
                tags.take_otel(key, value, types);
            }
        }
        let span = self.span;
        if let Some(env) = self.text(&["deployment.environment.name", "deployment.environment"]) {
            tags.add("env", text(env));
        }
        if let Some(version) = self.text(&["service.version"]) {
            tags.add("version", text(version));
        }
        if span.trace_id().high() != 0 {
            tags.add("_dd.p.tid", OwnedValue::Str(format!("{:016x}", span.trace_id().high())));
        }
        tags.add("otel.trace_id", OwnedValue::Str(span.trace_id().to_string()));
        if let Some(kind) = span.kind().word() {
            tags.add("span.kind", text(kind));
        }
        tags.add(
            "otel.status_code",
            text(match span.status() {
                SpanStatus::Unset => "Unset",
                SpanStatus::Ok => "Ok",
                SpanStatus::Error => "Error",
            }),
        );
        let scope = span.chunk();
        for (key, value) in [
            ("otel.status_description", span.status_message()),
            ("otel.scope.name", scope.map_or("", Chunk::scope_name)),
            ("otel.scope.version", scope.map_or("", Chunk::scope_version)),
            ("w3c.tracestate", span.tracestate()),
        ] {
            if !value.is_empty() {
                tags.add(key, text(value));
            }
        }
        if span.error() {
            self.error_tags(&mut tags);
        }
        if let Some(priority) = self.own.get("sampling.priority").and_then(number) {
            tags.add("_sampling_priority_v1", OwnedValue::Float(priority));
        }
        if matches!(span.kind(), SpanKind::Client | SpanKind::Producer) {
            tags.add("_dd.measured", OwnedValue::Float(1.0));
        }
        tags
    }

    /// Message, type and stack: of the exception event, else the status, else what HTTP says.
    fn error_tags(self, tags: &mut Tags) {
        if let Some(exception) = self.span.events().find(|event| event.name() == "exception") {
            for (key, of) in [
                ("error.message", "exception.message"),
                ("error.type", "exception.type"),
                ("error.stack", "exception.stacktrace"),
            ] {
                if let Some(value) = exception.attributes().text(of) {
                    tags.add(key, text(value));
                }
            }
        }
        let status = self.span.status_message();
        if !status.is_empty() {
            tags.add("error.message", text(status));
        } else if let Some(code) = tags.text("http.status_code").map(str::to_owned) {
            tags.add("error.message", OwnedValue::Str(code));
        }
    }
}

/// The span type of a client of this database.
fn database_type(system: &str) -> &'static str {
    const SQL: &[&str] = &[
        "adabas",
        "cache",
        "clickhouse",
        "cloudscape",
        "cockroachdb",
        "coldfusion",
        "db2",
        "derby",
        "edb",
        "filemaker",
        "firebird",
        "firstsql",
        "h2",
        "hanadb",
        "hsqldb",
        "informix",
        "ingres",
        "instantdb",
        "interbase",
        "mariadb",
        "maxdb",
        "mssql",
        "mysql",
        "netezza",
        "oracle",
        "other_sql",
        "pervasive",
        "pointbase",
        "postgresql",
        "progress",
        "redshift",
        "sqlite",
        "sybase",
        "teradata",
        "vertica",
    ];
    match system {
        "redis" => "redis",
        "memcached" => "memcached",
        "mongodb" => "mongodb",
        "elasticsearch" => "elasticsearch",
        "opensearch" => "opensearch",
        "cassandra" => "cassandra",
        system if SQL.contains(&system) => "sql",
        _ => "db",
    }
}

/// Tags while they are being gathered: of a key, the first one stays.
#[derive(Default)]
struct Tags {
    entries: Vec<(String, OwnedValue)>,
    /// Where each key stands.
    places: HashMap<String, usize>,
}

impl Tags {
    fn has(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.places.get(key).and_then(|at| self.entries.get(*at)) {
            Some((_, OwnedValue::Str(text))) => Some(text),
            _ => None,
        }
    }

    fn add(&mut self, key: &str, value: OwnedValue) {
        if !self.has(key) {
            self.places.insert(key.to_owned(), self.entries.len());
            self.entries.push((key.to_owned(), value));
        }
    }

    /// Takes a tag that stands in place of one of the same key.
    fn replace(&mut self, key: &str, value: OwnedValue) {
        match self.places.get(key).and_then(|at| self.entries.get_mut(*at)) {
            Some((_, own)) => *own = value,
            None => self.add(key, value),
        }
    }

    /// Takes an attribute of OpenTelemetry under the name that Datadog has for it.
    fn take_otel(&mut self, key: &str, value: Value<'_>, types: Types) {
        if CONSUMED.contains(&key) {
            return;
        }
        // Of a key that stands twice the last one counts.
        match datadog_key(key) {
            Some(renamed) => self.replace(&renamed, OwnedValue::Str(as_text(value))),
            None => self.replace(key, types.of(value)),
        }
    }
}

/// What Datadog calls an attribute of HTTP; it is a text there.
fn datadog_key(key: &str) -> Option<Cow<'static, str>> {
    let renamed = HTTP_NAMES.iter().find(|(name, _)| *name == key).map(|(_, renamed)| Cow::Borrowed(*renamed));
    renamed.or_else(|| Some(format!("http.request.headers.{}", key.strip_prefix("http.request.header.")?).into()))
}

/// The types that tags have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    /// Those of Datadog's protocols up to v0.7: texts are `meta`, floats `metrics`, bytes `meta_struct`.
    Tags,
    /// Those of OTLP and v1.0, which are the same.
    All,
}

impl Types {
    fn of(self, value: Value<'_>) -> OwnedValue {
        match value {
            value if self == Types::All => value.into(),
            Value::Int(number) => OwnedValue::Float(number as f64),
            Value::Float(number) => OwnedValue::Float(number),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
            other => OwnedValue::Str(as_text(other)),
        }
    }
}

fn text(text: &str) -> OwnedValue {
    OwnedValue::Str(text.to_owned())
}

fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

/// A value as text: lists and maps as JSON, bytes as base64.
pub(crate) fn as_text(value: Value<'_>) -> String {
    match value {
        Value::Str(text) => text.to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        list => as_json(list).to_string(),
    }
}

/// A value as plain JSON; bytes are base64 text, numbers that are not finite texts.
fn as_json(value: Value<'_>) -> serde_json::Value {
    match value {
        Value::Str(text) => text.into(),
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Float(value) => value.to_string().into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Value::List(values) => values.iter().map(as_json).collect(),
        Value::Map(map) => {
            serde_json::Value::Object(map.iter().map(|(key, value)| (key.to_owned(), as_json(value))).collect())
        }
    }
}

/// The tags of a span as Datadog's protocols up to v0.7 have them: texts are `meta`, floats `metrics`, bytes
/// `meta_struct`. For a span of those protocols, its attributes as they are.
pub fn datadog_tags(span: Span<'_>) -> Vec<(String, OwnedValue)> {
    match span.dialect() {
        Dialect::Datadog => span.attributes().iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
        Dialect::V1 => v1_tags(span, Types::Tags),
        Dialect::Otlp => Otel::of(span).tags(Types::Tags).entries,
    }
}

/// v1.0: env, version, component and kind are tags again.
fn v1_tags(span: Span<'_>, types: Types) -> Vec<(String, OwnedValue)> {
    let mut tags = Tags::default();
    for (key, value) in span.attributes().iter() {
        tags.replace(key, types.of(value));
    }
    let kind = span.kind().word().unwrap_or_default();
    for (key, value) in
        [("env", span.env()), ("version", span.version()), ("component", span.component()), ("span.kind", kind)]
    {
        if !value.is_empty() {
            tags.add(key, text(value));
        }
    }
    tags.entries
}

/// A payload of OTLP as Datadog's protocols would hold it, v1.0 or the ones before: one chunk for each trace, in order of
/// appearance.
pub(super) fn to_datadog(payload: Payload<'_>, v1: bool, losses: &mut Losses) -> Batch {
    let types = if v1 { Types::All } else { Types::Tags };
    let mut chunks: Vec<(TraceId, Vec<Span<'_>>)> = Vec::new();
    let mut place: BTreeMap<TraceId, usize> = BTreeMap::new();
    for span in payload.spans() {
        let at = *place.entry(span.trace_id()).or_insert_with(|| {
            chunks.push((span.trace_id(), Vec::new()));
            chunks.len() - 1
        });
        if let Some((_, spans)) = chunks.get_mut(at) {
            spans.push(span);
        }
    }
    scope_losses(payload, losses);
    let mut batch = Batch::default();
    for (trace_id, spans) in chunks {
        let drafts: Vec<SpanDraft> = spans.iter().map(|span| datadog_span(*span, types, losses)).collect();
        let priority = drafts.iter().find_map(|draft| {
            draft.attributes.iter().find_map(|(key, value)| match value {
                OwnedValue::Float(number) if key == "_sampling_priority_v1" => Some(*number as i32),
                OwnedValue::Int(number) if key == "_sampling_priority_v1" => i32::try_from(*number).ok(),
                _ => None,
            })
        });
        let origin = drafts.iter().find_map(|draft| {
            draft.attributes.iter().find_map(|(key, value)| match value {
                OwnedValue::Str(text) if key == "_dd.origin" => Some(text.clone()),
                _ => None,
            })
        });
        batch.begin_chunk(&ChunkDraft {
            priority,
            origin: origin.unwrap_or_default(),
            trace_id,
            ..ChunkDraft::default()
        });
        drafts.iter().for_each(|draft| batch.push(draft));
    }
    batch.finish();
    batch
}

/// What scopes and resources of OTLP have and Datadog has no place for.
fn scope_losses(payload: Payload<'_>, losses: &mut Losses) {
    for chunk in payload.chunks() {
        losses.add("attributes of instrumentation scopes", chunk.attributes().len() as u64);
        losses.add("schema URLs", u64::from(!chunk.scope_schema_url().is_empty()));
        losses.add("counts of dropped data", u64::from(chunk.scope_dropped() > 0));
    }
    for resource in payload.resources() {
        losses.add("schema URLs", u64::from(!resource.schema_url().is_empty()));
        losses.add("counts of dropped data", u64::from(resource.dropped() > 0));
    }
}

fn datadog_span(span: Span<'_>, types: Types, losses: &mut Losses) -> SpanDraft {
    let otel = Otel::of(span);
    for (key, value) in span.attributes().iter() {
        match value {
            _ if types == Types::All && datadog_key(key).is_none() => {}
            Value::Bool(_) => losses.add("boolean attributes written as text", 1),
            Value::List(_) | Value::Map(_) => losses.add("list and map attributes written as text", 1),
            Value::Int(number) if number.unsigned_abs() > 1 << 53 => {
                losses.add("integers over 2^53 written as floats", 1);
            }
            _ => {}
        }
    }
    losses.add("counts of dropped data", u64::from(span.dropped() != Default::default()));
    losses.add("span flags", u64::from(span.flags().is_some_and(|flags| flags != 0)));
    let mut draft = SpanDraft::from(span);
    draft.service = otel.service().to_owned();
    draft.name = otel.name();
    draft.resource = otel.resource_name();
    draft.type_ = otel.type_().to_owned();
    draft.duration = crate::time::Nanos(span.duration().0.max(0));
    draft.attributes = otel.tags(types).entries;
    for link in &mut draft.links {
        losses.add("counts of dropped data", u64::from(link.dropped > 0));
        link.dropped = 0;
        // Bit 31 says that flags are meant.
        link.flags = link.flags.map(|flags| flags | 1 << 31);
    }
    for event in &mut draft.events {
        losses.add("counts of dropped data", u64::from(event.dropped > 0));
        event.dropped = 0;
    }
    draft.tracestate.clear();
    (draft.status, draft.flags, draft.dropped) = Default::default();
    draft.status_message.clear();
    draft
}

// ---- Datadog -> OTLP ----------------------------------------------------------------------------------------

/// Most attributes of a span; libdatadog counts further ones as dropped.
const MOST_ATTRIBUTES: usize = 128;

/// What the spans of one ResourceSpans share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ResourceKey {
    service: String,
    env: String,
    version: String,
    language: String,
    tracer_version: String,
    runtime_id: String,
    scope: (String, String),
}

/// A payload of Datadog's protocols in OTLP's shape: a ResourceSpans for each service (with its env, version and
/// runtime), a ScopeSpans in it.
pub(super) fn to_otlp(payload: Payload<'_>, losses: &mut Losses) -> Batch {
    let mut groups: Vec<(ResourceKey, Vec<SpanDraft>)> = Vec::new();
    let mut place: BTreeMap<ResourceKey, usize> = BTreeMap::new();
    for chunk in payload.chunks() {
        losses.add("chunk attributes", chunk.attributes().len() as u64);
        losses.add("the mark of dropped traces", u64::from(chunk.dropped()));
        let shared = Shared::of(chunk);
        for (position, span) in chunk.spans().enumerate() {
            let tags = if span.dialect() == Dialect::V1 { v1_tags(span, Types::All) } else { datadog_tags(span) };
            let key = resource_key(span, &tags, &shared);
            let at = *place.entry(key.clone()).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            let draft = otel_span(span, tags, &shared, position == 0, losses);
            if let Some((_, spans)) = groups.get_mut(at) {
                spans.push(draft);
            }
        }
    }
    let mut batch = Batch::default();
    batch.set_dialect(Dialect::Otlp);
    for (key, spans) in groups {
        let resource = batch.push_resource(&ResourceDraft { attributes: key.attributes(), ..ResourceDraft::default() });
        let (scope_name, scope_version) = key.scope;
        batch.begin_chunk(&ChunkDraft { resource: Some(resource), scope_name, scope_version, ..ChunkDraft::default() });
        spans.iter().for_each(|span| batch.push(span));
    }
    batch.finish();
    batch
}

/// What a chunk and its payload say of all of its spans.
struct Shared<'b> {
    chunk: Chunk<'b>,
    sender: [&'b str; Sender::ALL.len()],
}

impl<'b> Shared<'b> {
    fn of(chunk: Chunk<'b>) -> Self {
        let resource = chunk.resource();
        Shared { chunk, sender: Sender::ALL.map(|member| resource.map_or("", |resource| resource.sender(member))) }
    }

    fn sender(&self, member: Sender) -> &'b str {
        self.sender.get(member as usize).copied().unwrap_or_default()
    }
}

fn tag<'t>(tags: &'t [(String, OwnedValue)], key: &str) -> Option<&'t str> {
    tags.iter().rev().find_map(|(own, value)| match value {
        OwnedValue::Str(text) if own == key => Some(text.as_str()),
        _ => None,
    })
}

fn resource_key(span: Span<'_>, tags: &[(String, OwnedValue)], shared: &Shared<'_>) -> ResourceKey {
    let or = |key: &str, member: Sender| tag(tags, key).unwrap_or(shared.sender(member)).to_owned();
    ResourceKey {
        service: span.service().to_owned(),
        env: or("env", Sender::Env),
        version: or("version", Sender::AppVersion),
        language: shared.sender(Sender::Language).to_owned(),
        tracer_version: shared.sender(Sender::TracerVersion).to_owned(),
        runtime_id: shared.sender(Sender::RuntimeId).to_owned(),
        scope: (
            tag(tags, "otel.scope.name").unwrap_or_default().to_owned(),
            tag(tags, "otel.scope.version").unwrap_or_default().to_owned(),
        ),
    }
}

impl ResourceKey {
    fn attributes(&self) -> Vec<(String, OwnedValue)> {
        [
            ("service.name", self.service.as_str()),
            ("deployment.environment.name", &self.env),
            ("service.version", &self.version),
            ("telemetry.sdk.name", "datadog"),
            ("telemetry.sdk.language", &self.language),
            ("telemetry.sdk.version", &self.tracer_version),
            ("runtime-id", &self.runtime_id),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), text(value)))
        .collect()
    }
}

/// Tags that say what OTLP has fields for; the fields are made of them.
const RESTORED: &[&str] = &[
    "otel.trace_id",
    "otel.status_code",
    "otel.status_description",
    "otel.scope.name",
    "otel.scope.version",
    "w3c.tracestate",
];

fn otel_span(
    span: Span<'_>,
    tags: Vec<(String, OwnedValue)>,
    shared: &Shared<'_>,
    first: bool,
    losses: &mut Losses,
) -> SpanDraft {
    let mut draft = SpanDraft::from(span);
    draft.name = if span.resource().is_empty() { span.name().to_owned() } else { span.resource().to_owned() };
    draft.resource = draft.name.clone();
    draft.kind = kind_of(span, &tags);
    draft.tracestate = tag(&tags, "w3c.tracestate").or(tag(&tags, "tracestate")).unwrap_or_default().to_owned();
    draft.status = match tag(&tags, "otel.status_code") {
        _ if span.error() => SpanStatus::Error,
        Some("Ok") => SpanStatus::Ok,
        _ => SpanStatus::Unset,
    };
    let said = ["otel.status_description", "error.msg", "error.message"];
    let message = said.into_iter().find_map(|key| tag(&tags, key)).unwrap_or_default();
    draft.status_message = if span.error() { message.to_owned() } else { String::new() };
    draft.error = i16::from(span.error());
    losses.add("error values other than 0 and 1", u64::from(!matches!(span.error_value(), 0 | 1)));
    losses.add("negative durations", u64::from(span.duration().0 < 0));
    if span.duration().0 < 0 {
        draft.duration = crate::time::Nanos(0);
    }
    let priority = first.then(|| shared.chunk.priority()).flatten();
    draft.flags = priority.map(|priority| u32::from(priority >= 1));
    let mut attributes = Vec::new();
    for (key, value) in
        [("operation.name", span.name()), ("span.type", span.type_()), ("resource.name", span.resource())]
    {
        if !value.is_empty() {
            attributes.push((key.to_owned(), text(value)));
        }
    }
    if first {
        // v1.0 says of the chunk what other protocols say in tags of its first span.
        let mechanism = shared.chunk.mechanism().map(|mechanism| OwnedValue::Str(format!("-{mechanism}")));
        let origin = Some(shared.chunk.origin()).filter(|origin| !origin.is_empty()).map(text);
        let priority = priority.map(|priority| OwnedValue::Int(i64::from(priority)));
        for (key, value) in [("_dd.p.dm", mechanism), ("_dd.origin", origin), ("_sampling_priority_v1", priority)] {
            if let Some(value) = value.filter(|_| tags.iter().all(|(own, _)| own != key)) {
                attributes.push((key.to_owned(), value));
            }
        }
    }
    for (key, value) in tags {
        if RESTORED.contains(&key.as_str()) {
            continue;
        }
        let value = match value {
            OwnedValue::Float(number)
                if span.dialect() != Dialect::V1
                    && number.fract() == 0.0
                    && number.abs() < 9.2e18
                    && !(number == 0.0 && number.is_sign_negative()) =>
            {
                OwnedValue::Int(number as i64)
            }
            other => other,
        };
        attributes.push((key, value));
    }
    let dropped = attributes.len().saturating_sub(MOST_ATTRIBUTES);
    attributes.truncate(MOST_ATTRIBUTES);
    losses.add("attributes over 128 of a span", dropped as u64);
    draft.dropped.attributes = u32::try_from(dropped).unwrap_or(u32::MAX);
    draft.attributes = attributes;
    for link in &mut draft.links {
        link.flags = link.flags.map(|flags| flags & !(1 << 31));
    }
    for event in &mut draft.events {
        event_losses(event, losses);
    }
    (draft.service, draft.type_) = (span.service().to_owned(), String::new());
    draft.env.clear();
    draft.version.clear();
    draft.component.clear();
    draft
}

fn event_losses(event: &EventDraft, losses: &mut Losses) {
    losses.add("event times before 1970", u64::from(event.time.0 < 0));
}

/// The kind that the span says, else the one that its type stands for.
fn kind_of(span: Span<'_>, tags: &[(String, OwnedValue)]) -> SpanKind {
    if span.kind() != SpanKind::Unspecified {
        return span.kind();
    }
    if let Some(kind) = tag(tags, "span.kind").and_then(|word| SpanKind::from_word(word.as_bytes())) {
        return kind;
    }
    match span.type_() {
        "server" | "web" | "http" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}
