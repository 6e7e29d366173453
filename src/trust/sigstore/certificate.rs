//! Certificates of signers: the chain to an authority, and the identity that they name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::ObjectIdentifier;

use super::chain::{self, Cert};
use crate::settings::policy::KeySource;
use crate::trust::keys::PublicKey;
use crate::trust::verdict::Signer;

/// The provider that the signer logged in at, as Fulcio writes it: a bare text first, later a UTF8String.
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Authorities that certificates have to come from.
pub(super) struct Authority {
    roots: Vec<Cert>,
    intermediates: Vec<Cert>,
}

/// Who a certificate has to be for.
pub(super) enum Subject {
    Fulcio {
        issuer: String,
        email: String,
    },
    Pki {
        email: Option<String>,
        host: Option<String>,
    },
}

/// A signer's certificate with those that lead to its authority.
pub(super) struct Leaf {
    cert: Cert,
    chain: Vec<Cert>,
}

impl Authority {
    pub(super) fn fulcio(ca: &KeySource) -> Result<Authority, String> {
        Authority::pki(ca, None)
    }

    pub(super) fn pki(
        roots: &KeySource,
        intermediates: Option<&KeySource>,
    ) -> Result<Authority, String> {
        Ok(Authority {
            roots: load(roots)?,
            intermediates: intermediates.map_or(Ok(Vec::new()), load)?,
        })
    }

    /// Verifies the chain of `leaf` and that it is for `subject`. `logged` is when the signature was recorded, at which
    /// the certificate has to be valid; without it, it has to be valid `now`.
    pub(super) fn verify(
        &self,
        leaf: &Leaf,
        subject: &Subject,
        logged: Option<i64>,
        now: SystemTime,
    ) -> Result<Signer, String> {
        let since_1970 = match logged {
            Some(seconds) => Duration::from_secs(seconds.try_into().unwrap_or(0)),
            None => now.duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        let intermediates = self.intermediates.iter().chain(&leaf.chain);
        chain::check(&leaf.cert, &self.roots, intermediates, since_1970).map_err(|why| {
            let text = "its certificate is not by an authority of the rule";
            why.map_or(text.to_owned(), |why| format!("{text}: {why}"))
        })?;
        match subject {
            Subject::Fulcio { issuer, email } => {
                leaf.check_code_signing()?;
                let found = leaf.oidc_issuer()?;
                if found != *issuer {
                    return Err(format!(
                        "its certificate is for a login at `{found}` and not at `{issuer}`"
                    ));
                }
                leaf.check_email(email)?;
                Ok(Signer::Certificate {
                    identity: email.clone(),
                    issuer: Some(found),
                })
            }
            Subject::Pki { email, host } => {
                if let Some(email) = email {
                    leaf.check_email(email)?;
                }
                if let Some(host) = host {
                    let end = EndEntityCert::try_from(&leaf.cert.der)
                        .map_err(|_| "its certificate cannot be used for a host".to_owned())?;
                    let name = ServerName::try_from(host.as_str())
                        .map_err(|_| format!("`{host}` in the rule is no host name"))?;
                    end.verify_is_valid_for_subject_name(&name)
                        .map_err(|_| format!("its certificate is not for the host `{host}`"))?;
                }
                let names = [email.as_deref(), host.as_deref()];
                Ok(Signer::Certificate {
                    identity: names.into_iter().flatten().collect::<Vec<_>>().join(", "),
                    issuer: None,
                })
            }
        }
    }
}

impl Leaf {
    /// Reads the two annotations. cosign ends the chain with the authority's own certificate, which counts for nothing.
    pub(super) fn parse(leaf: &str, chain: Option<&str>) -> Result<Leaf, String> {
        let mut all = certificates(leaf, "certificate")?;
        if all.len() != 1 {
            return Err(format!("it has {} certificates in place of one", all.len()));
        }
        let mut chain = match chain {
            Some(chain) => certificates(chain, "certificate chain")?,
            None => Vec::new(),
        };
        chain.pop();
        Ok(Leaf {
            cert: all.remove(0),
            chain,
        })
    }

