//! Simple signing: a payload inside an OpenPGP message, verified as GnuPG does it.
//!
//! The packets are read one by one, since a message is accepted in one shape only: one signature over one binary
//! literal, compressed or not. Cleartext signatures, detached ones and several signers are refused. Arithmetic and
//! packet formats are those of the crate `pgp`.

mod keyring;

use std::io::Read;
use std::time::SystemTime;

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    OnePassSignature, Packet, PacketParser, Signature, SignatureType, SignatureVersion,
};
use pgp::types::Timestamp;

use super::Leniency;
use super::verdict::{Signer, VerifiedSignature, rfc3339};
use crate::settings::policy::KeySource;
pub use keyring::Keyring;

/// Bytes of a message after decompression. Payloads have some hundred.
const CAP: u64 = 4 << 20;

/// A message whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpSigned {
    /// What is signed.
    pub payload: Vec<u8>,
    /// The fingerprint of the primary key, in upper-case hex. It is what a keyring trusts.
    pub fingerprint: String,
    /// The fingerprint of the key that signed: the primary key, or a subkey of it.
    pub signing_fingerprint: String,
    /// When the signature was made, in seconds since 1970.
    pub created: u32,
}

/// Verifies the binary OpenPGP message `message` with the keys of `keyring`, as of `now`.
///
/// # Errors
/// Why the message is refused: its shape, an unknown key, a key or signature that has expired or was revoked, a
/// signature that is wrong, and what `leniency` does not allow.
pub fn verify_openpgp(
    message: &[u8],
    keyring: &Keyring,
    leniency: Leniency,
    now: SystemTime,
) -> Result<OpenPgpSigned, String> {
    let (signature, payload) = unwrapped(message)?;
    let created = check_form(&signature, leniency)?;
    let now = seconds(now);
    let (primary, key) = keyring.signer(&signature, now)?;
    if key.verify(&signature, &payload).is_err() {
        return Err(format!("its signature by the key {} is wrong", primary));
    }
    if created < key.created() {
        return Err(format!("it is older than the key {primary} that made it"));
    }
    if let Some(lifetime) = signature.signature_expiration_time()
        && ends(created, lifetime.as_secs()).is_some_and(|end| end <= now)
    {
        return Err("its signature has expired".to_owned());
    }
    Ok(OpenPgpSigned {
        payload,
        signing_fingerprint: key.fingerprint(),
        fingerprint: primary,
        created,
    })
}

/// The keys of a requirement.
pub(super) struct Trusted(Keyring);

impl Trusted {
    /// Reads the keys. Blocks.
    pub(super) fn load(source: &KeySource) -> Result<Trusted, String> {
        let mut keyring = Keyring::default();
        let loaded = source.load().map_err(|e| e.to_string())?;
        let added: usize = loaded.iter().map(|(_, bytes)| keyring.add(bytes)).sum();
        if added == 0 {
            let names: Vec<String> = loaded.into_iter().map(|(name, _)| name).collect();
            return Err(match names.is_empty() {
                true => "it lists no keys".to_owned(),
                false => format!("there is no OpenPGP key in {}", names.join(", ")),
            });
        }
        Ok(Trusted(keyring))
    }

    /// The payload of `message`, and who signed it.
    pub(super) fn verify(
        &self,
        message: &[u8],
        leniency: Leniency,
        now: SystemTime,
    ) -> Result<(Vec<u8>, VerifiedSignature), String> {
        let signed = verify_openpgp(message, &self.0, leniency, now)?;
        let verified = VerifiedSignature {
            format: "simple-signing",
            signer: Signer::OpenPgp {
                fingerprint: signed.fingerprint,
                signing_fingerprint: signed.signing_fingerprint,
            },
            reference: None,
            creator: None,
            created: rfc3339(signed.created.into()),
            witnessed: None,
        };
        Ok((signed.payload, verified))
    }
}

/// The long id of the key that `message` says it is signed by, and the payload; nothing is verified.
///
/// # Errors
/// When the message is not in the shape of a signed one.
pub fn dump_unverified(message: &[u8]) -> Result<(String, Vec<u8>), String> {
    let (signature, payload) = unwrapped(message)?;
    let id = signature.issuer_key_id().first().map(|id| id.to_string());
    let id = id.or_else(|| {
        let all = signature.issuer_fingerprint();
        let hex = all.first().map(|fingerprint| fingerprint.to_string())?;
        hex.get(hex.len().saturating_sub(16)..).map(str::to_owned)
    });
    let id = id.ok_or("the signature does not say which key made it")?;
    Ok((id.to_uppercase(), payload))
}

