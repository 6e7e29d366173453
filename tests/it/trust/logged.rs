//! Bundles with entries of transparency logs, in every shape that the public test suite for sigstore's clients has, by logs and
//! authorities of the test.

mod certified;
mod maker;

use barque::settings::policy::{BundleRule, Identity, KeySource};
use barque::trust::verify_bundle;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use maker::{
    ARTIFACT, ENTRY, Log, NAME, Signer, THEN, V1, V2, Wrong, base64, by_key, changed, key, root,
    sign, spki, verdict, with, without,
};

#[test]
fn entries_of_logs_are_verified_with_signatures_by_a_key() {
    let (log, other, signer) = (Log(key()), Log(key()), Signer::key());
    let mut wrong = Wrong::default();
    let trusted = root(&[&log]);
    let (message, signature) = signer.message();
    let body = signer.hashedrekord(ARTIFACT, &signature);
    let good = with(message.clone(), vec![log.entry(V1, &body, THEN)]);
    let mut case = |name: &str, is_good: bool, bundle: &Value| {
        wrong.case(name, is_good, verdict(bundle, by_key(&signer), &trusted));
    };
    let at = |part: &str| format!("{ENTRY}{part}");
    case("hashedrekord with promise and proof", true, &good);
    let proof_only = without(&good, ENTRY, "inclusionPromise");
    case("hashedrekord with a proof alone", true, &proof_only);
    let promise_only = without(&good, ENTRY, "inclusionProof");
    case("v0.3 with a promise alone", false, &promise_only);
    let version = |bundle: &Value, v: &str| {
        let kind = format!("application/vnd.dev.sigstore.bundle+json;version={v}");
        changed(bundle, "/mediaType", kind.into())
    };
    case("v0.1", true, &version(&good, "0.1"));
    case(
        "v0.1 with a promise alone",
        true,
        &version(&promise_only, "0.1"),
    );
    case(
        "v0.1 without a promise",
        false,
        &version(&proof_only, "0.1"),
    );
    case("v0.2", true, &version(&good, "0.2"));
    case(
        "v0.2 with a promise alone",
        false,
        &version(&promise_only, "0.2"),
    );
    case("v0.3 in the older spelling", true, &version(&good, "0.3"));
    case("v0.4", false, &version(&good, "0.4"));
    let none = with(message.clone(), Vec::new());
    case("no entry", false, &none);
    case(
        "no proof of either kind",
        false,
        &without(&proof_only, ENTRY, "inclusionProof"),
    );

    let promise = at("/inclusionPromise/signedEntryTimestamp");
    let strange = base64(sign(&other.0, b"x"));
    case(
        "a promise of nobody",
        false,
        &changed(&good, &promise, strange.clone().into()),
    );
    case(
        "another time",
        false,
        &changed(&good, &at("/integratedTime"), "1700000001".into()),
    );
    case(
        "another log",
        false,
        &changed(&good, &at("/logId/keyId"), base64(other.id()).into()),
    );
    let by_other = with(message.clone(), vec![other.entry(V1, &body, THEN)]);
    case("an entry of a log that is not trusted", false, &by_other);
    let future = log.entry(V1, &body, 4_000_000_000);
    case(
        "a time to come",
        false,
        &with(message.clone(), vec![future]),
    );
    let early = log.entry(V1, &body, 1_500_000_000);
    case(
        "a time before the log's key",
        false,
        &with(message.clone(), vec![early]),
    );

    let proof = |part: &str| at(&format!("/inclusionProof{part}"));
    let zero = base64([0; 32]);
    case(
        "another root",
        false,
        &changed(&good, &proof("/rootHash"), zero.clone().into()),
    );
    case(
        "another way to the root",
        false,
        &changed(&good, &proof("/hashes"), json!([zero])),
    );
    case(
        "a way that is too long",
        false,
        &changed(&good, &proof("/hashes"), json!([zero, zero])),
    );
    case(
        "another place",
        false,
        &changed(&good, &proof("/logIndex"), "1".into()),
    );
    case(
        "a place outside of the log",
        false,
        &changed(&good, &proof("/logIndex"), "2".into()),
    );
    case(
        "a place before the log",
        false,
        &changed(&good, &proof("/logIndex"), "-1".into()),
    );
    case(
        "another size",
        false,
        &changed(&good, &proof("/treeSize"), "1".into()),
    );

    let envelope = proof("/checkpoint/envelope");
    let text = good
        .pointer(&envelope)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let (note, line) = text.split_once("\n\n").unwrap();
    let note = format!("{note}\n");
    let checkpoint = |text: String| changed(&proof_only, &envelope, text.into());
    let witness = other.line("witness.example", &note);
    case(
        "a witness before the log",
        true,
        &checkpoint(format!("{note}\n{witness}{line}")),
    );
    case(
        "a witness behind it",
        true,
        &checkpoint(format!("{note}\n{line}{witness}")),
    );
    case(
        "a witness alone",
        false,
        &checkpoint(format!("{note}\n{witness}")),
    );
    case(
        "a note that nobody signed",
        false,
        &checkpoint(format!("{note}\n")),
    );
    let longer = note.replace("\n2\n", "\n3\n");
    case(
        "a signature of another note",
        false,
        &checkpoint(format!("{longer}\n{line}")),
    );
    let hint = [&log.id()[..4], &sign(&other.0, note.as_bytes())].concat();
    let forged = format!("\u{2014} {NAME} {}\n", base64(hint));
    case(
        "the log's hint on another's signature",
        false,
        &checkpoint(format!("{note}\n{forged}")),
    );
    case(
        "that, and then the log",
        true,
        &checkpoint(format!("{note}\n{forged}{line}")),
    );
    let unhinted = [&other.id()[..4], &sign(&log.0, note.as_bytes())].concat();
    let unhinted = format!("\u{2014} {NAME} {}\n", base64(unhinted));
    case(
        "another hint",
        false,
        &checkpoint(format!("{note}\n{unhinted}")),
    );
    let at_root = good.pointer(&proof("/rootHash")).unwrap();
    let old_root = note.replace(at_root.as_str().unwrap(), &zero);
    let old = format!("{old_root}\n{}", log.line(NAME, &old_root));
    case("a note about another root", false, &checkpoint(old));

    let entry = |body: String| with(message.clone(), vec![log.entry(V1, &body, THEN)]);
    case(
        "an entry for another artifact",
        false,
        &entry(signer.hashedrekord(b"another", &signature)),
    );
    case(
        "an entry for another signature",
        false,
        &entry(signer.hashedrekord(ARTIFACT, &sign(&signer.key, ARTIFACT))),
    );
    case(
        "an entry for another key",
        false,
        &entry(Signer::key().hashedrekord(ARTIFACT, &signature)),
    );
    case("an entry that is no JSON", false, &entry("{".to_owned()));
    case("an empty entry", false, &entry(String::new()));
    for kind in [
        ("dsse", "0.0.1"),
        ("intoto", "0.0.2"),
        ("rekord", "0.0.1"),
        V2,
    ] {
        let bundle = with(message.clone(), vec![log.entry(kind, &body, THEN)]);
        case(&format!("an entry that is called {kind:?}"), false, &bundle);
    }
    let twice = with(
        message.clone(),
        vec![log.entry(V1, &body, THEN), other.entry(V1, &body, THEN)],
    );
    case("a good entry and one of another log", false, &twice);
    wrong.none_of(44);
}

