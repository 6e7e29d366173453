//! The certificate authorities of the system.
//!
//! Most systems keep them twice, in one file and in a folder of hundreds: the file alone is read as long as it knows who
//! signed a server's certificate. Whom to trust is decided by the verifier; here is only where they are found.

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// The authorities in the system's one file; `None` where they are kept in another way, or the environment says where.
pub(super) fn in_one_file() -> Option<CertificateResult> {
    let named = |name: &str| std::env::var_os(name).is_some();
    if cfg!(any(target_os = "macos", windows)) || named("SSL_CERT_FILE") || named("SSL_CERT_DIR") {
        return None;
    }
    let file = openssl_probe::probe().cert_file?;
    let found = load_certs_from_paths(Some(&file), None);
    (!found.certs.is_empty()).then_some(found)
}

/// All of them.
pub(super) fn all() -> CertificateResult {
    load_native_certs()
}
