//! The benchmark inputs: the same bytes on every machine, made by splitmix64 and integer arithmetic alone (no clock,
//! no hash order), so that a figure can be repeated elsewhere. The tests below pin their SHA-256.
//!
//! | workload | file | contents |
//! |---|---|---|
//! | W1 | `w1.v04.msgpack` | v0.4 body, 1 trace of 10 spans: the smallest realistic flush (7 kB) |
//! | W2 | `w2.v04.msgpack` | v0.4 body, 1,000 traces of 20 spans (14 MB, 696 bytes a span) |
//! | W3 | `w3.v04.msgpack-seq` | 1,000 v0.4 bodies, 75 traces of 20 spans each, one after the other (1.04 GB) |
//! | W3L | `w3.capture.jsonl` | the bodies of W3 as a capture of ours: a request a line, in base64 (1.39 GB) |
//! | W4 | `w4.v05.msgpack` | the spans of W2 as one v0.5 body (3.5 MB, 22,219 strings in its table) |
//! | W5 | `w5.otlp.pb` | the spans of W2 as one OTLP request, protobuf (13 MB) |
//! | W6 | `w6.otlp.jsonl` | the spans of W2 as OTLP JSON, a request for each trace, one a line (27 MB) |
//! | W7 | `w7.v04.msgpack` | v0.4 body with one trace of 1,000,000 spans on 40 levels, in finish order (279 MB) |
//! | W8 | `w8.headers.jsonl` | 1,000,000 header sets, one JSON object a line (207 MB) |
//! | W8t | `w8.traceparent.txt` | the 700,166 `traceparent` values of W8, one a line (39 MB) |
//!
//! W1 to W6 are traces of a web service: a root `web.request`, two internal children in a chain, then SQL 40 %,
//! Redis 20 %, HTTP client 15 % and internal 25 %, each under one of the last four spans that can have children; 12
//! string tags and 4 metrics a span, one span in a hundred with an error and its stack. W7 is about shape: a spine of
//! 40 spans, hubs with thousands of children each, half of the spans leaves. W8 is 40 % W3C headers, 30 % Datadog's and
//! 30 % both with the same ids; 5 sets of 100 have a malformed traceparent beside valid Datadog headers.
//!
//! The order of the draws is part of the format: moving a call of [`Rng::next`] changes every byte after it.

mod otlp;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One of the inputs of the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// The smallest realistic flush.
    W1,
    /// 20,000 spans, v0.4.
    W2,
    /// 1,500,000 spans, v0.4 bodies without framing.
    W3,
    /// The same as a capture.
    W3Lines,
    /// 20,000 spans, v0.5.
    W4,
    /// The same as OTLP protobuf.
    W5,
    /// The same as OTLP JSON lines.
    W6,
    /// One trace of a million spans, v0.4.
    W7,
    /// A million header sets.
    W8,
    /// The traceparent values of W8.
    W8t,
}

impl Workload {
    /// All of them, smallest number first.
    pub const ALL: [Workload; 10] = [
        Workload::W1,
        Workload::W2,
        Workload::W3,
        Workload::W3Lines,
        Workload::W4,
        Workload::W5,
        Workload::W6,
        Workload::W7,
        Workload::W8,
        Workload::W8t,
    ];

