//! One connection to an agent or collector: requests go out with the bytes they have, answers come back whole.

use crate::endpoint::{Endpoint, Transport};
use crate::http::{Headers, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Most bytes of an answer.
const MOST_ANSWER: usize = 16 << 20;

/// Headers that are made anew for every connection (captures.md section 12).
const OF_THE_CONNECTION: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "expect",
    "te",
    "upgrade",
    "proxy-connection",
    "trailer",
];

/// Where and why a request got no answer.
#[derive(Debug)]
pub struct SendError {
    /// `resolve`, `connect`, `request` or `response`.
    pub stage: &'static str,
    /// Why.
    pub cause: String,
    /// The request may have reached its target.
    pub sent: bool,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.cause)
    }
}

impl std::error::Error for SendError {}

/// A connection that requests go over one after the other.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    authority: String,
    base: String,
    patience: Duration,
}

impl Connection {
    /// Connects to the first address of `endpoint` that answers. Must be called inside a `LocalSet`.
    pub async fn open(endpoint: &Endpoint, patience: Duration) -> Result<Connection, SendError> {
        let failed = |stage, cause: String| SendError { stage, cause, sent: false };
        let sender = match &endpoint.transport {
            Transport::Tcp(host, port) => {
                let addresses = tokio::net::lookup_host((host.as_str(), *port)).await;
                let addresses: Vec<_> =
                    addresses.map_err(|error| failed("resolve", format!("{host} is not known: {error}")))?.collect();
                let mut causes = Vec::new();
                let mut connected = None;
                for address in addresses {
                    match timeout(patience, TcpStream::connect(address)).await {
                        Ok(Ok(stream)) => {
                            connected = Some(stream);
                            break;
                        }
                        Ok(Err(error)) => causes.push(format!("{address}: {error}")),
                        Err(_) => causes.push(format!("{address}: no answer within {patience:?}")),
                    }
                }
                let stream = connected.ok_or_else(|| failed("connect", causes.join("; ")))?;
                let _ = stream.set_nodelay(true);
                handshake(TokioIo::new(stream)).await
            }
            #[cfg(unix)]
            Transport::Unix(path) => {
                let connecting = timeout(patience, tokio::net::UnixStream::connect(path)).await;
                let stream = connecting
                    .map_err(|_| failed("connect", format!("{}: no answer within {patience:?}", path.display())))?
                    .map_err(|error| failed("connect", format!("{}: {error}", path.display())))?;
                handshake(TokioIo::new(stream)).await
            }
            #[cfg(not(unix))]
            Transport::Unix(_) => return Err(failed("connect", "there are no unix sockets here".to_owned())),
        };
        let sender = sender.map_err(|error| failed("connect", error.to_string()))?;
        Ok(Connection { sender, authority: endpoint.authority(), base: endpoint.base.clone(), patience })
    }

    /// Whether another request may go over it.
    pub async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends a request with these bytes and waits for the whole answer.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &Headers,
        body: Bytes,
    ) -> Result<Response, SendError> {
        let started = Instant::now();
        let failed = |stage, cause: String, sent| SendError { stage, cause, sent };
        let request = self.request(method, path, headers, body).map_err(|cause| failed("request", cause, false))?;
        let exchange = async {
            let answer = self.sender.send_request(request).await.map_err(|error| {
                let sent = !error.is_canceled();
                failed(if sent { "response" } else { "request" }, causes(&error), sent)
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MOST_ANSWER).collect().await;
            let body = body.map_err(|error| failed("response", error.to_string(), true))?.to_bytes().to_vec();
            let mut headers = Headers::default();
            for (name, value) in &parts.headers {
                headers.push(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
            }
            Ok(Response { status: parts.status.as_u16(), headers, body, elapsed: started.elapsed() })
        };
        match timeout(self.patience, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(failed("response", format!("no answer within {:?}", self.patience), true)),
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &Headers,
        body: Bytes,
    ) -> Result<hyper::Request<Full<Bytes>>, String> {
        let path = if path.starts_with('/') { path } else { "/" };
        let mut builder = hyper::Request::builder().method(method).uri(format!("{}{path}", self.base));
        builder = builder.header("host", &self.authority);
        for (name, value) in headers.iter() {
            let made_anew = OF_THE_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name));
            if !made_anew && !name.starts_with(':') {
                builder = builder.header(name, value);
            }
        }
        builder.body(Full::new(body)).map_err(|error| error.to_string())
    }
}

type Handshake = Result<http1::SendRequest<Full<Bytes>>, hyper::Error>;

async fn handshake<S>(stream: TokioIo<S>) -> Handshake
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new().title_case_headers(true).handshake(stream).await?;
    tokio::task::spawn_local(async move {
        // Its error comes back from the request that it concerns.
        let _ = connection.await;
    });
    Ok(sender)
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
