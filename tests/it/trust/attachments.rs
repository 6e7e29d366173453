//! Sigstore attachments that are to fool a policy, by keys, logs and authorities of the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use barque::image::{Algorithm, Digest, ImageName, Manifest};
use barque::settings::policy::Policy;
use barque::trust::{Attachment, Found, Gate, StoredSignature, Subject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, SanType};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use tempfile::TempDir;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
const NAME: &str = "docker://registry.example/team/app:v1";
const REPOSITORY: &str = "registry.example/team/app";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
pub(super) const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
pub(super) const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";

fn payload(digest: &str, reference: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
}

fn manifest() -> Manifest {
    Manifest::parse(Bytes::from_static(MANIFEST.as_bytes()), None).unwrap()
}

pub(super) fn good() -> String {
    payload(&manifest().digest().to_string(), REPOSITORY)
}

/// A folder with the public keys of a test.
pub(super) struct Keys(pub(super) TempDir);

impl Keys {
    pub(super) fn write(&self, name: &str, pem: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, pem).unwrap();
        file
    }

    /// A new key, and the file with its public part.
    fn key(&self, name: &str) -> (KeyPair, PathBuf) {
        let key = KeyPair::generate_ecdsa_p256().unwrap();
        let file = self.write(name, pem(&key));
        (key, file)
    }
}

fn pem(key: &KeyPair) -> String {
    key.public_key_der().unwrap().to_pem()
}

pub(super) fn signed(key: &KeyPair, payload: &str) -> Attachment {
    let signature = key.sign(payload.as_bytes()).unwrap();
    let annotation = STANDARD.encode(signature.as_bytes());
    Attachment {
        mime_type: Attachment::SIGNATURE.to_owned(),
        payload: payload.as_bytes().to_vec(),
        annotations: BTreeMap::from([(SIGNATURE.to_owned(), annotation)]),
    }
}

/// The entry of a log for `attachment`, with the key or certificate `pem`, after `change`.
fn logged(
    log: &KeyPair,
    attachment: &Attachment,
    pem: &str,
    time: i64,
    change: impl Fn(&mut Value),
) -> String {
    let hash = Digest::of(Algorithm::Sha256, &attachment.payload);
    let mut body = json!({
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hash.hex()}},
            "signature": {
                "content": attachment.annotations[SIGNATURE],
                "publicKey": {"content": STANDARD.encode(pem)},
            },
        },
    });
    change(&mut body);
    let (body, id) = (STANDARD.encode(body.to_string()), "ab".repeat(32));
    let text =
        format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":7}}"#);
    let promise = STANDARD.encode(log.sign(text.as_bytes()).unwrap().as_bytes());
    format!(r#"{{"SignedEntryTimestamp":"{promise}","Payload":{text}}}"#)
}

/// Why an image with only this signature is refused; empty if it is accepted.
pub(super) fn refusal(rule: &Value, attachments: &[Attachment]) -> String {
    let policy = json!({"default": [rule]}).to_string();
    let policy = Policy::parse(policy.as_bytes(), Path::new("/p.json")).unwrap();
    let manifest = manifest();
    let stored = |a: &Attachment| StoredSignature::Sigstore(a.clone()).to_bytes();
    let found = Found {
        signatures: attachments.iter().map(stored).collect(),
        ..Found::default()
    };
    let image = ImageName::parse(NAME).unwrap();
    let subject = Subject {
        image: &image,
        digest: manifest.digest(),
        manifest: Some(&manifest),
    };
    match Gate::new(Some(policy)).judge(&subject, &found).enforced() {
        Ok(_) => String::new(),
        Err(e) => e.to_string(),
    }
}

