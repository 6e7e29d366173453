//! Debian's `docker-registry` (distribution 2.8) on loopback, in every set-up the tests need.
//!
//! The registry is asked for port 0 and tells its port in its log, so no port is ever guessed. Its access log
//! comes on stdout and is read by a thread; the registry may write a line after the client has its answer,
//! which is why [`DockerRegistry::requests`] waits until the log is quiet.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::images::{TestImage, write_dir};
use super::super::tls::Certificates;
use super::super::token_server::TokenServer;
use super::access_log::{Request, Requests};
use super::skopeo;

/// The user of the htpasswd set-up.
pub const USER: &str = "sailor";
/// That user's password.
pub const PASSWORD: &str = "anchors-aweigh";
/// `htpasswd -nbB -C 5 sailor anchors-aweigh`.
const HTPASSWD: &str = "sailor:$2y$05$nfepxMYc9lUhvDayr1ZnS.t6t70YI9OoLYFugf77WMFI/U33.RJ0K\n";

/// Who may use the registry.
pub enum Auth<'a> {
    /// Everybody.
    Open,
    /// [`USER`] with [`PASSWORD`], by Basic.
    Htpasswd,
    /// Whoever this token server gives a token.
    Token(&'a TokenServer),
}

/// What to start; [`DockerRegistry::setup`] begins one.
pub struct Setup<'a> {
    auth: Auth<'a>,
    tls: Option<&'a Certificates>,
    client_certificates: bool,
    delete: bool,
    schema1: bool,
    cache: bool,
}

impl<'a> Setup<'a> {
    /// Who may use it; everybody at first.
    pub fn auth(mut self, auth: Auth<'a>) -> Self {
        self.auth = auth;
        self
    }

    /// Serves TLS with this authority's server certificate.
    pub fn tls(mut self, certificates: &'a Certificates) -> Self {
        self.tls = Some(certificates);
        self
    }

    /// Serves TLS and refuses clients without a certificate of this authority.
    pub fn mutual_tls(mut self, certificates: &'a Certificates) -> Self {
        self.client_certificates = true;
        self.tls(certificates)
    }

    /// Allows deletion.
    pub fn delete(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Accepts schema 1 pushes and converts schema 2 for old clients.
    pub fn schema1(mut self) -> Self {
        self.schema1 = true;
        self
    }

    /// Answers from the disk each time, so that files changed below it are seen.
    pub fn no_cache(mut self) -> Self {
        self.cache = false;
        self
    }

    /// Starts the registry and waits until it listens.
    pub fn start(self) -> DockerRegistry {
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("config.yml");
        // JSON is YAML, so no YAML writer is needed.
        std::fs::write(&config, self.config(dir.path()).to_string()).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .current_dir(dir.path())
            .env_clear()
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let into = log.clone();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                into.lock().unwrap().extend(Request::parse(&line));
            }
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (said, listening) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let address = wait_for_address(&listening);
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let user = match self.auth {
            Auth::Open => None,
            Auth::Htpasswd | Auth::Token(_) => Some(format!("{USER}:{PASSWORD}")),
        };
        DockerRegistry {
            child,
            dir,
            log,
            address,
            scheme,
            user,
            cert_dir: self.tls.map(|t| t.cert_dir().display().to_string()),
        }
    }

    fn config(&self, dir: &Path) -> Value {
        let mut config = json!({
            "version": "0.1",
            "log": { "level": "info" },
            "storage": {
                "filesystem": { "rootdirectory": dir.join("data") },
                "delete": { "enabled": self.delete },
            },
            "http": { "addr": "127.0.0.1:0", "secret": "of this test only" },
            "compatibility": { "schema1": { "enabled": self.schema1 } },
        });
        if self.cache {
            config["storage"]["cache"] = json!({ "blobdescriptor": "inmemory" });
        }
        if let Some(tls) = self.tls {
            let (certificate, key) = tls.server_files();
            config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
            if self.client_certificates {
                config["http"]["tls"]["clientcas"] = json!([tls.ca_file()]);
            }
        }
        match self.auth {
            Auth::Open => {}
            Auth::Htpasswd => {
                let file = dir.join("htpasswd");
                std::fs::write(&file, HTPASSWD).unwrap();
                config["auth"] = json!({ "htpasswd": { "realm": "harbour", "path": file } });
            }
            Auth::Token(server) => {
                let bundle = dir.join("token-root.crt");
                std::fs::write(&bundle, server.root_certificate()).unwrap();
                config["auth"] = json!({ "token": {
                    "realm": server.realm(),
                    "service": server.service(),
                    "issuer": server.issuer(),
                    "rootcertbundle": bundle,
                }});
            }
        }
        config
    }
}

