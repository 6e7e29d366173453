//! A registry in memory that fails on request.
//!
//! ```ignore
//! let registry = FakeRegistry::start()
//!     .image("a", "1", &images::two_layers())
//!     .rule(on("GET").path("/blobs/").nth(1).rst_after(70_000));
//! ```
//!
//! `store` is the well-behaved registry, `script` the faults, `serve` brings both together, `wire` the HTTP that can break off anywhere.
//! Several fakes on 127.0.0.1, 127.0.0.2, .. stand for registry, authority, content host and attacker; each
//! logs every request before it answers, so a test that has an answer can read the log at once.

mod script;
mod serve;
mod store;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use tokio::sync::oneshot;

use super::images::TestImage;
use super::tls::Certificates;
use serve::{Door, Shared, accept};
use store::Store;

pub use script::{LocationForm, Rule, on};
pub use store::LinkForm;
pub use wire::{Head, Reply};

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Requests with the same number came over the same connection.
    pub connection: usize,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Bytes of the request's body that were read.
    pub body_bytes: usize,
    /// Requests that were being answered when this one came, itself included.
    pub beside: usize,
    /// The status of the answer; 0 if there was none.
    pub status: u16,
}

impl Seen {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A running fake; stopped when dropped.
pub struct FakeRegistry {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl FakeRegistry {
    /// An empty registry on 127.0.0.1, open to all.
    pub fn start() -> FakeRegistry {
        FakeRegistry::start_on("127.0.0.1")
    }

    /// An empty registry on another address of 127/8, on a free port or that of `IP:PORT`.
    pub fn start_on(ip: &str) -> FakeRegistry {
        FakeRegistry::listen(ip, None)
    }

    /// The same behind TLS, with the server certificate of this authority.
    pub fn start_tls(certificates: &Certificates) -> FakeRegistry {
        FakeRegistry::listen("127.0.0.1", Some(certificates))
    }

    fn listen(ip: &str, certificates: Option<&Certificates>) -> FakeRegistry {
        let place = match ip.contains(':') {
            true => ip.to_owned(),
            false => format!("{ip}:0"),
        };
        let listener = std::net::TcpListener::bind(place).unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = Arc::new(Shared {
            address: listener.local_addr().unwrap().to_string(),
            tls: certificates.map(Certificates::acceptor),
            store: Mutex::default(),
            rules: Mutex::default(),
            log: Mutex::default(),
            door: Mutex::new(Door::Open),
            in_flight: Default::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let inside = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            // The runtime's end drops every connection that is still open.
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = accept(listener, inside) => {}
                    _ = stopped => {}
                }
            });
        });
        FakeRegistry {
            shared,
            stop: Some(stop),
        }
    }

    /// Holds this image, and all below it, under a tag.
    pub fn image(self, repository: &str, tag: &str, image: &TestImage) -> FakeRegistry {
        self.store().add(repository, tag, image);
        self
    }

    /// Adds `count` tags `t00000`, `t00001`, .. for this image.
    pub fn tags(self, repository: &str, count: usize, image: &TestImage) -> FakeRegistry {
        self.store().add(repository, "t00000", image);
        for i in 0..count {
            let mut store = self.store();
            let repo = store.repositories.entry(repository.into()).or_default();
            repo.tags.insert(format!("t{i:05}"), image.digest.clone());
        }
        self
    }

    /// How pages of tags point to the next.
    pub fn links(self, form: LinkForm) -> FakeRegistry {
        self.store().links = form;
        self
    }

    /// Pages hold at most this many tags (L6).
    pub fn page_limit(self, tags: usize) -> FakeRegistry {
        self.store().page_limit = Some(tags);
        self
    }

    /// Spells upload states so that only a client which hands them back byte for byte can go on (U2).
    pub fn odd_upload_state(self) -> FakeRegistry {
        self.store().odd_state = true;
        self
    }

    /// Takes indexes that list what is not there, as OCI's specification lets a registry do, and images whose foreign
    /// layers are not there.
    pub fn takes_sparse(self) -> FakeRegistry {
        self.store().takes_sparse = true;
        self
    }

    /// Loses the manifest `digest`, and no list that names it.
    pub fn lose_manifest(&self, repository: &str, digest: &barque::image::Digest) {
        let mut store = self.store();
        let repository = store.repositories.get_mut(repository).unwrap();
        repository.manifests.remove(digest).unwrap();
    }

    /// Has no referrers API, as registries before OCI's distribution-spec 1.1.
    pub fn without_referrers(self) -> FakeRegistry {
        self.store().without_referrers = true;
        self
    }

    /// Adds a rule; more can be added while the registry is in use.
    pub fn rule(self, rule: Rule) -> FakeRegistry {
        self.add_rule(rule);
        self
    }

    /// Drops all rules.
    pub fn clear_rules(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// Adds a rule to a registry in use.
    pub fn add_rule(&self, rule: Rule) {
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// Wants this account, by Basic.
    pub fn basic(self, user: &str, password: &str) -> FakeRegistry {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        *self.shared.door.lock().unwrap() = Door::Basic(format!("Basic {pair}"));
        self
    }

    /// Wants a token of `realm` (a fake's [`FakeRegistry::token_url`]), each good for `uses` requests (A15).
    pub fn bearer(self, realm: &str, uses: usize) -> FakeRegistry {
        let realm = realm.to_owned();
        *self.shared.door.lock().unwrap() = Door::Bearer { realm, uses };
        self
    }

    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// `http://IP:PORT`, or `https://..` behind TLS.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// Where this fake gives out tokens, to anybody, for anything.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.url())
    }

    /// `docker://IP:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address())
    }

    /// The requests of this method (empty: any) with this text in path and query, in order.
    pub fn requests(&self, method: &str, path_part: &str) -> Vec<Seen> {
        let log = self.shared.log.lock().unwrap();
        let wanted =
            |s: &&Seen| (method.is_empty() || s.method == method) && s.path.contains(path_part);
        log.iter().filter(wanted).cloned().collect()
    }

    /// The requests that carried this header.
    pub fn with_header(&self, name: &str) -> Vec<Seen> {
        let mut all = self.requests("", "");
        all.retain(|s| s.header(name).is_some());
        all
    }

    /// `METHOD PATH STATUS` of each request, for an assertion on the whole conversation.
    pub fn lines(&self) -> Vec<String> {
        let all = self.requests("", "");
        all.iter()
            .map(|s| format!("{} {} {}", s.method, s.path, s.status))
            .collect()
    }

    /// Over how many connections requests came.
    pub fn connections(&self) -> usize {
        let all = self.requests("", "");
        let distinct: std::collections::BTreeSet<_> = all.iter().map(|s| s.connection).collect();
        distinct.len()
    }

    /// Forgets the requests so far; rules keep their counts.
    pub fn clear(&self) {
        self.shared.log.lock().unwrap().clear();
    }

    /// The bytes of a manifest by tag, to see what a push left; none if there is no such tag.
    pub fn manifest(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        let store = self.store();
        let repo = store.repositories.get(repository)?;
        let digest = repo.tags.get(tag)?;
        Some(repo.manifests.get(digest)?.1.clone())
    }

    /// The bytes of a manifest by digest.
    pub fn manifest_by_digest(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let store = self.store();
        let repo = store.repositories.get(repository)?;
        Some(repo.manifests.get(&digest.parse().ok()?)?.1.clone())
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &barque::image::Digest) -> Option<Vec<u8>> {
        self.store()
            .repositories
            .get(repository)?
            .blobs
            .get(digest)
            .cloned()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock().unwrap()
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
