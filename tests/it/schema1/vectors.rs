//! The fixtures about schema 1: signatures, keys and chains of layers.

use std::collections::BTreeMap;

use barque::image::{Digest, ImageView, Manifest, View, config};
use barque::legacy::jws::{SignatureFault, SigningKey};
use barque::legacy::schema1;
use barque::legacy::v1::modern_config;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::fixtures;

/// A whole manifest of the `fsLayers` and `history` in `input`.
fn manifest_of(input: &Value) -> Manifest {
    let mut document =
        json!({"schemaVersion": 1, "name": "x", "tag": "y", "architecture": "amd64"});
    for member in ["fsLayers", "history"] {
        document[member] = input[member].clone();
    }
    Manifest::parse(document.to_string().into(), None).unwrap()
}

#[test]
fn layers_are_fixed_or_refused() {
    let Some(dir) = fixtures::dir() else { return };
    let rows: Vec<Value> = fixtures::json(&dir, "vectors/fix-manifest-layers.json");
    assert_eq!(rows.len(), 9);
    let (mut fixed, mut refused) = (0, 0);
    for row in &rows {
        let name = row["name"].as_str().unwrap();
        let manifest = manifest_of(&row["input"]);
        let chain = match manifest.view() {
            Ok(View::Schema1(view)) => view.chain().map_err(|e| e.to_string()),
            Ok(other) => panic!("{name}: {other:?}"),
            Err(e) => Err(e.to_string()),
        };
        match (row.get("expect"), chain) {
            (Some(expect), Ok(chain)) => {
                // The document has the top layer first.
                let layers: Vec<Value> = chain
                    .iter()
                    .rev()
                    .map(|layer| json!({"blobSum": layer.blob}))
                    .collect();
                assert_eq!(json!(layers), expect["fsLayers"], "{name}");
                let history: Vec<Value> = chain
                    .iter()
                    .rev()
                    .map(
                        |l| json!({"v1Compatibility": std::str::from_utf8(l.image.raw()).unwrap()}),
                    )
                    .collect();
                assert_eq!(json!(history), expect["history"], "{name}");
                fixed += 1;
            }
            (None, Err(told)) => {
                let wanted = row["expectError"].as_str().unwrap();
                let wanted = match wanted {
                    _ if wanted.starts_with("cardinality") => {
                        "`fsLayers` has 2 entries and `history` 1"
                    }
                    _ if wanted.starts_with("no layers") => "`fsLayers` has 0 entries",
                    _ => wanted,
                };
                assert!(told.contains(wanted), "{name}: {told}");
                refused += 1;
            }
            (_, chain) => panic!("{name}: {chain:?}"),
        }
    }
    assert_eq!((fixed, refused), (2, 7));
}

/// The part after `word` up to the next comma or semicolon.
fn stated<'a>(note: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = note.split_once(word)?;
    Some(
        rest.split([';', ' ', '\n'])
            .next()
            .unwrap_or(rest)
            .trim_end_matches(','),
    )
}

