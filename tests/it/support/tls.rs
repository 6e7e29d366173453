//! A private certificate authority with a server and a client certificate, made afresh for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

/// Names that do not mean this machine and are reached through a [`super::proxy::Proxy`].
pub const PUBLIC_NAMES: [&str; 3] = [
    "registry.example",
    "content.example",
    "registry-1.docker.io",
];

/// The authority's files; gone when dropped.
///
/// Two directories follow the naming of `certs.d`: one with the CA alone and one with the client pair too.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Makes an authority, a certificate for a server on loopback, and one for a client.
    pub fn new() -> Certificates {
        let (ca_pem, issuer) = authority();
        let (server, server_key) = leaf(&issuer, "server", ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = leaf(&issuer, "client", ExtendedKeyUsagePurpose::ClientAuth);
        Certificates::of(&[
            ("certs.d/ca.crt", &ca_pem),
            ("certs.d/client.cert", &client),
            ("certs.d/client.key", &client_key),
            ("ca-only/ca.crt", &ca_pem),
            ("authority/ca.key", &issuer.key().serialize_pem()),
            ("server/server.crt", &server),
            ("server/server.key", &server_key),
        ])
    }

    /// Makes a server certificate for `names` that is an authority and signed by itself, as `openssl req -x509` does;
    /// it is valid until `until`, a year.
    pub fn self_signed(names: &[&str], until: i32) -> Certificates {
        let mut params =
            CertificateParams::new(names.iter().copied().map(str::to_owned).collect::<Vec<_>>())
                .unwrap();
        let common = "registry host certificate";
        params.distinguished_name.push(DnType::CommonName, common);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Certificates::of(&[
            ("ca-only/ca.crt", &pem),
            ("certs.d/ca.crt", &pem),
            ("server/server.crt", &pem),
            ("server/server.key", &key.serialize_pem()),
        ])
    }

    /// The same for a server that does not hold the key of its certificate.
    pub fn without_its_key(self) -> Certificates {
        let other = KeyPair::generate().unwrap().serialize_pem();
        fs::write(self.server_files().1, other).unwrap();
        self
    }

    fn of(files: &[(&str, &str)]) -> Certificates {
        let dir = TempDir::new().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Certificates { dir }
    }

    /// `ca.crt`, `client.cert` and `client.key`, as `--cert-dir` and `certs.d/HOST` want them.
    pub fn cert_dir(&self) -> PathBuf {
        self.dir.path().join("certs.d")
    }

    /// A directory with `ca.crt` only.
    pub fn ca_only_dir(&self) -> PathBuf {
        self.dir.path().join("ca-only")
    }

    /// The authority's certificate, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.cert_dir().join("ca.crt")
    }

    /// The authority's key, PEM.
    pub fn ca_key_file(&self) -> PathBuf {
        self.dir.path().join("authority/ca.key")
    }

    /// Takes TLS connections with the server certificate.
    pub fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.server_files();
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = provider.key_provider.load_private_key(key).unwrap();
        // Whether they belong together is not looked at here.
        let shown = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        TlsAcceptor::from(Arc::new(config))
    }

    /// Certificate and key of a server on 127.0.0.1 to 127.0.0.4, `localhost` and [`PUBLIC_NAMES`], PEM.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        let dir: &Path = &self.dir.path().join("server");
        (dir.join("server.crt"), dir.join("server.key"))
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "barque test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn leaf(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let own = [
        "localhost",
        "127.0.0.1",
        "127.0.0.2",
        "127.0.0.3",
        "127.0.0.4",
        "::1",
    ];
    let names = own.iter().chain(&PUBLIC_NAMES).map(ToString::to_string);
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}
