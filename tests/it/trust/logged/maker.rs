//! Logs, signers and bundles of the test. Each log has two entries, of which the first is the one in question.

use barque::image::{Algorithm, Digest};
use barque::settings::policy::{BundleRule, BundleSigner, Identity, KeySource};
use barque::trust::verify_bundle;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CustomExtension, Issuer};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use x509_cert::der::{Decode, Encode};

pub(super) const ARTIFACT: &[u8] = b"what is signed";
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";
pub(super) const EMAIL: &str = "a@example.com";
pub(super) const LOGIN: &str = "https://login.example";
/// The first line of a checkpoint, and the name in the line that signs it.
pub(super) const ORIGIN: &str = "log.example - 1";
pub(super) const NAME: &str = "log.example";
/// Within the time of all certificates and keys of the test.
pub(super) const THEN: i64 = 1_700_000_000;

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    hex::decode(Digest::of(Algorithm::Sha256, bytes).hex()).unwrap()
}

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn spki(key: &KeyPair) -> Vec<u8> {
    key.public_key_der().unwrap().as_bytes().to_vec()
}

pub(super) fn sign(key: &KeyPair, bytes: &[u8]) -> Vec<u8> {
    key.sign(bytes).unwrap().as_bytes().to_vec()
}

pub(super) fn key() -> KeyPair {
    KeyPair::generate_ecdsa_p256().unwrap()
}

/// A log of signatures.
pub(super) struct Log(pub(super) KeyPair);

impl Log {
    pub(super) fn id(&self) -> Vec<u8> {
        sha256(&spki(&self.0))
    }

    /// A line that signs the note `text`.
    pub(super) fn line(&self, name: &str, text: &str) -> String {
        let signed = [&self.id()[..4], &sign(&self.0, text.as_bytes())].concat();
        format!("\u{2014} {name} {}\n", base64(signed))
    }

    /// The entry with this body, behind which there is another one.
    pub(super) fn entry(&self, (kind, version): (&str, &str), body: &str, time: i64) -> Value {
        let leaf = |text: &str| sha256(&[&[0][..], text.as_bytes()].concat());
        let (own, next) = (leaf(body), leaf("another entry"));
        let root = sha256(&[&[1][..], &own, &next].concat());
        let note = format!("{ORIGIN}\n2\n{}\n", base64(&root));
        let promised = format!(
            r#"{{"body":"{}","integratedTime":{time},"logID":"{}","logIndex":7}}"#,
            base64(body),
            hex::encode(self.id())
        );
        json!({
            "logIndex": match version { "0.0.2" if kind == "hashedrekord" => "0", _ => "7" },
            "logId": {"keyId": base64(self.id())},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": base64(sign(&self.0, promised.as_bytes()))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": base64(&root),
                "treeSize": "2",
                "hashes": [base64(&next)],
                "checkpoint": {"envelope": format!("{note}\n{}", self.line(NAME, &note))},
            },
            "canonicalizedBody": base64(body),
        })
    }
}

/// Who signs: a key, or one with a certificate.
pub(super) struct Signer {
    pub(super) key: KeyPair,
    pub(super) certificate: Option<Vec<u8>>,
}

impl Signer {
    pub(super) fn key() -> Signer {
        Signer {
            key: key(),
            certificate: None,
        }
    }

    /// The certificate, or the key, in PEM.
    pub(super) fn pem(&self) -> String {
        match &self.certificate {
            Some(der) => sigstore_types::DerCertificate::new(der.clone()).to_pem(),
            None => self.key.public_key_der().unwrap().to_pem(),
        }
    }

    pub(super) fn material(&self) -> Value {
        match &self.certificate {
            Some(der) => json!({"certificate": {"rawBytes": base64(der)}}),
            None => json!({"publicKey": {"hint": ""}}),
        }
    }

