//! Signatures, trusted roots and configuration files with random changes: whatever they become, nothing panics, no signature is
//! accepted for what it was not made for, and no policy that trusts nobody else lets an unsigned image pass.

use std::path::Path;
use std::time::SystemTime;

use barque::image::{Digest, ImageName, Reference};
use barque::settings::paths::Environment;
use barque::settings::policy::{
    BundleRule, BundleSigner, Identity, KeySource, Policy, Requirement, Signer, SigstoreSigned,
};
use barque::settings::registries_conf::RegistriesConf;
use barque::settings::registries_d::RegistriesD;
use barque::trust::{
    Attachment, Found, Gate, Keyring, Leniency, StoredSignature, Subject, verify_bundle,
    verify_openpgp,
};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use super::gpg::Gpg;
use super::referred::{SIGN, statement};
use crate::support::cutter::Dice;
use crate::support::{images, peers};

/// Pieces that parsers have special cases for.
const PIECES: [&[u8]; 14] = [
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\xff\xfe",
    b"\n",
    b"]]",
    b"\"",
    b"AAAA",
    b"*.",
    b"https://",
];

/// `bytes` after one to eight changes.
fn mutated(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..dice.roll(1..9) {
        let len = bytes.len() as u64;
        let at = dice.roll(0..len.max(1)) as usize;
        let end = at + dice.roll(0..40).min(len.saturating_sub(at as u64)) as usize;
        match dice.roll(0..7) {
            0 if len > 0 => bytes[at] ^= 1 << dice.roll(0..8),
            1 if len > 0 => bytes[at] = dice.roll(0..256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            4 => bytes.truncate(at),
            5 if len > 0 => bytes.swap(at, dice.roll(0..len) as usize),
            _ => {
                let piece = PIECES[dice.roll(0..PIECES.len() as u64) as usize];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
        }
    }
    bytes
}

/// The paths of all values in `value`, which is at `path`.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                paths(member, &format!("{path}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{i}"), all);
            }
        }
        _ => {}
    }
}

/// `document` with another value somewhere in it, as JSON.
fn other_value(document: &Value, dice: &mut Dice) -> Vec<u8> {
    let (mut document, mut all) = (document.clone(), Vec::new());
    paths(&document, "", &mut all);
    let path = &all[dice.roll(0..all.len() as u64) as usize];
    let value = document.pointer_mut(path).unwrap();
    *value = match dice.roll(0..7) {
        0 => Value::Null,
        1 => json!({}),
        2 => json!([]),
        3 => json!(""),
        4 => json!(-1),
        5 => json!([value.clone(), value.clone()]),
        _ => json!("AAAA"),
    };
    document.to_string().into_bytes()
}

fn changed(document: &Value, dice: &mut Dice) -> Vec<u8> {
    match dice.roll(0..2) {
        0 => other_value(document, dice),
        _ => mutated(document.to_string().as_bytes(), dice),
    }
}

fn pem(key: &KeyPair) -> KeySource {
    KeySource::Data(vec![key.public_key_der().unwrap().to_pem().into_bytes()])
}

fn bundles(rounds: u64) {
    let (alice, mallory) = (
        KeyPair::generate_ecdsa_p256().unwrap(),
        KeyPair::generate_ecdsa_p256().unwrap(),
    );
    let (artifact, other) = (images::small().manifest, images::two_layers().manifest);
    let bundle = statement(&alice, images::sha256(&artifact).hex(), SIGN);
    let rule = |key: &KeyPair, root: Option<Vec<u8>>| BundleRule {
        signer: BundleSigner::Keys(pem(key)),
        trusted_root: root.map(|root| KeySource::Data(vec![root])),
        predicate_type: SIGN.to_owned(),
        identity: Identity::Digest,
    };
    assert!(
        verify_bundle(
            bundle.to_string().as_bytes(),
            &artifact,
            &rule(&alice, None)
        )
        .is_ok()
    );
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{"publicKey": {"rawBytes": "AAAA", "validFor": {"start": "2020-01-01T00:00:00Z"}}, "logId": {"keyId": "AAAA"}}],
        "timestampAuthorities": [{"certChain": {"certificates": [{"rawBytes": "AAAA"}]}}],
        "certificateAuthorities": [],
    });
    let mut dice = Dice::new(1);
    for round in 0..rounds {
        let bundle = changed(&bundle, &mut dice);
        let shown = String::from_utf8_lossy(&bundle);
        assert!(
            verify_bundle(&bundle, &other, &rule(&alice, None)).is_err(),
            "{round}: {shown}"
        );
        assert!(
            verify_bundle(&bundle, &artifact, &rule(&mallory, None)).is_err(),
            "{round}: {shown}"
        );
        let root = Some(changed(&root, &mut dice));
        assert!(
            verify_bundle(&bundle, &other, &rule(&alice, root)).is_err(),
            "{round}: {shown}"
        );
    }
}