#[test]
fn statements_are_verified_with_each_kind_of_entry() {
    let (log, signer, stranger) = (Log(key()), Signer::key(), Signer::key());
    let mut wrong = Wrong::default();
    let trusted = root(&[&log]);
    let mut case = |name: &str, is_good: bool, bundle: &Value| {
        wrong.case(name, is_good, verdict(bundle, by_key(&signer), &trusted));
    };
    let statement = Some("https://in-toto.io/Statement/v1");
    let (bundle, pae, signature) = signer.envelope(statement);
    let (dsse, intoto) = (("dsse", "0.0.1"), ("intoto", "0.0.2"));
    let logged = |kind, body: &str| with(bundle.clone(), vec![log.entry(kind, body, THEN)]);
    case("dsse", true, &logged(dsse, &signer.dsse(&bundle)));
    case("intoto", true, &logged(intoto, &signer.intoto(&bundle)));
    let v1 = logged(V1, &signer.hashedrekord(&pae, &signature));
    case("hashedrekord", true, &v1);
    let v2 = |body: &str| without(&logged(V2, body), ENTRY, "inclusionPromise");
    case(
        "hashedrekord of version 2",
        true,
        &v2(&signer.hashedrekord_v2(&pae, &signature)),
    );
    // The same entries about something else.
    let (other, ..) = signer.envelope(Some("https://in-toto.io/Statement/v0.1"));
    case(
        "dsse of another payload",
        false,
        &logged(dsse, &signer.dsse(&other)),
    );
    case(
        "intoto of another payload",
        false,
        &logged(intoto, &signer.intoto(&other)),
    );
    case(
        "dsse by another key",
        false,
        &logged(dsse, &stranger.dsse(&bundle)),
    );
    case(
        "intoto by another key",
        false,
        &logged(intoto, &stranger.intoto(&bundle)),
    );
    case(
        "hashedrekord by another key",
        false,
        &logged(V1, &stranger.hashedrekord(&pae, &signature)),
    );
    case(
        "hashedrekord of the artifact",
        false,
        &logged(V1, &signer.hashedrekord(ARTIFACT, &signature)),
    );
    let payload = STANDARD
        .decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap())
        .unwrap();
    case(
        "hashedrekord of the payload",
        false,
        &logged(V1, &signer.hashedrekord(&payload, &signature)),
    );
    let again = sign(&signer.key, &pae);
    case(
        "hashedrekord of another signature",
        false,
        &logged(V1, &signer.hashedrekord(&pae, &again)),
    );
    case(
        "version 2 of another signature",
        false,
        &v2(&signer.hashedrekord_v2(&pae, &again)),
    );
    case(
        "version 2 by another key",
        false,
        &v2(&stranger.hashedrekord_v2(&pae, &signature)),
    );
    let sig = "/dsseEnvelope/signatures/0/sig";
    case(
        "a changed signature",
        false,
        &changed(&v1, sig, base64(again).into()),
    );
    let broken = changed(
        &v1,
        "/dsseEnvelope/payload",
        other["dsseEnvelope"]["payload"].clone(),
    );
    case("a changed payload", false, &broken);
    case(
        "a changed payload type",
        false,
        &changed(&v1, "/dsseEnvelope/payloadType", "text/plain".into()),
    );
    let two = json!([v1.pointer(sig).map(|s| json!({"sig": s})), {"sig": ""}]);
    case(
        "two signatures",
        false,
        &changed(&v1, "/dsseEnvelope/signatures", two),
    );
    // What statements have to be.
    for (name, kind, is_good) in [
        (
            "version 0.1",
            Some("https://in-toto.io/Statement/v0.1"),
            true,
        ),
        (
            "a version to come",
            Some("https://in-toto.io/Statement/v2"),
            false,
        ),
        ("no type", None, false),
    ] {
        let (bundle, pae, signature) = signer.envelope(kind);
        let body = signer.hashedrekord(&pae, &signature);
        case(
            &format!("a statement of {name}"),
            is_good,
            &with(bundle.clone(), vec![log.entry(V1, &body, THEN)]),
        );
        let entry = log.entry(dsse, &signer.dsse(&bundle), THEN);
        case(
            &format!("the same with dsse: {name}"),
            is_good,
            &with(bundle, vec![entry]),
        );
    }
    // A log records the envelope of something else: the statement has to be about the artifact all the same.
    let rule = |artifact: &[u8]| {
        let rule = BundleRule {
            signer: by_key(&signer),
            trusted_root: Some(KeySource::Data(vec![trusted.to_string().into_bytes()])),
            predicate_type: BundleRule::SIGNATURE.to_owned(),
            identity: Identity::Digest,
        };
        verify_bundle(v1.to_string().as_bytes(), artifact, &rule).map(drop)
    };
    assert_eq!(rule(ARTIFACT), Ok(()));
    assert!(
        rule(b"another artifact")
            .unwrap_err()
            .contains("is not about")
    );
    assert!(rule(&pae).unwrap_err().contains("is not about"));
    wrong.none_of(24);
}

