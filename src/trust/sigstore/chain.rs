//! Whether a certificate leads to an authority, by the rules of Go's `crypto/x509`, so that skopeo says the same.
//!
//! webpki, which is made for servers, uses only the key and the name of a root. Here the root has to be allowed to certify, as
//! every authority between it and the signer. Critical extensions that these rules do not know are refused; only the
//! arithmetic of signatures is webpki's.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use webpki::ALL_VERIFICATION_ALGS;
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{self, Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::limits;

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
/// Extensions that may be critical: those that are read here, and three that change nothing here (where revocations are
/// listed, certificate policies, and the inhibition of "any policy").
const KNOWN: [ObjectIdentifier; 8] = [
    KeyUsage::OID,
    SubjectAltName::OID,
    BasicConstraints::OID,
    NameConstraints::OID,
    ExtendedKeyUsage::OID,
    ObjectIdentifier::new_unwrap("2.5.29.31"),
    ObjectIdentifier::new_unwrap("2.5.29.32"),
    ObjectIdentifier::new_unwrap("2.5.29.54"),
];
/// It may ask for policies in the certificates below, which are not read: refused, critical or not.
const POLICY_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.36");
/// Signatures that are checked for one signer: authorities may have certified one another in all directions.
const MOST_CHECKS: usize = 100;

/// A certificate, taken apart.
pub(super) struct Cert {
    pub(super) der: CertificateDer<'static>,
    pub(super) parsed: Certificate,
    /// What its signature is over.
    signed: Vec<u8>,
    basic: Option<BasicConstraints>,
    usage: Option<KeyUsage>,
    /// Its extended key usage; none allows any.
    pub(super) purposes: Vec<ObjectIdentifier>,
    pub(super) names: Vec<GeneralName>,
    limits: Option<NameConstraints>,
    /// A critical extension that is not known here, or one that is not supported.
    unknown: Option<ObjectIdentifier>,
}

impl Cert {
    pub(super) fn parse(der: CertificateDer<'static>) -> Result<Cert, String> {
        let parsed = Certificate::from_der(&der).map_err(|e| e.to_string())?;
        let signed = signed(&der).map_err(|e| e.to_string())?;
        let tbs = &parsed.tbs_certificate;
        let extensions = tbs.extensions.as_deref().unwrap_or_default();
        if tbs.signature != parsed.signature_algorithm {
            return Err("it names two algorithms for its signature".to_owned());
        }
        if tbs.version != Version::V3 && !extensions.is_empty() {
            return Err("its version has no extensions".to_owned());
        }
        let mut ids: Vec<_> = extensions.iter().map(|e| e.extn_id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < extensions.len() {
            return Err("it has an extension twice".to_owned());
        }
        let names = get::<SubjectAltName>(tbs)?.map_or(Vec::new(), |names| names.0);
        let limits = get::<NameConstraints>(tbs)?;
        let passes = |id| match id {
            NameConstraints::OID => limits.as_ref().is_none_or(limits::are_known),
            POLICY_CONSTRAINTS => false,
            _ => true,
        };
        let is_known = |id| match id {
            SubjectAltName::OID => names.iter().any(limits::is_known),
            id => KNOWN.contains(&id),
        };
        let unknown = extensions
            .iter()
            .find(|e| !passes(e.extn_id) || (e.critical && !is_known(e.extn_id)));
        Ok(Cert {
            signed,
            basic: get(tbs)?,
            usage: get(tbs)?,
            purposes: get::<ExtendedKeyUsage>(tbs)?.map_or(Vec::new(), |usage| usage.0),
            unknown: unknown.map(|e| e.extn_id),
            names,
            limits,
            parsed,
            der,
        })
    }

    fn tbs(&self) -> &TbsCertificate {
        &self.parsed.tbs_certificate
    }

    /// Whether it counts `at` this time, and for signing code. Fails with what is wrong with it.
    fn check(&self, at: Duration) -> Result<(), String> {
        if let Some(unknown) = self.unknown {
            return Err(format!(
                "has an extension that is not known or not supported ({unknown})"
            ));
        }
        let validity = &self.tbs().validity;
        let (from, until) = (validity.not_before, validity.not_after);
        if !(from.to_unix_duration()..=until.to_unix_duration()).contains(&at) {
            return Err(format!("is valid from {from} to {until} only"));
        }
        let fits = |purpose: &ObjectIdentifier| [CODE_SIGNING, ANY_PURPOSE].contains(purpose);
        match self.purposes.is_empty() || self.purposes.iter().any(fits) {
            true => Ok(()),
            false => Err("is not for signing code".to_owned()),
        }
    }

    /// Whether it may certify the last of `below`, which begins with the certificate of the signer.
    fn check_issuer(&self, below: &[&Cert], is_root: bool) -> Result<(), String> {
        let may = match &self.basic {
            Some(basic) => basic.ca,
            // Roots from before there were extensions.
            None => is_root && self.tbs().version != Version::V3,
        };
        let certifies = |usage: &KeyUsage| usage.0.is_empty() || usage.key_cert_sign();
        if !may || !self.usage.as_ref().is_none_or(certifies) {
            return Err("must not certify others".to_owned());
        }
        let most = self.basic.as_ref().and_then(|b| b.path_len_constraint);
        if most.is_some_and(|most| below.len() - 1 > usize::from(most)) {
            return Err("must not certify that many authorities below it".to_owned());
        }
        let names = || below.iter().flat_map(|cert| &cert.names);
        match &self.limits {
            Some(limits) if !names().all(|name| limits::allow(limits, name)) => {
                Err("must not certify these names".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn is_signed_by(&self, issuer: &Cert) -> bool {
        let key = &issuer.tbs().subject_public_key_info;
        let bits = key.subject_public_key.as_bytes();
        let (Some(bits), Some(signature)) = (bits, self.parsed.signature.as_bytes()) else {
            return false;
        };
        let of = (
            identifier(&self.parsed.signature_algorithm),
            identifier(&key.algorithm),
        );
        ALL_VERIFICATION_ALGS.iter().any(|algorithm| {
            let ids = (algorithm.signature_alg_id(), algorithm.public_key_alg_id());
            (ids.0.as_ref(), ids.1.as_ref()) == (&of.0[..], &of.1[..])
                && algorithm
                    .verify_signature(bits, &self.signed, signature)
                    .is_ok()
        })
    }

    /// Whether both belong to one authority, which stands in a chain only once.
    fn is_same(&self, other: &Cert) -> bool {
        let (a, b) = (self.tbs(), other.tbs());
        a.subject == b.subject
            && a.subject_public_key_info == b.subject_public_key_info
            && self.names == other.names
    }
}

/// Whether `leaf` leads to one of `roots`, or is one of them, with all on the way valid `at` this time. Fails with the reason,
/// which is `None` where simply no authority certified it.
pub(super) fn check<'a>(
    leaf: &'a Cert,
    roots: &'a [Cert],
    intermediates: impl Iterator<Item = &'a Cert>,
    at: Duration,
) -> Result<(), Option<String>> {
    leaf.check(at).map_err(|why| Some(format!("it {why}")))?;
    if roots.iter().any(|root| root.der == leaf.der) {
        return Ok(());
    }
    let roots = roots.iter().map(|root| (root, true));
    let mut climb = Climb {
        issuers: roots.chain(intermediates.map(|i| (i, false))).collect(),
        at,
        checks: 0,
        why: None,
    };
    match climb.up(&[leaf]) {
        true => Ok(()),
        false => Err(climb.why),
    }
}

/// The search for a way.
struct Climb<'a> {
    /// Each with whether it is a root.
    issuers: Vec<(&'a Cert, bool)>,
    at: Duration,
    checks: usize,
    why: Option<String>,
}

impl<'a> Climb<'a> {
    /// Whether there is a way up from the last of `below`.
    fn up(&mut self, below: &[&'a Cert]) -> bool {
        let Some(last) = below.last() else {
            return false;
        };
        for n in 0..self.issuers.len() {
            let (issuer, is_root) = self.issuers[n];
            let subject = &issuer.tbs().subject;
            if *subject != last.tbs().issuer || below.iter().any(|cert| cert.is_same(issuer)) {
                continue;
            }
            self.checks += 1;
            if self.checks > MOST_CHECKS {
                self.why = Some("there are too many ways to one".to_owned());
                return false;
            }
            if !last.is_signed_by(issuer) {
                continue;
            }
            let checked = issuer.check(self.at);
            if let Err(why) = checked.and_then(|()| issuer.check_issuer(below, is_root)) {
                self.why = Some(format!("the certificate of `{subject}` {why}"));
            } else if is_root || self.up(&[below, &[issuer]].concat()) {
                return true;
            }
        }
        false
    }
}

/// The bytes that the signature of a certificate is over, as they are written there.
fn signed(certificate: &[u8]) -> der::Result<Vec<u8>> {
    SliceReader::new(certificate)?.sequence(|parts| {
        let signed = parts.tlv_bytes()?.to_vec();
        // The algorithm, and the signature.
        parts.tlv_bytes()?;
        parts.tlv_bytes()?;
        Ok(signed)
    })
}

fn get<'a, T: Decode<'a> + AssociatedOid>(tbs: &'a TbsCertificate) -> Result<Option<T>, String> {
    let found = tbs.get::<T>().map_err(|e| e.to_string())?;
    Ok(found.map(|(_, extension)| extension))
}

/// As webpki writes them: without what is around the two parts.
fn identifier(algorithm: &AlgorithmIdentifierOwned) -> Vec<u8> {
    let oid = algorithm.oid.to_der().unwrap_or_default();
    let parameters = algorithm.parameters.as_ref().map(|p| p.to_der());
    [oid, parameters.and_then(Result::ok).unwrap_or_default()].concat()
}
