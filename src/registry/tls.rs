//! TLS: which servers are trusted, and what a client shows for itself. Nothing of it is read before TLS is spoken.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError};
use rustls::{RootCertStore, SignatureScheme};
use rustls_native_certs::CertificateResult;

use crate::image::Registry;
use crate::settings::certs_d::{self, ClientPair, PemFile};
use crate::settings::{Access, Authorities};
use crate::{Error, Result};

mod authorities;
mod failure;

pub(super) use failure::{client_hint, failure};

/// How TLS is spoken with a registry.
pub(super) struct Tls {
    /// The protocols of HTTP are still to be named in it.
    pub(super) config: ClientConfig,
    /// The file of the client certificate.
    pub(super) client: Option<PathBuf>,
}

/// Reads how TLS is spoken with `registry`.
pub(super) fn load(registry: &Registry, access: &Access) -> Result<Tls> {
    let certs = certs_d::load(registry, access.cert_dir.as_deref())?;
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let verifier: Arc<dyn ServerCertVerifier> = match access.tls_verify {
        true => {
            let given = given(&certs.authorities);
            Arc::new(Verifier::new(given, access.authorities, provider.clone())?)
        }
        false => Arc::new(Anyone),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(not_set_up)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &certs.client {
        Some(client) => {
            let shown = SingleCertAndKey::from(certified(client, &provider)?);
            builder.with_client_cert_resolver(Arc::new(shown))
        }
        None => builder.with_no_client_auth(),
    };
    let client = certs.client.map(|pair| pair.certificate.path);
    Ok(Tls { config, client })
}

/// A client's certificate with its key. What version of X.509 it is, and whether it is good, is for the server.
fn certified(client: &ClientPair, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&client.certificate.pem)
        .collect::<Result<_, _>>()
        .map_err(|e| unreadable(&client.certificate, e))?;
    let key =
        PrivateKeyDer::from_pem_slice(&client.key.pem).map_err(|e| unreadable(&client.key, e))?;
    let key = provider.key_provider.load_private_key(key).map_err(|e| {
        let path = client.key.path.display();
        Error::other(format!("the private key in `{path}` cannot be used"))
            .because(e)
            .hint("keys are RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519")
    })?;
    // A certificate holds its public key just as the key writes it.
    let is_of_key = |certificate: &CertificateDer<'_>| match key.public_key() {
        Some(public) => certificate.windows(public.len()).any(|w| w == &*public),
        None => true,
    };
    if !chain.first().is_some_and(is_of_key) {
        return Err(Error::other(format!(
            "the private key in `{}` is not that of the certificate in `{}`",
            client.key.path.display(),
            client.certificate.path.display()
        ))
        .hint("where a file holds several certificates, the client's own has to be the first"));
    }
    Ok(CertifiedKey::new(chain, key))
}

/// Trusts what the given authorities, and those of the system or the built-in ones, have signed.
#[derive(Debug)]
struct Verifier {
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    near: Trust,
    /// Further authorities, where `near` has only those that are quickly read or were given.
    further: Option<(Further, OnceLock<Option<Trust>>)>,
}

/// Authorities that are read only if others do not know who signed a certificate.
#[derive(Debug, Clone, Copy)]
enum Further {
    /// All of the system.
    System,
    /// The built-in ones, as the system has none.
    Builtin,
}

impl Verifier {
    fn new(
        given: Vec<CertificateDer<'static>>,
        chosen: Authorities,
        provider: Arc<CryptoProvider>,
    ) -> Result<Verifier> {
        let nothing = CertificateResult::default();
        let found = match chosen {
            Authorities::System => authorities::in_one_file(),
            Authorities::Builtin => None,
        };
        let (near, further) = match found {
            _ if chosen == Authorities::Builtin => {
                (Trust::new(&given, nothing, true, &provider)?, None)
            }
            Some(system) if !system.certs.is_empty() => {
                let near = Trust::new(&given, system, false, &provider)?;
                (near, Some(Further::System))
            }
            found => {
                let mut all = authorities::all();
                // Why the file has none is the first thing to know.
                let why = found.map(|found| found.errors).unwrap_or_default();
                all.errors.splice(0..0, why);
                let lacks = all.certs.is_empty() && authorities::may_be_builtin();
                let builtin = lacks && given.is_empty();
                if builtin {
                    authorities::note_builtin();
                }
                let near = Trust::new(&given, all, builtin, &provider)?;
                (near, (lacks && !builtin).then_some(Further::Builtin))
            }
        };
        Ok(Verifier {
            near,
            given,
            provider,
            further: further.map(|further| (further, OnceLock::new())),
        })
    }

