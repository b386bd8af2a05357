//! The msgpack documents of `meta_struct`, as JSON.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;

/// One msgpack value as JSON: bytes become `{"base64": text}`, numbers that are not finite `{"float": "nan"}`, keys
/// that are not strings their JSON text. `None` when `bytes` are not exactly one msgpack value.
pub fn document(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let document = Document::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).ok()?;
    rest.is_empty().then_some(document.0)
}

struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Document)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a msgpack value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(base64(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Document>()? {
            list.push(item.0);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = entries.next_entry::<Document, Document>()? {
            let key = match key.0 {
                Value::String(text) => text,
                other => other.to_string(),
            };
            map.insert(key, value.0);
        }
        Ok(Value::Object(map))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        // An extension value: type and bytes.
        deserializer.deserialize_any(self)
    }
}

/// A number as JSON; one that is not finite as `{"float": "nan" | "inf" | "-inf"}`.
pub fn float(value: f64) -> Value {
    match value {
        v if v.is_finite() => json!(v),
        v if v.is_nan() => json!({"float": "nan"}),
        v if v > 0.0 => json!({"float": "inf"}),
        _ => json!({"float": "-inf"}),
    }
}

/// Bytes as JSON: `{"base64": text}`.
pub fn base64(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
}
