//! What spans are taken together by, where many of them are added up.

use crate::trace::{Span, Value};
use std::borrow::Cow;
use std::str::FromStr;

/// What spans are taken together by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Service and name, and the resource where frames are told apart.
    #[default]
    Operation,
    /// The service alone.
    Service,
    /// The name alone.
    Name,
    /// Service and resource.
    Resource,
    /// The value of a tag.
    Tag(String),
}

impl FromStr for Grouping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("tag:")) {
            ("operation", _) => Ok(Grouping::Operation),
            ("service", _) => Ok(Grouping::Service),
            ("name", _) => Ok(Grouping::Name),
            ("resource", _) => Ok(Grouping::Resource),
            (_, Some(key)) if !key.is_empty() => Ok(Grouping::Tag(key.to_owned())),
            _ => Err("one of operation, service, name, resource, tag:KEY".to_owned()),
        }
    }
}

impl Grouping {
    /// The tag that is looked at.
    pub fn tag(&self) -> Option<&str> {
        if let Grouping::Tag(key) = self { Some(key) } else { None }
    }

    /// What a span is counted under: a service, and what of it, either perhaps empty.
    pub fn key<'b>(&self, span: Span<'b>) -> (&'b str, Cow<'b, str>) {
        match self {
            Grouping::Operation => (span.service(), span.name().into()),
            Grouping::Service => (span.service(), "".into()),
            Grouping::Name => ("", span.name().into()),
            Grouping::Resource => (span.service(), span.resource().into()),
            Grouping::Tag(key) => ("", tag(span, key)),
        }
    }

    /// The same as one text, with the resource where it says more than the name.
    pub fn write(&self, span: Span<'_>, label: &mut String) {
        let (service, what) = self.key(span);
        label.push_str(service);
        if *self == Grouping::Operation || !service.is_empty() && !what.is_empty() {
            label.push_str(": ");
        }
        label.push_str(&what);
        if *self == Grouping::Operation && !span.resource().is_empty() && span.resource() != span.name() {
            label.push(' ');
            label.push_str(span.resource());
        }
    }
}

fn tag<'b>(span: Span<'b>, key: &str) -> Cow<'b, str> {
    let value = match span.attributes().get(key) {
        Some(Value::Str(text)) => return format!("{key}={text}").into(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::Float(number)) => number.to_string(),
        Some(_) => return format!("{key} of another type").into(),
        None => return format!("without {key}").into(),
    };
    format!("{key}={value}").into()
}