    /// The name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Workload::W1 => "w1.v04.msgpack",
            Workload::W2 => "w2.v04.msgpack",
            Workload::W3 => "w3.v04.msgpack-seq",
            Workload::W3Lines => "w3.capture.jsonl",
            Workload::W4 => "w4.v05.msgpack",
            Workload::W5 => "w5.otlp.pb",
            Workload::W6 => "w6.otlp.jsonl",
            Workload::W7 => "w7.v04.msgpack",
            Workload::W8 => "w8.headers.jsonl",
            Workload::W8t => "w8.traceparent.txt",
        }
    }

    /// Writes its bytes to `out`.
    pub fn write(self, out: &mut impl Write) -> Result<()> {
        match self {
            Workload::W1 => write_v04(out, &traces(1, 1, 10)),
            Workload::W2 => write_v04(out, &traces(2, 1000, 20)),
            Workload::W3 => (0..1000).try_for_each(|number| write_v04(out, &traces(1000 + number, 75, 20))),
            Workload::W3Lines => write_capture(out),
            Workload::W4 => write_v05(out, &traces(2, 1000, 20)),
            Workload::W5 => otlp::write_protobuf(out, &traces(2, 1000, 20)),
            Workload::W6 => otlp::write_json_lines(out, &traces(2, 1000, 20)),
            Workload::W7 => write_giant(out, &Giant::new()),
            Workload::W8 => header_sets().try_for_each(|set| Ok(writeln!(out, "{}", json_object(&set))?)),
            Workload::W8t => {
                let values = header_sets().flatten().filter(|(name, _)| *name == "traceparent");
                values.map(|(_, value)| value).try_for_each(|value| Ok(writeln!(out, "{value}")?))
            }
        }
    }

    /// Writes its file into `folder` and returns the path. The file appears under its name only when it is whole.
    pub fn write_into(self, folder: &Path) -> Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let path = folder.join(self.file_name());
        let partial = path.with_extension("partial");
        let write = || -> Result<()> {
            let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
            self.write(&mut out)?;
            out.flush()?;
            Ok(fs::rename(&partial, &path)?)
        };
        write().with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

impl FromStr for Workload {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Workload> {
        Ok(match name {
            "w1" => Workload::W1,
            "w2" => Workload::W2,
            "w3" => Workload::W3,
            "w3l" => Workload::W3Lines,
            "w4" => Workload::W4,
            "w5" => Workload::W5,
            "w6" => Workload::W6,
            "w7" => Workload::W7,
            "w8" => Workload::W8,
            "w8t" => Workload::W8t,
            _ => bail!("unknown workload {name:?}: w1, w2, w3, w3l, w4, w5, w6, w7, w8 or w8t"),
        })
    }
}

// ---- random numbers ---------------------------------------------------------------------

/// splitmix64.
struct Rng(u64);

impl Rng {
    /// The generator of the workload (or body) with this number.
    fn for_workload(number: u64) -> Rng {
        Rng(0x5_BA96_1A55 ^ number)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.index(values.len())]
    }
}

// ---- vocabulary -------------------------------------------------------------------------

const EPOCH_NS: u64 = 1_760_000_000_000_000_000;
const SERVICES: [&str; 6] =
    ["web-storefront", "checkout-api", "catalog-service", "payments-gateway", "user-profile", "inventory-sync"];
const HOSTS: [&str; 3] = ["shop.example.com", "api.internal.example.net", "edge-eu-west-3.example.org"];
const ROUTES: [&str; 8] = [
    "/api/v2/orders/{order_id}",
    "/api/v2/orders/{order_id}/items",
    "/catalog/{category}/products",
    "/users/{user_id}/profile",
    "/cart/checkout",
    "/healthz",
    "/search",
    "/api/v1/payments/{payment_id}/capture",
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const STATUSES: [u16; 9] = [200, 200, 200, 200, 201, 204, 302, 404, 500];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "okhttp/4.12.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
     Version/17.5 Mobile/15E148 Safari/604.1",
];
const TABLES: [&str; 8] = [
    "orders",
    "order_items",
    "customers",
    "product_prices",
    "inventory_levels",
    "payment_intents",
    "sessions",
    "audit_log",
];
const SQL: [&str; 4] = [
    "SELECT * FROM {t} WHERE id = $1",
    "SELECT t.id, t.status, t.created_at, t.updated_at, c.email FROM {t} t JOIN customers c ON c.id = t.customer_id \
     WHERE t.tenant_id = $1 AND t.status IN ($2, $3, $4) ORDER BY t.created_at DESC LIMIT 50",
    "UPDATE {t} SET status = $1, version = version + 1, updated_at = now() WHERE id = $2 AND version = $3 \
     RETURNING version",
    "INSERT INTO {t} (id, tenant_id, payload, created_at) VALUES ($1, $2, $3, now()) ON CONFLICT (id) DO NOTHING",
];
const REDIS: [&str; 5] = ["GET", "SET", "HGETALL", "EXPIRE", "MGET"];
const INTERNAL: [&str; 6] =
    ["template.render", "pricing.compute", "auth.verify", "json.serialize", "middleware.call", "kafka.produce"];
