//! One attempt at a request: which scheme is spoken, and the redirects that it follows by hand.

use std::sync::atomic::Ordering;

use http::{HeaderMap, Method, StatusCode, header};

use super::{Client, Schemes};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::auth::{Authorization, foreign_pass};
use crate::registry::body::Answer;
use crate::registry::cookies::Cookies;
use crate::registry::failure::TransportFailure;
use crate::registry::intent::{Body, Intent, Target, Who};
use crate::registry::why::Why;
use crate::registry::wire::{Request, set};
use crate::{Error, Result};

/// The most redirects of one request (quirk B2).
const MAX_REDIRECTS: usize = 5;

impl Client {
    /// Sends once with the authorization that is valid now, and follows redirects.
    pub(super) async fn attempt(
        &self,
        intent: &Intent,
        extra: &[String],
        refused: Option<&Authorization>,
    ) -> Result<(Answer, Option<Authorization>)> {
        if let Body::Stream(part) = &intent.body {
            // A slow source must not use up the lifetime of the pass.
            part.prepare().await?;
        }
        let first = self.turn().await;
        let pass = self
            .auth
            .pass(&self.wire, intent.scope.as_ref(), extra, refused)
            .await?;
        let answer = self.follow(intent, pass.as_ref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.is_own(&answer.url) {
            self.auth.challenge(&answer.url, &answer.headers)?;
        }
        let keeps = answer.headers.get("x-registry-supports-signatures");
        if keeps.is_some_and(|value| value == "1") && self.is_own(&answer.url) {
            self.keeps_signatures.store(true, Ordering::Relaxed);
        }
        self.met.store(true, Ordering::Release);
        drop(first);
        Ok((answer, pass))
    }

    /// The turn of the first request, which the others wait for; `None` once the registry is known.
    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.met.load(Ordering::Acquire) {
            return None;
        }
        let turn = self.first.lock().await;
        // Those that waited go on side by side.
        (!self.met.load(Ordering::Acquire)).then_some(turn)
    }

    /// Sends, and follows redirects by hand: what was meant for the registry stays there (quirks B1, B2, A21, A22).
    pub(super) async fn follow(
        &self,
        intent: &Intent,
        pass: Option<&Authorization>,
    ) -> Result<Answer> {
        let mut headers = self.extra.clone();
        headers.extend(intent.headers.iter().cloned());
        set(&mut headers, header::ACCEPT_ENCODING, "identity");
        if let Some(pass) = pass {
            set(&mut headers, header::AUTHORIZATION, pass.header.expose());
        }
        if let Some(cookies) = self.cookies.as_deref().and_then(Cookies::header) {
            set(&mut headers, header::COOKIE, &cookies);
        }
        let mut answer = match &intent.target {
            Target::At(url) => {
                if !self.is_own(url) {
                    self.strip(&mut headers);
                }
                self.wire
                    .send(&request(intent, url.clone(), headers.clone()))
                    .await?
            }
            Target::Path(path) => self.send_to_root(intent, path, headers.clone()).await?,
        };
        let mut method = intent.method.clone();
        let mut asked_elsewhere = false;
        for _ in 0..=MAX_REDIRECTS {
            if let Some(cookies) = self.cookies.as_ref().filter(|_| self.is_own(&answer.url)) {
                cookies.take(&answer.headers);
            }
            let url = match answer.header(&header::LOCATION) {
                Some(location) if is_redirect(answer.status) => {
                    admit(&answer.url, location, Purpose::Redirect)?
                }
                _ if answer.status == StatusCode::UNAUTHORIZED
                    && !self.is_own(&answer.url)
                    && matches!(intent.who, Who::Asked)
                    && !asked_elsewhere =>
                {
                    asked_elsewhere = true;
                    let Some(own) = foreign_pass(&self.wire, &answer.url, &answer.headers).await?
                    else {
                        return Ok(answer);
                    };
                    set(&mut headers, header::AUTHORIZATION, own.expose());
                    answer.url.clone()
                }
                _ => return Ok(answer),
            };
            if !url.same_origin(&answer.url) {
                self.strip(&mut headers);
            }
            // By any redirect, an index of Registry V1 asks for the same request at another address.
            let see_other = answer.status == StatusCode::SEE_OTHER && self.cookies.is_none();
            if see_other && method != Method::HEAD {
                method = Method::GET;
            }
            let mut next = request(intent, url, headers.clone());
            if method != intent.method {
                next.body = Body::Empty;
            }
            next.method = method.clone();
            answer = self.wire.send(&next).await?;
        }
        Err(Error::unavailable(format!(
            "{} redirects more than {MAX_REDIRECTS} times",
            answer.url.redacted()
        )))
    }

