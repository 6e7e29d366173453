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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::answer::Answer;
use super::request::{Asked, RequestBody};
use super::route::Route;
use super::store::Root;
use super::{App, Options, Rights, routes};
use crate::{Error, Kind, Result};

/// By which old clients know that a server speaks this API.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Connections at once; more wait in the queue of the system.
const CONNECTIONS: usize = 4096;
/// Bytes of the head of a request.
const HEAD: usize = 64 * 1024;
/// How long a client may take to send the head of a request, and how long a connection stays open without one.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// Wait before the next connection when the system has no more files for one.
const PAUSE: Duration = Duration::from_millis(50);

/// A registry that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    grace: Duration,
    app: Arc<App>,
}

impl Server {
    /// Opens the repositories and listens; nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// When the root cannot be made, or nothing can listen at the address ([`Kind::Other`]).
    pub async fn bind(options: Options) -> Result<Server> {
        let root = options.root.clone();
        let opened = tokio::task::spawn_blocking(move || Root::open(&root)).await;
        let root =
            opened.map_err(|e| Error::other("opening the root was stopped").because(e))??;
        let root = Arc::new(root);
        let cannot = |e| {
            let text = format!("cannot listen on `{}`", options.listen);
            Error::new(Kind::Other, text).because(e)
        };
        let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let app = App {
            content: root.clone(),
            root: Some(root),
            rights: Rights {
                write: options.write,
                delete: options.delete,
            },
        };
        Ok(Server {
            listener,
            address,
            grace: options.grace,
            app: Arc::new(app),
        })
    }

    /// The address where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready. Requests under way are then completed, for the time of
    /// [`Options::grace`] at most; connections without one are closed. Needs a runtime with several threads.
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
                Ok((stream, _)) => {
                    let serving = serve(stream, self.app.clone(), stopped.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(e) => {
                    tracing::warn!("a connection was not accepted: {e}");
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

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    // Answers are written whole; to wait for more only delays them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Error>(respond(&app, request, false).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
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
        tracing::debug!("a connection broke: {e}");
    }
}

/// The answer to one request.
async fn respond(app: &App, request: Request<Incoming>, tls: bool) -> Answer {
    let (parts, body) = request.into_parts();
    let mut asked = Asked {
        parts,
        body: RequestBody::new(body),
        tls,
    };
    let route = Route::parse(&asked.parts.uri);
    let answered = match route {
        Ok(route) => routes::answer(app, &route, &mut asked).await,
        Err(refusal) => Err(refusal),
    };
    let mut answer = match answered {
        Ok(answer) => answer,
        Err(refusal) => {
            asked.body.drain().await;
            refusal.answer(asked.is_head())
        }
    };
    let headers = answer.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