pub(super) fn rule(members: Value) -> Value {
    let mut rule = json!({"type": "sigstoreSigned", "signedIdentity": {"type": "matchRepository"}});
    for (key, value) in members.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn each(rule: &Value, cases: Vec<(&str, Attachment, &str)>) {
    for (name, attachment, why) in cases {
        let reason = refusal(rule, &[attachment]);
        assert!(
            !reason.is_empty() && reason.contains(why),
            "{name}: {reason}"
        );
    }
}

#[test]
fn forged_attachments_are_refused() {
    let keys = Keys(TempDir::new().unwrap());
    let ((alice, file), (mallory, other)) = (keys.key("alice.pub"), keys.key("mallory.pub"));
    let by_key = rule(json!({"keyPath": file}));
    let right = signed(&alice, &good());
    assert_eq!(refusal(&by_key, std::slice::from_ref(&right)), "");
    // One of two keys, one of two signatures.
    let both = rule(json!({"keyPaths": [other, file]}));
    let wrong = signed(&mallory, &payload("sha256:00", "x"));
    assert_eq!(refusal(&both, &[wrong.clone(), right.clone()]), "");
    let digest = manifest().digest().to_string();
    let with = |change: &dyn Fn(&mut Attachment)| {
        let mut attachment = right.clone();
        change(&mut attachment);
        attachment
    };
    let text = |from: &str, to: &str| signed(&alice, &good().replace(from, to));
    let annotated = |value: &str| {
        let value = value.to_owned();
        with(&move |a| drop(a.annotations.insert(SIGNATURE.to_owned(), value.clone())))
    };
    each(
        &by_key,
        vec![
            ("wrong key", signed(&mallory, &good()), "not by the key in"),
            (
                "changed payload",
                with(&|a| a.payload.push(b' ')),
                "not by the key in",
            ),
            (
                "no signature",
                with(&|a| a.annotations.clear()),
                "no annotation",
            ),
            ("no base64", annotated("*"), "not base64"),
            ("empty signature", annotated(""), "not by the key in"),
            ("cut signature", annotated("MEUCIQ=="), "not by the key in"),
            (
                "other type of file",
                with(&|a| a.mime_type = "text/plain".to_owned()),
                "no signature of this kind (it has 1 of others)",
            ),
            (
                "other digest",
                text(&digest[..20], "sha256:0000000000000"),
                "another manifest",
            ),
            (
                "other name",
                text(REPOSITORY, "registry.example/team/other"),
                "does not accept",
            ),
            (
                "name with a suffix",
                text(REPOSITORY, "registry.example/team/app2"),
                "does not accept",
            ),
            ("no name", text(REPOSITORY, ""), "no image name"),
            (
                "OpenPGP's type",
                text("cosign container image", "atomic container"),
                "`critical.type`",
            ),
            (
                "unknown key",
                text("\"optional\":null", "\"optional\":null,\"x\":1"),
                "unknown key",
            ),
            (
                "twice a key",
                text("\"optional\":null", "\"optional\":null,\"optional\":{}"),
                "given twice",
            ),
            ("no JSON", signed(&alice, "x"), "not valid"),
            ("empty payload", signed(&alice, ""), "not valid"),
        ],
    );
    // Only the tag's name would do.
    let exact = rule(json!({"keyPath": file, "signedIdentity": {"type": "matchExact"}}));
    assert!(refusal(&exact, std::slice::from_ref(&right)).contains("does not accept"));
    let broken = keys.write(
        "broken.pub",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    );
    for (rule, why) in [
        (rule(json!({"keyPath": broken})), "cannot be used"),
        (rule(json!({"keyPaths": [file, broken]})), "cannot be used"),
        (rule(json!({"keyPath": "/no/such"})), "cannot read"),
        (
            rule(json!({"keyPath": file, "rekorPublicKeyPath": other})),
            "no annotation `dev.sigstore.cosign/bundle`",
        ),
    ] {
        assert!(
            refusal(&rule, std::slice::from_ref(&right)).contains(why),
            "{why}"
        );
    }
    assert!(refusal(&by_key, &[]).contains("the image has no signature"));
}

#[test]
fn log_entries_of_other_signatures_are_refused() {
    let keys = Keys(TempDir::new().unwrap());
    let ((alice, file), (log, log_file)) = (keys.key("alice.pub"), keys.key("log.pub"));
    let mallory = KeyPair::generate_ecdsa_p256().unwrap();
    let by_key = rule(json!({"keyPath": file, "rekorPublicKeyPath": log_file}));
    let right = signed(&alice, &good());
    let with_entry = |entry: String| {
        let mut attachment = right.clone();
        attachment.annotations.insert(LOG_ENTRY.to_owned(), entry);
        attachment
    };
    let key = pem(&alice);
    let entry = |log: &KeyPair, change: &dyn Fn(&mut Value)| {
        with_entry(logged(log, &right, &key, 1_700_000_000, change))
    };
    let set = |path: &'static str, value: Value| {
        entry(&log, &move |body| {
            *body.pointer_mut(path).unwrap() = value.clone()
        })
    };
    assert_eq!(refusal(&by_key, &[entry(&log, &|_| ())]), "");
    let text = logged(&log, &right, &key, 1_700_000_000, |_| ());
    let other = signed(&alice, &good().replace("null", "{}"));
    each(
        &by_key,
        vec![
            (
                "another log",
                entry(&mallory, &|_| ()),
                "not signed by a log",
            ),
            (
                "another time",
                with_entry(text.replace("1700000000", "1700000001")),
                "not signed by a log",
            ),
            (
                "another index",
                with_entry(text.replace(":7}", ":8}")),
                "not signed by a log",
            ),
            (
                "unknown member",
                with_entry(text.replace(":7}", ":7,\"x\":1}")),
                "unknown key",
            ),
            (
                "member twice",
                with_entry(text.replace(":7}", ":7,\"logIndex\":7}")),
                "given twice",
            ),
            (
                "no index",
                with_entry(text.replace(",\"logIndex\":7", "")),
                "is missing",
            ),
            ("no JSON", with_entry("x".to_owned()), "not valid"),
            (
                "quote in the log's id",
                with_entry(text.replace(&"ab".repeat(32), "\\\"")),
                "not hexadecimal",
            ),
            ("another kind", set("/kind", json!("intoto")), "not known"),
            (
                "another version",
                set("/apiVersion", json!("0.0.2")),
                "not known",
            ),
            (
                "another hash",
                set("/spec/data/hash/value", json!("00")),
                "another payload",
            ),
            (
                "another algorithm",
                set("/spec/data/hash/algorithm", json!("sha512")),
                "another payload",
            ),
            (
                "another signature",
                set("/spec/signature/content", json!("AAAA")),
                "another signature",
            ),
            (
                "another key",
                set(
                    "/spec/signature/publicKey/content",
                    json!(STANDARD.encode(pem(&mallory))),
                ),
                "another key",
            ),
            (
                "no key",
                set("/spec/signature/publicKey/content", json!("AAAA")),
                "no public key",
            ),
            (
                "entry of another payload",
                with_entry(logged(&log, &other, &key, 1, |_| ())),
                "of another signature",
            ),
        ],
    );
}