/// Takes the one signature and what it is over out of a message.
fn unwrapped(message: &[u8]) -> Result<(Signature, Vec<u8>), String> {
    let mut all = packets(message)?;
    if let [Packet::CompressedData(compressed)] = &all[..] {
        let unreadable = || "it cannot be decompressed".to_owned();
        let mut inflating = compressed.decompress().map_err(|_| unreadable())?;
        let mut inflated = Vec::new();
        let read = (&mut inflating).take(CAP + 1).read_to_end(&mut inflated);
        read.map_err(|_| unreadable())?;
        if inflated.len() as u64 > CAP {
            return Err("it is too large".to_owned());
        }
        // A compressed packet without a length takes in whatever follows it.
        if !inflating.get_ref().is_empty() {
            return Err("something follows its OpenPGP message".to_owned());
        }
        all = packets(&inflated)?;
    }
    let mut all = all.into_iter();
    let (one_pass, signature, literal) = match all.next() {
        Some(Packet::OnePassSignature(one_pass)) => {
            let literal = all.next();
            (Some(one_pass), all.next(), literal)
        }
        // The older form has the signature before the data.
        first => (None, first, all.next()),
    };
    match (signature, literal, all.next()) {
        (Some(Packet::Signature(signature)), Some(Packet::LiteralData(literal)), None) => {
            if one_pass.is_some_and(|one_pass| !announces(&one_pass, &signature)) {
                return Err("its OpenPGP signature is of another kind than announced".to_owned());
            }
            Ok((signature, literal.data().to_vec()))
        }
        _ => Err("it is no OpenPGP message with one signature and its payload".to_owned()),
    }
}

/// Whether the packet `one_pass`, before the data, agrees with `signature`, behind it.
fn announces(one_pass: &OnePassSignature, signature: &Signature) -> bool {
    let version = match signature.version() {
        SignatureVersion::V6 => 6,
        _ => 3,
    };
    one_pass.version() == version
        && Some(one_pass.typ()) == signature.typ()
        && Some(one_pass.hash_algorithm()) == signature.hash_alg()
}

fn packets(mut bytes: &[u8]) -> Result<Vec<Packet>, String> {
    let mut all = Vec::new();
    // More packets than a signed message has are an error anyway.
    while !bytes.is_empty() && all.len() < 8 {
        // For the parser, a packet that ends within its header is the end.
        match PacketParser::new(&mut bytes).next() {
            Some(Ok(packet)) => all.push(packet),
            _ => return Err("it is no OpenPGP message, or one that is cut off".to_owned()),
        }
    }
    Ok(all)
}

/// Checks what can be said of a signature without its key. Returns when it was made.
fn check_form(signature: &Signature, leniency: Leniency) -> Result<u32, String> {
    let Some(config) = signature.config() else {
        return Err("its version of OpenPGP signatures is not known".to_owned());
    };
    match signature.version() {
        SignatureVersion::V4 | SignatureVersion::V6 => {}
        SignatureVersion::V3 if leniency.openpgp_v3 => {}
        SignatureVersion::V3 => {
            return Err(
                "it is a version 3 OpenPGP signature, which `--policy-allow openpgp-v3` accepts"
                    .to_owned(),
            );
        }
        _ => return Err("its version of OpenPGP signatures is not supported".to_owned()),
    }
    match signature.typ() {
        Some(SignatureType::Binary | SignatureType::Text) => {}
        _ => return Err("its OpenPGP signature is not one over a document".to_owned()),
    }
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => {}
        Some(HashAlgorithm::Sha1) if leniency.sha1 => {}
        Some(HashAlgorithm::Sha1) => {
            return Err(
                "its OpenPGP signature uses SHA-1, which `--policy-allow sha1` accepts".to_owned(),
            );
        }
        _ => return Err("its OpenPGP signature uses a hash that is not accepted".to_owned()),
    }
    if let Some(unknown) = keyring::unknown_critical(config) {
        return Err(format!(
            "its OpenPGP signature needs a feature that is not known (subpacket {unknown})"
        ));
    }
    let created = signature.created().map(Timestamp::as_secs);
    created.ok_or_else(|| "its OpenPGP signature has no time".to_owned())
}

/// Seconds since 1970, as OpenPGP counts them.
fn seconds(time: SystemTime) -> u32 {
    Timestamp::try_from(time).map_or(u32::MAX, Timestamp::as_secs)
}

/// When what began at `start` ends; `None` for a lifetime of 0, which is one without end.
fn ends(start: u32, lifetime: u32) -> Option<u32> {
    (lifetime > 0).then(|| start.saturating_add(lifetime))
}