    /// The certificate and those that lead to its authority, in DER.
    pub(super) fn path(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let all = std::iter::once(&self.cert).chain(&self.chain);
        all.map(|cert| &cert.der)
    }

    /// The key that it certifies.
    pub(super) fn key(&self) -> Result<PublicKey, String> {
        let spki = self
            .cert
            .parsed
            .tbs_certificate
            .subject_public_key_info
            .to_der();
        let spki = spki.map_err(|e| format!("its certificate has no valid key: {e}"))?;
        let key = PublicKey::from_der("its certificate".to_owned(), spki)?;
        Ok(key.certified_by(self.cert.der.to_vec()))
    }

    /// Fulcio says what a certificate is for; that it is for anything else was checked with the chain.
    fn check_code_signing(&self) -> Result<(), String> {
        match self.cert.purposes.is_empty() {
            true => Err("its certificate is not for signing code".to_owned()),
            false => Ok(()),
        }
    }

    fn check_email(&self, wanted: &str) -> Result<(), String> {
        let names = self.cert.names.iter();
        let found: Vec<&str> = names
            .filter_map(|name| match name {
                GeneralName::Rfc822Name(email) => Some(email.as_str()),
                _ => None,
            })
            .collect();
        match found.contains(&wanted) {
            true => Ok(()),
            false => Err(format!(
                "its certificate is not for `{wanted}` (it is for: {})",
                match found.is_empty() {
                    true => "no e-mail address".to_owned(),
                    false => found.join(", "),
                }
            )),
        }
    }

    /// The provider of the login. Where the certificate has both forms, they have to agree.
    fn oidc_issuer(&self) -> Result<String, String> {
        let extensions = self.cert.parsed.tbs_certificate.extensions.iter().flatten();
        let (mut first, mut second) = (None, None);
        for extension in extensions {
            let value = extension.extn_value.as_bytes();
            let broken = || "the login provider in its certificate is not valid".to_owned();
            let seen = if extension.extn_id == ISSUER_V1 {
                let text = std::str::from_utf8(value).map_err(|_| broken())?;
                first.replace(text.to_owned())
            } else if extension.extn_id == ISSUER_V2 {
                let text = Utf8StringRef::from_der(value).map_err(|_| broken())?;
                second.replace(text.as_str().to_owned())
            } else {
                None
            };
            if seen.is_some() {
                return Err("its certificate names a login provider twice".to_owned());
            }
        }
        match (first, second) {
            (Some(a), Some(b)) if a != b => {
                Err("its certificate names two login providers".to_owned())
            }
            (Some(issuer), _) | (None, Some(issuer)) => Ok(issuer),
            (None, None) => Err("its certificate names no login provider".to_owned()),
        }
    }
}

/// The certificates in the annotation `pem`, which holds `what`. Other text after them is refused: other programs stop reading
/// there, and would judge other certificates.
fn certificates(pem: &str, what: &str) -> Result<Vec<Cert>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let begun = pem.matches("-----BEGIN ").count();
    let end = pem.trim_end();
    let found = read
        .ok()
        .filter(|found| found.len() == begun && (end.is_empty() || end.ends_with("-----")));
    let found = found.ok_or_else(|| format!("its {what} is not valid PEM"))?;
    let parse = |der| Cert::parse(der).map_err(|e| format!("its {what} is not valid: {e}"));
    found.into_iter().map(parse).collect()
}

/// All certificates of a source; a source without any is an error.
fn load(source: &KeySource) -> Result<Vec<Cert>, String> {
    let mut all = Vec::new();
    for (name, pem) in source.load().map_err(|e| e.to_string())? {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = read.ok().filter(|found| !found.is_empty());
        let found = found.ok_or_else(|| format!("there is no certificate in PEM in {name}"))?;
        for der in found {
            let wrong = |e| format!("a certificate in {name} is not valid: {e}");
            all.push(Cert::parse(der).map_err(wrong)?);
        }
    }
    Ok(all)
}