#[test]
fn signatures_have_the_verdicts_of_the_fixtures() {
    let Some(dir) = fixtures::dir() else { return };
    let (mut valid, mut invalid, mut unsigned) = (0, 0, 0);
    for (path, note) in fixtures::notes(&dir, "schema1/") {
        let Ok(manifest) = Manifest::parse(fixtures::read(&dir, &path).into(), None) else {
            continue;
        };
        let checks = manifest.check_signatures().unwrap();
        let verdict = note.rsplit("signature check here: ").next().unwrap();
        if verdict.starts_with("no signatures") {
            assert!(checks.is_empty(), "{path}");
            unsigned += 1;
            continue;
        }
        // The note lists the key ids, algorithms and times of all signatures; the list may end with two blanks.
        let listed = |word| {
            stated(verdict, word).map(|s| s.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        if verdict.starts_with("VALID") {
            assert!(schema1::verify(&manifest, None).is_ok(), "{path}");
            let ids: Vec<_> = checks.iter().map(|c| c.key_id.clone().unwrap()).collect();
            assert_eq!(Some(ids), listed("kid "), "{path}");
            let algorithms: Vec<_> = checks.iter().map(|c| c.algorithm.clone()).collect();
            assert_eq!(Some(algorithms), listed("alg "), "{path}");
            let times: Vec<_> = checks.iter().map(|c| c.time.clone().unwrap()).collect();
            assert_eq!(Some(times), listed("time "), "{path}");
            valid += 1;
            continue;
        }
        assert!(schema1::verify(&manifest, None).is_err(), "{path}");
        let fault = checks[0].fault.as_ref().unwrap();
        let fits = match verdict {
            _ if verdict.starts_with("INVALID SIGNATURE") => *fault == SignatureFault::Wrong,
            _ if verdict.contains("kid mismatch") => matches!(fault, SignatureFault::KeyId { .. }),
            _ if verdict.contains("alg mismatch") => matches!(fault, SignatureFault::Algorithm(_)),
            _ => panic!("{path}: {verdict}"),
        };
        assert!(fits, "{path}: {fault}");
        invalid += 1;
    }
    assert_eq!((valid, invalid, unsigned), (16, 5, 4));
}

#[test]
fn keys_have_the_ids_of_the_fixtures() {
    let Some(dir) = fixtures::dir() else { return };
    let mut files = 0;
    for (path, note) in fixtures::notes(&dir, "keys/") {
        let Some(id) = stated(&note, "key id ").filter(|id| id.len() == 59) else {
            continue;
        };
        let file = String::from_utf8(fixtures::read(&dir, &path)).unwrap();
        assert_eq!(SigningKey::parse(&file).unwrap().id(), id, "{path}");
        files += 1;
    }
    assert_eq!(files, 5);
    // Public keys, each in the manifest that it was taken from.
    let rows: Vec<Value> = fixtures::json(&dir, "keys/jwk-kid.json");
    let mut read = 0;
    for row in &rows {
        let source = row["source"].as_str().unwrap();
        let Ok(manifest) = Manifest::parse(fixtures::read(&dir, source).into(), None) else {
            continue;
        };
        let id = manifest.check_signatures().unwrap()[0].key_id.clone();
        assert_eq!(id.as_deref(), row["kid"].as_str(), "{source}");
        read += 1;
    }
    assert_eq!((rows.len(), read), (15, 13));
}

#[test]
fn signing_gives_the_bytes_of_libtrust() {
    let Some(dir) = fixtures::dir() else { return };
    let time = "2020-01-01T00:00:00Z".parse().unwrap();
    for (file, key) in [
        ("gen-es256", "gen-es256"),
        ("gen-es384", "gen-es384"),
        ("gen-es512", "gen-es512"),
        ("gen-rs256", "gen-rs256"),
        ("gen-compact", "gen-es256"),
    ] {
        let wanted = fixtures::read(&dir, &format!("schema1/{file}.json"));
        let manifest = Manifest::parse(wanted.clone().into(), None).unwrap();
        let key = String::from_utf8(fixtures::read(&dir, &format!("keys/{key}.pem"))).unwrap();
        let key = SigningKey::parse(&key).unwrap();
        let made = key.sign(manifest.payload(), time).unwrap();
        let ours = Manifest::parse(made.clone(), None).unwrap();
        assert_eq!(ours.digest(), manifest.digest(), "{file}");
        assert!(schema1::verify(&ours, None).is_ok(), "{file}");
        // A signature by an elliptic curve is another each time, all else is not.
        assert_eq!(
            without_signature(&made),
            without_signature(&wanted),
            "{file}"
        );
        if file == "gen-rs256" {
            assert_eq!(made, wanted);
        }
    }
}

/// The text without the value of `"signature"`.
fn without_signature(document: &[u8]) -> String {
    let text = std::str::from_utf8(document).unwrap();
    let (before, rest) = text.split_once("\"signature\":").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    format!("{before}{after}")
}

/// The members of a manifest's chain as a modern config, with the diff ids of the expected one.
fn converted(schema1: &Value, expected: &Value) -> Vec<u8> {
    let manifest = manifest_of(schema1);
    let View::Schema1(view) = manifest.view().unwrap() else {
        panic!("no schema 1")
    };
    let chain: Vec<_> = view.chain().unwrap().into_iter().map(|l| l.image).collect();
    let diff_ids: Vec<Digest> =
        serde_json::from_value(expected["rootfs"]["diff_ids"].clone()).unwrap();
    modern_config(&chain, &diff_ids).unwrap()
}

#[test]
fn a_chain_becomes_the_expected_config() {
    let Some(dir) = fixtures::dir() else { return };
    let schema1: Value = fixtures::json(&dir, "schema1/openstack-schema1.json");
    let docker: Value = fixtures::json(&dir, "convert/schema1-to-schema2-config.json");
    let made = converted(&schema1, &docker);
    assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), docker);
    let oci: Value = fixtures::json(&dir, "convert/schema1-to-oci1-config.json");
    let made = config::to_oci(&made).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), oci);
    // Quay's own conversions: the same steps and layers, other members beside them.
    for name in ["simple", "ubuntu"] {
        let schema1: Value = fixtures::json(&dir, &format!("schema1/quay-{name}.schema1.json"));
        let wanted: Value = fixtures::json(&dir, &format!("convert/quay-{name}.config.json"));
        let made: Value = serde_json::from_slice(&converted(&schema1, &wanted)).unwrap();
        let steps = |config: &Value| -> Vec<BTreeMap<String, Value>> {
            let steps = config["history"].as_array().unwrap().clone();
            let step = |s| serde_json::from_value(s).unwrap();
            steps.into_iter().map(step).collect()
        };
        assert_eq!(steps(&made), steps(&wanted), "{name}");
        assert_eq!(made["rootfs"], wanted["rootfs"], "{name}");
    }
}