    /// A bundle with a signature over [`ARTIFACT`].
    pub(super) fn message(&self) -> (Value, Vec<u8>) {
        let signature = sign(&self.key, ARTIFACT);
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": self.material(),
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": base64(sha256(ARTIFACT))},
                "signature": base64(&signature),
            },
        });
        (bundle, signature)
    }

    /// A bundle with a statement of the type `kind` about [`ARTIFACT`]; what is signed of it, and the signature.
    pub(super) fn envelope(&self, kind: Option<&str>) -> (Value, Vec<u8>, Vec<u8>) {
        let mut payload = json!({
            "_type": kind,
            "subject": [{"digest": {"sha256": hex::encode(sha256(ARTIFACT))}}],
            "predicateType": BundleRule::SIGNATURE,
            "predicate": {},
        });
        if kind.is_none() {
            payload.as_object_mut().unwrap().remove("_type");
        }
        let payload = payload.to_string();
        let pae = format!(
            "DSSEv1 {} {IN_TOTO} {} {payload}",
            IN_TOTO.len(),
            payload.len()
        );
        let signature = sign(&self.key, pae.as_bytes());
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": self.material(),
            "dsseEnvelope": {
                "payload": base64(&payload),
                "payloadType": IN_TOTO,
                "signatures": [{"sig": base64(&signature)}],
            },
        });
        (bundle, pae.into_bytes(), signature)
    }

    pub(super) fn hashedrekord(&self, signed: &[u8], signature: &[u8]) -> String {
        json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex::encode(sha256(signed))}},
                "signature": {"content": base64(signature), "publicKey": {"content": base64(self.pem())}},
            },
        })
        .to_string()
    }

    /// As version 2 of the logs has it.
    pub(super) fn hashedrekord_v2(&self, signed: &[u8], signature: &[u8]) -> String {
        let verifier = match &self.certificate {
            Some(der) => {
                json!({"x509Certificate": {"rawBytes": base64(der)}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"})
            }
            None => {
                json!({"publicKey": {"rawBytes": base64(spki(&self.key))}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"})
            }
        };
        json!({
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {"hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": base64(sha256(signed))},
                "signature": {"content": base64(signature), "verifier": verifier},
            }},
        })
        .to_string()
    }

    pub(super) fn dsse(&self, bundle: &Value) -> String {
        let envelope = &bundle["dsseEnvelope"];
        let payload = STANDARD
            .decode(envelope["payload"].as_str().unwrap())
            .unwrap();
        json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": hex::encode(sha256(b"any"))},
                "payloadHash": {"algorithm": "sha256", "value": hex::encode(sha256(&payload))},
                "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": base64(self.pem())}],
            },
        })
        .to_string()
    }

    /// The older form, without the payload.
    pub(super) fn intoto(&self, bundle: &Value) -> String {
        let envelope = &bundle["dsseEnvelope"];
        let payload = STANDARD
            .decode(envelope["payload"].as_str().unwrap())
            .unwrap();
        let signature = envelope["signatures"][0]["sig"].as_str().unwrap();
        json!({
            "apiVersion": "0.0.2",
            "kind": "intoto",
            "spec": {"content": {
                "envelope": {
                    "payloadType": IN_TOTO,
                    "signatures": [{"publicKey": base64(self.pem()), "sig": base64(signature)}],
                },
                "hash": {"algorithm": "sha256", "value": hex::encode(sha256(b"any"))},
                "payloadHash": {"algorithm": "sha256", "value": hex::encode(sha256(&payload))},
            }},
        })
        .to_string()
    }
}

pub(super) const V1: (&str, &str) = ("hashedrekord", "0.0.1");
pub(super) const V2: (&str, &str) = ("hashedrekord", "0.0.2");

pub(super) fn with(mut bundle: Value, entries: Vec<Value>) -> Value {
    bundle["verificationMaterial"]["tlogEntries"] = entries.into();
    bundle
}

pub(super) fn log_key(log: &Log) -> Value {
    json!({
        "baseUrl": "https://log.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64(spki(&log.0)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        },
        "logId": {"keyId": base64(log.id())},
    })
}