    /// Trust in further authorities, where those have not been asked.
    fn further(&self) -> Option<&Trust> {
        let (further, read) = self.further.as_ref()?;
        let trust = read.get_or_init(|| {
            let (system, builtin) = match further {
                Further::System => (authorities::all(), false),
                Further::Builtin => (CertificateResult::default(), true),
            };
            Trust::new(&self.given, system, builtin, &self.provider).ok()
        });
        if matches!(further, Further::Builtin) {
            authorities::note_builtin();
        }
        trust.as_ref()
    }
}

/// The authorities in `files`. Files that hold no certificate are skipped, as in `certs_d`.
fn given(files: &[PemFile]) -> Vec<CertificateDer<'static>> {
    let mut given = Vec::new();
    for file in files {
        for authority in CertificateDer::pem_slice_iter(&file.pem) {
            let checked = authority
                .map_err(|e| unreadable(file, e))
                .and_then(|authority| {
                    let anchor = webpki::anchor_from_trusted_cert(&authority).map(drop);
                    anchor.map(|()| authority.into_owned()).map_err(|e| {
                        let path = file.path.display();
                        Error::other(format!("`{path}` holds a block that is no certificate"))
                            .because(e)
                    })
                });
            match checked {
                Ok(authority) => given.push(authority),
                Err(e) => tracing::warn!("{e:#}; it is ignored"),
            }
        }
    }
    given
}

/// Some authorities. They vouch for servers whose certificates they have signed, and for a server whose certificate is
/// that of an authority: a self-signed certificate that was given as one.
#[derive(Debug)]
struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Trust in `given`, those of the system, and with `builtin` in those that are built in.
    fn new(
        given: &[CertificateDer<'static>],
        system: CertificateResult,
        builtin: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Trust> {
        for error in &system.errors {
            tracing::debug!("a certificate authority of the system: {error:#}");
        }
        let mut authorities = given.to_vec();
        authorities.extend(system.certs);
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        if builtin {
            roots.extend(authorities::builtin().iter().cloned());
        }
        if roots.is_empty() {
            let error = Error::other("there is no certificate authority to trust")
                .hint("does this machine have certificate authorities (the package `ca-certificates`), and do `SSL_CERT_FILE` and `SSL_CERT_DIR` name them? `--ca builtin` trusts those built into barque");
            return Err(match system.errors.into_iter().next() {
                Some(e) => error.because(e),
                None => error,
            });
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(not_set_up)?;
        Ok(Trust { inner, authorities })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The validity was looked at before this. Whoever holds its key could as well sign another certificate
            // with it.
            Err(e) if is_of_authority(&e) && self.authorities.iter().any(|a| a == end_entity) => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }
}

/// Whether `e` says that a server shows the certificate of an authority.
fn is_of_authority(e: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(e))) = e else {
        return false;
    };
    e.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Whether further authorities may judge otherwise than by `e`.
fn is_unknown(e: &rustls::Error) -> bool {
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    *e == unknown || is_of_authority(e)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let by = |trust: &Trust| {
            trust.verify(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match by(&self.near) {
            Err(e) if is_unknown(&e) => self.further().map_or(Err(e), by),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.near.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.near.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.near.inner.supported_verify_schemes()
    }
}

/// Trusts every server, as `--tls-verify=false` asks for.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    /// All there are: what an old server signs with is not looked at either.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SHA1_Legacy,
            SignatureScheme::RSA_PKCS1_SHA1,
        ]
    }
}

fn unreadable(file: &PemFile, e: PemError) -> Error {
    Error::other(format!("`{}` is no well-formed PEM", file.path.display())).because(e)
}

fn not_set_up(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::other("TLS cannot be set up").because(e)
}
