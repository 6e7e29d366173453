//! Signatures with certificates that a log of certificates has seen, at times that a log or an authority vouches for.

use barque::settings::policy::{BundleSigner, Pattern};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::maker::{
    ARTIFACT, EMAIL, ENTRY, LOGIN, Log, Signer, THEN, V1, V2, Wrong, base64, by_key, changed, key,
    log_key, root, seen, sha256, verdict, with, without,
};
use crate::support::peers;
use crate::trust::attachments::{authority, certificate};
use crate::trust::private_root::Stamps;

#[test]
fn certificates_are_verified_with_logs_and_timestamps() {
    if peers::missing(&["openssl"]) {
        return;
    }
    let (log, ct, stamps) = (Log(key()), Log(key()), Stamps::new());
    let ((ours, pem), (decoy, decoy_pem)) = (authority(), authority());
    let der = |pem: &str| {
        CertificateDer::from_pem_slice(pem.as_bytes())
            .unwrap()
            .to_vec()
    };
    let authority_of = |pem: &str| {
        json!({
            "subject": {"organization": "", "commonName": ""},
            "uri": "https://ca.example",
            "certChain": {"certificates": [{"rawBytes": base64(der(pem))}]},
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        })
    };
    let mut trusted = root(&[&log]);
    trusted["ctlogs"] = json!([log_key(&ct)]);
    trusted["certificateAuthorities"] = json!([authority_of(&pem)]);
    trusted["timestampAuthorities"] = json!([stamps.chain()]);
    let mut wrong = Wrong::default();
    let by = |email: &str, login: &str| BundleSigner::Certificate {
        identity: Pattern::Exact(email.to_owned()),
        issuer: Pattern::Exact(login.to_owned()),
    };
    let mut case = |name: &str, is_good: bool, bundle: &Value, root: &Value| {
        wrong.case(name, is_good, verdict(bundle, by(EMAIL, LOGIN), root));
    };
    let signer = seen(&ours, &der(&pem), &ct.0, (2020, 2090));
    let v1_of = |signer: &Signer, time: i64| {
        let (message, signature) = signer.message();
        let body = signer.hashedrekord(ARTIFACT, &signature);
        with(message, vec![log.entry(V1, &body, time)])
    };
    let good = v1_of(&signer, THEN);
    case("an entry with a promise", true, &good, &trusted);
    let proof_only = without(&good, ENTRY, "inclusionPromise");
    case("no source of time", false, &proof_only, &trusted);
    let stamped = |mut bundle: Value, stamps: &[String]| {
        let stamps: Vec<Value> = stamps
            .iter()
            .map(|s| json!({"signedTimestamp": s}))
            .collect();
        bundle["verificationMaterial"]["timestampVerificationData"] =
            json!({"rfc3161Timestamps": stamps});
        bundle
    };
    let (message, signature) = signer.message();
    let v2 = log.entry(V2, &signer.hashedrekord_v2(ARTIFACT, &signature), THEN);
    let v2 = without(&with(message, vec![v2]), ENTRY, "inclusionPromise");
    let (right, strange) = (stamps.of(&signature), Stamps::new().of(&signature));
    case(
        "version 2 with a timestamp",
        true,
        &stamped(v2.clone(), std::slice::from_ref(&right)),
        &trusted,
    );
    case("version 2 without one", false, &v2, &trusted);
    case(
        "version 2 with a timestamp of another authority",
        false,
        &stamped(v2.clone(), std::slice::from_ref(&strange)),
        &trusted,
    );
    case(
        "a good timestamp and another authority's",
        false,
        &stamped(v2.clone(), &[right.clone(), strange]),
        &trusted,
    );
    case(
        "a timestamp that is none",
        false,
        &stamped(v2.clone(), &[base64(b"now")]),
        &trusted,
    );
    let of_other = stamps.of(b"another signature");
    case(
        "a timestamp of another signature",
        false,
        &stamped(v2.clone(), &[of_other]),
        &trusted,
    );
    let stamped_v2 = stamped(v2, &[right]);
    for (name, window, is_good) in [
        (
            "an authority of timestamps that is no more",
            json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}),
            false,
        ),
        (
            "one that begins later",
            json!({"start": "2080-01-01T00:00:00Z"}),
            false,
        ),
        (
            "one without a beginning",
            json!({"end": "2080-01-01T00:00:00Z"}),
            false,
        ),
        (
            "one that is",
            json!({"start": "2020-01-01T00:00:00Z", "end": "2080-01-01T00:00:00Z"}),
            true,
        ),
    ] {
        let mut root = trusted.clone();
        root["timestampAuthorities"][0]["validFor"] = window;
        case(name, is_good, &stamped_v2, &root);
        // Another authority does not lend its time.
        let mut lender = Stamps::new().chain();
        lender["validFor"] = json!({"start": "2020-01-01T00:00:00Z"});
        root["timestampAuthorities"]
            .as_array_mut()
            .unwrap()
            .push(lender);
        case(
            &format!("{name}, next to another"),
            is_good,
            &stamped_v2,
            &root,
        );
        root["timestampAuthorities"][1]["certChain"]["certificates"] = json!([]);
        case(
            &format!("{name}, next to an empty one"),
            false,
            &stamped_v2,
            &root,
        );
    }
    // The certificate.
    case(
        "an expired certificate",
        false,
        &v1_of(&seen(&ours, &der(&pem), &ct.0, (2020, 2021)), THEN),
        &trusted,
    );
    case(
        "one that begins later",
        false,
        &v1_of(&seen(&ours, &der(&pem), &ct.0, (2080, 2090)), THEN),
        &trusted,
    );
    case(
        "one that was good then",
        true,
        &v1_of(&seen(&ours, &der(&pem), &ct.0, (2022, 2025)), THEN),
        &trusted,
    );
    case(
        "one of another authority",
        false,
        &v1_of(&seen(&decoy, &der(&decoy_pem), &ct.0, (2020, 2090)), THEN),
        &trusted,
    );
    let unseen = v1_of(&seen(&ours, &der(&pem), &log.0, (2020, 2090)), THEN);
    case("one that another log has seen", false, &unseen, &trusted);
    let other_issuer = v1_of(&seen(&ours, &der(&decoy_pem), &ct.0, (2020, 2090)), THEN);
    case(
        "one that the log has seen of another authority",
        false,
        &other_issuer,
        &trusted,
    );
    let (bare_key, bare_pem) = certificate(&ours, EMAIL, (2020, 2090), |_| ());
    let bare = Signer {
        key: bare_key,
        certificate: Some(der(&bare_pem)),
    };
    case(
        "one that no log has seen",
        false,
        &v1_of(&bare, THEN),
        &trusted,
    );
    let mut two = trusted.clone();
    two["certificateAuthorities"] = json!([authority_of(&decoy_pem), authority_of(&pem)]);
    case(
        "another authority of the same name first",
        true,
        &good,
        &two,
    );
    let gone = changed(
        &trusted,
        "/certificateAuthorities/0/validFor",
        json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}),
    );
    case("an authority that is no more", false, &good, &gone);
    let late = changed(
        &trusted,
        "/ctlogs/0/publicKey/validFor",
        json!({"start": "2080-01-01T00:00:00Z"}),
    );
    case(
        "a log of certificates that begins later",
        false,
        &good,
        &late,
    );
    // A chain: in older bundles only.
    let chain = |bundle: &Value, version: &str, more: &[Vec<u8>]| {
        let own = bundle["verificationMaterial"]["certificate"].clone();
        let mut all = vec![own];
        all.extend(more.iter().map(|der| json!({"rawBytes": base64(der)})));
        let mut bundle = without(bundle, "/verificationMaterial", "certificate");
        bundle["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": all});
        let kind = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        changed(&bundle, "/mediaType", kind.into())
    };
    case(
        "a chain of one in v0.1",
        true,
        &chain(&good, "0.1", &[]),
        &trusted,
    );
    case(
        "a chain of one in v0.2",
        true,
        &chain(&good, "0.2", &[]),
        &trusted,
    );
    case(
        "a chain in v0.3",
        false,
        &chain(&good, "0.3", &[]),
        &trusted,
    );
    let mut empty = chain(&good, "0.1", &[]);
    empty["verificationMaterial"]["x509CertificateChain"]["certificates"] = json!([]);
    case("an empty chain", false, &empty, &trusted);
    let mut key_too = good.clone();
    key_too["verificationMaterial"]["publicKey"] = json!({"hint": ""});
    case("a key and a certificate", false, &key_too, &trusted);
    let mut both = good.clone();
    both["dsseEnvelope"] = signer.envelope(None).0["dsseEnvelope"].clone();
    case("a signature and an envelope", false, &both, &trusted);
    let digest = "/messageSignature/messageDigest/digest";
    case(
        "another digest",
        false,
        &changed(&good, digest, base64(sha256(b"x")).into()),
        &trusted,
    );
    case(
        "no signature",
        false,
        &without(&good, "", "messageSignature"),
        &trusted,
    );
    for (name, email, login) in [
        ("another name", "b@example.com", LOGIN),
        ("another login", EMAIL, "https://login.example.com"),
        ("a part of the name", "example.com", LOGIN),
    ] {
        wrong.case(name, false, verdict(&good, by(email, login), &trusted));
    }
    wrong.case(
        "a certificate where a key is wanted",
        false,
        verdict(&good, by_key(&signer), &trusted),
    );
    wrong.none_of(42);
}
