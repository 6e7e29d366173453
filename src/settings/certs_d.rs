//! certs.d: certificate authorities and client certificates per registry host.
//!
//! Only files are looked at here; what a certificate says is for the TLS library. A folder given on the
//! command line must exist; the folders of the machine need not.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::paths::Environment;
use crate::files::read_whole;
use crate::image::Registry;
use crate::{Error, Kind, Result};

/// Bytes of a file of certificates; those with all authorities of the web have less than one MiB.
const PEM_CAP: u64 = 8 << 20;

/// A file that holds PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    pub path: PathBuf,
    pub pem: Vec<u8>,
}

// By hand, because the file may hold a private key.
impl std::fmt::Debug for PemFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PemFile").field(&self.path).finish()
    }
}

/// What a client shows for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPair {
    /// The certificate, and those between it and its authority.
    pub certificate: PemFile,
    pub key: PemFile,
}

/// Certificates for one registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCerts {
    /// Certificate authorities trusted beside the system's.
    pub authorities: Vec<PemFile>,
    pub client: Option<ClientPair>,
}

/// Reads the certificates for `registry`: those in `dir` when given, else those of the first certs.d folder
/// that has one named as the registry is (`HOST` or `HOST:PORT`).
///
/// # Errors
/// [`Kind::NotAllowed`] or [`Kind::Other`] when `dir` or a file cannot be read; [`Kind::Other`] for a client
/// certificate without its key, a key without its certificate, and a pair that is not unencrypted PEM.
pub fn load(registry: &Registry, dir: Option<&Path>) -> Result<HostCerts> {
    match dir {
        Some(dir) => load_explicit(dir),
        None => load_below(registry, &Environment::of_process().certs_d_folders()),
    }
}

fn load_explicit(dir: &Path) -> Result<HostCerts> {
    match names_in(dir) {
        Ok(names) => read_all(dir, &names),
        Err(e) => Err(Error::new(
            Kind::of_file(&e),
            format!("cannot read the certificate folder `{}`", dir.display()),
        )
        .because(e)
        .hint("`--cert-dir` names a folder of `*.crt`, `*.cert` and `*.key` files")),
    }
}

fn load_below(registry: &Registry, folders: &[PathBuf]) -> Result<HostCerts> {
    for folder in folders {
        let dir = folder.join(&*crate::platform::host_folder(registry.as_str()));
        match names_in(&dir) {
            Ok(names) => return read_all(&dir, &names),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // As skopeo does: a folder for root alone is none of ours.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                tracing::debug!("`{}` is passed over: {e:#}", dir.display());
            }
            Err(e) => {
                let message = format!("cannot read the certificate folder `{}`", dir.display());
                return Err(Error::other(message).because(e));
            }
        }
    }
    Ok(HostCerts::default())
}

