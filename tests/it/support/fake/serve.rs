//! Takes connections, keeps the log, and lets the rules have their way with each request and answer.
//!
//! The order is fixed: rules that wait or break the request off, then who may come in, then the store, then
//! rules that change the answer, then the log, then the wire.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Seen;
use super::script::{Effect, LocationForm, Rule};
use super::store::{self, Store};
use super::wire::{Connection, Head, Reply};

const TOKEN: &str = "fake-token-";

/// Who may come in.
pub enum Door {
    Open,
    /// The whole `Authorization` value that opens.
    Basic(String),
    /// Any token of a fake's `/token`, for so many requests.
    Bearer {
        realm: String,
        uses: usize,
    },
}

pub struct Shared {
    pub address: String,
    pub tls: Option<TlsAcceptor>,
    pub store: Mutex<Store>,
    pub rules: Mutex<Vec<Rule>>,
    pub log: Mutex<Vec<Seen>>,
    pub door: Mutex<Door>,
    pub in_flight: AtomicUsize,
}

/// Takes connections for as long as the runtime lives.
pub async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    for id in 0.. {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let shared = shared.clone();
        // An error here is the client's going away, which is its right.
        tokio::spawn(async move { drop(shared.converse(id, stream).await) });
    }
}

impl Shared {
    /// The scheme and address of this fake.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    async fn converse(&self, id: usize, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut connection = Connection::new(stream, self.tls.as_ref()).await?;
        while let Some(mut head) = connection.head().await? {
            let effects = self.effects(&head);
            let mut seen = Seen {
                connection: id,
                method: head.method.clone(),
                path: head.target.clone(),
                headers: head.headers.clone(),
                body_bytes: 0,
                beside: 0,
                status: 0,
            };
            let _beside = self.enter(&mut seen);
            let (mut limit, mut keep) = (usize::MAX, false);
            for effect in &effects {
                match effect {
                    Effect::Delay(pause) => tokio::time::sleep(*pause).await,
                    Effect::CutRequest(bytes) => limit = *bytes,
                    Effect::KeepPart => keep = true,
                    Effect::Hang => {
                        self.log.lock().unwrap().push(seen);
                        return connection.stall().await;
                    }
                    _ => {}
                }
            }
            let body = match connection.body(&head, limit).await {
                Ok(body) => body,
                Err(e) => {
                    // As distribution does: what came before the break is kept.
                    let body = connection.arrived();
                    seen.body_bytes = body.len();
                    self.store.lock().unwrap().keep(&head, body);
                    self.log.lock().unwrap().push(seen);
                    return Err(e);
                }
            };
            seen.body_bytes = body.len();
            if limit != usize::MAX {
                if keep {
                    self.store.lock().unwrap().keep(&head, body);
                }
                self.log.lock().unwrap().push(seen);
                return connection.reset().await;
            }
            let reply = self.reply(&mut head, body, &effects);
            seen.status = reply.status;
            self.log.lock().unwrap().push(seen);
            let open = connection.send(&head, &reply).await?;
            let done = head
                .header("connection")
                .is_some_and(|v| v.eq_ignore_ascii_case("close"));
            if !open || done {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Counts a request in, until the guard is dropped.
    fn enter(&self, seen: &mut Seen) -> impl Drop + use<'_> {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        seen.beside = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        Leave(&self.in_flight)
    }

    fn effects(&self, head: &Head) -> Vec<Effect> {
        let mut rules = self.rules.lock().unwrap();
        rules
            .iter_mut()
            .flat_map(|rule| rule.meet(head).to_vec())
            .collect()
    }

    fn reply(&self, head: &mut Head, body: Vec<u8>, effects: &[Effect]) -> Reply {
        let mut store = self.store.lock().unwrap();
        let mut declined = false;
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::Ignore(name) => head.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name)),
                Effect::ForgetUploads => store.forget_uploads(),
                Effect::DeclineMount => declined = true,
                Effect::Answer(reply) => answer = Some(reply.clone()),
                _ => {}
            }
        }
        let mut reply = answer
            .or_else(|| self.refusal(head))
            .unwrap_or_else(|| store.answer(head, body, declined));
        for effect in effects {
            self.change(&mut reply, effect);
        }
        reply
    }

    /// The answer to a request that may not come in, or that asks for a token.
    fn refusal(&self, head: &Head) -> Option<Reply> {
        let log = self.log.lock().unwrap();
        if head.path() == "/token" {
            let body = format!("{{\"token\":\"{TOKEN}{}\",\"expires_in\":300}}", log.len());
            return Some(Reply::new(200, body).with("Content-Type", "application/json"));
        }
        let given = head.header("authorization").unwrap_or_default();
        let challenge = match &*self.door.lock().unwrap() {
            Door::Open => return None,
            Door::Basic(wanted) if given == wanted => return None,
            Door::Basic(_) => "Basic realm=\"fake\"".to_owned(),
            Door::Bearer { realm, uses } => {
                let used = log
                    .iter()
                    .filter(|s| s.header("authorization") == Some(given))
                    .count();
                if given
                    .strip_prefix("Bearer ")
                    .is_some_and(|t| t.starts_with(TOKEN))
                    && used < *uses
                {
                    return None;
                }
                format!("Bearer realm=\"{realm}\",service=\"fake\"")
            }
        };
        let reply = store::error(401, "UNAUTHORIZED", "authentication required");
        Some(reply.with("WWW-Authenticate", challenge))
    }

    fn change(&self, reply: &mut Reply, effect: &Effect) {
        match effect {
            Effect::Status(status) => reply.status = *status,
            Effect::Header(name, value) => {
                reply.drop_header(name);
                reply.headers.push((name.clone(), value.clone()));
            }
            Effect::AddHeader(name, value) => reply.headers.push((name.clone(), value.clone())),
            Effect::DropHeader(name) => reply.drop_header(name),
            Effect::Flip(at) => {
                if let Some(byte) = reply.body.get_mut(*at) {
                    *byte ^= 0x20;
                }
            }
            Effect::Location(form) => {
                let base = match form {
                    LocationForm::Absolute => self.url(),
                    LocationForm::NoScheme => self.address.clone(),
                    LocationForm::At(base) => base.clone(),
                };
                for (_, value) in reply.headers.iter_mut().filter(|(n, _)| n == "Location") {
                    *value = format!("{base}{value}");
                }
            }
            Effect::Send(how, number) => how(reply, *number),
            _ => {}
        }
    }
}