    /// Sends to the registry itself; the first request of all finds out which scheme it speaks.
    async fn send_to_root(
        &self,
        intent: &Intent,
        path: &str,
        headers: HeaderMap,
    ) -> Result<Answer> {
        if let Some(root) = self.root.get() {
            return self
                .wire
                .send(&request(intent, root.at(path), headers))
                .await;
        }
        let root = |scheme| {
            let root = Admitted::root(scheme, self.registry.api_host())?;
            Ok::<_, Error>(root.permitting(&self.private_hosts))
        };
        let (https, http) = (root("https")?, root("http")?);
        let ask = |root: &Admitted| request(intent, root.at(path), headers.clone());
        match self.schemes {
            Schemes::Https => self.settle(&https, self.wire.send(&ask(&https)).await),
            Schemes::HttpsThenHttp => match self.wire.once(&ask(&https)).await {
                Err(TransportFailure { error, why })
                    if why == Why::Tls
                        || (why == Why::NoServer && self.registry.port().is_none()) =>
                {
                    let plain = self.wire.send(&ask(&http)).await;
                    self.settle(&http, plain.map_err(|_| error))
                }
                first => self.settle(&https, self.wire.send_again(&ask(&https), first).await),
            },
            Schemes::HttpThenHttps => {
                let first = self.wire.once(&ask(&http)).await;
                // A TLS server answers plain HTTP with 400, or hangs up.
                let odd = match &first {
                    Ok(answer) => answer.status == StatusCode::BAD_REQUEST,
                    Err(lost) => lost.why == Why::Broken,
                };
                if odd {
                    match self.wire.once(&ask(&https)).await {
                        Ok(answer) => {
                            let answer = self.wire.send_again(&ask(&https), Ok(answer)).await;
                            return self.settle(&https, answer);
                        }
                        // One side refused the other's certificate: it is TLS. Or the certificates of this machine
                        // cannot be used, and the error says so.
                        Err(lost) if matches!(lost.why, Why::Certificate | Why::Body) => {
                            return Err(lost.error);
                        }
                        // It broke after the handshake: it is TLS.
                        Err(lost) if lost.why == Why::Broken => {
                            let answer = self.wire.send_again(&ask(&https), Err(lost)).await;
                            return self.settle(&https, answer);
                        }
                        Err(_) => {}
                    }
                }
                self.settle(&http, self.wire.send_again(&ask(&http), first).await)
            }
        }
    }

    fn settle(&self, root: &Admitted, answer: Result<Answer>) -> Result<Answer> {
        if answer.is_ok() {
            let _ = self.root.set(root.clone());
        }
        answer
    }

    /// Whether a 401 without pass names something to answer; a registry that names it on its ping only is pinged
    /// once (quirk A2).
    pub(super) async fn asks_for_something(&self, answer: &Answer) -> Result<bool> {
        if self.auth.asked().is_some() {
            return Ok(true);
        }
        let Some(root) = self.root.get() else {
            return Ok(false);
        };
        tracing::debug!(
            "{} answered 401 without a challenge; asking /v2/ for one",
            answer.url.redacted()
        );
        let ping = Intent::new(Method::GET, "/v2/".to_owned(), None);
        let ping = self
            .wire
            .send(&request(&ping, root.at("/v2/"), HeaderMap::new()))
            .await?;
        Ok(self.auth.challenge(&ping.url, &ping.headers)?.is_some())
    }

    pub(super) fn is_own(&self, url: &Admitted) -> bool {
        self.root.get().is_some_and(|root| root.same_origin(url))
    }

    fn strip(&self, headers: &mut HeaderMap) {
        for name in [
            header::AUTHORIZATION,
            header::COOKIE,
            header::PROXY_AUTHORIZATION,
        ] {
            headers.remove(name);
        }
        for name in self.extra.keys() {
            headers.remove(name);
        }
    }
}

fn request(intent: &Intent, url: Admitted, headers: HeaderMap) -> Request {
    Request {
        method: intent.method.clone(),
        url,
        headers,
        body: intent.body.clone(),
        bulk: intent.bulk,
        repeatable: intent.repeatable,
        optional: intent.optional,
        budget: intent.budget.clone(),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