/// An authority, and its certificate in PEM.
pub(super) fn authority() -> (Issuer<'static, rcgen::KeyPair>, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), certificate)
}

/// A certificate for `email`, good from `days.0` to `days.1` days after 2026-01-01, and its key.
pub(super) fn certificate(
    by: &Issuer<'static, rcgen::KeyPair>,
    email: &str,
    years: (i32, i32),
    change: impl Fn(&mut CertificateParams),
) -> (KeyPair, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::Rfc822Name(email.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let issuer = "https://login.example";
    let mut extension = rcgen::CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 4, 1, 57264, 1, 1],
        issuer.as_bytes().to_vec(),
    );
    extension.set_criticality(false);
    params.custom_extensions = vec![extension];
    change(&mut params);
    let key = rcgen::KeyPair::generate().unwrap();
    let signing = KeyPair::from_pkcs8_der(&key.serialize_der()).unwrap();
    (signing, params.signed_by(&key, by).unwrap().pem())
}

#[test]
fn certificates_of_others_are_refused() {
    let keys = Keys(TempDir::new().unwrap());
    let ((ours, root), (theirs, _)) = (authority(), authority());
    let root = keys.write("root.pem", root);
    let pki = rule(json!({"pki": {"caRootsPath": root, "subjectEmail": "a@example.com"}}));
    let with = |(key, certificate): (KeyPair, String)| {
        let mut attachment = signed(&key, &good());
        attachment
            .annotations
            .insert(CERTIFICATE.to_owned(), certificate);
        attachment
    };
    let of = |email: &str, years| with(certificate(&ours, email, years, |_| ()));
    let now = (2020, 2090);
    let right = of("a@example.com", now);
    assert_eq!(refusal(&pki, std::slice::from_ref(&right)), "");
    let changed = |change: &dyn Fn(&mut CertificateParams)| {
        with(certificate(&ours, "a@example.com", now, change))
    };
    let (_, stranger) = certificate(&ours, "a@example.com", now, |_| ());
    let mut borrowed = right.clone();
    borrowed
        .annotations
        .insert(CERTIFICATE.to_owned(), stranger.clone());
    let mut two = right.clone();
    let both = format!("{}{stranger}", right.annotations[CERTIFICATE]);
    two.annotations.insert(CERTIFICATE.to_owned(), both);
    let mut garbage = right.clone();
    garbage.annotations.insert(
        CHAIN.to_owned(),
        "-----BEGIN CERTIFICATE-----\n*".to_owned(),
    );
    let mut words = right.clone();
    let chain = format!("{stranger}more");
    words.annotations.insert(CHAIN.to_owned(), chain);
    each(
        &pki,
        vec![
            (
                "another authority",
                with(certificate(&theirs, "a@example.com", now, |_| ())),
                "not by an authority",
            ),
            (
                "expired",
                of("a@example.com", (2020, 2021)),
                "not by an authority",
            ),
            (
                "not valid yet",
                of("a@example.com", (2089, 2090)),
                "not by an authority",
            ),
            (
                "another address",
                of("b@example.com", now),
                "not for `a@example.com`",
            ),
            (
                "address as a suffix",
                of("xa@example.com", now),
                "not for `a@example.com`",
            ),
            (
                "a server's certificate",
                changed(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
                "not by an authority",
            ),
            (
                "a certificate without its key",
                borrowed,
                "not by the key in its certificate",
            ),
            ("two certificates", two, "2 certificates"),
            (
                "no certificate",
                signed(&KeyPair::generate_ecdsa_p256().unwrap(), &good()),
                "no annotation",
            ),
            ("a broken chain", garbage, "chain is not valid PEM"),
            ("words behind the chain", words, "chain is not valid PEM"),
        ],
    );

    // Of Fulcio: the certificate is long expired, and the log saw it in time.
    let (log, log_file) = keys.key("log.pub");
    let fulcio = |issuer: &str| {
        let fulcio = json!({"caPath": root, "oidcIssuer": issuer, "subjectEmail": "a@example.com"});
        rule(json!({"fulcio": fulcio, "rekorPublicKeyPath": log_file}))
    };
    let in_log = |attachment: Attachment, time: i64| {
        let entry = logged(
            &log,
            &attachment,
            &attachment.annotations[CERTIFICATE],
            time,
            |_| (),
        );
        let mut attachment = attachment;
        attachment.annotations.insert(LOG_ENTRY.to_owned(), entry);
        attachment
    };
    let old = of("a@example.com", (2020, 2021));
    let in_time = in_log(old.clone(), 1_600_000_000);
    let rule = fulcio("https://login.example");
    assert_eq!(refusal(&rule, std::slice::from_ref(&in_time)), "");
    assert!(
        refusal(
            &fulcio("https://other.example"),
            std::slice::from_ref(&in_time)
        )
        .contains("login at `https://login.example`")
    );
    let twice = rcgen::CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 4, 1, 57264, 1, 8],
        b"\x0c\x01x".to_vec(),
    );
    let two_logins = with(certificate(&ours, "a@example.com", (2020, 2021), |p| {
        p.custom_extensions.push(twice.clone())
    }));
    let no_login = with(certificate(&ours, "a@example.com", (2020, 2021), |p| {
        p.custom_extensions.clear()
    }));
    let no_usage = with(certificate(&ours, "a@example.com", (2020, 2021), |p| {
        p.extended_key_usages.clear()
    }));
    each(
        &rule,
        vec![
            (
                "not in the log",
                old.clone(),
                "no annotation `dev.sigstore.cosign/bundle`",
            ),
            (
                "logged too late",
                in_log(old.clone(), 1_700_000_000),
                "not by an authority",
            ),
            (
                "logged too early",
                in_log(old, 1_500_000_000),
                "not by an authority",
            ),
            (
                "another address",
                in_log(of("b@example.com", (2020, 2021)), 1_600_000_000),
                "not for `a@example.com`",
            ),
            (
                "two logins",
                in_log(two_logins, 1_600_000_000),
                "two login providers",
            ),
            (
                "no login",
                in_log(no_login, 1_600_000_000),
                "no login provider",
            ),
            (
                "for no purpose",
                in_log(no_usage, 1_600_000_000),
                "not for signing code",
            ),
        ],
    );
}