pub(super) fn root(logs: &[&Log]) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": logs.iter().map(|log| log_key(log)).collect::<Vec<_>>(),
        "ctlogs": [],
        "certificateAuthorities": [],
        "timestampAuthorities": [],
    })
}

pub(super) fn verdict(bundle: &Value, signer: BundleSigner, root: &Value) -> Result<(), String> {
    let rule = BundleRule {
        signer,
        trusted_root: Some(KeySource::Data(vec![root.to_string().into_bytes()])),
        predicate_type: BundleRule::SIGNATURE.to_owned(),
        identity: Identity::Digest,
    };
    verify_bundle(bundle.to_string().as_bytes(), ARTIFACT, &rule).map(drop)
}

pub(super) fn by_key(signer: &Signer) -> BundleSigner {
    let pem = signer.key.public_key_der().unwrap().to_pem();
    BundleSigner::Keys(KeySource::Data(vec![pem.into_bytes()]))
}

/// The names of those of `cases` whose verdict is not the one that is wanted.
#[derive(Default)]
pub(super) struct Wrong(Vec<String>, usize);

impl Wrong {
    pub(super) fn case(&mut self, name: &str, good: bool, verdict: Result<(), String>) {
        self.1 += 1;
        if verdict.is_ok() != good {
            self.0.push(format!("{name}: {verdict:?}"));
        }
    }

    pub(super) fn none_of(self, at_least: usize) {
        assert!(self.1 >= at_least, "{} cases", self.1);
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

pub(super) fn changed(value: &Value, at: &str, to: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = to;
    value
}

pub(super) fn without(value: &Value, at: &str, member: &str) -> Value {
    let mut value = value.clone();
    value
        .pointer_mut(at)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(member);
    value
}

pub(super) const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// A certificate that the log `log` has seen, and its key; `by` is in `authority`.
pub(super) fn seen(
    by: &Issuer<'static, rcgen::KeyPair>,
    authority: &[u8],
    log: &KeyPair,
    years: (i32, i32),
) -> Signer {
    let pinned = rcgen::KeyPair::generate().unwrap();
    let der = |sct: Option<Vec<u8>>| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![rcgen::SanType::Rfc822Name(EMAIL.try_into().unwrap())];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.serial_number = Some(7u64.into());
        let login = [1, 3, 6, 1, 4, 1, 57264, 1, 1];
        params.custom_extensions = vec![CustomExtension::from_oid_content(
            &login,
            LOGIN.as_bytes().to_vec(),
        )];
        let list = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
        params
            .custom_extensions
            .extend(sct.map(|sct| CustomExtension::from_oid_content(&list, sct)));
        params.signed_by(&pinned, by).unwrap().der().to_vec()
    };
    let parse = |der: &[u8]| {
        x509_cert::Certificate::from_der(der)
            .unwrap()
            .tbs_certificate
    };
    let tbs = parse(&der(None)).to_der().unwrap();
    let issuer = parse(authority).subject_public_key_info.to_der().unwrap();
    let size = |n: usize, bytes: usize| n.to_be_bytes()[8 - bytes..].to_vec();
    let stamp = (u64::try_from(THEN).unwrap() * 1000).to_be_bytes();
    let signed = [
        &[0, 0][..],
        &stamp,
        &[0, 1],
        &sha256(&issuer),
        &size(tbs.len(), 3),
        &tbs,
        &[0, 0],
    ]
    .concat();
    let signature = sign(log, &signed);
    let sct = [
        &[0][..],
        &sha256(&spki(log)),
        &stamp,
        &[0, 0, 4, 3],
        &size(signature.len(), 2),
        &signature,
    ]
    .concat();
    let sct = [size(sct.len(), 2), sct].concat();
    let list = [size(sct.len(), 2), sct].concat();
    let list = x509_cert::der::asn1::OctetString::new(list)
        .unwrap()
        .to_der()
        .unwrap();
    Signer {
        key: KeyPair::from_pkcs8_der(&pinned.serialize_der()).unwrap(),
        certificate: Some(der(Some(list))),
    }
}
