//! Certificates of signers: the chain to an authority, and the identity that they name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_cert::Certificate;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::ObjectIdentifier;

use crate::settings::policy::KeySource;
use crate::trust::keys::PublicKey;
use crate::trust::verdict::Signer;

/// `id-kp-codeSigning` (RFC 5280, 4.2.1.12), as webpki and as x509-cert want it.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
const CODE_SIGNING_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// The provider that the signer logged in at, as Fulcio writes it: a bare text first, later a UTF8String.
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Authorities that certificates have to come from.
pub(super) struct Authority {
    roots: Vec<(CertificateDer<'static>, Certificate)>,
    intermediates: Vec<CertificateDer<'static>>,
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
    der: CertificateDer<'static>,
    parsed: Certificate,
    chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub(super) fn fulcio(ca: &KeySource) -> Result<Authority, String> {
        Authority::pki(ca, None)
    }

    pub(super) fn pki(
        roots: &KeySource,
        intermediates: Option<&KeySource>,
    ) -> Result<Authority, String> {
        let parsed = |der: CertificateDer<'static>| {
            let parsed = Certificate::from_der(&der)
                .map_err(|e| format!("a certificate of the rule is not valid: {e}"))?;
            Ok((der, parsed))
        };
        let roots: Result<_, String> = load(roots)?.into_iter().map(parsed).collect();
        Ok(Authority {
            roots: roots?,
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
        // A root is a key with a name here; that it has not expired is checked apart.
        let current = self.roots.iter().filter(|(_, root)| {
            let validity = &root.tbs_certificate.validity;
            let from = validity.not_before.to_unix_duration();
            (from..=validity.not_after.to_unix_duration()).contains(&since_1970)
        });
        let anchors: Vec<TrustAnchor> = current
            .filter_map(|(der, _)| webpki::anchor_from_trusted_cert(der).ok())
            .collect();
        let end = EndEntityCert::try_from(&leaf.der)
            .map_err(|e| format!("its certificate is not valid: {e}"))?;
        let intermediates: Vec<_> = [&self.intermediates[..], &leaf.chain[..]].concat();
        end.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(since_1970),
            KeyUsage::required_if_present(CODE_SIGNING),
            None,
            None,
        )
        .map_err(|e| format!("its certificate is not by an authority of the rule: {e}"))?;
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
        let unreadable = |what: &str| format!("its {what} is not valid PEM");
        let read = |pem: &str| -> Result<Vec<CertificateDer<'static>>, _> {
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect()
        };
        let all = read(leaf).map_err(|_| unreadable("certificate"))?;
        let [der] = &all[..] else {
            return Err(format!("it has {} certificates in place of one", all.len()));
        };
        let mut chain = match chain {
            Some(chain) => read(chain).map_err(|_| unreadable("certificate chain"))?,
            None => Vec::new(),
        };
        chain.pop();
        let parsed =
            Certificate::from_der(der).map_err(|e| format!("its certificate is not valid: {e}"))?;
        Ok(Leaf {
            der: der.clone(),
            parsed,
            chain,
        })
    }

    /// The certificate and those that lead to its authority, in DER.
    pub(super) fn path(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        std::iter::once(&self.der).chain(&self.chain)
    }

    /// The key that it certifies.
    pub(super) fn key(&self) -> Result<PublicKey, String> {
        let spki = self.parsed.tbs_certificate.subject_public_key_info.to_der();
        let spki = spki.map_err(|e| format!("its certificate has no valid key: {e}"))?;
        let key = PublicKey::from_der("its certificate".to_owned(), spki)?;
        Ok(key.certified_by(self.der.to_vec()))
    }

    fn check_code_signing(&self) -> Result<(), String> {
        let usage = self.parsed.tbs_certificate.get::<ExtendedKeyUsage>();
        match usage {
            Ok(Some((_, usage))) if usage.0.contains(&CODE_SIGNING_OID) => Ok(()),
            _ => Err("its certificate is not for signing code".to_owned()),
        }
    }

    fn check_email(&self, wanted: &str) -> Result<(), String> {
        let names = self.parsed.tbs_certificate.get::<SubjectAltName>();
        let names =
            names.map_err(|e| format!("the names in its certificate are not valid: {e}"))?;
        let names = names.map(|(_, names)| names.0).unwrap_or_default();
        let found: Vec<&str> = names
            .iter()
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
        let extensions = self.parsed.tbs_certificate.extensions.iter().flatten();
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

/// All certificates of a source; a source without any is an error.
fn load(source: &KeySource) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = Vec::new();
    for (name, pem) in source.load().map_err(|e| e.to_string())? {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match read {
            Ok(found) if !found.is_empty() => all.extend(found),
            _ => return Err(format!("there is no certificate in PEM in {name}")),
        }
    }
    Ok(all)
}
