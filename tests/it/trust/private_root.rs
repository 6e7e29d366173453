//! Trusted roots without a log: an authority for certificates and one for timestamps of the test, as GitHub has for private
//! repositories.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use barque::image::{Algorithm, Digest};
use barque::settings::policy::{
    BundleRule, BundleSigner, Identity, KeySource, Pattern, Policy, Requirement, Signer,
    SigstoreSigned,
};
use barque::trust::{Attachment, Found, Gate, StoredSignature, Subject, verify_bundle};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use super::attachments::{authority, certificate};
use crate::support::peers;

const ARTIFACT: &[u8] = b"what is signed";
const EMAIL: &str = "a@example.com";
const LOGIN: &str = "https://login.example";

/// A timestamp authority of OpenSSL.
pub(super) struct Stamps(tempfile::TempDir);

impl Stamps {
    pub(super) fn new() -> Stamps {
        let stamps = Stamps(tempfile::tempdir().unwrap());
        let root = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
        let leaf = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
        let conf = "[tsa]\ndefault_tsa=own\n[own]\nserial=serial\nsigner_cert=leaf.crt\ncerts=root.crt\nsigner_key=leaf.pem\nsigner_digest=sha256\ndefault_policy=1.3.6.1.4.1.57264.2\ndigests=sha256\ness_cert_id_alg=sha256\n";
        for (name, text) in [
            ("leaf.ext", leaf),
            ("tsa.cnf", conf),
            ("req.cnf", "[req]\ndistinguished_name=n\n[n]\n"),
        ] {
            fs::write(stamps.0.path().join(name), text).unwrap();
        }
        let ext: Vec<&str> = root.lines().flat_map(|line| ["-addext", line]).collect();
        for name in ["root", "leaf"] {
            let pem = format!("{name}.pem");
            stamps.openssl(&[
                "ecparam",
                "-name",
                "prime256v1",
                "-genkey",
                "-noout",
                "-out",
                &pem,
            ]);
        }
        let request = ["req", "-new", "-config", "req.cnf"];
        let of_root = [
            "-x509", "-key", "root.pem", "-subj", "/CN=Root", "-out", "root.crt",
        ];
        stamps.openssl(&[&request[..], &of_root, &ext].concat());
        let of_leaf = [
            "-key",
            "leaf.pem",
            "-subj",
            "/CN=Stamps",
            "-out",
            "leaf.csr",
        ];
        stamps.openssl(&[&request[..], &of_leaf].concat());
        stamps.openssl(&[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "root.crt",
            "-CAkey",
            "root.pem",
            "-CAcreateserial",
            "-extfile",
            "leaf.ext",
            "-out",
            "leaf.crt",
        ]);
        stamps
    }

    fn openssl(&self, args: &[&str]) {
        let run = Command::new("openssl")
            .args(args)
            .current_dir(self.0.path())
            .output();
        let run = run.unwrap();
        assert!(
            run.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    }

    /// A timestamp of `signature` in base64.
    pub(super) fn of(&self, signature: &[u8]) -> String {
        let file = |name: &str| self.0.path().join(name);
        fs::write(file("signature"), signature).unwrap();
        self.openssl(&[
            "ts",
            "-query",
            "-data",
            "signature",
            "-sha256",
            "-no_nonce",
            "-out",
            "query",
        ]);
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "query",
            "-out",
            "reply",
        ]);
        STANDARD.encode(fs::read(file("reply")).unwrap())
    }

    pub(super) fn chain(&self) -> Value {
        let certificates = ["leaf.crt", "root.crt"].map(|name| {
            let pem = fs::read(self.0.path().join(name)).unwrap();
            raw(&pem)
        });
        json!({"subject": {"organization": "", "commonName": "Stamps"}, "uri": "https://tsa.example", "certChain": {"certificates": certificates}})
    }
}

fn raw(pem: &[u8]) -> Value {
    let der = CertificateDer::from_pem_slice(pem).unwrap();
    json!({"rawBytes": STANDARD.encode(&der)})
}

