//! Signatures that are to fool a policy. None is accepted, and each is refused for its reason.

use std::path::{Path, PathBuf};

use barque::image::{ImageName, Manifest};
use barque::settings::policy::Policy;
use barque::trust::{Found, Gate, Subject};
use bytes::Bytes;
use serde_json::{Value, json};

use super::gpg::{Gpg, payload, signed_by};
use crate::support::peers;

pub(super) const REFERENCE: &str = "registry.example/team/app:v1";
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

/// Why `signature` is refused as the only one of an image, by a rule for `key`.
pub(super) fn refusal(rules: Value, name: &str, signatures: &[Vec<u8>]) -> String {
    let policy = json!({"default": rules}).to_string();
    let gate = Gate::new(Some(
        Policy::parse(policy.as_bytes(), Path::new("/p.json")).unwrap(),
    ));
    let manifest = Manifest::parse(Bytes::from_static(MANIFEST.as_bytes()), None).unwrap();
    let found = Found {
        signatures: signatures.iter().cloned().map(Bytes::from).collect(),
        ..Found::default()
    };
    let image = ImageName::parse(name).unwrap();
    let subject = Subject {
        image: &image,
        digest: manifest.digest(),
        manifest: Some(&manifest),
    };
    match gate.judge(&subject, &found).enforced() {
        Ok(verdict) => format!("accepted: {verdict:?}"),
        Err(e) => e.to_string(),
    }
}

pub(super) fn digest() -> String {
    let manifest = Manifest::parse(Bytes::from_static(MANIFEST.as_bytes()), None).unwrap();
    manifest.digest().to_string()
}

