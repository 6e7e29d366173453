//! The certificate authorities of the system, and those that are built in.
//!
//! Most systems keep them twice, in one file and in a folder of hundreds: the file alone is read as long as it knows who
//! signed a server's certificate. Whom to trust is decided by the verifier; here is only where they are found.

use std::env::{split_paths, var_os};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls_native_certs::{CertificateResult, Error, ErrorKind};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

use crate::files::read_whole;

/// Bytes of the file of all authorities; those of the web have less than one MiB.
const FILE_CAP: u64 = 32 << 20;

/// The authorities that were built in.
pub(super) fn builtin() -> &'static [TrustAnchor<'static>] {
    webpki_roots::TLS_SERVER_ROOTS
}

/// Whether the built-in authorities stand for those of a system that has none. Where the user says which files hold
/// authorities, no others are trusted.
pub(super) fn may_be_builtin() -> bool {
    var_os("SSL_CERT_FILE").is_none() && var_os("SSL_CERT_DIR").is_none()
}

/// Says once that the built-in authorities are used because the system has none.
pub(super) fn note_builtin() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "this system has no certificate authorities: those built into barque are trusted; install `ca-certificates`, or choose them with `--ca builtin`"
        );
    });
}

/// The authorities in the system's one file, if it has any; `None` where they are kept in another way.
pub(super) fn in_one_file() -> Option<CertificateResult> {
    if cfg!(any(target_os = "macos", windows)) {
        return None;
    }
    let file = match (var_os("SSL_CERT_FILE"), var_os("SSL_CERT_DIR")) {
        (Some(file), _) => PathBuf::from(file),
        // The folder is meant in place of what the system has.
        (None, Some(_)) => return None,
        (None, None) => openssl_probe::probe().cert_file?,
    };
    Some(read(&file))
}

/// All of them.
pub(super) fn all() -> CertificateResult {
    // It may be a pipe, which has been read, or have no end.
    match var_os("SSL_CERT_FILE").filter(|file| !Path::new(file).is_file()) {
        None => load_native_certs(),
        Some(_) => {
            let mut all = CertificateResult::default();
            let folders = var_os("SSL_CERT_DIR").unwrap_or_default();
            for folder in split_paths(&folders).filter(|f| !f.as_os_str().is_empty()) {
                let found = load_certs_from_paths(None, Some(&folder));
                all.certs.extend(found.certs);
                all.errors.extend(found.errors);
            }
            all
        }
    }
}

fn read(file: &Path) -> CertificateResult {
    let mut found = CertificateResult::default();
    match read_whole(file, FILE_CAP) {
        Ok(pem) => {
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                match certificate {
                    Ok(certificate) => found.certs.push(certificate.into_owned()),
                    Err(e) => found.errors.push(Error {
                        context: "failed to read PEM from file",
                        kind: ErrorKind::Pem(e),
                    }),
                }
            }
        }
        Err(inner) => found.errors.push(Error {
            context: "failed to open file",
            kind: ErrorKind::Io {
                inner,
                path: file.to_owned(),
            },
        }),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_authorities_are_built_in() {
        let has = |name: &[u8]| {
            let mut subjects = builtin().iter().map(|anchor| anchor.subject.as_ref());
            subjects.any(|subject| subject.windows(name.len()).any(|part| part == name))
        };
        assert!(has(b"ISRG Root X1") && has(b"DigiCert Global Root G2"));
        assert!(!has(b"barque test"));
    }
}