fn image(dir: &std::path::Path, manifest: &str, config: &str) -> (ImageView, Vec<u8>) {
    let manifest = fixtures::read(dir, &format!("convert/{manifest}"));
    let View::Image(view) = Manifest::parse(manifest.into(), None)
        .unwrap()
        .view()
        .unwrap()
    else {
        panic!("no image")
    };
    (view, fixtures::read(dir, &format!("convert/{config}")))
}

#[test]
fn an_image_becomes_the_schema1_of_a_registry() {
    let Some(dir) = fixtures::dir() else { return };
    // To the byte: all that the signature of the registry covers.
    let wanted = fixtures::read(&dir, "convert/registry-2.8.2.schema1.json");
    let wanted = Manifest::parse(wanted.into(), None).unwrap();
    assert!(schema1::verify(&wanted, None).is_ok());
    let (view, config) = image(
        &dir,
        "registry-2.8.2.schema2.json",
        "registry-2.8.2.config.json",
    );
    let made = schema1::convert::of_image(&view, &config).unwrap();
    let payload = schema1::convert::payload(&made, "demo/app", "latest").unwrap();
    assert_eq!(payload.as_bytes(), wanted.payload());
    // Docker's own, of which another hand changed the name afterwards.
    let wanted: Value = fixtures::json(&dir, "convert/schema2-to-schema1-by-docker.json");
    for (manifest, config) in [
        ("schema2.json", "schema2-config.json"),
        ("oci1.json", "oci1-config.json"),
    ] {
        let (view, config) = image(&dir, manifest, config);
        let made = schema1::convert::of_image(&view, &config).unwrap();
        let payload = schema1::convert::payload(&made, "x", "y").unwrap();
        let made: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(made["fsLayers"], wanted["fsLayers"], "{manifest}");
        assert_eq!(made["history"], wanted["history"], "{manifest}");
    }
}

/// The text without the member `jwk`, and `x5c` with these certificates in its place.
fn with_certificates(document: &[u8], certificates: &[Vec<u8>]) -> String {
    let mut document: Value = serde_json::from_slice(document).unwrap();
    let header = document["signatures"][0]["header"].as_object_mut().unwrap();
    header.remove("jwk");
    let list: Vec<String> = certificates.iter().map(|c| STANDARD.encode(c)).collect();
    header.insert("x5c".to_owned(), json!(list));
    // Compact like the payload, so the signed part is the same bytes.
    document.to_string()
}