fn wait_for_address(lines: &mpsc::Receiver<String>) -> String {
    let mut seen = Vec::new();
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(20)) {
        if let Some((_, rest)) = line.split_once("listening on ") {
            let end = rest.find(['"', ',']).unwrap_or(rest.len());
            return rest[..end].to_owned();
        }
        seen.push(line);
    }
    panic!("docker-registry did not start:\n{}", seen.join("\n"));
}

/// A running registry; killed, and its data removed, when dropped.
pub struct DockerRegistry {
    child: Child,
    dir: TempDir,
    log: Arc<Mutex<Vec<Request>>>,
    address: String,
    scheme: &'static str,
    user: Option<String>,
    cert_dir: Option<String>,
}

impl DockerRegistry {
    /// A registry that everybody may read and write, over plain HTTP.
    pub fn open() -> DockerRegistry {
        DockerRegistry::setup().start()
    }

    /// Begins a set-up; [`Setup::start`] ends it.
    pub fn setup<'a>() -> Setup<'a> {
        Setup {
            auth: Auth::Open,
            tls: None,
            client_certificates: false,
            delete: false,
            schema1: false,
            cache: true,
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://127.0.0.1:PORT` or `https://..`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// `docker://127.0.0.1:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }

    /// `USER:PASSWORD` of an account that may do everything; none for an open registry.
    pub fn creds(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The directory below which the registry keeps its files.
    pub fn storage(&self) -> std::path::PathBuf {
        self.dir.path().join("data/docker/registry/v2")
    }

    /// The flags skopeo needs for this registry; `prefix` is empty, `src-` or `dest-`.
    pub fn skopeo_flags(&self, prefix: &str) -> Vec<String> {
        let verify = match self.cert_dir {
            Some(ref dir) => format!("--{prefix}cert-dir={dir}"),
            None => format!("--{prefix}tls-verify=false"),
        };
        let creds = self.user.iter().map(|u| format!("--{prefix}creds={u}"));
        creds.chain([verify]).collect()
    }

    /// Has skopeo push this image, index and all, as `NAME:TAG`, without changing a byte.
    #[track_caller]
    pub fn feed(&self, name: &str, image: &TestImage) {
        let skopeo = skopeo();
        let source = skopeo.path("image");
        write_dir(&source, image);
        let mut args = vec![
            "copy".into(),
            "--all".into(),
            "--preserve-digests".into(),
            "-q".into(),
        ];
        args.extend(self.skopeo_flags("dest-"));
        args.extend([format!("dir:{}", source.display()), self.docker(name)]);
        skopeo.args(args).run().ok();
    }

    /// How much of the log there is now; give it to [`DockerRegistry::since`].
    pub fn mark(&self) -> usize {
        self.requests().len()
    }

    /// The requests after a mark.
    pub fn since(&self, mark: usize) -> Requests {
        Requests(self.requests()[mark..].to_vec())
    }

    /// All requests so far, read once the log has been quiet for a while.
    pub fn requests(&self) -> Requests {
        let (mut before, mut quiet) = (0, 0);
        // Quiet is three looks without news; after 100 looks (5 s) the log is taken as it is.
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.log.lock().unwrap().len();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            if quiet == 3 {
                break;
            }
        }
        Requests(self.log.lock().unwrap().clone())
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
