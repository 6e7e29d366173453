//! One request on the wire: the gate, timeouts, tracing, and repetition where it does no harm.
//!
//! It sends to admitted URLs what it is given and knows nothing of authentication or endpoints; both the request
//! loop and the token exchange stand on it, so that nothing else in barque sends HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use super::admit::Admitted;
use super::body::Answer;
use super::connections::Connections;
use super::failure::{TransportFailure, classify, silent};
use super::gate::{Gate, asked_wait, backoff};
use super::intent::Body;
use super::pulse::Pulse;
use super::retry::RetryBudget;
use super::warning::Warnings;
use super::why::Why;
use crate::settings::{HostLimit, Timeouts};
use crate::{Result, locked};

/// A request as it goes out.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Admitted,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) bulk: bool,
    pub(crate) repeatable: bool,
    pub(crate) optional: bool,
    pub(crate) budget: RetryBudget,
}

/// The sending side of one client.
pub(crate) struct Wire {
    connections: Arc<Connections>,
    pub(super) timeouts: Timeouts,
    gates: Arc<Mutex<HashMap<String, Arc<Gate>>>>,
    warnings: Arc<Warnings>,
    pressure: Arc<AtomicU64>,
    /// The shortest time from a request to the head of its answer, in microseconds.
    round_trip: Arc<AtomicU64>,
    limit: Option<Arc<HostLimit>>,
    /// Requests sent by this client alone, by host.
    sent: Mutex<BTreeMap<String, u64>>,
}

/// Waits of at least this length are shown to the user.
const LONG_WAIT: Duration = Duration::from_secs(2);

impl Wire {
    pub(crate) fn new(
        connections: Connections,
        timeouts: Timeouts,
        limit: Option<Arc<HostLimit>>,
    ) -> Wire {
        Wire {
            connections: Arc::new(connections),
            timeouts,
            gates: Arc::default(),
            warnings: Arc::default(),
            pressure: Arc::default(),
            round_trip: Arc::new(AtomicU64::new(u64::MAX)),
            limit,
            sent: Mutex::default(),
        }
    }

    /// This with a separate count of requests: connections, gates and everything that was learned are shared.
    pub(crate) fn share(&self) -> Wire {
        Wire {
            connections: self.connections.clone(),
            timeouts: self.timeouts.clone(),
            gates: self.gates.clone(),
            warnings: self.warnings.clone(),
            pressure: self.pressure.clone(),
            round_trip: self.round_trip.clone(),
            limit: self.limit.clone(),
            sent: Mutex::default(),
        }
    }