fn attachments(rounds: u64) {
    let alice = KeyPair::generate_ecdsa_p256().unwrap();
    let (digest, other): (Digest, Digest) = (images::sha256(b"a"), images::sha256(b"b"));
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    let signature = alice.sign(payload.as_bytes()).unwrap();
    let signature = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        signature.as_bytes(),
    );
    let stored = StoredSignature::Sigstore(Attachment {
        mime_type: Attachment::SIGNATURE.to_owned(),
        payload: payload.into_bytes(),
        annotations: [("dev.cosignproject.cosign/signature".to_owned(), signature)].into(),
    });
    let rule = SigstoreSigned {
        signer: Signer::Keys(pem(&alice)),
        rekor: None,
        identity: Identity::Repository,
    };
    let gate = Gate::new(Some(Policy::of(Requirement::SigstoreSigned(Box::new(
        rule,
    )))));
    let image = ImageName::parse("docker://registry.example/app:v1").unwrap();
    let passes = |digest: &Digest, stored: Vec<u8>| {
        let found = Found {
            signatures: vec![stored.into()],
            ..Found::default()
        };
        let subject = Subject {
            image: &image,
            digest,
            manifest: None,
        };
        gate.judge(&subject, &found).enforced().is_ok()
    };
    let stored = stored.to_bytes();
    assert!(passes(&digest, stored.to_vec()));
    let mut dice = Dice::new(2);
    for round in 0..rounds {
        assert!(!passes(&other, mutated(&stored, &mut dice)), "{round}");
    }
}

fn openpgp(rounds: u64) {
    if peers::missing(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let key = std::fs::read(gpg.key("alice", "ed25519")).unwrap();
    let payload = b"what is signed";
    let message = gpg.sign("alice", payload);
    let keyring = |bytes: &[u8]| {
        let mut keyring = Keyring::default();
        keyring.add(bytes);
        keyring
    };
    let (whole, now) = (keyring(&key), SystemTime::now());
    let verify = |message: &[u8], keyring: &Keyring| {
        verify_openpgp(message, keyring, Leniency::default(), now)
    };
    assert_eq!(verify(&message, &whole).unwrap().payload, payload);
    let mut dice = Dice::new(3);
    for round in 0..rounds {
        // What is accepted is what was signed.
        if let Ok(signed) = verify(&mutated(&message, &mut dice), &whole) {
            assert_eq!(signed.payload, payload, "{round}");
        }
        if let Ok(signed) = verify(&message, &keyring(&mutated(&key, &mut dice))) {
            assert_eq!(signed.payload, payload, "{round}");
        }
    }
}

fn configurations(rounds: u64) {
    let policy = json!({
        "default": [{"type": "reject"}],
        "transports": {
            "docker": {
                "registry.example": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/no/a.gpg", "/no/b.gpg"]}],
                "*.example": [{"type": "sigstoreSigned", "keyPath": "/no/a.pub", "signedIdentity": {"type": "matchRepository"}}],
                "": [{"type": "sigstoreBundleSigned", "keyData": "AAAA", "signedIdentity": {"type": "matchDigest"}}],
            },
            "dir": {"": [{"type": "reject"}]},
        },
    });
    let digest = images::sha256(b"a");
    let conf = "unqualified-search-registries = [\"a.example\", \"b.example:5000\"]\nshort-name-mode = \"enforcing\"\ncredential-helpers = [\"secretservice\"]\n[[registry]]\nprefix = \"*.example\"\nlocation = \"c.example/x\"\ninsecure = false\nblocked = true\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"d.example\"\npull-from-mirror = \"tag-only\"\n[aliases]\n\"app\" = \"a.example/app\"\n";
    let places = "default-docker:\n  lookaside: file:///tmp/x\n  use-sigstore-attachments: true\ndocker:\n  a.example/app: &a\n    lookaside-staging: file:///tmp/y\n  b.example: *a\n";
    let home = tempfile::tempdir().unwrap();
    let environment = Environment::with_home(home.path());
    let (file, folder) = (home.path().join("r.conf"), home.path().join("d"));
    std::fs::create_dir(&folder).unwrap();
    let names = [
        "docker://registry.example/app:v1",
        "docker://a.example/x:1",
        "dir:/tmp/x",
        "oci:/tmp/x",
    ];
    let reference: Reference = "a.example/app:1".parse().unwrap();
    let mut dice = Dice::new(4);
    for round in 0..rounds {
        let text = changed(&policy, &mut dice);
        if let Ok(policy) = Policy::parse(&text, Path::new("/p.json")) {
            let gate = Gate::new(Some(policy));
            for name in names {
                let image = ImageName::parse(name).unwrap();
                let subject = Subject {
                    image: &image,
                    digest: &digest,
                    manifest: None,
                };
                let verdict = gate.judge(&subject, &Found::default()).enforced();
                assert!(
                    verdict.is_err(),
                    "{round}: {name}: {}",
                    String::from_utf8_lossy(&text)
                );
            }
        }
        std::fs::write(&file, mutated(conf.as_bytes(), &mut dice)).unwrap();
        if let Ok(conf) = RegistriesConf::load_in(Some(&file), &environment) {
            let _ = conf.sources(&reference);
        }
        std::fs::write(folder.join("a.yaml"), mutated(places.as_bytes(), &mut dice)).unwrap();
        if let Ok(places) = RegistriesD::load_in(Some(&folder), &environment) {
            let _ = places.of(&reference);
        }
    }
}

#[test]
fn nothing_is_accepted_after_random_changes() {
    bundles(150);
    attachments(300);
    openpgp(150);
    configurations(150);
}

#[test]
#[ignore = "runs for some minutes"]
fn long_random_changes_of_signatures() {
    bundles(20_000);
    attachments(20_000);
    openpgp(20_000);
    configurations(20_000);
}
