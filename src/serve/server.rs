//! `Server`: accepts connections, hands their requests to the routes, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::access::Users;
use super::answer::Answer;
use super::content::Content;
use super::mirror::{Mirror, Mirrored};
use super::patience::Patient;
use super::places::Places;
use super::record::Record;
use super::refusal::{Code, Refusal};
use super::request::{Asked, RequestBody};
use super::route::{Route, parameter};
use super::store::Root;
use super::tls::Tls;
use super::{App, Options, Rights, What, routes};
use crate::{Error, Result};

/// By which old clients know that a server speaks this API.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Connections at once; more wait in the queue of the system.
const CONNECTIONS: usize = 4096;
/// Threads for files. An allocator keeps memory for each thread that has allocated, and requests that wait for one of these
/// take less of it than more threads do. Work that waits for other work on them has to be limited to fewer.
const FILE_THREADS: usize = 16;
/// Bytes of the head of a request.
const HEAD: usize = 64 * 1024;
/// How long TLS may take to be set up.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// Wait before the next connection when the system has no more files for one.
const PAUSE: Duration = Duration::from_millis(50);

/// The threads for a server.
///
/// # Errors
/// When they cannot be started.
pub fn runtime() -> Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads.clamp(2, 4))
        .max_blocking_threads(FILE_THREADS)
        .enable_all()
        .build();
    runtime.map_err(|e| Error::other("the threads of a registry cannot be started").because(e))
}

/// A registry that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    grace: Duration,
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
}

/// Reads the files of a running server again.
#[derive(Clone)]
pub struct Reload(Option<Arc<Tls>>);

impl Reload {
    /// Takes the certificate, key and authority as they are now; connections that are open keep theirs.
    ///
    /// # Errors
    /// When a file is wrong; what was read before then stays in use.
    pub fn now(&self) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |tls| tls.reload())
    }
}

impl Server {
    /// Opens the repositories and listens; nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// When the root cannot be made, or nothing can listen at the address ([`crate::Kind::Other`]).
    pub async fn bind(options: Options) -> Result<Server> {
        let (content, root) = open(&options.what).await?;
        let cannot = |e| {
            let text = format!("cannot listen on `{}`", options.listen);
            Error::other(text).because(e)
        };
        let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let v1 = match options.v1 {
            true => Some(super::v1::V1::open(root.as_ref())?),
            false => None,
        };
        let app = App {
            content,
            root,
            v1,
            rights: Rights {
                write: options.write,
                delete: options.delete,
            },
            namespaces: match options.what {
                What::Mirror(_, mirror) => mirror.upstreams,
                _ => Vec::new(),
            },
            max_blob: options.max_blob.unwrap_or(u64::MAX),
            patience: options.patience,
            users: options.htpasswd.map(Users::open).transpose()?,
            record: Record::open(options.log.as_deref(), options.metrics)?,
        };
        let tls = options.tls.map(Tls::open).transpose()?;
        Ok(Server {
            listener,
            address,
            grace: options.grace,
            app: Arc::new(app),
            tls: tls.map(Arc::new),
        })
    }

    /// What reads the files of the server again while it runs.
    pub fn reload(&self) -> Reload {
        Reload(self.tls.clone())
    }