fn root(authority: &str, stamps: Option<&Stamps>, ct_logs: Value) -> KeySource {
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [],
        "ctlogs": ct_logs,
        "certificateAuthorities": [{
            "subject": {"organization": "", "commonName": ""},
            "uri": "https://ca.example",
            "certChain": {"certificates": [raw(authority.as_bytes())]},
        }],
        "timestampAuthorities": stamps.iter().map(|stamps| stamps.chain()).collect::<Vec<_>>(),
    });
    KeySource::Data(vec![root.to_string().into_bytes()])
}

fn rule(signer: BundleSigner, root: &KeySource) -> BundleRule {
    BundleRule {
        signer,
        trusted_root: Some(root.clone()),
        predicate_type: BundleRule::SIGNATURE.to_owned(),
        identity: Identity::Digest,
    }
}

fn of(email: &str, login: &str) -> BundleSigner {
    BundleSigner::Certificate {
        identity: Pattern::Exact(email.to_owned()),
        issuer: Pattern::Exact(login.to_owned()),
    }
}

/// A bundle over [`ARTIFACT`] with this material and, if there is one, a timestamp.
fn bundle(material: Value, signature: &[u8], stamp: Option<String>) -> Vec<u8> {
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": STANDARD.encode(hex::decode(Digest::of(Algorithm::Sha256, ARTIFACT).hex()).unwrap()),
            },
            "signature": STANDARD.encode(signature),
        },
    });
    if let Some(stamp) = stamp {
        bundle["verificationMaterial"]["timestampVerificationData"] =
            json!({"rfc3161Timestamps": [{"signedTimestamp": stamp}]});
    }
    bundle.to_string().into_bytes()
}

#[test]
fn a_root_without_logs_wants_a_timestamp_in_their_place() {
    peers::needs!("openssl");
    let (stamps, strangers) = (Stamps::new(), Stamps::new());
    let ((ours, authority_pem), (theirs, _)) = (authority(), authority());
    let trusted = root(&authority_pem, Some(&stamps), json!([]));
    let refused = |bundle: &[u8], signer: BundleSigner, root: &KeySource| {
        let verified = verify_bundle(bundle, ARTIFACT, &rule(signer, root));
        verified.err().unwrap_or_default()
    };
    let signed = |by, years| {
        let (key, pem) = certificate(by, EMAIL, years, |_| ());
        let signature = key.sign(ARTIFACT).unwrap().as_bytes().to_vec();
        (json!({"certificate": raw(pem.as_bytes())}), signature)
    };
    let (material, signature) = signed(&ours, (2020, 2090));
    let stamped = bundle(material.clone(), &signature, Some(stamps.of(&signature)));
    assert_eq!(refused(&stamped, of(EMAIL, LOGIN), &trusted), "");
    let why = |text: &str, reason: String| assert!(reason.contains(text), "{reason}");
    why(
        "which the rule does not accept",
        refused(&stamped, of("b@example.com", LOGIN), &trusted),
    );
    why(
        "which the rule does not accept",
        refused(&stamped, of(EMAIL, "https://other.example"), &trusted),
    );
    let bare = bundle(material.clone(), &signature, None);
    why(
        "it has no timestamp",
        refused(&bare, of(EMAIL, LOGIN), &trusted),
    );
    let strange = bundle(material.clone(), &signature, Some(strangers.of(&signature)));
    why("timestamp", refused(&strange, of(EMAIL, LOGIN), &trusted));
    let of_another = bundle(material, &signature, Some(stamps.of(b"another signature")));
    why(
        "timestamp",
        refused(&of_another, of(EMAIL, LOGIN), &trusted),
    );
    for (by, years) in [(&theirs, (2020, 2090)), (&ours, (2020, 2021))] {
        let (material, signature) = signed(by, years);
        let bundle = bundle(material, &signature, Some(stamps.of(&signature)));
        assert_ne!(refused(&bundle, of(EMAIL, LOGIN), &trusted), "");
    }
    let no_witness = root(&authority_pem, None, json!([]));
    why(
        "neither a transparency log nor a timestamp authority",
        refused(&stamped, of(EMAIL, LOGIN), &no_witness),
    );
    // Where it lists logs of certificates, these have to have seen the certificate.
    let log = KeyPair::generate_ecdsa_p256()
        .unwrap()
        .public_key_der()
        .unwrap();
    let id = Digest::of(Algorithm::Sha256, log.as_bytes());
    let ct_log = json!([{
        "baseUrl": "https://ct.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": STANDARD.encode(log.as_bytes()), "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
        "logId": {"keyId": STANDARD.encode(hex::decode(id.hex()).unwrap())},
    }]);
    let with_ct = root(&authority_pem, Some(&stamps), ct_log);
    why("SCT", refused(&stamped, of(EMAIL, LOGIN), &with_ct));

    // The same for keys.
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let pem = key.public_key_der().unwrap().to_pem();
    let by_key = || BundleSigner::Keys(KeySource::Data(vec![pem.clone().into_bytes()]));
    let signature = key.sign(ARTIFACT).unwrap().as_bytes().to_vec();
    let material = json!({"publicKey": {"hint": ""}});
    let stamped = bundle(material.clone(), &signature, Some(stamps.of(&signature)));
    assert_eq!(refused(&stamped, by_key(), &trusted), "");
    let bare = bundle(material.clone(), &signature, None);
    why("it has no timestamp", refused(&bare, by_key(), &trusted));
    let strange = bundle(material, &signature, Some(strangers.of(&signature)));
    why("timestamp", refused(&strange, by_key(), &trusted));
}

