//! The Docker Engine API, as far as images travel over it: what `docker save` and `docker load` ask.
//!
//! An engine is no registry: there are no tokens, redirects or ranges, and a request is answered by a program on this
//! machine, so this client shares nothing with the request loop of `registry`. The paths name no version of the API:
//! each engine answers in its own.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use crate::platform;
use crate::settings::redacted;
use crate::{Error, Result};

/// Bytes of an answer that is no image.
const ANSWER_CAP: usize = 1 << 20;
const CONNECT: Duration = Duration::from_secs(10);

/// An engine to talk to.
#[derive(Clone)]
pub(super) struct Engine {
    client: Client,
    /// The prefix of all paths.
    base: String,
    /// The address for messages.
    host: String,
}

/// The message of an engine about a failure, or about a step of a load.
#[derive(Deserialize)]
struct Said {
    message: Option<String>,
    error: Option<String>,
}

impl Engine {
    /// The engine at `host` (`unix:///PATH` or `tcp://HOST:PORT`), by default the one of `DOCKER_HOST`, else the
    /// system's socket. Nothing is sent yet.
    pub(super) fn at(host: Option<&str>) -> Result<Engine> {
        let set = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty());
        let host = host.map(str::to_owned).or(set);
        let host = host.unwrap_or_else(|| platform::ENGINE.to_owned());
        // An engine is local, or was named: no proxy stands before it, and it may take its time with an image.
        let builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT);
        let (builder, base) = if let Some(path) = host.strip_prefix(platform::SOCKET) {
            (
                platform::through_socket(builder, std::path::Path::new(path)),
                "http://localhost".to_owned(),
            )
        } else if let Some(address) = host.strip_prefix("tcp://") {
            (builder, format!("http://{}", address.trim_end_matches('/')))
        } else if host.starts_with("http://") {
            (builder, host.trim_end_matches('/').to_owned())
        } else {
            let host = redacted(&host);
            let message =
                format!("`{host}` is not the address of a Docker Engine that barque can talk to");
            return Err(Error::other(message).hint(format!(
                "write `{}/PATH` or `tcp://HOST:PORT`",
                platform::SOCKET
            )));
        };
        let client = builder.tls_certs_only(std::iter::empty()).build();
        let client =
            client.map_err(|e| Error::other("the HTTP client cannot be set up").because(e))?;
        Ok(Engine {
            client,
            base,
            host: redacted(&host),
        })
    }

    /// Whether there is an image `name`; [`crate::Kind::NotFound`] when not.
    pub(super) async fn look(&self, name: &str) -> Result<()> {
        self.get(name, "json").await.map(drop)
    }

    /// The archive of the image `name`, as `docker save` gets it.
    pub(super) async fn save(&self, name: &str) -> Result<Response> {
        self.get(name, "get").await
    }

    async fn get(&self, name: &str, what: &str) -> Result<Response> {
        let url = format!("{}/images/{name}/{what}", self.base);
        let answer = self.client.get(url).send().await;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err(Error::not_found(format!(
                "the engine at `{}` has no image `{name}`",
                self.host
            ))),
            status => Err(self.refused(status, answer).await),
        }
    }

    /// Gives the engine the archive `body`, as `docker load` does.
    pub(super) async fn load(&self, body: reqwest::Body) -> Result<()> {
        let url = format!("{}/images/load?quiet=1", self.base);
        let request = self
            .client
            .post(url)
            .header(http::header::CONTENT_TYPE, "application/x-tar");
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|e| self.unreachable(e))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(self.refused(status, answer).await);
        }
        // The answer began before the end of the work: what went wrong later stands in its body.
        let (text, broken) = some(answer).await;
        let said = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Said>(line).ok());
        match said.filter_map(|said| said.error).next() {
            Some(error) => Err(Error::refused(format!(
                "the engine at `{}` did not load the image: {error}",
                self.host
            ))),
            // Without the end of the answer it is not known whether the image was loaded.
            None => broken.map_or(Ok(()), |e| Err(self.unreachable(e))),
        }
    }

    async fn refused(&self, status: StatusCode, answer: Response) -> Error {
        let (text, _) = some(answer).await;
        let said = serde_json::from_str::<Said>(&text)
            .ok()
            .and_then(|said| said.message);
        let said = said.unwrap_or_else(|| text.chars().take(300).collect());
        let message = format!(
            "the engine at `{}` answered {}: {said}",
            self.host,
            status.as_u16()
        );
        Error::refused(message)
    }

    /// Why a request got no answer.
    pub(super) fn unreachable(&self, e: reqwest::Error) -> Error {
        let chain = std::iter::successors(std::error::Error::source(&e), |e| e.source());
        let cause = chain
            .filter_map(|e| e.downcast_ref::<std::io::Error>())
            .last();
        let kind = cause.map(std::io::Error::kind);
        let message = match kind {
            _ if !e.is_connect() => {
                let text = format!("the engine at `{}` broke off", self.host);
                return Error::unavailable(text).because(e).hint(ADDRESS);
            }
            Some(ErrorKind::PermissionDenied) => {
                let text = format!("`{}` may not be opened: permission denied", self.host);
                return Error::not_allowed(text)
                    .hint("the socket belongs to root and the group `docker`");
            }
            Some(ErrorKind::NotFound) => "no such file".to_owned(),
            Some(ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
            _ => cause.map_or_else(|| e.to_string(), ToString::to_string),
        };
        let text = format!("no Docker Engine at `{}`: {message}", self.host);
        Error::unavailable(text).hint(ADDRESS)
    }
}

const ADDRESS: &str = "is it running? `--daemon-host` (in a copy `--src-daemon-host`, `--dest-daemon-host`) and `DOCKER_HOST` name another address";

/// The beginning of an answer, as text, and what broke it off before its end.
async fn some(answer: Response) -> (String, Option<reqwest::Error>) {
    let mut stream = answer.bytes_stream();
    let (mut all, mut broken) = (Vec::new(), None);
    while let Some(bytes) = stream.next().await {
        match bytes {
            Ok(bytes) => all.extend_from_slice(&bytes[..bytes.len().min(ANSWER_CAP - all.len())]),
            Err(e) => {
                broken = Some(e);
                break;
            }
        }
    }
    (String::from_utf8_lossy(&all).into_owned(), broken)
}
