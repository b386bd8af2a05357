//! HTTP messages as plain data. What a recording server received, a capture stores and a client sends is the
//! same [`Request`]; nothing here touches a network.

use std::time::Duration;

/// Header fields in order, names in the case they had on the wire, duplicates kept.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    fields: Vec<(String, String)>,
    /// Memory of fields that were cleared, for [`Headers::push_copy`].
    spare: Vec<(String, String)>,
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Headers {}

impl Headers {
    /// Appends a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.fields.push((name.into(), value.into()));
    }

    /// Appends a copy of a field, into the memory of one that was cleared.
    pub fn push_copy(&mut self, name: &str, value: &str) {
        let (mut own_name, mut own_value) = self.spare.pop().unwrap_or_default();
        own_name.clear();
        own_name.push_str(name);
        own_value.clear();
        own_value.push_str(value);
        self.fields.push((own_name, own_value));
    }

    /// Appends a field whose value `write` makes, into the memory of one that was cleared.
    pub fn push_written(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.push_copy(name, "");
        if let Some((_, value)) = self.fields.last_mut() {
            write(value);
        }
    }

    /// Removes all fields and keeps their memory.
    pub fn clear(&mut self) {
        self.spare.append(&mut self.fields);
    }

    /// The first value of `name`, compared without regard to ASCII case (RFC 9110 section 5.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every value of `name`, in order.
    pub fn get_all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// A request: method and target as sent (query included), and the body after de-chunking but before content
/// decoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST`, `PUT`, ... Empty when the body did not come in a request.
    pub method: String,
    /// The request target, for example `/v0.4/traces`. Empty when the body did not come in a request.
    pub path: String,
    /// Header fields in order.
    pub headers: Headers,
    /// The body as it was on the wire.
    pub body: Vec<u8>,
}

impl Request {
    /// Who sent it, as its headers say: language and version of a Datadog tracer, or the User-Agent; may be empty.
    pub fn client(&self) -> String {
        let meta =
            ["Datadog-Meta-Lang", "Datadog-Meta-Tracer-Version"].map(|name| self.headers.get(name).unwrap_or(""));
        match meta {
            ["", ""] => self.headers.get("User-Agent").unwrap_or_default().to_owned(),
            [lang, version] => format!("{lang} {version}").trim().to_owned(),
        }
    }
}

/// An answer and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Header fields in order.
    pub headers: Headers,
    /// The body as it was on the wire.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte received; zero when it was not measured.
    pub elapsed: Duration,
}

/// Header names whose values are credentials: masked when shown, dropped when recorded (wire.md section 2).
pub fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let listed = ["dd-api-key", "dd-application-key", "authorization", "proxy-authorization", "cookie", "set-cookie"];
    let test_session = name == "x-datadog-test-session-token";
    listed.contains(&name.as_str())
        || (!test_session && ["token", "secret", "api-key"].iter().any(|part| name.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_keep_theirs() {
        let mut headers = Headers::default();
        headers.push("X-Datadog-Trace-Count", "2");
        headers.push("x-datadog-trace-count", "3");
        assert_eq!(headers.get("X-DATADOG-TRACE-COUNT"), Some("2"));
        assert_eq!(headers.get_all("x-datadog-trace-count").collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(headers.iter().next(), Some(("X-Datadog-Trace-Count", "2")));
    }

    #[test]
    fn credentials_are_recognised() {
        for name in ["DD-API-KEY", "Authorization", "cookie", "X-Auth-Token", "my-secret", "x-api-key"] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["X-Datadog-Test-Session-Token", "Content-Type", "traceparent"] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