#[test]
fn attachments_with_a_timestamp_are_verified_by_such_a_root() {
    peers::needs!("openssl");
    let stamps = Stamps::new();
    let (ours, authority_pem) = authority();
    let trusted = root(&authority_pem, Some(&stamps), json!([]));
    let image = barque::image::ImageName::parse("docker://registry.example/app:v1").unwrap();
    let digest = Digest::of(Algorithm::Sha256, b"{}");
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    let reason = |annotations: &[(&str, String)], signer: BundleSigner| {
        let attachment = Attachment {
            mime_type: Attachment::SIGNATURE.to_owned(),
            payload: payload.clone().into_bytes(),
            annotations: annotations
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
        };
        let rule = SigstoreSigned {
            signer: Signer::TrustedRoot(Box::new(rule(signer, &trusted))),
            rekor: None,
            identity: Identity::Repository,
        };
        let gate = Gate::new(Some(Policy::of(Requirement::SigstoreSigned(Box::new(
            rule,
        )))));
        let found = Found {
            signatures: vec![StoredSignature::Sigstore(attachment).to_bytes()],
            ..Found::default()
        };
        let subject = Subject {
            image: &image,
            digest: &digest,
            manifest: None,
        };
        match gate.judge(&subject, &found).enforced() {
            Ok(_) => String::new(),
            Err(e) => e.to_string(),
        }
    };
    let (key, pem) = certificate(&ours, EMAIL, (2020, 2090), |_| ());
    let signature = key.sign(payload.as_bytes()).unwrap().as_bytes().to_vec();
    let stamp = json!({"SignedRFC3161Timestamp": stamps.of(&signature)}).to_string();
    let signed = (
        "dev.cosignproject.cosign/signature",
        STANDARD.encode(&signature),
    );
    let stamped = ("dev.sigstore.cosign/rfc3161timestamp", stamp);
    let certified = ("dev.sigstore.cosign/certificate", pem);
    let all = [signed.clone(), stamped.clone(), certified.clone()];
    assert_eq!(reason(&all, of(EMAIL, LOGIN)), "");
    assert!(reason(&all, of("b@example.com", LOGIN)).contains("which the rule does not accept"));
    let without = reason(&[signed.clone(), certified], of(EMAIL, LOGIN));
    assert!(
        without.contains("no annotation `dev.sigstore.cosign/rfc3161timestamp`"),
        "{without}"
    );
    // By a key, where the root vouches for the time.
    let public = key.public_key_der().unwrap().to_pem().into_bytes();
    let by_key = || BundleSigner::Keys(KeySource::Data(vec![public.clone()]));
    assert_eq!(reason(&[signed.clone(), stamped], by_key()), "");
    assert_ne!(reason(&[signed], by_key()), "");
}
