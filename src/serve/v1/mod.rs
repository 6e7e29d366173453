//! Registry V1 (2013–2016) over what is stored: clients of the first generation pull modern images, and what they push
//! becomes modern images.
//!
//! A modern image is shown as a chain of V1 images, one for each layer, whose ids follow from its content, so that they
//! are the same after a restart and on another server. Images that were pushed in V1 keep their ids and documents. The
//! server stands alone: it is index and registry in one, as the oldest private registries were.

mod build;
mod chains;
mod files;
mod images;
mod path;
mod push;
mod pushed;
mod repositories;
mod search;
mod token;

use std::sync::Arc;

use http::Method;
use http::header::{HeaderName, HeaderValue};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::App;
use super::answer::{self, Answer};
use super::refusal::{Code, Refusal};
use super::request::Asked;
use super::store::Root;
use crate::Result;
use crate::image::RepositoryName;

use chains::Chains;
use path::{Of, Path};
use pushed::Pushed;
use token::Tokens;

const VERSION: HeaderName = HeaderName::from_static("x-docker-registry-version");
const STANDALONE: HeaderName = HeaderName::from_static("x-docker-registry-standalone");

/// Layers that are unpacked at once. Each holds up to three of the server's threads for files until its end.
static UNPACKING: Semaphore = Semaphore::const_new(4);

/// Waits until a layer may be unpacked, which is until the answer is dropped.
async fn unpacking() -> Option<SemaphorePermit<'static>> {
    // It is never closed.
    UNPACKING.acquire().await.ok()
}

/// What the requests of V1 clients share.
pub(super) struct V1 {
    chains: Chains,
    /// Images that were pushed in V1; `None` where nothing can be written.
    pushed: Option<Pushed>,
    tokens: Tokens,
}

impl V1 {
    /// V1 over the repositories of `root`, if there is one. Blocks.
    ///
    /// # Errors
    /// When there are no random numbers for tokens.
    pub(super) fn open(root: Option<&Arc<Root>>) -> Result<V1> {
        Ok(V1 {
            chains: Chains::default(),
            pushed: root.map(|root| Pushed::open(&root.own().join("v1"))),
            tokens: Tokens::new()?,
        })
    }

    /// Whether the request for `path` has a token of this server that is good for it.
    pub(super) fn lets_in(&self, path: &str, asked: &Asked) -> bool {
        self.tokens.lets_in(path, asked)
    }
}

/// The answer to a request for `path`, what follows `/v1/`.
pub(super) async fn answer(app: &App, path: &str, asked: &mut Asked) -> Result<Answer, Refusal> {
    let v1 = app.v1.as_ref().ok_or_else(super::route::not_found)?;
    let method = asked.parts.method.clone();
    let is_read = matches!(method, Method::GET | Method::HEAD);
    let mut answer = match Path::parse(path)? {
        Path::Ping if is_read => json("{}".into(), asked),
        Path::Users if is_read => json("\"OK\"".into(), asked),
        Path::Users if method == Method::POST => {
            asked.body.whole(pushed::DOCUMENT).await?;
            json("\"User Created\"".into(), asked).with_status(201)
        }
        Path::User if method == Method::PUT => {
            asked.body.whole(pushed::DOCUMENT).await?;
            answer::empty(http::StatusCode::NO_CONTENT)
        }
        Path::Search if is_read => search::search(app, asked).await?,
        Path::Image(id, of) => match (of, method) {
            (Of::Json, Method::GET | Method::HEAD) => images::json(app, v1, asked, &id).await?,
            (Of::Layer, Method::GET | Method::HEAD) => images::layer(app, v1, asked, &id).await?,
            (Of::Ancestry, Method::GET | Method::HEAD) => {
                images::ancestry(app, v1, asked, &id).await?
            }
            (Of::Files, Method::GET | Method::HEAD) => files::files(app, v1, asked, &id).await?,
            (Of::Diff, Method::GET | Method::HEAD) => images::diff(app, v1, &id).await?,
            (Of::Json, Method::PUT) => push::json(app, v1, asked, &id).await?,
            (Of::Layer, Method::PUT) => push::layer(app, v1, asked, &id).await?,
            (Of::Checksum, Method::PUT) => push::checksum(app, v1, asked, &id).await?,
            _ => return Err(no_method()),
        },
        Path::Repository(name, of) => {
            let name = stored(app, name).await?;
            repositories::answer((app, v1), asked, &name, of).await?
        }
        _ => return Err(no_method()),
    };
    let headers = answer.headers_mut();
    headers.insert(VERSION, HeaderValue::from_static("0.9.1"));
    headers.insert(STANDALONE, HeaderValue::from_static("True"));
    Ok(answer)
}

/// The repository that V1 clients call `name`: they write `library/` before names of one part.
async fn stored(app: &App, name: RepositoryName) -> Result<RepositoryName, Refusal> {
    let short = name.as_str().strip_prefix("library/");
    let Some(short) = short.filter(|rest| !rest.contains('/')) else {
        return Ok(name);
    };
    let short = short.parse();
    match app.content.tags(&name).await? {
        Some(_) => Ok(name),
        None => Ok(short.unwrap_or(name)),
    }
}

fn json(text: String, asked: &Asked) -> Answer {
    answer::json(text, "application/json", asked.is_head())
}

fn no_method() -> Refusal {
    Refusal::method(
        "GET, HEAD, PUT, POST, DELETE",
        "this endpoint has no such method",
    )
}

/// 404, in the words of V1.
fn missing(text: &str) -> Refusal {
    Refusal::missing(Code::Unsupported, text)
}

/// 400, in the words of V1.
fn wrong(text: &str) -> Refusal {
    Refusal::bad(Code::Unsupported, text)
}

trait WithStatus {
    fn with_status(self, status: u16) -> Self;
}

impl WithStatus for Answer {
    fn with_status(mut self, status: u16) -> Answer {
        if let Ok(status) = http::StatusCode::from_u16(status) {
            *self.status_mut() = status;
        }
        self
    }
}