#[test]
fn the_key_may_come_in_a_certificate() {
    let leaf = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = |key: &rcgen::KeyPair| {
        let names = vec!["signer.example".to_owned()];
        let made = rcgen::CertificateParams::new(names)
            .unwrap()
            .self_signed(key);
        made.unwrap().der().to_vec()
    };
    let key = SigningKey::parse(&leaf.serialize_pem()).unwrap();
    let payload = json!({"schemaVersion": 1, "name": "x", "tag": "y"}).to_string();
    let time = "2020-01-01T00:00:00Z".parse().unwrap();
    let signed = key.sign(payload.as_bytes(), time).unwrap();
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let (own, foreign) = (certificate(&leaf), certificate(&other));
    let check = |certificates: &[Vec<u8>]| {
        let document = with_certificates(&signed, certificates);
        let manifest = Manifest::parse(document.into(), None).unwrap();
        assert_eq!(manifest.payload(), payload.as_bytes());
        manifest.check_signatures().unwrap().remove(0)
    };
    let good = check(&[own.clone(), foreign.clone()]);
    assert_eq!((good.fault, good.key_id), (None, Some(key.id())));
    assert_eq!(good.algorithm, "ES384");
    // The first certificate is the signer's.
    assert_eq!(
        check(&[foreign, own.clone()]).fault,
        Some(SignatureFault::Wrong)
    );
    for broken in [vec![], vec![own[..40].to_vec()]] {
        let check = check(&broken);
        assert!(matches!(check.fault, Some(SignatureFault::Header(_))));
        assert_eq!(check.key_id, None);
    }
}

/// The numbers of a PKCS#1 key, as openssl writes it.
fn numbers(der: &[u8]) -> Vec<Vec<u8>> {
    let length = |at: usize| match der[at] {
        short @ 0..=0x7f => (usize::from(short), at + 1),
        long => {
            let end = at + 1 + usize::from(long & 0x7f);
            let bytes = &der[at + 1..end];
            (bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)), end)
        }
    };
    let (_, mut at) = length(1);
    let mut numbers = Vec::new();
    while at < der.len() {
        let (length, begin) = length(at + 1);
        let bytes = &der[begin..begin + length];
        numbers.push(bytes.iter().copied().skip_while(|b| *b == 0).collect());
        at = begin + length;
    }
    numbers
}

#[test]
fn private_keys_are_read_as_json_too() {
    let Some(dir) = fixtures::dir() else { return };
    let pem =
        |name: &str| String::from_utf8(fixtures::read(&dir, &format!("keys/{name}.pem"))).unwrap();
    let openssl = |args: &[&str], name: &str| {
        let made = std::process::Command::new("openssl")
            .args(args)
            .arg("-in")
            .arg(dir.join(format!("keys/{name}.pem")))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        made.stdout
    };
    let url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // RSA: the numbers of PKCS#1 are the members of a JWK, in this order after the version.
    let pkcs1 = openssl(&["rsa", "-traditional", "-outform", "DER"], "gen-rs256");
    let numbers = numbers(&pkcs1);
    let members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    let mut jwk = json!({"kty": "RSA"});
    for (member, number) in members.iter().zip(&numbers[1..]) {
        jwk[member] = json!(url(number));
    }
    let rsa = SigningKey::parse(&pem("gen-rs256")).unwrap().id();
    assert_eq!(SigningKey::parse(&jwk.to_string()).unwrap().id(), rsa);
    let traditional = openssl(&["rsa", "-traditional"], "gen-rs256");
    let traditional = String::from_utf8(traditional).unwrap();
    assert_eq!(SigningKey::parse(&traditional).unwrap().id(), rsa);
    // EC: SEC 1 has the number at a fixed place, and the point at its end.
    let sec1 = openssl(&["ec", "-outform", "DER"], "gen-es256");
    let point = &sec1[sec1.len() - 64..];
    let jwk = |kid: &str, d: &[u8]| {
        json!({
            "kty": "EC", "crv": "P-256", "kid": kid, "d": url(d), "x": url(&point[..32]), "y": url(&point[32..])
        })
    };
    let id = SigningKey::parse(&pem("gen-es256")).unwrap().id();
    let key = SigningKey::parse(&jwk(&id, &sec1[7..39]).to_string()).unwrap();
    assert_eq!(key.id(), id);
    let other = SigningKey::parse(&jwk(&rsa, &sec1[7..39]).to_string()).unwrap_err();
    assert!(other.to_string().contains("but it is called"), "{other}");
    let odd = SigningKey::parse(&jwk(&id, &[1; 32]).to_string()).unwrap_err();
    assert!(odd.to_string().contains("do not fit"), "{odd}");
    let named = pem("moby-ec-p256").replace("keyID: AWX2", "keyID: AAAA");
    let other = SigningKey::parse(&named).unwrap_err();
    assert!(
        other.to_string().contains("but it is called `AAAA:"),
        "{other}"
    );
}
