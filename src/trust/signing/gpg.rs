//! Keys that the program `gpg` has: it finds them (`GNUPGHOME`), asks for passphrases and signs.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;

use crate::settings::Secret;
use crate::settings::paths::Environment;
use crate::{Error, Kind, Result};

/// Bytes of a signature or of exported keys.
const CAP: u64 = 8 << 20;
/// Bytes of messages.
const SAID: u64 = 64 << 10;

/// A key of `gpg`.
pub struct Gpg {
    program: PathBuf,
    key: String,
    passphrase: Option<Secret>,
}

impl Gpg {
    /// The key that `gpg` knows as `key`: a fingerprint, an id, a part of a user's name. Without a passphrase its agent asks
    /// for one where that is needed.
    ///
    /// # Errors
    /// When there is no `gpg`.
    pub fn new(key: &str, passphrase: Option<Secret>) -> Result<Gpg> {
        Ok(Gpg {
            program: program()?,
            key: key.to_owned(),
            passphrase,
        })
    }

    /// `payload` in an OpenPGP message with a signature. Blocks.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<Bytes> {
        let mut command = Command::new(&self.program);
        command.args(["--batch", "--no-armor", "--no-textmode", "--yes"]);
        let mut input = Vec::new();
        if let Some(passphrase) = &self.passphrase {
            command.args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"]);
            // gpg reads the line alone, and the payload behind it.
            input.extend_from_slice(passphrase.expose().as_bytes());
            input.push(b'\n');
        }
        input.extend_from_slice(payload);
        command.args(["--local-user", &self.key, "--output", "-", "--sign"]);
        let key = &self.key;
        run(command, &input).map_err(|e| e.context(format!("signing with the key `{key}` of gpg")))
    }
}

/// The public keys that `gpg` knows as `keys`, in binary. Blocks.
///
/// # Errors
/// When there is no `gpg`, or it fails; what it does not know is left out.
pub fn export_public_keys(keys: &[String]) -> Result<Bytes> {
    let mut command = Command::new(program()?);
    command
        .args(["--batch", "--no-armor", "--export", "--"])
        .args(keys);
    run(command, &[]).map_err(|e| e.context("reading public keys from gpg"))
}

fn program() -> Result<PathBuf> {
    let environment = Environment::of_process();
    let found = ["gpg", "gpg2"]
        .into_iter()
        .find_map(|name| environment.program(name));
    found.ok_or_else(|| {
        Error::other("the program `gpg` is not installed")
            .hint("install GnuPG, or give a file with the secret key, as in `./key.asc`")
    })
}

/// What `command` prints when it reads `input`.
fn run(mut command: Command, input: &[u8]) -> Result<Bytes> {
    let failed = |e: std::io::Error| Error::other("gpg cannot be run").because(e);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (written, said) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // One that does not read its input says why on stderr.
            stdin.map(|mut stdin| stdin.write_all(input))
        });
        let said = scope.spawn(move || read(stderr, SAID));
        (
            read(stdout, CAP),
            said.join().unwrap_or_else(|_| Ok(Vec::new())),
        )
    });
    let status = child.wait().map_err(failed)?;
    let (written, said) = (written.map_err(failed)?, said.map_err(failed)?);
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let lines = said
            .lines()
            .map(|line| line.trim_start_matches("gpg: ").trim());
        let mut lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        lines.dedup();
        let kind = match said.contains("Bad passphrase") {
            true => Kind::NotAllowed,
            false => Kind::Other,
        };
        let text = match lines.is_empty() {
            true => status.to_string(),
            false => lines.join("; "),
        };
        return Err(Error::new(kind, format!("gpg failed: {text}")));
    }
    Ok(written.into())
}

fn read(pipe: Option<impl Read>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(most).read_to_end(&mut all)?;
        // A program that is not heard to its end would wait.
        std::io::copy(&mut pipe, &mut std::io::sink())?;
    }
    Ok(all)
}