#[test]
fn a_trusted_root_says_when_a_log_is_trusted() {
    let (log, other, signer) = (Log(key()), Log(key()), Signer::key());
    let mut wrong = Wrong::default();
    let (message, signature) = signer.message();
    let body = signer.hashedrekord(ARTIFACT, &signature);
    let bundle = with(message, vec![log.entry(V1, &body, THEN)]);
    let mut case = |name: &str, is_good: bool, root: &Value| {
        wrong.case(name, is_good, verdict(&bundle, by_key(&signer), root));
    };
    let valid = |from_to: Value| changed(&root(&[&log]), "/tlogs/0/publicKey/validFor", from_to);
    let time = |seconds: i64| {
        let time =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.try_into().unwrap());
        let zoned = jiff::Timestamp::try_from(time).unwrap();
        zoned.to_string()
    };
    case(
        "until that very second",
        true,
        &valid(json!({"start": "2020-01-01T00:00:00Z", "end": time(THEN)})),
    );
    case(
        "until the second before",
        false,
        &valid(json!({"start": "2020-01-01T00:00:00Z", "end": time(THEN - 1)})),
    );
    case(
        "from that very second",
        true,
        &valid(json!({"start": time(THEN)})),
    );
    case(
        "from the second after",
        false,
        &valid(json!({"start": time(THEN + 1)})),
    );
    case(
        "no beginning",
        false,
        &valid(json!({"end": "2030-01-01T00:00:00Z"})),
    );
    case(
        "an end before the beginning",
        false,
        &valid(json!({"start": "2024-01-01T00:00:00Z", "end": "2020-01-01T00:00:00Z"})),
    );
    case(
        "a time that is none",
        false,
        &valid(json!({"start": "yesterday"})),
    );
    let plain = root(&[&log]);
    case(
        "no time at all",
        true,
        &without(&plain, "/tlogs/0/publicKey", "validFor"),
    );
    case("another log", false, &root(&[&other]));
    case("another log first", true, &root(&[&other, &log]));
    case("the same log twice", false, &root(&[&log, &log]));
    case(
        "a log under the name of another",
        false,
        &changed(&plain, "/tlogs/0/logId/keyId", base64(other.id()).into()),
    );
    case(
        "a key that is none",
        false,
        &changed(&plain, "/tlogs/0/publicKey/rawBytes", base64(b"key").into()),
    );
    case(
        "a key of another log",
        false,
        &changed(
            &plain,
            "/tlogs/0/publicKey/rawBytes",
            base64(spki(&other.0)).into(),
        ),
    );
    case("no logs", false, &root(&[]));
    for (kind, is_good) in [
        ("trustedroot.v0.2+json", true),
        ("trustedroot.v9+json", false),
        ("signingconfig.v0.2+json", false),
    ] {
        let kind = format!("application/vnd.dev.sigstore.{kind}");
        let root = changed(&plain, "/mediaType", kind.clone().into());
        case(&kind, is_good, &root);
    }
    wrong.none_of(18);
}
