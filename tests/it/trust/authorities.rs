//! What certificates have to say before they lead from a signer to an authority of a rule: the verdicts of skopeo 1.22.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::attachments::{CERTIFICATE, CHAIN, Keys, good, refusal, rule, signed};

const EMAIL: &str = "a@example.com";

/// A change to a certificate.
type Change = fn(&mut CertificateParams);

/// Certificates from a root down to one that signs, each with its changes.
fn chain(changes: &[Change]) -> (sigstore_crypto::KeyPair, Vec<String>) {
    let mut above: Option<Issuer<'static, KeyPair>> = None;
    let mut pems = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("number {n}"));
        match n + 1 == changes.len() {
            true => {
                params.subject_alt_names = vec![SanType::Rfc822Name(EMAIL.try_into().unwrap())];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
            }
            false => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        }
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let made = match &above {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        pems.push(made.unwrap().pem());
        above = Some(Issuer::new(params, key));
    }
    let key = above.unwrap().key().serialize_der();
    let key = sigstore_crypto::KeyPair::from_pkcs8_der(&key).unwrap();
    (key, pems)
}

/// Why a signature with the last of `pems` is refused by a rule with the first as its root; empty if it is accepted.
fn verdict(keys: &Keys, (key, pems): &(sigstore_crypto::KeyPair, Vec<String>)) -> String {
    let root = keys.write("root.pem", pems[0].clone());
    verdict_by(
        &json!({"caRootsPath": root, "subjectEmail": EMAIL}),
        key,
        pems,
    )
}

fn verdict_by(pki: &Value, key: &sigstore_crypto::KeyPair, pems: &[String]) -> String {
    let mut attachment = signed(key, &good());
    let above: String = pems.iter().rev().skip(1).cloned().collect();
    let more: BTreeMap<_, _> = [(CERTIFICATE, pems[pems.len() - 1].clone()), (CHAIN, above)]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    attachment.annotations.extend(more);
    refusal(&rule(json!({"pki": pki})), &[attachment])
}

fn unchanged(_: &mut CertificateParams) {}

fn unknown(params: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], b"\x05\x00".to_vec());
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
}

fn for_servers(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
}

fn for_anything(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
}

fn for_documents(params: &mut CertificateParams) {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
}

fn as_signer(params: &mut CertificateParams) {
    params.is_ca = IsCa::ExplicitNoCa;
}

fn as_nothing(params: &mut CertificateParams) {
    params.is_ca = IsCa::NoCa;
}

fn as_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn above_signers(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
}

fn expired(params: &mut CertificateParams) {
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
}

#[test]
fn each_certificate_of_a_chain_has_to_allow_it() {
    let keys = Keys(TempDir::new().unwrap());
    const NOT: &str = "must not certify others";
    let cases: &[(&[Change], &str)] = &[
        (&[unchanged, unchanged], ""),
        (&[unchanged, unchanged, unchanged], ""),
        (&[unchanged as Change; 14], ""),
        // Roots.
        (&[as_signer, unchanged], NOT),
        (&[as_nothing, unchanged], NOT),
        (&[for_documents, unchanged], NOT),
        (
            &[for_servers, unchanged],
            "`CN=number 0` is not for signing code",
        ),
        (&[for_anything, unchanged], ""),
        (
            &[unknown, unchanged],
            "`CN=number 0` has an extension that is not known",
        ),
        (&[expired, unchanged], "`CN=number 0` is valid from"),
        (&[above_signers, unchanged], ""),
        (
            &[above_signers, unchanged, unchanged],
            "that many authorities below it",
        ),
        // Between root and signer.
        (&[unchanged, as_signer, unchanged], NOT),
        (&[unchanged, as_nothing, unchanged], NOT),
        (&[unchanged, for_documents, unchanged], NOT),
        (
            &[unchanged, for_servers, unchanged],
            "`CN=number 1` is not for signing code",
        ),
        (&[unchanged, for_anything, unchanged], ""),
        (
            &[unchanged, unknown, unchanged],
            "`CN=number 1` has an extension that is not known",
        ),
        (
            &[unchanged, expired, unchanged],
            "`CN=number 1` is valid from",
        ),
        (&[unchanged, above_signers, unchanged], ""),
        (
            &[unchanged, above_signers, unchanged, unchanged],
            "that many authorities below it",
        ),
        // Signers.
        (&[unchanged, for_anything], ""),
        (&[unchanged, for_servers], "it is not for signing code"),
        (&[unchanged, as_authority], ""),
        (
            &[unchanged, unknown],
            "it has an extension that is not known",
        ),
        (&[unchanged, expired], "it is valid from"),
    ];
    for (n, (changes, why)) in cases.iter().enumerate() {
        let found = verdict(&keys, &chain(changes));
        let as_wanted = match why.is_empty() {
            true => found.is_empty(),
            false => found.contains("not by an authority of the rule: ") && found.contains(why),
        };
        assert!(as_wanted, "case {n} ({why}): {found}");
    }
}

