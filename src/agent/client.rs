//! Requests to an agent or collector, stage by stage: its name is looked up, each address tried, TLS agreed on where the URL
//! asks for it, and then a request goes out with the bytes it has and its answer comes back whole.

use super::first::{FirstBytes, Spoken, Watch, Watched};
use super::likely;
use super::tls::{Tls, Trust};
use crate::endpoint::{Endpoint, Transport};
use crate::http::{Headers, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
#[cfg(feature = "grpc")]
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Most bytes of an answer.
pub(super) const MOST_ANSWER: usize = 16 << 20;

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

/// A part of the way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name of the host becomes addresses.
    Resolve,
    /// One of them takes a connection.
    Connect,
    /// Both sides agree on keys, and the certificate is good.
    Tls,
    /// The request is written.
    Request,
    /// Its answer is read.
    Response,
    /// What was sent is asked for.
    Verify,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Request => "request",
            Stage::Response => "response",
            Stage::Verify => "verify",
        })
    }
}

/// A stage that was gone through.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// Whether it went well.
    pub ok: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// What was found, or what went wrong.
    pub detail: String,
}

/// Where and why a request got no answer.
#[derive(Debug)]
pub struct SendError {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub cause: String,
    /// What is most likely behind it, and what to do.
    pub help: Option<String>,
}

impl SendError {
    fn new(stage: Stage, cause: impl Into<String>) -> SendError {
        SendError { stage, cause: cause.into(), help: None }
    }

    fn help(self, help: impl Into<Option<String>>) -> SendError {
        SendError { help: help.into(), ..self }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.cause)
    }
}

impl std::error::Error for SendError {}

/// Where requests go.
pub struct Client {
    endpoint: Endpoint,
    /// Longest wait for a connection, and for an answer.
    patience: Duration,
    tls: Tls,
}

impl Client {
    /// Requests to `endpoint`, which is not dialled yet.
    pub fn new(endpoint: Endpoint, patience: Duration, trust: Trust) -> Client {
        Client { tls: Tls::new(trust, endpoint.grpc), endpoint, patience }
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Connects to the first address that answers. Must be called inside a `LocalSet`.
    pub async fn connect(&self, steps: &mut Vec<Step>) -> Result<Connection, SendError> {
        match &self.endpoint.transport {
            Transport::Tcp(host, port) => {
                let stream = self.dial(host, *port, steps).await?;
                let _ = stream.set_nodelay(true);
                if !self.endpoint.tls {
                    return self.handshake(stream).await;
                }
                let started = Instant::now();
                let agreed = timeout(self.patience, self.tls.agree(host, stream)).await;
                let agreed =
                    agreed.unwrap_or_else(|_| Err((format!("nothing agreed on within {:?}", self.patience), None)));
                match agreed {
                    Ok((stream, detail)) => {
                        steps.push(Step { stage: Stage::Tls, ok: true, elapsed: started.elapsed(), detail });
                        self.handshake(stream).await
                    }
                    Err((cause, help)) => Err(SendError::new(Stage::Tls, cause).help(help)),
                }
            }
            #[cfg(unix)]
            Transport::Unix(path) => {
                let started = Instant::now();
                let failed = |cause: String| SendError::new(Stage::Connect, format!("{}: {cause}", path.display()));
                match timeout(self.patience, tokio::net::UnixStream::connect(path)).await {
                    Ok(Ok(stream)) => {
                        let detail = path.display().to_string();
                        steps.push(Step { stage: Stage::Connect, ok: true, elapsed: started.elapsed(), detail });
                        self.handshake(stream).await
                    }
                    Ok(Err(error)) => Err(failed(error.to_string()).help(likely::of_unix(&error))),
                    Err(_) => Err(failed(format!("no answer within {:?}", self.patience))),
                }
            }
            #[cfg(not(unix))]
            Transport::Unix(_) => Err(SendError::new(Stage::Connect, "there are no unix sockets here")),
        }
    }

    async fn dial(&self, host: &str, port: u16, steps: &mut Vec<Step>) -> Result<TcpStream, SendError> {
        let started = Instant::now();
        let step = |stage, ok, started: Instant, detail| Step { stage, ok, elapsed: started.elapsed(), detail };
        let looked_up = match timeout(self.patience, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(addresses)) => Ok(addresses.collect::<Vec<_>>()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.patience)),
        };
        let addresses = match looked_up {
            Ok(addresses) if !addresses.is_empty() => addresses,
            Ok(_) => return Err(SendError::new(Stage::Resolve, format!("{host} has no address"))),
            Err(cause) => {
                let error = SendError::new(Stage::Resolve, format!("{host} is not known: {cause}"));
                return Err(error.help(likely::of_name(host)));
            }
        };
        let all: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        steps.push(step(Stage::Resolve, true, started, format!("{host} is {}", all.join(", "))));
        let mut last = None;
        let mut causes = Vec::new();
        for address in addresses {
            let started = Instant::now();
            let cause = match timeout(self.patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    steps.push(step(Stage::Connect, true, started, address.to_string()));
                    return Ok(stream);
                }
                Ok(Err(error)) => {
                    last = Some(error.kind());
                    error.to_string()
                }
                Err(_) => {
                    last = Some(std::io::ErrorKind::TimedOut);
                    format!("no answer within {:?}", self.patience)
                }
            };
            let cause = format!("{address}: {cause}");
            steps.push(step(Stage::Connect, false, started, cause.clone()));
            causes.push(cause);
        }
        let help = last.and_then(|kind| likely::of_connect(kind, &self.endpoint));
        Err(SendError::new(Stage::Connect, causes.join("; ")).help(help))
    }

    async fn handshake<S>(&self, stream: S) -> Result<Connection, SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let first = Rc::new(RefCell::new(FirstBytes::default()));
        let io = TokioIo::new(Watched { stream, watch: first.clone() });
        let failed = |error: hyper::Error| SendError::new(Stage::Connect, causes(&error));
        let sender = match self.endpoint.grpc {
            #[cfg(feature = "grpc")]
            true => {
                let (sender, connection) = http2::Builder::new(super::Local).handshake(io).await.map_err(failed)?;
                tokio::task::spawn_local(async move { drop(connection.await) });
                Sender::Http2(sender)
            }
            #[cfg(not(feature = "grpc"))]
            true => return Err(SendError::new(Stage::Connect, "this build of spanglass has no gRPC (feature grpc)")),
            false => {
                let (sender, connection) =
                    http1::Builder::new().title_case_headers(true).handshake(io).await.map_err(failed)?;
                // Its error comes back from the request that it concerns.
                tokio::task::spawn_local(async move { drop(connection.await) });
                Sender::Http1(sender)
            }
        };
        Ok(Connection { sender, endpoint: self.endpoint.clone(), patience: self.patience, first })
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    #[cfg(feature = "grpc")]
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A connection that requests go over one after the other.
pub struct Connection {
    sender: Sender,
    endpoint: Endpoint,
    patience: Duration,
    /// What the other side said first.
    first: Rc<RefCell<FirstBytes>>,
}