    /// Sends `request`, again after a wait where that may help and does no harm. An answer of any status is `Ok`.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer> {
        let first = self.once(request).await;
        self.send_again(request, first).await
    }

    /// Goes on after `first`, which came of sending `request` once.
    pub(crate) async fn send_again(
        &self,
        request: &Request,
        first: Result<Answer, TransportFailure>,
    ) -> Result<Answer> {
        let mut tries = 1;
        let mut maybe_done = false;
        let mut outcome = first;
        loop {
            let is_spent = request.budget.is_spent();
            let mut sleep = Duration::ZERO;
            let last =
                |most| is_spent || !request.repeatable || tries >= self.timeouts.tries.min(most);
            match outcome {
                Ok(mut answer) => {
                    answer.maybe_done = maybe_done;
                    let most = match request.optional && answer.status.is_server_error() {
                        true => 2,
                        false => u32::MAX,
                    };
                    if last(most) || !is_temporary(answer.status) {
                        self.heed(request, &answer);
                        return Ok(answer);
                    }
                    let Some(wait) = self.wait_before_next(&answer, tries) else {
                        return Ok(answer);
                    };
                    let (url, status) = (request.url.redacted(), answer.status.as_u16());
                    if wait >= LONG_WAIT {
                        tracing::warn!("{url} answered {status}; trying again in {wait:.0?}");
                    } else {
                        tracing::debug!("{url} answered {status}; trying again in {wait:.1?}");
                    }
                    // 429 and 503 mean that the request was not processed. A gateway timeout does not say.
                    maybe_done |= !matches!(status, 429 | 503);
                    self.gate(&request.url).close(wait);
                }
                Err(lost) => {
                    // H2: the first time it was most likely an idle connection that the other side dropped. Small
                    // uploads go out again too: what came twice would not match its digest.
                    let was_idle = tries == 1
                        && !is_spent
                        && lost.why == Why::Broken
                        && (request.repeatable || !request.bulk);
                    // No server or a refused certificate: waiting a moment does not change it. A server that was
                    // there a moment ago may be back in another one.
                    let is_final = match lost.why {
                        Why::NoServer | Why::Tls => !self.gate(&request.url).has_answered(),
                        Why::Certificate | Why::Odd | Why::Unanswered | Why::Body => true,
                        Why::Broken | Why::Silence | Why::NoConnection => false,
                    };
                    if is_final || (last(u32::MAX) && !was_idle) {
                        return Err(lost.error);
                    }
                    let wait = match was_idle {
                        true => Duration::ZERO,
                        false => backoff(self.timeouts.backoff, tries),
                    };
                    // Without a connection nothing was sent.
                    maybe_done |= matches!(lost.why, Why::Broken | Why::Silence);
                    tracing::debug!("{:#}; trying again in {wait:.1?}", lost.error);
                    sleep = wait;
                }
            }
            tries += 1;
            // Before the wait: others that share the budget look at it meanwhile.
            request.budget.spend();
            tokio::time::sleep(sleep).await;
            outcome = self.once(request).await;
        }
    }

    /// Requests sent so far, by host.
    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        let sent = locked(&self.sent);
        sent.clone()
    }

    /// How often a host has shown that it wants fewer requests at a time.
    pub(crate) fn pressure(&self) -> u64 {
        self.pressure.load(Ordering::Relaxed)
    }

    /// The shortest time from a request to the head of its answer so far.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let micros = self.round_trip.load(Ordering::Relaxed);
        (micros < u64::MAX).then(|| Duration::from_micros(micros))
    }

    /// Counts one such sign.
    pub(crate) fn press(&self) {
        self.pressure.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits as before try `tries + 1`; with 0 tries, for a moment only.
    pub(crate) async fn pause(&self, tries: u32) {
        let base = match tries {
            0 => self.timeouts.backoff / 4,
            _ => self.timeouts.backoff,
        };
        tokio::time::sleep(backoff(base, tries)).await;
    }

    /// Sends `request` exactly once.
    pub(crate) async fn once(&self, request: &Request) -> Result<Answer, TransportFailure> {
        let own = |error| TransportFailure {
            error,
            why: Why::Body,
        };
        self.gate(&request.url).pass().await;
        self.keep_limit(request).await.map_err(own)?;
        self.count(&request.url);
        let connections = self.connections.to(request.url.url());
        if let Some(name) = request.url.name_to_check() {
            connections.only_public(name);
        }
        let client = connections
            .client(request.url.url().scheme(), request.bulk)
            .map_err(own)?;
        let pulse = Arc::new(Pulse::default());
        let (builder, limit) = self.prepare(client, request, &pulse).await.map_err(own)?;
        let started = Instant::now();
        let sent = tokio::select! {
            sent = builder.send() => sent,
            why = pulse.silence(limit, self.timeouts.commit) => {
                let of = (&request.method, &request.url);
                return Err(silent(of, why, pulse.is_starved()));
            }
        };
        match sent {
            Ok(response) => {
                self.gate(&request.url).note_answer();
                self.answer(request, connections, response, started.elapsed())
            }
            Err(e) => {
                if let Some(error) = pulse.take_error() {
                    return Err(own(error));
                }
                let proxy = connections.proxy(request.url.url());
                let lost = classify(
                    (&request.method, &request.url),
                    proxy.as_deref(),
                    connections.client_certificate(),
                    self.timeouts.connect,
                    e,
                );
                let (method, url) = (&request.method, request.url.redacted());
                tracing::debug!("{method} {url} -> {:#}", lost.error);
                Err(lost)
            }
        }
    }

    /// `request` with its head and body, and how long its answer is waited for while nothing moves.
    async fn prepare(
        &self,
        client: &reqwest::Client,
        request: &Request,
        pulse: &Arc<Pulse>,
    ) -> Result<(reqwest::RequestBuilder, Duration)> {
        let mut builder = client
            .request(request.method.clone(), request.url.url().clone())
            .headers(request.headers.clone());
        let mut limit = self.timeouts.stall;
        match &request.body {
            Body::Empty if request.method == Method::GET || request.method == Method::HEAD => {
                limit = self.timeouts.header
            }
            Body::Empty => {
                builder = builder.header(header::CONTENT_LENGTH, 0);
                // The end of an upload: all of its bytes are there, and the server puts them together.
                if request.method == Method::PUT {
                    pulse.is_last();
                }
            }
            Body::Bytes(bytes) => builder = builder.body(bytes.clone()),
            Body::Stream(part) => {
                // After a part of an upload the registry is asked where that stands, which takes less time; one
                // whose size is not known yet is all there is.
                let ends = request.method == Method::PUT || part.size().is_none();
                let body = pulse.clone().body(part, ends).await?;
                if let Some(size) = part.size() {
                    builder = builder.header(header::CONTENT_LENGTH, size);
                }
                builder = builder.body(body);
            }
        }
        Ok((builder, limit))
    }

    /// The answer to `request` that began with `response` after the time `took`, and what it says of the registry.
    fn answer(
        &self,
        request: &Request,
        connections: &Connections,
        response: reqwest::Response,
        took: Duration,
    ) -> Result<Answer, TransportFailure> {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.round_trip.fetch_min(micros, Ordering::Relaxed);
        let mut url = request.url.clone();
        // Behind a proxy the address is that of the proxy.
        if !connections.has_proxy(url.url())
            && let Some(peer) = response.remote_addr()
        {
            url.reached(peer.ip()).map_err(|error| TransportFailure {
                error,
                why: Why::Odd,
            })?;
        }
        let (method, shown) = (&request.method, request.url.redacted());
        let status = response.status();
        tracing::debug!("{method} {shown} -> {} in {took:.1?}", status.as_u16());
        let headers = response.headers().clone();
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.press();
        }
        if let Some(left) = headers.get("ratelimit-remaining") {
            // E14: Docker Hub counts pulls and says how many are left.
            tracing::debug!("{shown} requests are left: {left:?}");
            if let (Some(limit), Ok(left)) = (self.limit_of(&request.url), left.to_str()) {
                limit.note_remaining(left);
            }
        }
        let host = request.url.url().host_str().unwrap_or_default();
        self.warnings.tell(host, &headers);
        Ok(Answer {
            status,
            headers,
            url,
            body: response,
            maybe_done: false,
            stall: self.timeouts.stall,
        })
    }

    /// A body is sent again by its owner, in another upload: the wait that the answer asks for is kept by then.
    fn heed(&self, request: &Request, answer: &Answer) {
        let asked = asked_wait(&answer.headers).filter(|w| self.obeys(*w));
        if let Some(wait) = asked
            && !request.repeatable
            && is_temporary(answer.status)
        {
            tracing::debug!("{} asks to wait {wait:.1?}", request.url.redacted());
            self.gate(&request.url).close(wait);
        }
    }

    /// Whether a wait of this length is obeyed.
    pub(crate) fn obeys(&self, wait: Duration) -> bool {
        wait <= self.timeouts.retry_after
    }

    /// The wait before the next try; `None` when the answer should stand.
    fn wait_before_next(&self, answer: &Answer, tries: u32) -> Option<Duration> {
        match asked_wait(&answer.headers) {
            // Longer than is obeyed: the error says how long.
            Some(wait) if !self.obeys(wait) => None,
            Some(wait) => Some(wait + backoff(Duration::from_millis(50), 1)),
            None => Some(backoff(self.timeouts.backoff, tries)),
        }
    }

    /// Waits until the limits of the registry permit `request`; an error if they do not permit it at all.
    async fn keep_limit(&self, request: &Request) -> Result<()> {
        let Some(limit) = self.limit_of(&request.url) else {
            return Ok(());
        };
        // Registries count reads of manifests, by tag and by digest, as pulls.
        if request.method == Method::GET && request.url.url().path().contains("/manifests/") {
            limit.take_pull(&self.connections.registry().to_string())?;
        }
        limit.pass().await;
        Ok(())
    }

    /// The limits that apply to requests to `url`: those to other hosts than the registry's are not limited.
    fn limit_of(&self, url: &Admitted) -> Option<&HostLimit> {
        let limit = self.limit.as_deref()?;
        (url.place() == self.connections.registry().api_host()).then_some(limit)
    }

    fn count(&self, url: &Admitted) {
        let mut sent = locked(&self.sent);
        *sent.entry(url.place()).or_default() += 1;
    }

    fn gate(&self, url: &Admitted) -> Arc<Gate> {
        let mut gates = locked(&self.gates);
        gates.entry(url.place()).or_default().clone()
    }
}

/// Statuses that another try may turn (quirk E17 names the two odd ones).
pub(super) fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 429 | 499 | 500 | 502 | 503 | 504 | 522
    )
}

/// Adds a header unless its value cannot stand in one.
pub(crate) fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
