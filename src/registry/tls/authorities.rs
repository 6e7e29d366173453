//! The certificate authorities of the system.
//!
//! Most systems keep them twice, in one file and in a folder of hundreds: the file alone is read as long as it knows who
//! signed a server's certificate. Whom to trust is decided by the verifier; here is only where they are found.

use std::env::{split_paths, var_os};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, Error, ErrorKind};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

use crate::files::read_whole;

/// Bytes of the file of all authorities; those of the web have less than one MiB.
const FILE_CAP: u64 = 32 << 20;

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