impl Connection {
    /// Whether another request may go over it.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            #[cfg(feature = "grpc")]
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends a request with these bytes and waits for the whole answer. The status of a gRPC call is its header `grpc-status`,
    /// also where it came behind the answer.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &Headers,
        body: Bytes,
    ) -> Result<Response, SendError> {
        let head = Head::new(&self.endpoint, method, path, headers)?;
        self.send_under(&head, body).await
    }

    /// Sends a request under a head that was made before.
    pub async fn send_under(&mut self, head: &Head, body: Bytes) -> Result<Response, SendError> {
        let started = Instant::now();
        let request = hyper::Request::from_parts(head.0.clone(), Full::new(body));
        let exchange = async {
            let answer = match &mut self.sender {
                Sender::Http1(sender) => sender.send_request(request).await,
                #[cfg(feature = "grpc")]
                Sender::Http2(sender) => sender.send_request(request).await,
            };
            let answer = answer.map_err(|error| {
                let sent = !error.is_canceled();
                (if sent { Stage::Response } else { Stage::Request }, causes(&error))
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MOST_ANSWER).collect().await;
            let body = body.map_err(|error| {
                let too_long = error.is::<http_body_util::LengthLimitError>();
                let cause = match too_long {
                    true => format!("an answer of over {} MiB was not read to its end", MOST_ANSWER >> 20),
                    false => format!("the answer ends early: {}", causes(&*error)),
                };
                (Stage::Response, cause)
            })?;
            let mut headers = Headers::default();
            let trailers = body.trailers().into_iter().flatten();
            for (name, value) in parts.headers.iter().chain(trailers) {
                headers.push(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
            }
            let body = body.to_bytes().to_vec();
            Ok(Response { status: parts.status.as_u16(), headers, body, elapsed: started.elapsed() })
        };
        let (stage, cause) = match timeout(self.patience, exchange).await {
            Ok(Ok(answered)) => return Ok(answered),
            Ok(Err(failed)) => failed,
            Err(_) => (Stage::Response, format!("no answer within {:?}", self.patience)),
        };
        let mut first = *self.first.borrow();
        if first.spoken() == Spoken::Silence && self.endpoint.grpc && !self.endpoint.tls {
            first = timeout(self.patience, self.overhear()).await.ok().and_then(Result::ok).unwrap_or_default();
        }
        let help = likely::of_silence(&first, &self.endpoint);
        Err(SendError { stage, cause, help })
    }

    /// What is said to a request of HTTP/1, on a connection of its own: who does not know HTTP/2 closes at once, and what it
    /// says is lost when more was being written.
    async fn overhear(&self) -> std::io::Result<FirstBytes> {
        let Transport::Tcp(host, port) = &self.endpoint.transport else { return Ok(FirstBytes::default()) };
        let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let (mut first, mut bytes) = (FirstBytes::default(), [0; 16]);
        let length = stream.read(&mut bytes).await?;
        first.see(&bytes[..length]);
        Ok(first)
    }
}

/// The first part of a request to an endpoint: method, target and headers.
#[derive(Clone, Debug)]
pub struct Head(hyper::http::request::Parts);

impl Head {
    /// The head of a request to `path` below the base of `endpoint`; headers that belong to a connection are made anew.
    pub fn new(endpoint: &Endpoint, method: &str, path: &str, headers: &Headers) -> Result<Head, SendError> {
        let path = endpoint.path(path);
        let mut builder = hyper::Request::builder().method(method);
        builder = match endpoint.grpc {
            true => {
                let scheme = if endpoint.tls { "https" } else { "http" };
                builder.uri(format!("{scheme}://{}{path}", endpoint.authority())).header("te", "trailers")
            }
            false => builder.uri(path).header("host", endpoint.authority()),
        };
        for (name, value) in headers.iter() {
            let made_anew = OF_THE_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name));
            if !made_anew && !name.starts_with(':') {
                builder = builder.header(name, value);
            }
        }
        let request = builder.body(()).map_err(|error| SendError::new(Stage::Request, error.to_string()))?;
        Ok(Head(request.into_parts().0))
    }
}

/// An error with what caused it.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(&format!(": {said}"));
        }
        cause = error.source();
    }
    text
}
