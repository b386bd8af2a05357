//! The recording server: it answers like an agent and a collector, and writes every request down before it answers.
//!
//! Everything runs on one thread. A request is read whole, its line goes to the [`Store`], then the answer goes out: what was
//! acknowledged is in the file, whatever happens next. When the file cannot be written the client is told 503.

use super::answer;
use super::client::Client;
use super::first::{Spoken, Watched};
use super::heads::Heads;
use super::session::{self, Asked};
use super::store::Store;
use crate::capture::CaptureRecord;
use crate::capture::http1::{Framing, Head, Start};
use crate::capture::jsonl::{self, Arrival};
use crate::http::{Headers, Request, Response, is_credential};
use crate::time::Timestamp;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::timeout;

/// How a server behaves.
pub struct Settings {
    /// Most bytes of a body; more is 413.
    pub max_body: usize,
    /// Longest wait for the next bytes of a request; then 408.
    pub patience: Duration,
    /// Most connections at a time; further ones wait.
    pub connections: usize,
    /// Record headers that hold credentials too.
    pub keep_secrets: bool,
    /// Where requests are passed on to; its answers go back.
    pub forward: Option<Client>,
    /// What trace requests of Datadog tracers are answered with, in place of rates that keep everything.
    pub rates: Option<Vec<u8>>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// What a server does not do itself.
pub trait Observer {
    /// A request was written down.
    fn recorded(&mut self, record: CaptureRecord);
    /// Something went wrong that the user should know.
    fn trouble(&mut self, what: &str);
}

/// A socket to serve.
pub enum Listener {
    /// HTTP/1.1 over TCP.
    Tcp(TcpListener),
    /// HTTP/2 over TCP: gRPC.
    #[cfg(feature = "grpc")]
    Grpc(TcpListener),
    /// HTTP/1.1 over a unix socket.
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A recording server.
pub struct Server<O> {
    settings: Settings,
    store: RefCell<Option<Store>>,
    observer: RefCell<O>,
    requests: Cell<u64>,
    connections: Cell<u64>,
    /// The file could not be written, and this was said.
    failing: Cell<bool>,
    /// Length of the file when the session that is read back began.
    session: Cell<u64>,
}

impl<O: Observer + 'static> Server<O> {
    /// A server that writes to `store`, or only answers. `listen` are its addresses, for the first line of the file.
    pub fn new(
        settings: Settings,
        mut store: Option<Store>,
        listen: &[String],
        observer: O,
    ) -> std::io::Result<Rc<Self>> {
        if let Some(store) = &mut store {
            let writer = concat!("spanglass ", env!("CARGO_PKG_VERSION"));
            let created = (settings.now)();
            store.append(|line| jsonl::write_capture_line(line, created, writer, listen))?;
        }
        let session = store.as_ref().map_or(0, Store::length);
        Ok(Rc::new(Server {
            settings,
            store: RefCell::new(store),
            observer: RefCell::new(observer),
            requests: Cell::new(0),
            connections: Cell::new(0),
            failing: Cell::new(false),
            session: Cell::new(session),
        }))
    }

    /// Requests that were written down.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Serves until `stop` is done, then lets requests that are being read come to their end, for as long as the patience
    /// lasts, and closes the file. Must be called inside a `LocalSet`.
    pub async fn serve(
        self: &Rc<Self>,
        listeners: Vec<Listener>,
        stop: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let (ending, ended) = watch::channel(false);
        let free = Arc::new(Semaphore::new(self.settings.connections));
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn_local(self.clone().accept(listener, free.clone(), ended.clone()));
        }
        stop.await;
        accepting.shutdown().await;
        let _ = ending.send(true);
        let all = u32::try_from(self.settings.connections).unwrap_or(u32::MAX);
        let _ = timeout(self.settings.patience, free.acquire_many(all)).await;
        let requests = self.requests.get();
        match &mut *self.store.borrow_mut() {
            Some(store) => store.append(|line| jsonl::write_end(line, requests)),
            None => Ok(()),
        }
    }

