//! OTLP by quick-protobuf: messages as its generator writes them, texts borrowed.

use super::{Decoder, Sums};
use anyhow::Context;
use quick_protobuf::{BytesReader, MessageRead, Result as Read};
use std::borrow::Cow;
use std::hint::black_box;

type Text<'a> = Cow<'a, str>;
type Blob<'a> = Cow<'a, [u8]>;

/// A message: fields by tag. The tag is the number of the field and how it is written.
macro_rules! message {
    ($name:ident { $($tag:literal $field:ident: $kind:ty = |$reader:ident, $bytes:ident, $to:ident| $read:expr;)* }) => {
        /// All fields are kept, so that every one can be read; the sums look at few of them.
        #[derive(Default)]
        #[allow(dead_code, reason = "read by nobody here")]
        struct $name<'a> { $($field: $kind,)* unknown: std::marker::PhantomData<&'a ()> }

        impl<'a> MessageRead<'a> for $name<'a> {
            fn from_reader(reader: &mut BytesReader, bytes: &'a [u8]) -> Read<Self> {
                let mut message = Self::default();
                while !reader.is_eof() {
                    match reader.next_tag(bytes)? {
                        $($tag => { let ($reader, $bytes, $to) = (&mut *reader, bytes, &mut message.$field); $read })*
                        tag => reader.read_unknown(bytes, tag)?,
                    }
                }
                Ok(message)
            }
        }
    };
}

message!(Request {
    10 resource_spans: Vec<ResourceSpans<'a>> = |r, b, to| to.push(r.read_message(b)?);
});
message!(ResourceSpans {
    10 resource: Option<Resource<'a>> = |r, b, to| *to = Some(r.read_message(b)?);
    18 scope_spans: Vec<ScopeSpans<'a>> = |r, b, to| to.push(r.read_message(b)?);
    26 schema_url: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
});
message!(Resource {
    10 attributes: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
    16 dropped: u32 = |r, b, to| *to = r.read_uint32(b)?;
});
message!(ScopeSpans {
    10 scope: Option<Scope<'a>> = |r, b, to| *to = Some(r.read_message(b)?);
    18 spans: Vec<Span<'a>> = |r, b, to| to.push(r.read_message(b)?);
    26 schema_url: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
});
message!(Scope {
    10 name: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    18 version: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    26 attributes: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
    32 dropped: u32 = |r, b, to| *to = r.read_uint32(b)?;
});
message!(Span {
    10 trace_id: Blob<'a> = |r, b, to| *to = r.read_bytes(b)?.into();
    18 span_id: Blob<'a> = |r, b, to| *to = r.read_bytes(b)?.into();
    26 trace_state: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    34 parent_span_id: Blob<'a> = |r, b, to| *to = r.read_bytes(b)?.into();
    42 name: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    48 kind: i32 = |r, b, to| *to = r.read_enum(b)?;
    57 start: u64 = |r, b, to| *to = r.read_fixed64(b)?;
    65 end: u64 = |r, b, to| *to = r.read_fixed64(b)?;
    74 attributes: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
    80 dropped_attributes: u32 = |r, b, to| *to = r.read_uint32(b)?;
    90 events: Vec<Event<'a>> = |r, b, to| to.push(r.read_message(b)?);
    96 dropped_events: u32 = |r, b, to| *to = r.read_uint32(b)?;
    106 links: Vec<Link<'a>> = |r, b, to| to.push(r.read_message(b)?);
    112 dropped_links: u32 = |r, b, to| *to = r.read_uint32(b)?;
    122 status: Option<Status<'a>> = |r, b, to| *to = Some(r.read_message(b)?);
    133 flags: u32 = |r, b, to| *to = r.read_fixed32(b)?;
});
message!(Event {
    9 time: u64 = |r, b, to| *to = r.read_fixed64(b)?;
    18 name: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    26 attributes: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
    32 dropped: u32 = |r, b, to| *to = r.read_uint32(b)?;
});
message!(Link {
    10 trace_id: Blob<'a> = |r, b, to| *to = r.read_bytes(b)?.into();
    18 span_id: Blob<'a> = |r, b, to| *to = r.read_bytes(b)?.into();
    26 trace_state: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    34 attributes: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
    40 dropped: u32 = |r, b, to| *to = r.read_uint32(b)?;
    53 flags: u32 = |r, b, to| *to = r.read_fixed32(b)?;
});
message!(Status {
    18 message: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    24 code: i32 = |r, b, to| *to = r.read_enum(b)?;
});
message!(KeyValue {
    10 key: Text<'a> = |r, b, to| *to = r.read_string(b)?.into();
    18 value: Option<AnyValue<'a>> = |r, b, to| *to = Some(r.read_message(b)?);
});
message!(List {
    10 values: Vec<AnyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
});
message!(Map {
    10 values: Vec<KeyValue<'a>> = |r, b, to| to.push(r.read_message(b)?);
});

/// A oneof.
#[derive(Default)]
#[allow(dead_code, reason = "read by nobody here")]
enum AnyValue<'a> {
    #[default]
    None,
    Text(Text<'a>),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(List<'a>),
    Map(Map<'a>),
    Bytes(Blob<'a>),
}

impl<'a> MessageRead<'a> for AnyValue<'a> {
    fn from_reader(reader: &mut BytesReader, bytes: &'a [u8]) -> Read<Self> {
        let mut value = AnyValue::None;
        while !reader.is_eof() {
            value = match reader.next_tag(bytes)? {
                10 => AnyValue::Text(reader.read_string(bytes)?.into()),
                16 => AnyValue::Bool(reader.read_bool(bytes)?),
                24 => AnyValue::Int(reader.read_int64(bytes)?),
                33 => AnyValue::Double(reader.read_double(bytes)?),
                42 => AnyValue::List(reader.read_message(bytes)?),
                50 => AnyValue::Map(reader.read_message(bytes)?),
                58 => AnyValue::Bytes(reader.read_bytes(bytes)?.into()),
                tag => {
                    reader.read_unknown(bytes, tag)?;
                    value
                }
            };
        }
        Ok(value)
    }
}

pub fn protobuf(body: &[u8]) -> Decoder<'_> {
    Box::new(move |sums| {
        let mut reader = BytesReader::from_bytes(body);
        let request = black_box(Request::from_reader(&mut reader, body).context("quick-protobuf")?);
        add(&request, sums);
        Ok(())
    })
}

fn add(request: &Request<'_>, sums: Option<&mut Sums>) {
    let Some(sums) = sums else { return };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    for span in scopes.flat_map(|scope| &scope.spans) {
        let texts = span.attributes.iter().filter_map(|attribute| match &attribute.value {
            Some(AnyValue::Text(text)) => Some((attribute.key.as_ref(), text.as_ref())),
            _ => None,
        });
        sums.add((span.end - span.start) as i64, texts);
    }
}