    /// The address where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready. Requests under way are then completed, for the time of
    /// [`Options::grace`] at most; connections without one are closed. Needs a runtime with several threads,
    /// best that of [`runtime`].
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accept = async {
                // The semaphore is never closed.
                let permit = free.clone().acquire_owned().await.ok();
                (self.listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                () = &mut stop => break,
                accepted = accept => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, remote)) => {
                    let tls = self.tls.as_ref().map(|tls| tls.config());
                    let serving = secured(stream, tls, remote, self.app.clone(), stopped.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(e) => {
                    tracing::warn!("a connection was not accepted: {e:#}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(self.listener);
        let _ = stopping.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace, all).await.is_err() {
            tracing::warn!("{} requests were cut off", connections.len());
        }
    }
}

/// What `what` has to read, and the repositories to write to, if there are any.
async fn open(what: &What) -> Result<(Arc<dyn Content>, Option<Arc<Root>>)> {
    match what {
        What::Root(dir) => {
            let dir = dir.clone();
            let opened = tokio::task::spawn_blocking(move || Root::open(&dir)).await;
            let root =
                opened.map_err(|e| Error::other("opening the root was stopped").because(e))??;
            let root = Arc::new(root);
            Ok((root.clone(), Some(root)))
        }
        What::Mirror(dir, options) => {
            let (dir, options) = (dir.clone(), options.clone());
            let opened = tokio::task::spawn_blocking(move || Mirror::open(&dir, &options)).await;
            let mirror =
                opened.map_err(|e| Error::other("opening the root was stopped").because(e))??;
            Ok((Arc::new(Mirrored(Arc::new(mirror))), None))
        }
        What::InPlace {
            places,
            names,
            context,
        } => Ok((Arc::new(Places::open(places, names, context).await?), None)),
    }
}

/// Answers the requests of one connection, over TLS if there is any.
async fn secured(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    remote: SocketAddr,
    app: Arc<App>,
    stopped: watch::Receiver<bool>,
) {
    // Answers are written whole; to wait for more only delays them.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, app.patience);
    let Some(config) = tls else {
        return serve(stream, (remote, false), app, stopped).await;
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => serve(stream, (remote, true), app, stopped).await,
        Ok(Err(e)) => tracing::debug!("no TLS with {remote}: {e:#}"),
        Err(_) => tracing::debug!("no TLS with {remote} in time"),
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    (remote, tls): (SocketAddr, bool),
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
) {
    let patience = app.patience;
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Error>(respond(&app, request, remote, tls).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience)
        .title_case_headers(true)
        .max_buf_size(HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("a connection broke: {e:#}");
    }
}

/// `route` in the namespace that the client says (`ns=docker.io`, as containerd does), if it is one that is mirrored.
fn in_namespace(app: &App, asked: &mut Asked, route: Route) -> Result<Route, Refusal> {
    let Some(ns) = parameter(&asked.parts.uri, "ns").filter(|_| !app.namespaces.is_empty()) else {
        return Ok(route);
    };
    match app.namespaces.iter().find(|upstream| upstream.name == ns) {
        Some(upstream) => {
            asked.called = route.repository().cloned();
            route.below(&upstream.key())
        }
        None => {
            let text = format!("`{ns}` is not mirrored here");
            Err(Refusal::missing(Code::NameUnknown, text))
        }
    }
}

/// Whether a client of Registry V1 shows a token that is good for its request.
fn has_v1_token(app: &App, route: &Result<Route, Refusal>, asked: &Asked) -> bool {
    match (route, &app.v1) {
        (Ok(Route::V1(path)), Some(v1)) => v1.lets_in(path, asked),
        _ => false,
    }
}

/// The answer to one request.
async fn respond(app: &App, request: Request<Incoming>, remote: SocketAddr, tls: bool) -> Answer {
    let (parts, body) = request.into_parts();
    let entry = app.record.begin(remote, &parts);
    let mut asked = Asked {
        body: RequestBody::new(body, &parts.headers, app.patience),
        parts,
        tls,
        called: None,
    };
    let route = asked
        .check_host()
        .and_then(|()| Route::parse(&asked.parts.uri));
    let route = route.and_then(|route| in_namespace(app, &mut asked, route));
    let kind = route.as_ref().map_or("none", Route::kind);
    let is_v1 = matches!(route, Ok(Route::V1(_)));
    let mut user = None;
    let answered = match (route, &app.users) {
        // For whoever watches over the server, without a login.
        (Ok(Route::Health), _) => routes::answer(app, &Route::Health, &mut asked).await,
        (route, users) => {
            let allowed = match users {
                Some(_) if has_v1_token(app, &route, &asked) => Ok(()),
                Some(users) => users.check(&asked).await.map(|name| user = Some(name)),
                None => Ok(()),
            };
            match (allowed, route) {
                (Ok(()), Ok(route)) => routes::answer(app, &route, &mut asked).await,
                (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
            }
        }
    };
    let mut answer = match answered {
        Ok(answer) => answer,
        Err(refusal) => {
            asked.body.drain().await;
            match is_v1 {
                true => refusal.answer_v1(asked.is_head()),
                false => refusal.answer(asked.is_head()),
            }
        }
    };
    let headers = answer.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    app.record.end(entry, kind, user.as_deref(), &answer);
    answer
}
