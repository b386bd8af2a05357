//! What a Datadog agent says about itself: `/info`.

use super::client::{Connection, SendError};
use super::taken::Taken;
use crate::http::{Headers, Response};
use crate::wire::{Endpoint, Protocol};
use bytes::Bytes;
use serde_json::Value;

/// The answer to `/info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Version of the agent.
    pub version: Option<String>,
    /// Paths that it takes.
    pub endpoints: Vec<String>,
}

impl Info {
    /// The protocols of traces that it takes.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> {
        self.endpoints.iter().filter_map(|path| match Protocol::of_path(path) {
            Some(Endpoint::Traces(protocol)) => Some(protocol),
            _ => None,
        })
    }
}

/// Asks for `/info`: the whole answer, and what it says; `None` there when it is not the answer of an agent.
pub async fn ask(connection: &mut Connection) -> Result<(Response, Option<Info>), SendError> {
    let response = connection.send("GET", "/info", &Headers::default(), Bytes::new()).await?;
    let info = read(&response);
    Ok((response, info))
}

fn read(response: &Response) -> Option<Info> {
    let document: Value = serde_json::from_slice(&response.body).ok().filter(|_| Taken::of(response).ok)?;
    let endpoints = document.get("endpoints")?.as_array()?;
    let endpoints = endpoints.iter().filter_map(|path| Some(path.as_str()?.to_owned())).collect();
    Some(Info { version: document["version"].as_str().map(str::to_owned), endpoints })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_told_from_others() {
        let answer = |status, body: &str| Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        let info = read(&answer(200, r#"{"version":"7.1","endpoints":["/v0.4/traces","/v0.6/stats","/v1.0/traces"]}"#));
        let info = info.expect("an agent");
        assert_eq!(info.version.as_deref(), Some("7.1"));
        assert!(info.protocols().eq([Protocol::V04, Protocol::V1]));
        for (status, body) in [(200, "<html>"), (404, r#"{"endpoints":[]}"#), (200, "{}"), (200, "[]")] {
            assert_eq!(read(&answer(status, body)), None, "{body}");
        }
    }
}