/// The names of the files in `dir`, sorted.
fn names_in(dir: &Path) -> std::io::Result<BTreeSet<String>> {
    std::fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn read_all(dir: &Path, names: &BTreeSet<String>) -> Result<HostCerts> {
    let mut certs = HostCerts::default();
    for name in names {
        if name.ends_with(".crt") {
            match read_pem(&dir.join(name), "CERTIFICATE")? {
                Ok(file) => certs.authorities.push(file),
                // skopeo takes no notice of such a file, so it may lie in folders that work.
                Err(why) => tracing::warn!("{why} and is ignored"),
            }
        } else if let Some(stem) = name.strip_suffix(".cert") {
            let key = needs_partner(dir, names, name, &format!("{stem}.key"))?;
            if certs.client.is_some() {
                tracing::warn!(
                    "`{}` is not used: one client certificate is enough",
                    dir.join(name).display()
                );
                continue;
            }
            certs.client = Some(ClientPair {
                certificate: read_pem(&dir.join(name), "CERTIFICATE")?.map_err(Error::other)?,
                key: read_pem(&key, "PRIVATE KEY")?.map_err(Error::other)?,
            });
        } else if let Some(stem) = name.strip_suffix(".key") {
            needs_partner(dir, names, name, &format!("{stem}.cert"))?;
        }
    }
    Ok(certs)
}

/// The path of `partner`, without which `name` is of no use.
fn needs_partner(
    dir: &Path,
    names: &BTreeSet<String>,
    name: &str,
    partner: &str,
) -> Result<PathBuf> {
    let path = dir.join(partner);
    if names.contains(partner) {
        return Ok(path);
    }
    let error = Error::other(format!("`{}` is missing beside `{name}`", path.display()));
    Err(if name.ends_with(".cert") {
        error.hint(
            "a certificate authority's file must end in `.crt`; `.cert` is a client certificate",
        )
    } else {
        error
    })
}

/// The file at `path`, or in words why it is no PEM of `label`.
fn read_pem(path: &Path, label: &str) -> Result<Result<PemFile, String>> {
    let shown = path.display();
    let bytes = read_whole(path, PEM_CAP)
        .map_err(|e| Error::new(Kind::of_file(&e), format!("cannot read `{shown}`")).because(e))?;
    let text = String::from_utf8_lossy(&bytes);
    let begins = |label: &str| {
        text.lines().any(|l| {
            l.starts_with("-----BEGIN ") && l.trim_end().ends_with(&format!("{label}-----"))
        })
    };
    // What stands before the first block of a PEM file may begin with any byte.
    Ok(if bytes.first() == Some(&0x30) && !begins(label) {
        Err(format!(
            "`{shown}` is DER and not PEM (`openssl x509 -inform der` and `openssl pkey -inform der` convert it)"
        ))
    } else if begins("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        Err(format!(
            "`{shown}` is encrypted, which is not supported (`openssl pkey` writes it without a passphrase)"
        ))
    } else if begins(label) {
        Ok(PemFile {
            path: path.to_owned(),
            pem: bytes,
        })
    } else {
        Err(format!(
            "`{shown}` holds no PEM block of the kind `{label}`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const CERT: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn message(files: &[(&str, &str)]) -> String {
        let dir = folder(files);
        let error = load_explicit(dir.path()).unwrap_err();
        error
            .to_string()
            .replace(&dir.path().display().to_string(), "D")
            .replace(std::path::MAIN_SEPARATOR, "/")
    }

    #[test]
    fn authorities_and_a_client_pair_are_read() {
        let dir = folder(&[
            ("a.crt", CERT),
            ("b.crt", CERT),
            ("der.crt", "\0"),
            ("c.cert", CERT),
            ("c.key", KEY),
            ("d.crt", &format!("0 is its number\n{CERT}")),
            ("readme", ""),
        ]);
        let certs = load(&"r.io".parse().unwrap(), Some(dir.path())).unwrap();
        let file = |name: &str, text: &str| PemFile {
            path: dir.path().join(name),
            pem: text.into(),
        };
        assert_eq!(
            certs.authorities,
            [
                file("a.crt", CERT),
                file("b.crt", CERT),
                file("d.crt", &format!("0 is its number\n{CERT}"))
            ]
        );
        let client = ClientPair {
            certificate: file("c.cert", CERT),
            key: file("c.key", KEY),
        };
        assert_eq!(certs.client, Some(client));
        assert!(!format!("{certs:?}").contains("45"), "{certs:?}");
    }

    #[test]
    fn half_a_pair_is_an_error_that_names_the_other_half() {
        assert_eq!(
            message(&[("c.cert", CERT)]),
            "`D/c.key` is missing beside `c.cert`"
        );
        assert_eq!(
            message(&[("c.key", KEY)]),
            "`D/c.cert` is missing beside `c.key`"
        );
        assert_eq!(
            message(&[("c.key", CERT), ("c.cert", CERT)]),
            "`D/c.key` holds no PEM block of the kind `PRIVATE KEY`"
        );
        let pkcs8 = KEY.replace("EC PRIVATE", "ENCRYPTED PRIVATE");
        let older = KEY.replace("AA==", "Proc-Type: 4,ENCRYPTED\n\nAA==");
        for encrypted in [pkcs8, older] {
            let said = message(&[("c.key", &encrypted), ("c.cert", CERT)]);
            assert!(said.starts_with("`D/c.key` is encrypted"), "{said}");
        }
    }

    #[test]
    fn the_first_folder_of_the_host_is_the_only_one() {
        let with_port = crate::platform::host_folder("r.io:5000");
        let dir = folder(&[
            ("1/r.io/readme", ""),
            ("2/r.io/a.crt", CERT),
            (&format!("2/{with_port}/a.crt"), CERT),
        ]);
        let folders = ["none", "1", "2"].map(|n| dir.path().join(n));
        let count = |host: &str| {
            let certs = load_below(&host.parse().unwrap(), &folders).unwrap();
            certs.authorities.len()
        };
        assert_eq!(
            (count("r.io"), count("r.io:5000"), count("x.io")),
            (0, 1, 0)
        );
    }

    #[test]
    fn a_folder_asked_for_must_exist() {
        let error = load(&"r.io".parse().unwrap(), Some(Path::new("/nowhere/c"))).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/c`"));
    }
}
