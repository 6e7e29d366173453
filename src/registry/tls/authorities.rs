//! The certificate authorities of the system.
//!
//! Most systems keep them twice, in one file and in a folder of hundreds: the file alone is read as long as it knows who
//! signed a server's certificate. Whom to trust is decided by the verifier; here is only where they are found.

use std::path::PathBuf;

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// The authorities in the system's one file; `None` where they are kept in another way.
pub(super) fn in_one_file() -> Option<CertificateResult> {
    if cfg!(any(target_os = "macos", windows)) {
        return None;
    }
    let file = match (
        std::env::var_os("SSL_CERT_FILE"),
        std::env::var_os("SSL_CERT_DIR"),
    ) {
        (Some(file), _) => PathBuf::from(file),
        // The folder is meant in place of what the system has.
        (None, Some(_)) => return None,
        (None, None) => openssl_probe::probe().cert_file?,
    };
    let found = load_certs_from_paths(Some(&file), None);
    (!found.certs.is_empty()).then_some(found)
}

/// All of them.
pub(super) fn all() -> CertificateResult {
    load_native_certs()
}
