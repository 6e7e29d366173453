//! The endpoints: which one a request is for, whether it is allowed here, and its answer.

pub(super) mod blobs;
mod lists;
mod manifests;
mod uploads;

use http::Method;

use super::App;
use super::answer::{self, Answer};
use super::refusal::Refusal;
use super::request::Asked;
use super::route::{Route, not_found};
use super::store::Root;

const READ: &str = "GET, HEAD";

/// The answer to a request.
pub(super) async fn answer(app: &App, route: &Route, asked: &mut Asked) -> Result<Answer, Refusal> {
    let answered = of_method(app, route, asked).await;
    match answered {
        // What a route allows is what OPTIONS asks for (RFC 9110, 9.3.7).
        Err(refusal) if asked.parts.method == Method::OPTIONS => refusal.into_options(),
        answered => answered,
    }
}

async fn of_method(app: &App, route: &Route, asked: &mut Asked) -> Result<Answer, Refusal> {
    let method = asked.parts.method.clone();
    match route {
        Route::Base => read_only(&method, || {
            Ok(answer::json(
                "{}".into(),
                "application/json",
                asked.is_head(),
            ))
        }),
        Route::Health => read_only(&method, || {
            let text = r#"{"status":"ok"}"#.to_owned();
            Ok(answer::json(text, "application/json", asked.is_head()))
        }),
        Route::Metrics => read_only(&method, || {
            let open = app.root.as_ref().map_or(0, |root| root.uploads().count());
            let text = app.record.metrics(open).ok_or_else(not_found)?;
            Ok(answer::json(
                text,
                "text/plain; version=0.0.4",
                asked.is_head(),
            ))
        }),
        Route::Catalog if is_read(&method) => lists::catalog(app, asked).await,
        Route::Tags(name) if is_read(&method) => lists::tags(app, asked, name).await,
        Route::Referrers(name, digest) if is_read(&method) => {
            lists::referrers(app, asked, name, digest).await
        }
        Route::Catalog | Route::Tags(_) | Route::Referrers(..) => {
            Err(Refusal::method(READ, "this endpoint is for reading"))
        }
        Route::V1(path) => super::v1::answer(app, path, asked).await,
        Route::Manifest(name, which) => match method {
            Method::GET | Method::HEAD => manifests::get(app, asked, name, which).await,
            Method::PUT => manifests::put(app.writable()?, asked, name, which).await,
            Method::DELETE => manifests::delete(app.deletable()?, name, which).await,
            _ => Err(no_method("GET, HEAD, PUT, DELETE")),
        },
        Route::Blob(name, digest) => match method {
            Method::GET | Method::HEAD => blobs::get(app, asked, name, digest).await,
            Method::DELETE => blobs::delete(app.deletable()?, name, digest).await,
            _ => Err(no_method("GET, HEAD, DELETE")),
        },
        Route::Uploads(name) => match method {
            Method::POST => uploads::start((app.writable()?, app.max_blob), asked, name).await,
            _ => Err(no_method("POST")),
        },
        Route::Upload(name, id) => match method {
            Method::GET | Method::HEAD => uploads::status(app.writable()?, asked, name, id).await,
            Method::PATCH => uploads::chunk((app.writable()?, app.max_blob), asked, name, id).await,
            Method::PUT => uploads::finish((app.writable()?, app.max_blob), asked, name, id).await,
            Method::DELETE => uploads::cancel(app.writable()?, name, id).await,
            _ => Err(no_method("GET, HEAD, PATCH, PUT, DELETE")),
        },
    }
}

impl App {
    /// The repositories, if clients may write to them.
    pub(super) fn writable(&self) -> Result<&std::sync::Arc<Root>, Refusal> {
        let root = self.root.as_ref().filter(|_| self.rights.write);
        root.ok_or_else(|| Refusal::method(READ, "this registry is read-only"))
    }

    /// The repositories, if clients may delete from them.
    pub(super) fn deletable(&self) -> Result<&std::sync::Arc<Root>, Refusal> {
        let root = self.root.as_ref().filter(|_| self.rights.delete);
        root.ok_or_else(|| Refusal::method(READ, "this registry deletes nothing"))
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn read_only(
    method: &Method,
    answer: impl FnOnce() -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    match is_read(method) {
        true => answer(),
        false => Err(no_method(READ)),
    }
}

fn no_method(allowed: &'static str) -> Refusal {
    Refusal::method(allowed, "this endpoint has no such method")
}

/// Does `work`, which writes files, where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(crate::Error::other("work on the files was stopped")
            .because(e)
            .into()),
    }
}
