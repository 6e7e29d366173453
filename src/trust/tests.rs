//! Bytes of strangers: whatever they are, the answer is a verdict or an error.

use std::time::SystemTime;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::bundle::verify_bundle;
use super::openpgp::{Keyring, dump_unverified, verify_openpgp};
use super::payload::{COSIGN_TYPE, Payload, SIMPLE_TYPE};
use super::{Attachment, Found, Gate, Leniency, StoredSignature, Subject};
use crate::image::{Algorithm, Digest, ImageName};
use crate::settings::policy::{
    BundleRule, BundleSigner, Identity, KeySource, Policy, Requirement, Signer, SigstoreSigned,
};

const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";

fn keys() -> KeySource {
    KeySource::Data(vec![KEY.to_vec()])
}

/// A packet of a kind that messages and keys have, with any content.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let tags = prop_oneof![
        Just(2u8),
        Just(4),
        Just(6),
        Just(8),
        Just(11),
        Just(13),
        Just(14)
    ];
    (tags, vec(any::<u8>(), 0..120)).prop_map(|(tag, body)| {
        let mut packet = vec![0xc0 | tag, body.len() as u8];
        packet.extend(body);
        packet
    })
}

proptest! {
    #[test]
    fn any_bytes_are_no_signature(bytes in vec(any::<u8>(), 0..400), packets in vec(packet(), 1..4)) {
        for bytes in [bytes, packets.concat()] {
            let mut keyring = Keyring::default();
            keyring.add(&bytes);
            let verified = verify_openpgp(&bytes, &keyring, Leniency::default(), SystemTime::now());
            prop_assert!(verified.is_err());
            let _ = dump_unverified(&bytes);
            let _ = StoredSignature::parse(&Bytes::from(bytes));
        }
    }

    #[test]
    fn any_text_is_no_payload_or_bundle(text in "\\PC{0,200}", json in "[\\[\\]{}\",:a-zA-Z0-9.+-]{0,120}") {
        for text in [text, json] {
            prop_assert!(Payload::parse(text.as_bytes(), SIMPLE_TYPE).is_err());
            prop_assert!(Payload::parse(text.as_bytes(), COSIGN_TYPE).is_err());
            let rule = BundleRule {
                signer: BundleSigner::Keys(keys()),
                trusted_root: None,
                predicate_type: BundleRule::SIGNATURE.to_owned(),
                identity: Identity::Digest,
            };
            prop_assert!(verify_bundle(text.as_bytes(), b"x", &rule).is_err());
        }
    }

    #[test]
    fn any_annotations_are_no_signature(
        payload in vec(any::<u8>(), 0..100),
        annotations in btree_map(
            prop_oneof![
                Just("dev.cosignproject.cosign/signature".to_owned()),
                Just("dev.sigstore.cosign/certificate".to_owned()),
                Just("dev.sigstore.cosign/chain".to_owned()),
                Just("dev.sigstore.cosign/bundle".to_owned()),
            ],
            "[A-Za-z0-9+/={}\":-]{0,80}",
            0..5,
        ),
    ) {
        let attachment = Attachment {
            mime_type: Attachment::SIGNATURE.to_owned(),
            payload,
            annotations,
        };
        let stored = StoredSignature::Sigstore(attachment);
        prop_assert_eq!(StoredSignature::parse(&stored.to_bytes()).unwrap(), stored.clone());
        let found = Found { signatures: vec![stored.to_bytes()], ..Found::default() };
        let image = ImageName::Dir { path: "/x".into() };
        let digest = Digest::of(Algorithm::Sha256, b"");
        let subject = Subject { image: &image, digest: &digest, manifest: None };
        for rekor in [None, Some(keys())] {
            let rule = SigstoreSigned {
                signer: Signer::Keys(keys()),
                rekor,
                identity: Identity::Repository,
            };
            let gate = Gate::new(Some(Policy::of(Requirement::SigstoreSigned(Box::new(rule)))));
            prop_assert!(!gate.judge(&subject, &found).accepted);
        }
    }
}
