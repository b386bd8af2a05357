//! OTLP JSON by sonic-rs into structs of this file: texts borrowed where they have no escapes, integers parsed.

use super::{Decoder, Sums};
use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::hint::black_box;

/// `Option<Cow<str>>` under serde always copies; this does not.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// 64 bits as text.
#[derive(Default)]
struct Wide(u64);

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        text.0.parse().map(Wide).map_err(serde::de::Error::custom)
    }
}

macro_rules! message {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* }) => {
        /// All fields are kept, so that every one can be read; the sums look at few of them.
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        #[allow(dead_code, reason = "read by nobody here")]
        struct $name<'a> { $($(#[$attribute])* $field: $kind,)* }
    };
}

message!(Request { #[serde(borrow)] resource_spans: Vec<ResourceSpans<'a>>, });
message!(ResourceSpans {
    #[serde(borrow)] resource: Resource<'a>,
    #[serde(borrow)] scope_spans: Vec<ScopeSpans<'a>>,
    #[serde(borrow)] schema_url: Text<'a>,
});
message!(Resource { #[serde(borrow)] attributes: Vec<KeyValue<'a>>, dropped_attributes_count: u32, });
message!(ScopeSpans {
    #[serde(borrow)] scope: Scope<'a>,
    #[serde(borrow)] spans: Vec<Span<'a>>,
    #[serde(borrow)] schema_url: Text<'a>,
});
message!(Scope {
    #[serde(borrow)] name: Text<'a>,
    #[serde(borrow)] version: Text<'a>,
    #[serde(borrow)] attributes: Vec<KeyValue<'a>>,
});
message!(Span {
    #[serde(borrow)] trace_id: Text<'a>,
    #[serde(borrow)] span_id: Text<'a>,
    #[serde(borrow)] parent_span_id: Text<'a>,
    #[serde(borrow)] trace_state: Text<'a>,
    #[serde(borrow)] name: Text<'a>,
    kind: i32,
    start_time_unix_nano: Wide,
    end_time_unix_nano: Wide,
    #[serde(borrow)] attributes: Vec<KeyValue<'a>>,
    #[serde(borrow)] events: Vec<Event<'a>>,
    #[serde(borrow)] links: Vec<Link<'a>>,
    #[serde(borrow)] status: Status<'a>,
    flags: u32,
});
message!(Event {
    time_unix_nano: Wide,
    #[serde(borrow)] name: Text<'a>,
    #[serde(borrow)] attributes: Vec<KeyValue<'a>>,
});
message!(Link {
    #[serde(borrow)] trace_id: Text<'a>,
    #[serde(borrow)] span_id: Text<'a>,
    #[serde(borrow)] attributes: Vec<KeyValue<'a>>,
});
message!(Status { #[serde(borrow)] message: Text<'a>, code: i32, });
message!(KeyValue { #[serde(borrow)] key: Text<'a>, #[serde(borrow)] value: AnyValue<'a>, });
message!(List { #[serde(borrow)] values: Vec<AnyValue<'a>>, });
message!(Map { #[serde(borrow)] values: Vec<KeyValue<'a>>, });

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::enum_variant_names, dead_code, reason = "named as they are on the wire; read by nobody here")]
enum AnyValue<'a> {
    #[default]
    NoValue,
    StringValue(#[serde(borrow)] Text<'a>),
    BoolValue(bool),
    IntValue(#[serde(borrow)] Text<'a>),
    DoubleValue(f64),
    ArrayValue(#[serde(borrow)] List<'a>),
    KvlistValue(#[serde(borrow)] Map<'a>),
    BytesValue(#[serde(borrow)] Text<'a>),
}

pub fn json_lines(body: &[u8]) -> Decoder<'_> {
    Box::new(move |mut sums| {
        super::lines(body).try_for_each(|line| -> Result<()> {
            let request: Request<'_> = sonic_rs::from_slice(line).context("sonic-rs")?;
            add(&black_box(request), sums.as_deref_mut());
            Ok(())
        })
    })
}

fn add(request: &Request<'_>, sums: Option<&mut Sums>) {
    let Some(sums) = sums else { return };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    for span in scopes.flat_map(|scope| &scope.spans) {
        let texts = span.attributes.iter().filter_map(|attribute| match &attribute.value {
            AnyValue::StringValue(text) => Some((attribute.key.0.as_ref(), text.0.as_ref())),
            _ => None,
        });
        sums.add((span.end_time_unix_nano.0 - span.start_time_unix_nano.0) as i64, texts);
    }
}