    async fn accept(self: Rc<Self>, listener: Listener, free: Arc<Semaphore>, ended: watch::Receiver<bool>) {
        loop {
            let Ok(place) = free.clone().acquire_owned().await else { return };
            let server = self.clone();
            let mut ended = ended.clone();
            let accepted = match &listener {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    let _ = stream.set_nodelay(true);
                    spawn_local(async move {
                        server.http1(stream, "tcp", &mut ended).await;
                        drop(place);
                    });
                }),
                #[cfg(unix)]
                Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    spawn_local(async move {
                        server.http1(stream, "uds", &mut ended).await;
                        drop(place);
                    });
                }),
                #[cfg(feature = "grpc")]
                Listener::Grpc(listener) => listener.accept().await.map(|(stream, _)| {
                    let _ = stream.set_nodelay(true);
                    spawn_local(async move {
                        server.http2(stream, &mut ended).await;
                        drop(place);
                    });
                }),
            };
            if let Err(error) = accepted {
                // Out of file descriptors, mostly: others must close before it goes on.
                self.observer.borrow_mut().trouble(&format!("a connection could not be accepted: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn http1<S>(self: Rc<Self>, stream: S, transport: &'static str, ended: &mut watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let conn = self.next_connection();
        let heads = Rc::new(RefCell::new(Heads::default()));
        let service = service_fn(|request| {
            let (server, heads) = (self.clone(), heads.clone());
            // A task of its own: when the client goes away hyper drops the service, and what came must be recorded still.
            let handled = spawn_local(async move {
                let head = heads.borrow_mut().take();
                let response = server.handle(request, head, conn, transport, || heads.borrow_mut().body_ended()).await;
                to_hyper(response, Full::new)
            });
            async move {
                let failed = || hyper::Response::new(Full::default());
                Ok::<_, Infallible>(handled.await.unwrap_or_else(|_| failed()))
            }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.patience)
            .max_headers(256)
            .max_buf_size(256 << 10)
            .serve_connection(TokioIo::new(Watched { stream, watch: heads.clone() }), service);
        let mut served = std::pin::pin!(served);
        let result = tokio::select! {
            result = &mut served => result,
            _ = ended.wait_for(|ended| *ended) => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = result
            && error.is_parse()
        {
            let what = not_http(heads.borrow().first.spoken()).map_or_else(|| error.to_string(), str::to_owned);
            self.observer.borrow_mut().trouble(&format!("connection {conn}: {what}"));
        }
    }

    #[cfg(feature = "grpc")]
    async fn http2(self: Rc<Self>, stream: tokio::net::TcpStream, ended: &mut watch::Receiver<bool>) {
        let conn = self.next_connection();
        let heads = Rc::new(RefCell::new(Heads::default()));
        let service = service_fn(|request| {
            let server = self.clone();
            spawn_local(async move {
                let response = server.handle(request, None, conn, "tcp", || ()).await;
                let grpc =
                    response.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
                to_hyper(response, |body| {
                    // The status of a gRPC call comes behind its answer.
                    let mut trailers = hyper::HeaderMap::new();
                    if grpc {
                        trailers.insert("grpc-status", hyper::header::HeaderValue::from_static("0"));
                    }
                    Full::new(body).with_trailers(std::future::ready(grpc.then_some(Ok::<_, Infallible>(trailers))))
                })
            })
        });
        let served = hyper::server::conn::http2::Builder::new(super::Local)
            .timer(TokioTimer::new())
            .max_header_list_size(256 << 10)
            .keep_alive_interval(Some(self.settings.patience))
            .serve_connection(TokioIo::new(Watched { stream, watch: heads.clone() }), service);
        let mut served = std::pin::pin!(served);
        let result = tokio::select! {
            result = &mut served => result,
            _ = ended.wait_for(|ended| *ended) => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        let spoken = heads.borrow().first.spoken();
        if result.is_err()
            && let Some(what) = not_http2(spoken)
        {
            self.observer.borrow_mut().trouble(&format!("connection {conn} to the gRPC port: {what}"));
        }
    }

    fn next_connection(&self) -> u64 {
        self.connections.set(self.connections.get() + 1);
        self.connections.get()
    }

    /// Reads a request, writes it down, answers.
    async fn handle(
        self: Rc<Self>,
        request: hyper::Request<Incoming>,
        head: Option<Head>,
        conn: u64,
        transport: &'static str,
        body_ended: impl Fn(),
    ) -> Response {
        let (parts, body) = request.into_parts();
        let http = match parts.version {
            hyper::Version::HTTP_2 => "2",
            hyper::Version::HTTP_10 => "1.0",
            _ => "1.1",
        };
        let announced = body.size_hint().exact();
        if announced.is_some_and(|length| length > self.settings.max_body as u64) {
            return self.too_large(&parts.uri);
        }
        let (bytes, aborted) = match self.read(body).await {
            Ok(read) => read,
            Err(TooLarge) => return self.too_large(&parts.uri),
        };
        body_ended();
        let framing = match &head {
            _ if http == "2" => "h2",
            Some(Head { framing: Framing::Chunked, .. }) => "chunked",
            _ if parts.headers.contains_key("transfer-encoding") => "chunked",
            _ if parts.headers.contains_key("content-length") => "content-length",
            _ => "none",
        };
        let (method, path, headers) = as_sent(head, parts);
        let asking = Request { method, path, headers, body: Vec::new() };
        if let Some(asked) = session::asked(&asking) {
            return self.read_back(asked, &asking);
        }
        let Request { method, path, headers, .. } = asking;
        let (headers, redacted) = self.without_credentials(headers);
        let record = CaptureRecord {
            received: Some((self.settings.now)()),
            request: Request { method, path, headers, body: bytes },
            aborted: aborted.is_some(),
            ..CaptureRecord::default()
        };
        let seq = self.requests.get() + 1;
        let arrival = Arrival { seq, conn, transport, http, framing, redacted: &redacted };
        if let Err(error) = self.append(|line| jsonl::write_request(line, &record, &arrival)) {
            return answer::text(503, &format!("not recorded: {error}\n"));
        }
        self.requests.set(seq);
        if let Some(status) = aborted {
            self.observer.borrow_mut().recorded(record);
            return answer::text(status, "the body is incomplete\n");
        }
        let response = match &self.settings.forward {
            Some(client) => self.forward(client, &record.request).await,
            None => answer::to(&record.request, self.settings.max_body, self.settings.rates.as_deref()),
        };
        let sent = response.clone();
        let server = self.clone();
        // It runs after hyper has sent the answer.
        spawn_local(async move {
            let now = (server.settings.now)();
            let _ = server.append(|line| jsonl::write_response(line, seq, now, &sent));
        });
        self.observer.borrow_mut().recorded(record);
        response
    }

    fn append(&self, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut store = self.store.borrow_mut();
        let Some(store) = &mut *store else { return Ok(()) };
        let written = store.append(write);
        match &written {
            Err(error) if !self.failing.replace(true) => {
                let what = format!("cannot write {}: {error}; clients are told 503", store.path().display());
                self.observer.borrow_mut().trouble(&what);
            }
            Err(_) => {}
            Ok(()) => self.failing.set(false),
        }
        written
    }

    /// What was recorded since the session began.
    fn read_back(&self, asked: Asked, request: &Request) -> Response {
        let store = self.store.borrow();
        if asked == Asked::Clear {
            self.session.set(store.as_ref().map_or(0, Store::length));
        }
        session::answer_from(asked, request, store.as_ref().map(Store::path), self.session.get())
    }

    fn too_large(&self, path: &hyper::Uri) -> Response {
        let most = self.settings.max_body;
        self.observer.borrow_mut().trouble(&format!("{path}: a body over {most} bytes was refused"));
        let mut response = answer::text(413, "payload-too-large\n");
        response.headers.push("Connection", "close");
        response
    }

    /// The whole body; with the status for the client when it is not whole.
    async fn read(&self, mut body: Incoming) -> Result<(Vec<u8>, Option<u16>), TooLarge> {
        let announced = body.size_hint().exact().unwrap_or_default();
        // An announced length is a claim: memory is taken as bytes come.
        let mut bytes = Vec::with_capacity(usize::try_from(announced.min(1 << 20)).unwrap_or_default());
        loop {
            match timeout(self.settings.patience, body.frame()).await {
                Err(_) => return Ok((bytes, Some(408))),
                Ok(None) => return Ok((bytes, None)),
                Ok(Some(Err(_))) => return Ok((bytes, Some(400))),
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if bytes.len() + data.len() > self.settings.max_body {
                        return Err(TooLarge);
                    }
                    bytes.extend_from_slice(&data);
                }
            }
        }
    }

    fn without_credentials(&self, headers: Headers) -> (Headers, Vec<String>) {
        if self.settings.keep_secrets || !headers.iter().any(|(name, _)| is_credential(name)) {
            return (headers, Vec::new());
        }
        let (mut kept, mut redacted) = (Headers::default(), Vec::new());
        for (name, value) in headers.iter() {
            match is_credential(name) {
                true => redacted.push(name.to_owned()),
                false => kept.push(name, value),
            }
        }
        (kept, redacted)
    }

    async fn forward(&self, client: &Client, request: &Request) -> Response {
        let Request { method, path, headers, body } = request;
        let started = Instant::now();
        let answered = match client.connect(&mut Vec::new()).await {
            Ok(mut connection) => connection.send(method, path, headers, Bytes::copy_from_slice(body)).await,
            Err(error) => Err(error),
        };
        match answered {
            Ok(response) => {
                let mut headers = Headers::default();
                let framing = ["content-length", "transfer-encoding", "connection", "date"];
                for (name, value) in response.headers.iter().filter(|(name, _)| !framing.contains(name)) {
                    headers.push(name, value);
                }
                Response { headers, ..response }
            }
            Err(error) => {
                let what = format!("{} did not answer: {error}", client.endpoint());
                self.observer.borrow_mut().trouble(&what);
                Response { elapsed: started.elapsed(), ..answer::text(502, &format!("{what}\n")) }
            }
        }
    }
}

struct TooLarge;

/// Method, target and headers as they were on the wire, or as hyper has them when that was not seen.
fn as_sent(head: Option<Head>, parts: hyper::http::request::Parts) -> (String, String, Headers) {
    if let Some(Head { start: Start::Request { method, target }, headers, .. }) = head
        && method == parts.method.as_str()
    {
        return (method, target, headers);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut headers = Headers::default();
    if parts.version == hyper::Version::HTTP_2 {
        headers.push(":method", parts.method.as_str());
        headers.push(":path", path.as_str());
        if let Some(authority) = parts.uri.authority() {
            headers.push(":authority", authority.as_str());
        }
    }
    for (name, value) in &parts.headers {
        headers.push(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    (parts.method.to_string(), path, headers)
}

fn to_hyper<B>(response: Response, body: impl FnOnce(Bytes) -> B) -> hyper::Response<B> {
    let mut made = hyper::Response::new(body(Bytes::from(response.body)));
    *made.status_mut() = hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    for (name, value) in response.headers.iter() {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            made.headers_mut().append(name, value);
        }
    }
    made
}

/// What a client speaks instead of HTTP/1.1.
fn not_http(spoken: Spoken) -> Option<&'static str> {
    match spoken {
        Spoken::Tls => Some("it speaks TLS, and this port is plain HTTP; use http://"),
        Spoken::Http2 => Some("it speaks HTTP/2 (gRPC), and this port is HTTP/1.1; use the gRPC port"),
        _ => None,
    }
}

/// What a client speaks instead of HTTP/2.
#[cfg(feature = "grpc")]
fn not_http2(spoken: Spoken) -> Option<&'static str> {
    match spoken {
        Spoken::Tls => Some("it speaks TLS, and this port is plain; use http:// or an insecure channel"),
        Spoken::Http2 | Spoken::Silence => None,
        _ => Some("it does not speak HTTP/2; OTLP over HTTP goes to the other port"),
    }
}
