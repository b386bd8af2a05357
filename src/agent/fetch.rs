//! Documents from a web address: what was sent is read back from the APIs of backends, through reqwest.

use super::client::{MOST_ANSWER, causes};
use super::tls::Trust;
use crate::endpoint::{Endpoint, Transport};
use crate::http::{Headers, Response};
use std::time::{Duration, Instant};

/// A client for documents of one address.
pub struct Fetcher {
    client: reqwest::Client,
    base: String,
}

impl Fetcher {
    /// A client that asks `endpoint` itself, past any proxy, and waits for an answer as long as `patience`.
    pub fn new(endpoint: &Endpoint, patience: Duration, trust: &Trust) -> Result<Fetcher, String> {
        let agent = concat!("spanglass/", env!("CARGO_PKG_VERSION"));
        let mut builder = reqwest::Client::builder().no_proxy().timeout(patience).user_agent(agent);
        builder = builder.redirect(reqwest::redirect::Policy::none());
        #[cfg(unix)]
        if let Transport::Unix(path) = &endpoint.transport {
            builder = builder.unix_socket(path.clone());
        }
        #[cfg(feature = "tls")]
        {
            let config = if endpoint.tls { super::tls::config(trust, false)? } else { super::tls::without_trust()? };
            builder = builder.tls_backend_preconfigured(config);
        }
        #[cfg(not(feature = "tls"))]
        let _ = trust;
        let base = match &endpoint.transport {
            Transport::Unix(_) => "http://localhost".to_owned(),
            Transport::Tcp(..) => {
                format!("{}://{}{}", if endpoint.tls { "https" } else { "http" }, endpoint.authority(), endpoint.base)
            }
        };
        let client = builder.build().map_err(|error| causes(&error))?;
        Ok(Fetcher { client, base })
    }

    /// `GET`s `path` below the address, which is empty or begins with a slash. Redirects are not followed.
    pub async fn get(&self, path: &str, headers: &Headers) -> Result<Response, String> {
        let started = Instant::now();
        let mut request = self.client.get(format!("{}{path}", self.base));
        for (name, value) in headers.iter() {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(|error| causes(&error.without_url()))?;
        let mut response = Response { status: answer.status().as_u16(), ..Response::default() };
        for (name, value) in answer.headers() {
            response.headers.push(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        while let Some(part) = answer.chunk().await.map_err(|error| causes(&error.without_url()))? {
            if response.body.len() + part.len() > MOST_ANSWER {
                return Err(format!("an answer of over {} MiB was not read to its end", MOST_ANSWER >> 20));
            }
            response.body.extend_from_slice(&part);
        }
        response.elapsed = started.elapsed();
        Ok(response)
    }
}
