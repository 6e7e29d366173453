//! TLS of the server: its certificate and key, the authority of its clients, and both read again while it runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::{Error, Result};

/// The files of a server's TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, then those between it and its authority.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Clients have to have a certificate of an authority in this file.
    pub client_ca: Option<PathBuf>,
}

/// What connections are secured with.
pub(super) struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn open(files: TlsFiles) -> Result<Tls> {
        let config = RwLock::new(read(&files)?);
        Ok(Tls { files, config })
    }

    /// What the next connection is secured with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the files again; when they are wrong, those of before stay.
    pub(super) fn reload(&self) -> Result<()> {
        let config = read(&self.files)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>> {
    let certificates = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let wrong = |e| Error::other("TLS cannot be set up").because(e);
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let config = match &files.client_ca {
        None => config.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in self::certificates(file)? {
                roots.add(certificate).map_err(|e| unreadable(file, e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().map_err(|e| unreadable(file, e))?)
        }
    };
    let mut config = config.with_single_cert(certificates, key).map_err(|e| {
        let (cert, key) = (files.cert.display(), files.key.display());
        Error::other(format!("`{cert}` and `{key}` cannot be used together")).because(e)
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|e| unreadable(file, e))?;
    match certificates.is_empty() {
        true => Err(Error::other(format!(
            "`{}` holds no certificate in PEM",
            file.display()
        ))),
        false => Ok(certificates),
    }
}

fn unreadable(file: &Path, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::other(format!("cannot use `{}` for TLS", file.display())).because(e)
}
