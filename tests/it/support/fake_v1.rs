//! An index and its registries of the first generation, in memory: what the real registry, which stands alone, does
//! not show.
//!
//! Tokens are checked for signature, repository and action; one endpoint may be dead; registries keep the checksum of
//! a layer in a cookie, as those up to 0.6; an index may redirect; layers may come from a storage host, or break off.
//! All servers of one [`FakeV1`] share what they hold and write one log.

mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;

use super::images::sha256;
use super::served::Served;

/// The user of the index.
pub const USER: &str = "sailor";
/// That user's password.
pub const PASSWORD: &str = "anchors-aweigh";

/// One request as it came.
#[derive(Debug, Clone)]
pub struct V1Seen {
    pub role: Role,
    /// The IP address of the server.
    pub host: &'static str,
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub cookie: Option<String>,
    pub range: Option<String>,
    pub status: u16,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Index,
    Registry,
    /// Both in one, which checks no token.
    Alone,
    /// Where layers are redirected to.
    Storage,
}

/// An image as it was pushed.
#[derive(Debug, Clone, Default)]
pub struct Held {
    pub json: Vec<u8>,
    pub layer: Option<Vec<u8>>,
    pub checksum: Option<String>,
}

/// How a registry fails that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sick {
    /// It takes all images for begun and never ended.
    Begun,
    /// It has lost all layers.
    Lost,
    /// It breaks each layer off before the first byte.
    Breaks,
}

/// How the servers behave.
#[derive(Debug, Clone, Default)]
pub struct Knobs {
    /// Everything on the index wants the password, reading too.
    pub private: bool,
    /// Everything under `/v1/` wants the password, the ping too.
    pub guarded: bool,
    /// The index answers a first PUT by sending it elsewhere.
    pub redirect: bool,
    /// Layers are had from the storage host.
    pub storage: bool,
    /// A layer breaks off after this many bytes, once.
    pub cut: Option<usize>,
    /// A range is answered with the whole layer, and it is said so.
    pub wide: bool,
    /// A range is answered with 206 that does not say which bytes these are.
    pub unmarked: bool,
    /// Tokens are good for this many requests.
    pub uses: Option<usize>,
    /// The size of a layer is not told.
    pub no_size: bool,
    /// The first registry is not up (501) until the second one dies: where a layer breaks off, or before it takes the
    /// checksum of a second image. What was pushed to the second one is lost with it.
    pub dies: bool,
    /// What ails the first of two registries.
    pub sick: Option<Sick>,
    /// The index, which says that it does not stand alone, is the registry too and knows no tokens.
    pub in_one: bool,
}

/// What all servers share.
#[derive(Default)]
pub struct World {
    pub images: BTreeMap<String, Held>,
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// What the index was told last of each repository.
    pub confirmed: BTreeMap<String, serde_json::Value>,
    pub announced: BTreeMap<String, serde_json::Value>,
    endpoints: Vec<String>,
    storage: String,
    knobs: Knobs,
    issued: BTreeMap<String, (String, String, usize)>,
    cut: BTreeSet<String>,
    /// The registry that is going to die.
    mortal: Option<Served>,
    log: Vec<V1Seen>,
}

#[derive(Clone)]
struct Server {
    role: Role,
    host: &'static str,
    world: Arc<Mutex<World>>,
}

/// The registry of a split world, and that which takes over where the first dies.
pub const REGISTRY: &str = "127.0.0.2";
pub const SECOND: &str = "127.0.0.5";

/// Running servers; stopped when dropped.
pub struct FakeV1 {
    world: Arc<Mutex<World>>,
    address: String,
    servers: Vec<Served>,
}

impl FakeV1 {
    /// An index on 127.0.0.1 that names two registries: one where nothing listens, and one on 127.0.0.2.
    pub fn split(knobs: Knobs) -> FakeV1 {
        let mut fake = FakeV1::start(Role::Index, knobs);
        let dead = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
        let dead = dead.local_addr().unwrap().to_string();
        let registry = fake.serve(REGISTRY, Role::Registry);
        let mortal = fake.servers.pop();
        let second = fake.serve(SECOND, Role::Registry);
        let storage = fake.serve("127.0.0.4", Role::Storage);
        let mut world = fake.world.lock().unwrap();
        world.endpoints = match world.knobs {
            Knobs { in_one: true, .. } => Vec::new(),
            Knobs { dies: true, .. } => vec![second, registry],
            Knobs { sick: Some(_), .. } => vec![registry, second],
            _ => vec![dead, registry],
        };
        world.mortal = mortal;
        world.storage = storage;
        drop(world);
        fake
    }

    /// A registry that stands alone.
    pub fn alone(knobs: Knobs) -> FakeV1 {
        FakeV1::start(Role::Alone, knobs)
    }

    fn start(role: Role, knobs: Knobs) -> FakeV1 {
        let world = World {
            knobs,
            ..World::default()
        };
        let mut fake = FakeV1 {
            world: Arc::new(Mutex::new(world)),
            address: String::new(),
            servers: Vec::new(),
        };
        fake.address = fake.serve("127.0.0.1", role);
        fake
    }

    fn serve(&mut self, host: &'static str, role: Role) -> String {
        let world = self.world.clone();
        let app = Router::new()
            .fallback(routes::answer)
            .with_state(Server { role, host, world });
        let server = Served::start(host, app);
        let address = server.address().to_owned();
        self.servers.push(server);
        address
    }

    /// `IP:PORT` of the index, or of the registry that stands alone.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `docker-v1://IP:PORT/NAME`.
    pub fn v1(&self, name: &str) -> String {
        format!("docker-v1://{}/{name}", self.address)
    }

    /// Holds an image under a tag: a chain of layers, base first, each with its JSON's further members and its
    /// checksum (a function of JSON and layer).
    pub fn image(self, repository: &str, tag: &str, chain: &[(&str, &[u8])]) -> FakeV1 {
        let mut world = self.world.lock().unwrap();
        let mut parent = String::new();
        for (i, (members, layer)) in chain.iter().enumerate() {
            let id = sha256(format!("{repository}:{tag} {i}").as_bytes());
            let id = id.hex().to_owned();
            let below = match parent.is_empty() {
                true => String::new(),
                false => format!(r#""parent":"{parent}","#),
            };
            let json = format!(r#"{{"id":"{id}",{below}{members}}}"#).into_bytes();
            let checksum = payload(&json, layer);
            world.images.insert(
                id.clone(),
                Held {
                    json,
                    layer: Some(layer.to_vec()),
                    checksum: Some(checksum),
                },
            );
            parent = id;
        }
        let tags = world.tags.entry(repository.to_owned()).or_default();
        tags.insert(tag.to_owned(), parent);
        drop(world);
        self
    }

    /// Looks at, or changes, what the servers hold.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap())
    }

    /// The requests of this role (any for `None`) with this text in the path.
    pub fn requests(&self, role: Option<Role>, part: &str) -> Vec<V1Seen> {
        let world = self.world.lock().unwrap();
        let wanted = |s: &&V1Seen| role.is_none_or(|role| role == s.role) && s.path.contains(part);
        world.log.iter().filter(wanted).cloned().collect()
    }
}

/// The payload checksum of an image.
pub fn payload(json: &[u8], layer: &[u8]) -> String {
    sha256(&[json, b"\n", layer].concat()).to_string()
}
