//! Who may use the registry: a file of users and bcrypt hashes, as `htpasswd -B` writes it.
//!
//! The file is read again when it changes. A hash takes long by design, so a right password is remembered, as a keyed hash that
//! this process alone can check.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use serde_json::json;
use tokio::sync::Semaphore;

use super::refusal::{Code, Refusal};
use super::request::Asked;
use crate::{Error, Result, locked};

/// Passwords that are checked at once; each takes a core for some time.
const AT_ONCE: usize = 2;
/// Right passwords that are remembered.
const REMEMBERED: usize = 10_000;
/// Bytes of the file of users.
const FILE_CAP: u64 = 4 << 20;
/// Checked for unknown users, so that they take as long as known ones.
const NOBODY: &str = "$2y$10$nfepxMYc9lUhvDayr1ZnS.t6t70YI9OoLYFugf77WMFI/U33.RJ0K";

/// The users of a file.
pub(super) struct Users {
    file: PathBuf,
    read: Mutex<Read>,
    checking: Arc<Semaphore>,
    key: aws_lc_rs::hmac::Key,
}

#[derive(Default)]
struct Read {
    at: Option<SystemTime>,
    hashes: Arc<HashMap<String, String>>,
    right: HashSet<Vec<u8>>,
}

impl Users {
    /// Reads `file`.
    ///
    /// # Errors
    /// When it cannot be read, or a line has another kind of hash than bcrypt.
    pub(super) fn open(file: PathBuf) -> Result<Users> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key)
            .map_err(|e| Error::other("no random numbers").because(e))?;
        let users = Users {
            key: aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key),
            file,
            read: Mutex::default(),
            checking: Arc::new(Semaphore::new(AT_ONCE)),
        };
        users.refresh()?;
        Ok(users)
    }

    /// Reads the file if it is another one than before.
    fn refresh(&self) -> Result<()> {
        let shown = self.file.display();
        let cannot = |e| Error::other(format!("cannot read `{shown}`")).because(e);
        let at = std::fs::metadata(&self.file)
            .and_then(|m| m.modified())
            .ok();
        let mut read = locked(&self.read);
        if at.is_some() && read.at == at {
            return Ok(());
        }
        let bytes = crate::files::read_whole(&self.file, FILE_CAP).map_err(cannot)?;
        let mut hashes = HashMap::new();
        for (n, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(':') {
                Some((user, hash)) if hash.starts_with("$2") => {
                    hashes.insert(user.to_owned(), hash.to_owned());
                }
                _ => {
                    let text = format!(
                        "line {} of `{shown}` is not USER:HASH with a bcrypt hash",
                        n + 1
                    );
                    return Err(Error::other(text).hint("write it with `htpasswd -B`"));
                }
            }
        }
        *read = Read {
            at,
            hashes: Arc::new(hashes),
            right: HashSet::new(),
        };
        Ok(())
    }

    /// The user that `asked` is from.
    ///
    /// # Errors
    /// 401 with a challenge, unless it has the right password of a user.
    pub(super) async fn check(&self, asked: &Asked) -> Result<String, Refusal> {
        let (user, password) = credential(asked).ok_or_else(challenge)?;
        if let Err(e) = self.refresh() {
            // The users of before stay until the file is mended.
            tracing::error!("{e:#}");
        }
        let seal = |hash: &str| {
            let text = [user.as_str(), &password, hash].join("\0");
            aws_lc_rs::hmac::sign(&self.key, text.as_bytes())
                .as_ref()
                .to_vec()
        };
        let (hash, sealed) = {
            let read = locked(&self.read);
            let hash = read.hashes.get(&user).cloned();
            let sealed = hash.as_deref().map(seal);
            if sealed
                .as_ref()
                .is_some_and(|sealed| read.right.contains(sealed))
            {
                return Ok(user);
            }
            (hash, sealed)
        };
        let permit = self.checking.clone().acquire_owned().await;
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let right = bcrypt::verify(password, hash.as_deref().unwrap_or(NOBODY));
            right.unwrap_or(false) && hash.is_some()
        });
        match (checked.await, sealed) {
            (Ok(true), Some(sealed)) => {
                let mut read = locked(&self.read);
                if read.right.len() >= REMEMBERED {
                    read.right.clear();
                }
                read.right.insert(sealed);
                Ok(user)
            }
            _ => Err(challenge()),
        }
    }
}

fn challenge() -> Refusal {
    let (status, code) = (StatusCode::UNAUTHORIZED, Code::Unauthorized);
    let challenge = HeaderValue::from_static("Basic realm=\"barque\", charset=\"UTF-8\"");
    let refusal = Refusal::new(status, code, "authentication required");
    // Programs of skopeo's family leave the text out of an error without details.
    let refusal = refusal.detail(json!({}));
    refusal.header(WWW_AUTHENTICATE, challenge)
}

/// User and password of the header `Authorization`.
fn credential(asked: &Asked) -> Option<(String, String)> {
    let (scheme, token) = asked.header(&AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