#[test]
fn forged_openpgp_signatures_are_refused() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    let key = gpg.key("alice", "ed25519");
    gpg.key("mallory", "ed25519");
    let rule = json!([signed_by(&key, REFERENCE)]);
    let good = payload(&digest(), REFERENCE);
    let signed = |text: &str| gpg.sign("alice", text);
    let with = |flags: &[&str]| {
        gpg.run(
            &[&["--local-user", "=alice"], flags].concat(),
            good.as_bytes(),
        )
    };
    let whole = signed(&good);
    let mut flipped = gpg.sign_with(
        &["--local-user", "=alice", "--compress-algo", "none"],
        &good,
    );
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let cut = whole[..whole.len() - 9].to_vec();
    let huge = signed(&good.replace(
        "\"optional\":{}",
        &format!("\"optional\":{{\"x\":\"{}\"}}", "a".repeat(5 << 20)),
    ));
    let twice = [whole.clone(), whole.clone()].concat();
    let unsigned = gpg.run(&["--store"], good.as_bytes());
    let both = gpg.sign_with(
        &["--local-user", "=alice", "--local-user", "=mallory"],
        &good,
    );
    let other = payload(&digest().replace("sha256:", "sha512:"), REFERENCE);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "it is empty"),
        ("text", b"hello".to_vec(), "0x68"),
        ("bare packet header", b"\xa3".to_vec(), "no OpenPGP message"),
        (
            "wrong key",
            gpg.sign("mallory", &good),
            "which the rule does not list",
        ),
        ("two signers", both, "one signature and its payload"),
        ("two messages", twice, "something follows"),
        ("unsigned", unsigned, ""),
        (
            "detached",
            with(&["--detach-sign"]),
            "one signature and its payload",
        ),
        ("cleartext", with(&["--clear-sign"]), "0x2d"),
        ("armored", with(&["--armor", "--sign"]), "0x2d"),
        (
            "SHA-1",
            with(&[
                "--digest-algo",
                "SHA1",
                "--allow-weak-digest-algos",
                "--sign",
            ]),
            "SHA-1",
        ),
        ("flipped bit", flipped, ""),
        ("cut", cut, ""),
        ("huge", huge, "too large"),
        (
            "other digest",
            signed(&payload(
                &digest().replace("sha256:", "sha256:0")[..71],
                REFERENCE,
            )),
            "another manifest",
        ),
        ("other algorithm", signed(&other), "not valid"),
        (
            "other name",
            signed(&payload(&digest(), "registry.example/team/other:v1")),
            "does not accept",
        ),
        (
            "other tag",
            signed(&payload(&digest(), "registry.example/team/app:v2")),
            "does not accept",
        ),
        (
            "no tag",
            signed(&payload(&digest(), "registry.example/team/app")),
            "does not accept",
        ),
        (
            "longer name",
            signed(&payload(&digest(), "registry.example/team/app:v1/x")),
            "no image name",
        ),
        (
            "upper case",
            signed(&payload(&digest(), "registry.example/Team/app:v1")),
            "no image name",
        ),
        (
            "cosign's type",
            signed(&good.replace(
                "atomic container signature",
                "cosign container image signature",
            )),
            "`critical.type`",
        ),
        (
            "duplicate key",
            signed(&good.replace("\"optional\":{}", "\"optional\":{},\"optional\":{}")),
            "given twice",
        ),
        (
            "unknown key",
            signed(&good.replace("\"optional\":{}", "\"optional\":{},\"x\":1")),
            "unknown key",
        ),
        (
            "no optional",
            signed(&good.replace(",\"optional\":{}", "")),
            "`optional` is missing",
        ),
        (
            "two documents",
            signed(&format!("{good}{good}")),
            "not valid",
        ),
        ("no JSON", signed("This is not JSON"), "not valid"),
        ("empty payload", signed(""), "not valid"),
        ("not UTF-8", gpg.sign("alice", b"\xff\xfe"), "not valid"),
    ];
    assert!(cases.len() >= 29);
    for (name, signature, why) in cases {
        let reason = refusal(rule.clone(), "dir:/x", &[signature]);
        assert!(!reason.starts_with("accepted"), "{name}: {reason}");
        assert!(
            reason.contains("signature 1: ") && reason.contains(why),
            "{name}: {reason}"
        );
    }
    let accepted = refusal(rule.clone(), "dir:/x", std::slice::from_ref(&whole));
    assert!(accepted.starts_with("accepted"), "{accepted}");
    // The same signature under rules that do not accept it.
    let asked = "docker://registry.example/team/app:v1";
    let rule_of = |identity: Value| json!([{"type": "signedBy", "keyType": "GPGKeys", "keyPath": key, "signedIdentity": identity}]);
    let exact = rule_of(json!({"type": "matchExact"}));
    assert!(refusal(exact.clone(), asked, std::slice::from_ref(&whole)).starts_with("accepted"));
    for (rules, image) in [
        (exact.clone(), "docker://registry.example/team/app:v2"),
        (exact.clone(), "docker://registry.example/team/app2:v1"),
        (exact.clone(), "docker://other.example/team/app:v1"),
        (exact.clone(), "dir:/x"),
        (
            rule_of(json!({"type": "matchRepository"})),
            "docker://registry.example/team:v1",
        ),
        (
            json!([rule_of(json!({"type": "matchExact"}))[0], {"type": "reject"}]),
            asked,
        ),
        (
            json!([{"type": "signedBy", "keyType": "X509Certificates", "keyPath": key}]),
            asked,
        ),
        (
            json!([{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": [key, "/no/such"]}]),
            asked,
        ),
        (
            json!([{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": []}]),
            asked,
        ),
        (json!([{"type": "sigstoreSigned", "keyPath": key}]), asked),
        (
            json!([{"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}]),
            asked,
        ),
    ] {
        let reason = refusal(rules.clone(), image, std::slice::from_ref(&whole));
        assert!(
            reason.contains("is refused by"),
            "{rules} {image}: {reason}"
        );
    }
}

#[test]
fn keys_that_lost_trust_are_refused_as_gpg_does() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    let good = payload(&digest(), REFERENCE);
    let why = |key: &PathBuf, signature: &[u8]| {
        let rules = json!([signed_by(key, REFERENCE)]);
        refusal(rules, "dir:/x", &[signature.to_vec()])
    };
    // Expired: the key lived for a day, some time ago, and signed then.
    let past = ["--faked-system-time", "20240101T000000"];
    gpg.run(
        &[
            &past[..],
            &["--quick-gen-key", "old", "ed25519", "sign", "1d"],
        ]
        .concat(),
        b"",
    );
    let signature = gpg.run(
        &[&past[..], &["--local-user", "=old", "--sign"]].concat(),
        good.as_bytes(),
    );
    let reason = why(&gpg.export("old"), &signature);
    assert!(reason.contains("which has expired"), "{reason}");
    // The key lives on, and the signature was for a day.
    gpg.run(
        &[
            &past[..],
            &["--quick-gen-key", "aged", "ed25519", "sign", "never"],
        ]
        .concat(),
        b"",
    );
    let aged = gpg.export("aged");
    let sign = [
        "--local-user",
        "=aged",
        "--default-sig-expire",
        "1d",
        "--sign",
    ];
    let signature = gpg.run(&[&past[..], &sign].concat(), good.as_bytes());
    assert!(why(&aged, &signature).contains("its signature has expired"));
    assert!(why(&aged, &gpg.sign("aged", &good)).starts_with("accepted"));
    // Revoked, with the certificate that gpg made along with the key.
    let key = gpg.key("lost", "ed25519");
    let before = std::fs::read(&key).unwrap();
    let signature = gpg.sign("lost", &good);
    assert!(why(&key, &signature).starts_with("accepted"));
    let revocations = gpg.home().join("openpgp-revocs.d");
    let file = std::fs::read_dir(&revocations).unwrap();
    let texts = file.map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
    for text in texts.collect::<Vec<_>>() {
        // The colon keeps people from importing it by accident.
        let text = text.replace(":-----BEGIN", "-----BEGIN");
        gpg.run(&["--import"], text.as_bytes());
    }
    let revoked = gpg.export("lost");
    let reason = why(&revoked, &signature);
    assert!(reason.contains("which was revoked"), "{reason}");
    // A copy from before the revocation does not help.
    let both = [before, std::fs::read(&revoked).unwrap()].concat();
    std::fs::write(&key, both).unwrap();
    assert!(why(&key, &signature).contains("which was revoked"));
}

/// gpg merges what it imports, and so does barque: a revocation in a separate block counts, and of all copies of a key the
/// newest self-signature.
#[test]
fn copies_and_revocations_of_a_key_count_together() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    let good = payload(&digest(), REFERENCE);
    let why = |key: &Path, parts: &[&[u8]], signature: &[u8]| {
        std::fs::write(key, parts.concat()).unwrap();
        let rule = json!([signed_by(key, REFERENCE)]);
        refusal(rule, "dir:/x", &[signature.to_vec()])
    };
    let key = gpg.key("lost", "ed25519");
    let (binary, signature) = (std::fs::read(&key).unwrap(), gpg.sign("lost", &good));
    let armored = gpg.run(&["--armor", "--export", "=lost"], b"");
    let file = std::fs::read_dir(gpg.home().join("openpgp-revocs.d")).unwrap();
    let text = std::fs::read_to_string(file.last().unwrap().unwrap().path()).unwrap();
    let text = text.replace(":-----BEGIN", "-----BEGIN");
    let packets = gpg.run(&["--dearmor"], text.as_bytes());
    assert!(why(&key, &[&binary], &signature).starts_with("accepted"));
    for parts in [
        [&armored[..], text.as_bytes()],
        [text.as_bytes(), &armored],
        [&binary, &packets],
    ] {
        let reason = why(&key, &parts, &signature);
        assert!(reason.contains("which was revoked"), "{reason}");
    }
    // A packet that cannot be read does not hide it: a key of version 99.
    let unknown = [0xc6, 6, 99, 0, 0, 0, 0, 0];
    gpg.run(&["--import"], text.as_bytes());
    let revoked = std::fs::read(gpg.export("lost")).unwrap();
    for parts in [[&binary[..], &unknown, &packets], [&unknown, &revoked, b""]] {
        let reason = why(&key, &parts, &signature);
        assert!(reason.contains("which was revoked"), "{reason}");
    }
    // Another key is not touched by it.
    let other = gpg.key("other", "ed25519");
    let (own, signature) = (std::fs::read(&other).unwrap(), gpg.sign("other", &good));
    assert!(why(&other, &[&own, &packets], &signature).starts_with("accepted"));

    let at = |time: &'static str| ["--faked-system-time", time];
    let make = ["--quick-gen-key", "short", "ed25519", "sign", "never"];
    gpg.run(&[&at("20250101T000000")[..], &make].concat(), b"");
    let short = gpg.export("short");
    let (before, signature) = (std::fs::read(&short).unwrap(), gpg.sign("short", &good));
    let fingerprint = gpg.fingerprint("short");
    let expire = ["--quick-set-expire", &fingerprint, "30d"];
    gpg.run(&[&at("20250102T000000")[..], &expire].concat(), b"");
    let after = std::fs::read(gpg.export("short")).unwrap();
    assert!(why(&short, &[&before], &signature).starts_with("accepted"));
    for parts in [[&before[..], &after], [&after, &before]] {
        let reason = why(&short, &parts, &signature);
        assert!(reason.contains("which has expired"), "{reason}");
    }
}

/// A key that is revoked by another one, which it names as its revoker: as gpg answers, depending on which keys it has.
#[test]
fn a_key_revoked_by_its_designated_revoker_is_refused_as_gpg_does() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    for name in ["signer", "revoker", "stranger"] {
        gpg.key(name, "ed25519");
    }
    let signed = payload(&digest(), REFERENCE);
    let signature = gpg.sign("signer", &signed);
    let export = |name: &str| std::fs::read(gpg.export(name)).unwrap();
    let (unnamed, revoker, stranger) = (export("signer"), export("revoker"), export("stranger"));
    let revocation = designated_revocation(&gpg, "signer", "revoker");
    let before = export("signer");
    assert!(before.len() > unnamed.len());
    gpg.run(&["--import"], &revocation);
    let revoked = export("signer");
    assert!(revoked.len() > before.len());

    for (keys, is_revoked) in [
        (vec![&unnamed], false),
        (vec![&before], false),
        (vec![&before, &revoker], false),
        (vec![&revoked], false),
        (vec![&revoked, &stranger], false),
        (vec![&revoked, &revoker], true),
        (vec![&revoker, &revoked], true),
        (vec![&before, &revoked, &revoker], true),
    ] {
        let other = Gpg::new();
        let file = other.home().join("keys.gpg");
        std::fs::write(
            &file,
            keys.into_iter().flatten().copied().collect::<Vec<u8>>(),
        )
        .unwrap();
        other.run(&["--import", file.to_str().unwrap()], b"");
        let said = other.run(&["--status-fd", "1", "--verify"], &signature);
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.contains("KEYREVOKED"), is_revoked, "{said}");
        let answer = refusal(
            json!([signed_by(&file, REFERENCE)]),
            "dir:/x",
            std::slice::from_ref(&signature),
        );
        match is_revoked {
            true => assert!(answer.contains("which was revoked"), "{answer}"),
            false => assert!(answer.starts_with("accepted"), "{answer}"),
        }
    }

    // Anybody can write a revocation; only that of a revoker whom the key itself names counts.
    let second = Gpg::new();
    for name in ["signer", "stranger"] {
        second.run(
            &["--import"],
            &gpg.run(&["--export-secret-keys", name], b""),
        );
    }
    let forged = designated_revocation(&second, "signer", "stranger");
    let forged = second.run(&["--dearmor"], &forged);
    let (key, rest) = before.split_at(packet_len(&before));
    let revocation = &forged[key.len()..];
    let revocation = &revocation[..packet_len(revocation)];
    let file = gpg.home().join("forged.gpg");
    std::fs::write(&file, [key, revocation, rest, &stranger].concat()).unwrap();
    let answer = refusal(
        json!([signed_by(&file, REFERENCE)]),
        "dir:/x",
        std::slice::from_ref(&signature),
    );
    assert!(answer.starts_with("accepted"), "{answer}");
}

/// Has `key` name `revoker` as its revoker, and returns the armored revocation by it.
fn designated_revocation(gpg: &Gpg, key: &str, revoker: &str) -> Vec<u8> {
    let answering = |args: &[&str], input: String| {
        let answers = ["--no-batch", "--command-fd", "0", "--no-tty"];
        gpg.run(&[&answers, args].concat(), input.as_bytes())
    };
    let add = format!("addrevoker\n{}\ny\nsave\n", gpg.fingerprint(revoker));
    answering(&["--edit-key", key], add);
    let revoke = ["--local-user", revoker, "--desig-revoke", key];
    answering(&revoke, "y\n0\n\ny\n".to_owned())
}

/// The length of the first OpenPGP packet, which is a small one of the old format.
fn packet_len(packets: &[u8]) -> usize {
    assert_eq!(packets[0] & 0b1100_0011, 0b1000_0000);
    2 + usize::from(packets[1])
}