const CITIES: [&str; 6] = ["Lyon", "Zürich", "São Paulo", "東京", "Malmö", "Portland"];
const FRAMES: [&str; 6] = [
    "app/handlers/orders.py",
    "app/services/pricing.py",
    "app/db/session.py",
    "vendor/http/client.py",
    "app/middleware/auth.py",
    "app/tasks/queue.py",
];
const FUNCTIONS: [&str; 8] =
    ["dispatch", "load_order", "apply_discounts", "execute", "send", "authenticate", "retry_with_backoff", "render"];

// ---- web service traces: W1, W2, W4 -----------------------------------------------------

type Text = Cow<'static, str>;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Web,
    Http,
    Sql,
    Redis,
    Internal,
}

impl Kind {
    fn span_kind(self) -> &'static str {
        match self {
            Kind::Web => "server",
            Kind::Http | Kind::Sql | Kind::Redis => "client",
            Kind::Internal => "internal",
        }
    }

    fn has_children(self) -> bool {
        matches!(self, Kind::Web | Kind::Internal | Kind::Http)
    }
}

struct Span {
    service: usize,
    name: &'static str,
    resource: Text,
    trace_id: u64,
    span_id: u64,
    parent_id: u64,
    start: u64,
    duration: u64,
    error: u64,
    meta: Vec<(&'static str, Text)>,
    metrics: Vec<(&'static str, f64)>,
    type_: &'static str,
}

/// What depends on the kind of a span.
struct Details {
    name: &'static str,
    type_: &'static str,
    resource: Text,
    meta: [(&'static str, Text); 6],
    metrics: [(&'static str, f64); 2],
}

fn details(rng: &mut Rng, kind: Kind, host: &str) -> Details {
    match kind {
        Kind::Web | Kind::Http => http_details(rng, kind, host),
        Kind::Sql => sql_details(rng, host),
        Kind::Redis => redis_details(rng, host),
        Kind::Internal => internal_details(rng),
    }
}

fn http_details(rng: &mut Rng, kind: Kind, host: &str) -> Details {
    let (route, method) = (rng.pick(&ROUTES), rng.pick(&METHODS));
    let path = route.replace(['{', '}'], "");
    let (cursor, page, lang) = (rng.next(), rng.below(40), rng.pick(&["en", "fr", "de", "ja"]));
    let status = rng.pick(&STATUSES);
    let meta = [
        ("http.method", method.into()),
        ("http.url", format!("https://{host}{path}?cursor={cursor:016x}&page={page}&lang={lang}").into()),
        ("http.route", route.into()),
        ("http.status_code", status.to_string().into()),
        ("http.useragent", rng.pick(&AGENTS).into()),
        ("network.client.ip", format!("10.{}.{}.{}", rng.below(256), rng.below(256), rng.below(256)).into()),
    ];
    let metrics =
        [("http.response.content_length", rng.below(90_000) as f64), ("http.retry_count", rng.below(3) as f64)];
    let (name, type_) = if kind == Kind::Web { ("web.request", "web") } else { ("http.client.request", "http") };
    Details { name, type_, resource: format!("{method} {route}").into(), meta, metrics }
}

fn sql_details(rng: &mut Rng, host: &str) -> Details {
    let table = rng.pick(&TABLES);
    let statement = rng.pick(&SQL).replace("{t}", table);
    let meta = [
        ("db.system", "postgresql".into()),
        ("db.name", "shop_production".into()),
        ("db.user", format!("svc_{table}").into()),
        ("db.statement", statement.clone().into()),
        ("out.host", format!("pg-{}.db.{host}", rng.below(8)).into()),
        ("db.operation", statement[..6].to_owned().into()),
    ];
    let metrics = [("db.row_count", rng.below(500) as f64), ("network.destination.port", 5432.0)];
    Details { name: "postgres.query", type_: "sql", resource: statement.into(), meta, metrics }
}

fn redis_details(rng: &mut Rng, host: &str) -> Details {
    let key = format!("session:{:016x}:cart", rng.next());
    let command = rng.pick(&REDIS);
    let meta = [
        ("db.system", "redis".into()),
        ("redis.raw_command", format!("{command} {key}").into()),
        ("redis.key", key.into()),
        ("out.host", format!("redis-{}.cache.{host}", rng.below(4)).into()),
        ("db.operation", command.into()),
        ("cache.hit", rng.pick(&["true", "false"]).into()),
    ];
    let metrics = [("redis.args_length", (1 + rng.below(4)) as f64), ("network.destination.port", 6379.0)];
    Details { name: "redis.command", type_: "redis", resource: command.into(), meta, metrics }
}

fn internal_details(rng: &mut Rng) -> Details {
    let name = rng.pick(&INTERNAL);
    let meta = [
        ("code.function", rng.pick(&FUNCTIONS).into()),
        ("code.filepath", rng.pick(&FRAMES).into()),
        ("customer.city", rng.pick(&CITIES).into()),
        ("feature.flag", format!("exp-{}", rng.below(64)).into()),
        ("tenant.id", format!("tenant-{:05}", rng.below(400)).into()),
        ("request.id", format!("{:016x}{:016x}", rng.next(), rng.next()).into()),
    ];
    let metrics = [("code.lineno", (1 + rng.below(1200)) as f64), ("items.count", rng.below(64) as f64)];
    Details { name, type_: "", resource: name.into(), meta, metrics }
}

fn runtime_id(rng: &mut Rng) -> String {
    let hex = format!("{:016x}{:016x}", rng.next(), rng.next());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn error_tags(rng: &mut Rng) -> [(&'static str, Text); 3] {
    let mut stack = String::from("Traceback (most recent call last):\n");
    for _ in 0..6 + rng.below(8) {
        let (file, line, function) = (rng.pick(&FRAMES), 10 + rng.below(900), rng.pick(&FUNCTIONS));
        stack += &format!("  File \"/srv/{file}\", line {line}, in {function}\n");
    }
    let message = format!("upstream returned {} after {} ms", 500 + rng.below(5), rng.below(30_000));
    stack += &format!("UpstreamError: {message}");
    [("error.type", "UpstreamError".into()), ("error.message", message.into()), ("error.stack", stack.into())]
}

fn first_segment(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(first, _)| first)
}

/// One trace of `len` spans, parents before children.
fn trace(rng: &mut Rng, len: usize, runtime_ids: &[String]) -> Vec<Span> {
    let trace_id = rng.next();
    let trace_id_high = format!("{:08x}00000000", 0x68E0_0000 + rng.below(0x1_0000));
    let host = rng.pick(&HOSTS);
    let root_start = EPOCH_NS + rng.below(3_600_000_000_000);
    let root_duration = 20_000_000 + rng.below(2_000_000_000);
    let mut spans: Vec<Span> = Vec::with_capacity(len);
    let mut inner: Vec<usize> = Vec::with_capacity(len);
    for i in 0..len {
        let kind = match i {
            0 => Kind::Web,
            1 | 2 => Kind::Internal,
            _ => match rng.below(100) {
                0..40 => Kind::Sql,
                40..60 => Kind::Redis,
                60..75 => Kind::Http,
                _ => Kind::Internal,
            },
        };
        let (parent_id, start, duration, service) = if i == 0 {
            (0, root_start, root_duration, rng.index(3))
        } else {
            let parent = if i < 3 { i - 1 } else { inner[inner.len() - 1 - rng.index(inner.len().min(4))] };
            let parent = &spans[parent];
            let offset = rng.below(parent.duration / 2 + 1);
            let rest = parent.duration - offset;
            let duration = (1000 + rest * (10 + rng.below(80)) / 100).min(rest.max(1));
            let service = if kind == Kind::Http { rng.index(SERVICES.len()) } else { parent.service };
            (parent.span_id, parent.start + offset, duration, service)
        };
        let details = details(rng, kind, host);
        let mut meta = vec![
            ("env", "production".into()),
            ("version", format!("2025.10.{service}-{:04x}", 0xBEE0 + service).into()),
            ("language", "python".into()),
            ("runtime-id", runtime_ids[service].clone().into()),
            ("component", first_segment(details.name).into()),
            ("span.kind", kind.span_kind().into()),
        ];
        let mut metrics = vec![("process_id", (1000 + service) as f64), ("_dd.measured", 1.0)];
        if i == 0 {
            meta.extend([("_dd.p.dm", "-1".into()), ("_dd.p.tid", trace_id_high.clone().into())]);
            metrics.extend([("_sampling_priority_v1", 1.0), ("_dd.top_level", 1.0)]);
        }
        meta.extend(details.meta);
        metrics.extend(details.metrics);
        let error = u64::from(rng.below(100) == 0);
        if error == 1 {
            meta.extend(error_tags(rng));
        }
        let (name, resource, type_) = (details.name, details.resource, details.type_);
        let span_id = rng.next();
        spans.push(Span {
            service,
            name,
            resource,
            trace_id,
            span_id,
            parent_id,
            start,
            duration,
            error,
            meta,
            metrics,
            type_,
        });
        if kind.has_children() {
            inner.push(i);
        }
    }
    spans
}

fn traces(workload: u64, count: usize, len: usize) -> Vec<Vec<Span>> {
    let mut rng = Rng::for_workload(workload);
    let runtime_ids: Vec<String> = SERVICES.iter().map(|_| runtime_id(&mut rng)).collect();
    (0..count).map(|_| trace(&mut rng, len, &runtime_ids)).collect()
}

// ---- encoders ---------------------------------------------------------------------------

fn write_str(out: &mut impl Write, text: &str) -> Result<()> {
    Ok(rmp::encode::write_str(out, text)?)
}

fn write_uint(out: &mut impl Write, value: u64) -> Result<()> {
    rmp::encode::write_uint(out, value)?;
    Ok(())
}

fn write_array_len(out: &mut impl Write, len: usize) -> Result<()> {
    rmp::encode::write_array_len(out, u32::try_from(len)?)?;
    Ok(())
}

fn write_map_len(out: &mut impl Write, len: usize) -> Result<()> {
    rmp::encode::write_map_len(out, u32::try_from(len)?)?;
    Ok(())
}

/// A v0.4 span is a map of twelve fields.
fn write_v04_span(out: &mut impl Write, span: &Span) -> Result<()> {
    write_map_len(out, 12)?;
    for (key, text) in [("service", SERVICES[span.service]), ("name", span.name), ("resource", &span.resource)] {
        write_str(out, key)?;
        write_str(out, text)?;
    }
    for (key, value) in [
        ("trace_id", span.trace_id),
        ("span_id", span.span_id),
        ("parent_id", span.parent_id),
        ("start", span.start),
        ("duration", span.duration),
        ("error", span.error),
    ] {
        write_str(out, key)?;
        write_uint(out, value)?;
    }
    write_str(out, "meta")?;
    write_map_len(out, span.meta.len())?;
    for (key, value) in &span.meta {
        write_str(out, key)?;
        write_str(out, value)?;
    }
    write_str(out, "metrics")?;
    write_map_len(out, span.metrics.len())?;
    for (key, value) in &span.metrics {
        write_str(out, key)?;
        rmp::encode::write_f64(out, *value)?;
    }
    write_str(out, "type")?;
    write_str(out, span.type_)
}

fn write_v04(out: &mut impl Write, traces: &[Vec<Span>]) -> Result<()> {
    write_array_len(out, traces.len())?;
    for trace in traces {
        write_array_len(out, trace.len())?;
        trace.iter().try_for_each(|span| write_v04_span(out, span))?;
    }
    Ok(())
}

/// The bodies of W3 as a recorder writes them.
fn write_capture(out: &mut impl Write) -> Result<()> {
    writeln!(out, r#"{{"type":"capture","v":1,"created":"2025-10-09T08:53:20.000000000Z","writer":"bench"}}"#)?;
    let (mut body, mut text) = (Vec::new(), String::new());
    for number in 0..1000 {
        body.clear();
        write_v04(&mut body, &traces(1000 + number, 75, 20))?;
        text.clear();
        STANDARD.encode_string(&body, &mut text);
        let (len, crc, seq) = (body.len(), crc32fast::hash(&body), number + 1);
        writeln!(
            out,
            concat!(
                r#"{{"type":"request","seq":{},"t":"2025-10-09T09:53:20.000000000Z","conn":1,"transport":"tcp","#,
                r#""method":"POST","path":"/v0.4/traces","http":"1.1","headers":[["Host","localhost:8126"],"#,
                r#"["Datadog-Meta-Lang","python"],["Datadog-Meta-Tracer-Version","3.10.0"],"#,
                r#"["Content-Type","application/msgpack"],["X-Datadog-Trace-Count","75"],["Content-Length","{}"]],"#,
                r#""framing":"content-length","body_len":{},"body_crc":"{:08x}","body":"{}"}}"#
            ),
            seq, len, len, crc, text
        )?;
    }
    writeln!(out, r#"{{"type":"end","requests":1000}}"#)?;
    Ok(())
}

/// The strings of a v0.5 body, each once, in the order of their first use; the empty one comes first.
struct Table<'s> {
    strings: Vec<&'s str>,
    index: HashMap<&'s str, u64>,
}

impl<'s> Table<'s> {
    fn new() -> Table<'s> {
        let mut table = Table { strings: Vec::new(), index: HashMap::new() };
        table.index_of("");
        table
    }

    fn index_of(&mut self, text: &'s str) -> u64 {
        *self.index.entry(text).or_insert_with(|| {
            self.strings.push(text);
            self.strings.len() as u64 - 1
        })
    }
}

/// A v0.5 body is `[strings, traces]`, a span of it an array of twelve values in which strings are table indices.
fn write_v05(out: &mut impl Write, traces: &[Vec<Span>]) -> Result<()> {
    let (mut table, mut body) = (Table::new(), Vec::new());
    write_array_len(&mut body, traces.len())?;
    for trace in traces {
        write_array_len(&mut body, trace.len())?;
        for span in trace {
            write_v05_span(&mut body, span, &mut table)?;
        }
    }
    write_array_len(out, 2)?;
    write_array_len(out, table.strings.len())?;
    table.strings.iter().try_for_each(|text| write_str(out, text))?;
    Ok(out.write_all(&body)?)
}

fn write_v05_span<'s>(out: &mut Vec<u8>, span: &'s Span, table: &mut Table<'s>) -> Result<()> {
    write_array_len(out, 12)?;
    for text in [SERVICES[span.service], span.name, &span.resource] {
        write_uint(out, table.index_of(text))?;
    }
    for value in [span.trace_id, span.span_id, span.parent_id, span.start, span.duration, span.error] {
        write_uint(out, value)?;
    }
    write_map_len(out, span.meta.len())?;
    for (key, value) in &span.meta {
        write_uint(out, table.index_of(key))?;
        write_uint(out, table.index_of(value))?;
    }
    write_map_len(out, span.metrics.len())?;
    for (key, value) in &span.metrics {
        write_uint(out, table.index_of(key))?;
        rmp::encode::write_f64(out, *value)?;
    }
    write_uint(out, table.index_of(span.type_))
}

// ---- one giant trace: W7 ----------------------------------------------------------------

const GIANT_SPANS: usize = 1_000_000;
const GIANT_LEVELS: usize = 40;
const GIANT_NAMES: [&str; 8] = [
    "web.request",
    "http.client.request",
    "postgres.query",
    "redis.command",
    "template.render",
    "pricing.compute",
    "auth.verify",
    "kafka.produce",
];

struct GiantSpan {
    parent: Option<usize>,
    depth: usize,
    start: u64,
    duration: u64,
    span_id: u64,
}

struct Giant {
    trace_id: u64,
    spans: Vec<GiantSpan>,
}

impl Giant {
    fn new() -> Giant {
        let mut rng = Rng::for_workload(7);
        let trace_id = rng.next();
        let mut spans: Vec<GiantSpan> = Vec::with_capacity(GIANT_SPANS);
        // Spans above the last level: the possible parents.
        let mut shallow: Vec<usize> = Vec::with_capacity(GIANT_SPANS);
        for i in 0..GIANT_SPANS {
            let (parent, start, duration) = if i == 0 {
                (None, EPOCH_NS, 3_600_000_000_000)
            } else if i < GIANT_LEVELS {
                let parent = &spans[i - 1];
                (Some(i - 1), parent.start + parent.duration / 64, parent.duration * 15 / 16)
            } else {
                let index = match rng.below(4) {
                    0 | 1 => shallow[shallow.len() - 1 - rng.index(shallow.len().min(64))],
                    2 => rng.index(GIANT_LEVELS - 1),
                    _ => shallow[rng.index(shallow.len())],
                };
                let parent = &spans[index];
                let offset = rng.below(parent.duration / 4 + 1);
                let duration = ((parent.duration - offset) * (25 + rng.below(70)) / 100).max(1);
                (Some(index), parent.start + offset, duration)
            };
            let depth = parent.map_or(0, |parent: usize| spans[parent].depth + 1);
            if depth < GIANT_LEVELS - 1 {
                shallow.push(i);
            }
            spans.push(GiantSpan { parent, depth, start, duration, span_id: rng.next() });
        }
        Giant { trace_id, spans }
    }

    /// Spans as they finish: by their end, of two that end together the later started one first.
    fn finish_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.spans.len()).collect();
        order.sort_unstable_by_key(|&i| (self.spans[i].start + self.spans[i].duration, std::cmp::Reverse(i)));
        order
    }

    fn span(&self, index: usize) -> Span {
        let GiantSpan { parent, start, duration, span_id, .. } = self.spans[index];
        let kind = (span_id % 8) as usize;
        let name = GIANT_NAMES[kind];
        Span {
            service: ((span_id >> 8) % 6) as usize,
            name,
            resource: format!("{name} {}", ROUTES[((span_id >> 16) % 8) as usize]).into(),
            trace_id: self.trace_id,
            span_id,
            parent_id: parent.map_or(0, |parent| self.spans[parent].span_id),
            start,
            duration,
            error: u64::from((span_id >> 24) % 200 == 0),
            meta: vec![
                ("env", "production".into()),
                ("component", first_segment(name).into()),
                ("span.kind", "internal".into()),
            ],
            metrics: vec![("_dd.measured", 1.0)],
            type_: if kind < 2 { "web" } else { "" },
        }
    }
}

fn write_giant(out: &mut impl Write, giant: &Giant) -> Result<()> {
    write_array_len(out, 1)?;
    write_array_len(out, giant.spans.len())?;
    giant.finish_order().into_iter().try_for_each(|index| write_v04_span(out, &giant.span(index)))
}

// ---- header sets ------------------------------------------------------------------------

/// Names and values in the order in which they are written; no value needs an escape in JSON.
type HeaderSet = Vec<(&'static str, String)>;

fn header_sets() -> impl Iterator<Item = HeaderSet> {
    let mut rng = Rng::for_workload(8);
    (0..1_000_000).map(move |_| header_set(&mut rng))
}

fn header_set(rng: &mut Rng) -> HeaderSet {
    let high = (0x68E0_0000 + rng.below(0x10000)) << 32;
    let (low, span) = (rng.next() | 1, rng.next() | 1);
    let priority: i8 = rng.pick(&[1, 1, 1, 2, 0, -1]);
    let kind = rng.below(100);
    let mut set = Vec::new();
    if !(65..95).contains(&kind) {
        let ids = format!("{high:016x}{low:016x}-{span:016x}");
        let traceparent = if kind < 95 {
            format!("00-{ids}-{}", if priority > 0 { "01" } else { "00" })
        } else {
            match rng.index(5) {
                0 => format!("00-{ids}-01-extra"),
                1 => format!("ff-{ids}-01"),
                2 => format!("00-{ids}"),
                3 => format!("00-{ids}-zz"),
                _ => format!("0-{ids}-01"),
            }
        };
        set.push(("traceparent", traceparent));
        let mut tracestate = format!("dd=s:{priority};p:{span:016x};t.dm:-{}", rng.below(5));
        if rng.below(3) == 0 {
            tracestate += &format!(",congo=t61rcWkgMzE{:x},rojo=00f067aa0ba902b7", rng.below(4096));
        }
        set.push(("tracestate", tracestate));
    }
    if kind >= 40 {
        set.push(("x-datadog-trace-id", low.to_string()));
        set.push(("x-datadog-parent-id", span.to_string()));
        set.push(("x-datadog-sampling-priority", priority.to_string()));
        set.push(("x-datadog-tags", format!("_dd.p.dm=-{},_dd.p.tid={high:016x}", rng.below(5))));
        if rng.below(10) == 0 {
            set.push(("x-datadog-origin", rng.pick(&["synthetics", "rum", "lambda"]).to_owned()));
        }
    }
    set
}

fn json_object(set: &HeaderSet) -> String {
    let members: Vec<String> = set.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::io;

    /// Hashes and counts what is written to it.
    #[derive(Default)]
    struct Sum {
        hash: Sha256,
        bytes: u64,
    }

    impl Write for Sum {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.hash.update(bytes);
            self.bytes += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sum(workload: Workload) -> (u64, String) {
        let mut sum = BufWriter::with_capacity(1 << 16, Sum::default());
        workload.write(&mut sum).unwrap();
        let Sum { hash, bytes } = sum.into_inner().map_err(|error| error.into_error()).unwrap();
        (bytes, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    #[test]
    fn w1_bytes() {
        let expected = "75e42e525a819f9a45212459f523be6dbc8f211442649140bdbb1be4c928cb6e";
        assert_eq!(sum(Workload::W1), (6_999, expected.into()));
    }

    #[test]
    fn w2_bytes() {
        let expected = "b2435e861c61eccc47b05954609a4e0878651ab90160433ef4cf43a605913672";
        assert_eq!(sum(Workload::W2), (13_928_304, expected.into()));
    }

    /// 1.04 GB: seconds with optimisation, minutes without.
    #[cfg(not(debug_assertions))]
    #[test]
    fn w3_bytes() {
        let expected = "c303d9aa3b4880fab6263b7bf78e29f5e5d1b57f688b9f2960ad75adae2b2b7c";
        assert_eq!(sum(Workload::W3), (1_042_594_726, expected.into()));
    }

    #[test]
    fn w5_bytes() {
        let expected = "fde3882ce85c25d7f9d53975bb72c5d4cba985c15783794289dd9f0c2648310d";
        assert_eq!(sum(Workload::W5), (13_138_569, expected.into()));
    }

    #[test]
    fn w6_bytes() {
        let expected = "f6d26bdac87cfb9b3d500d1582cf9900945576ede5c325a0231eb996ac941180";
        assert_eq!(sum(Workload::W6), (26_505_047, expected.into()));
    }

    #[test]
    fn w4_bytes() {
        let expected = "788810fe05e3ca8ce3ff8fd1d0ad378b8b4ce3a2a2a603c3d106a9086fa29211";
        assert_eq!(sum(Workload::W4), (3_463_811, expected.into()));
    }

    /// 279 MB: seconds with optimisation, minutes without.
    #[cfg(not(debug_assertions))]
    #[test]
    fn w7_bytes() {
        let expected = "7838b785426eb2a6cc1d39dde4b274d6dba4d0343b28b08479674cfabdba00ef";
        assert_eq!(sum(Workload::W7), (278_728_344, expected.into()));
    }
    /// 207 MB and 39 MB.
    #[cfg(not(debug_assertions))]
    #[test]
    fn w8_bytes() {
        let expected = "2330b8c6335088303986b763d4b3235980e5ea94b42004065f1cc6709ac504cd";
        assert_eq!(sum(Workload::W8), (206_534_760, expected.into()));
        let expected = "350b88d0559fe58ea3c4d0ad552e7666720c41955d999e348ff3a27b13155318";
        assert_eq!(sum(Workload::W8t), (39_229_135, expected.into()));
    }
}