#[test]
fn a_rule_may_name_the_certificate_of_the_signer() {
    let keys = Keys(TempDir::new().unwrap());
    let (key, pems) = chain(&[unchanged, unchanged]);
    let itself = keys.write("leaf.pem", pems[1].clone());
    let pki = json!({"caRootsPath": itself, "subjectEmail": EMAIL});
    assert_eq!(verdict_by(&pki, &key, &pems), "");
    let (key, other) = chain(&[unchanged, unchanged]);
    let refused = verdict_by(&pki, &key, &other);
    assert!(refused.contains("not by an authority"), "{refused}");
}

#[test]
fn authorities_are_held_to_the_names_that_they_may_certify() {
    let keys = Keys(TempDir::new().unwrap());
    let email = |text: &str| GeneralSubtree::Rfc822Name(text.to_owned());
    let host = |text: &str| GeneralSubtree::DnsName(text.to_owned());
    type Limits = (Vec<GeneralSubtree>, Vec<GeneralSubtree>);
    let cases: Vec<(Limits, bool)> = vec![
        ((vec![email("example.com")], vec![]), true),
        ((vec![email("EXAMPLE.com")], vec![]), true),
        ((vec![email("com")], vec![]), true),
        ((vec![email(EMAIL)], vec![]), true),
        (
            (vec![email("b.example"), email("example.com")], vec![]),
            true,
        ),
        ((vec![email(".example.com")], vec![]), false),
        ((vec![email("b.example")], vec![]), false),
        ((vec![email("b@example.com")], vec![]), false),
        ((vec![email("ample.com")], vec![]), false),
        ((vec![], vec![email("example.com")]), false),
        ((vec![], vec![email("com")]), false),
        ((vec![], vec![email(EMAIL)]), false),
        ((vec![], vec![email("b.example")]), true),
        ((vec![email("example.com")], vec![email(EMAIL)]), false),
        // Of names of other kinds they say nothing.
        ((vec![host("b.example")], vec![]), true),
        ((vec![], vec![host("example.com")]), true),
    ];
    for (n, ((permitted, excluded), accepted)) in cases.into_iter().enumerate() {
        for limited in [0, 1] {
            let (key, pems) = limited_chain(limited, &permitted, &excluded);
            let found = verdict(&keys, &(key, pems));
            let as_wanted = match accepted {
                true => found.is_empty(),
                false => found.contains("must not certify these names"),
            };
            assert!(as_wanted, "case {n}, certificate {limited}: {found}");
        }
    }
}

/// A root, an authority below it and a signer; the one with the number `limited` may certify certain names only.
fn limited_chain(
    limited: usize,
    permitted: &[GeneralSubtree],
    excluded: &[GeneralSubtree],
) -> (sigstore_crypto::KeyPair, Vec<String>) {
    let authority = |n: usize| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let name = format!("number {n}");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        if n == limited {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: permitted.to_vec(),
                excluded_subtrees: excluded.to_vec(),
            });
        }
        (params, KeyPair::generate().unwrap())
    };
    let (params, key) = authority(0);
    let root = params.self_signed(&key).unwrap().pem();
    let above = Issuer::new(params, key);
    let (params, key) = authority(1);
    let between = params.signed_by(&key, &above).unwrap().pem();
    let above = Issuer::new(params, key);
    let (key, leaf) = super::attachments::certificate(&above, EMAIL, (2020, 2090), |_| ());
    (key, vec![root, between, leaf])
}
