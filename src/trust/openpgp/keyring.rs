//! The keys that a requirement trusts, and whether one of them may sign now.
//!
//! Of the self-signatures on a key the latest valid one counts. Signatures of others on it mean nothing here, since the keys
//! are trusted because a policy names them; only a revocation counts if the key names its maker as a revoker. As with gpg, the
//! revoker's own key has to be in the keyring.

use std::io::BufReader;

use pgp::armor::Dearmor;
use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{
    Packet, PacketHeader, PacketParser, Signature, SignatureConfig, SignatureType, SubpacketData,
};
use pgp::types::{EcdsaPublicParams, KeyDetails, KeyVersion, PublicParams, Tag};

use super::ends;

const ARMOR_BEGIN: &[u8] = b"-----BEGIN PGP ";
const ARMOR_END: &[u8] = b"-----END PGP ";

const REVOKED: &str = "which was revoked";
const SUBKEY_REVOKED: &str = "by a subkey that was revoked";

/// OpenPGP keys that are trusted.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// One of each fingerprint, with the signatures of all its copies.
    keys: Vec<SignedPublicKey>,
    /// Revocations of whole keys, wherever they stood: also such as `gpg` keeps in a file of their own.
    revocations: Vec<Signature>,
}

/// The key that made a signature.
pub(super) enum Signer<'a> {
    Primary(&'a SignedPublicKey),
    Subkey(&'a SignedPublicSubKey),
}

impl Signer<'_> {
    pub(super) fn verify(&self, signature: &Signature, data: &[u8]) -> pgp::errors::Result<()> {
        match self {
            Signer::Primary(key) => signature.verify(&key.primary_key, data),
            Signer::Subkey(subkey) => signature.verify(&subkey.key, data),
        }
    }

    /// Seconds since 1970.
    pub(super) fn created(&self) -> u32 {
        match self {
            Signer::Primary(key) => key.primary_key.created_at().as_secs(),
            Signer::Subkey(subkey) => subkey.key.created_at().as_secs(),
        }
    }

    /// In upper-case hex.
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Signer::Primary(key) => fingerprint(&key.primary_key),
            Signer::Subkey(subkey) => fingerprint(&subkey.key),
        }
    }
}

impl Keyring {
    /// Adds the keys in `bytes`: binary, or any number of armored blocks. Parts that are no key of a supported kind are
    /// passed over, but for revocations. Returns how many keys there were.
    pub fn add(&mut self, bytes: &[u8]) -> usize {
        let mut count = 0;
        if bytes.first().is_some_and(|b| b & 0x80 != 0) {
            count += self.add_binary(bytes);
        } else {
            let mut rest = bytes;
            while let Some((block, after)) = next_block(rest) {
                let mut binary = Vec::new();
                let mut dearmor = Dearmor::new(block);
                let read = std::io::Read::read_to_end(&mut dearmor, &mut binary);
                let is_whole = dearmor.checksum.is_none_or(|sum| sum == crc24(&binary));
                if read.is_ok() && is_whole {
                    count += self.add_binary(&binary);
                }
                rest = after;
            }
        }
        count
    }

    fn add_binary(&mut self, bytes: &[u8]) -> usize {
        // A packet that cannot be read may stand before a revocation.
        let packets = PacketParser::new(BufReader::new(bytes)).filter_map(Result::ok);
        self.revocations
            .extend(packets.filter_map(|packet| match packet {
                Packet::Signature(s) if s.typ() == Some(SignatureType::KeyRevocation) => Some(s),
                _ => None,
            }));
        let bytes = without_trust(bytes);
        let Ok(keys) = PublicOrSecret::from_bytes_many(&bytes[..]) else {
            return 0;
        };
        let mut count = 0;
        for key in keys.flatten() {
            let key = match key {
                PublicOrSecret::Public(key) => key,
                PublicOrSecret::Secret(key) => key.to_public_key(),
            };
            // Older keys are identified by MD5.
            if matches!(key.primary_key.version(), KeyVersion::V4 | KeyVersion::V6) {
                count += 1;
                let is_it = |k: &&mut SignedPublicKey| k.fingerprint() == key.fingerprint();
                match self.keys.iter_mut().find(is_it) {
                    Some(known) => merge(known, key),
                    None => self.keys.push(key),
                }
            }
        }
        count
    }

    /// The fingerprints of the primary keys, in upper-case hex.
    pub fn fingerprints(&self) -> Vec<String> {
        let primaries = self.keys.iter().map(|key| fingerprint(&key.primary_key));
        primaries.collect()
    }

    /// Whether `key` was revoked, by itself or by a key of the keyring that it names as its revoker.
    fn is_revoked(&self, key: &SignedPublicKey) -> bool {
        let primary = &key.primary_key;
        let by_itself = |s: &Signature| s.verify_key(primary).is_ok();
        if self.revocations.iter().any(by_itself) {
            return true;
        }
        let named: Vec<&[u8]> = revokers(key).collect();
        let is_named =
            |other: &&SignedPublicKey| named.contains(&other.primary_key.fingerprint().as_bytes());
        self.keys.iter().filter(is_named).any(|revoker| {
            let by = &revoker.primary_key;
            let made = |s: &Signature| s.verify_key_third_party(primary, by).is_ok();
            self.revocations.iter().any(made)
        })
    }

    /// The key by which `signature` says it was made, with the fingerprint of its primary key, if that may sign at `now`
    /// (seconds since 1970).
    pub(super) fn signer(
        &self,
        signature: &Signature,
        now: u32,
    ) -> Result<(String, Signer<'_>), String> {
        let (mut accepted, mut refusal) = (None, None);
        for key in &self.keys {
            let primary = fingerprint(&key.primary_key);
            let usable = if is_issuer(signature, &key.primary_key) {
                may_sign(key, now).map(|()| Signer::Primary(key))
            } else {
                let made = |s: &&SignedPublicSubKey| is_issuer(signature, &s.key);
                let Some(subkey) = key.public_subkeys.iter().find(made) else {
                    continue;
                };
                subkey_may_sign(key, subkey, now).map(|()| Signer::Subkey(subkey))
            };
            let usable = match self.is_revoked(key) {
                true => Err(REVOKED.to_owned()),
                false => usable,
            };
            match usable {
                Ok(signer) => accepted = accepted.or(Some((primary, signer))),
                Err(why) => {
                    let text = format!("it is signed by the key {primary}, {why}");
                    // One copy of a key with a revocation is enough, even if another copy lacks it.
                    if why == REVOKED || why == SUBKEY_REVOKED {
                        return Err(text);
                    }
                    refusal = Some(text);
                }
            }
        }
        accepted.ok_or_else(|| {
            refusal.unwrap_or_else(|| {
                let ids = signature.issuer_key_id();
                match ids.first() {
                    Some(id) => {
                        let id = id.to_string().to_uppercase();
                        format!("it is signed by the key {id}, which the rule does not list")
                    }
                    None => "it is signed by a key that the rule does not list".to_owned(),
                }
            })
        })
    }
}

/// Adds to `known` what another copy of the same key says. As with gpg, the copies count together: the newest word holds.
fn merge(known: &mut SignedPublicKey, copy: SignedPublicKey) {
    let (details, more) = (&mut known.details, copy.details);
    details.direct_signatures.extend(more.direct_signatures);
    for user in more.users {
        match details.users.iter_mut().find(|u| u.id == user.id) {
            Some(known) => known.signatures.extend(user.signatures),
            None => details.users.push(user),
        }
    }
    for subkey in copy.public_subkeys {
        let is_it = |s: &&mut SignedPublicSubKey| s.fingerprint() == subkey.fingerprint();
        match known.public_subkeys.iter_mut().find(is_it) {
            Some(known) => known.signatures.extend(subkey.signatures),
            None => known.public_subkeys.push(subkey),
        }
    }
}

/// The fingerprints of the keys that may revoke `key`, by its own word.
fn revokers(key: &SignedPublicKey) -> impl Iterator<Item = &[u8]> {
    let own =
        key.details.direct_signatures.iter().filter(|s| {
            s.typ() == Some(SignatureType::Key) && s.verify_key(&key.primary_key).is_ok()
        });
    let subpackets = own
        .filter_map(|s| s.config())
        .flat_map(|c| c.hashed_subpackets());
    subpackets.filter_map(|p| match &p.data {
        SubpacketData::RevocationKey(revoker) => Some(&revoker.fingerprint[..]),
        _ => None,
    })
}

fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

/// Whether `signature` names `key`. One that names no key fits none.
fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, prints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    match prints.is_empty() {
        true => ids.iter().any(|id| **id == key.legacy_key_id()),
        false => prints.iter().any(|print| **print == key.fingerprint()),
    }
}

/// The checksum of armored bytes (RFC 4880, 6.1). That of `pgp` is wrong, as it never adds a byte.
fn crc24(bytes: &[u8]) -> u64 {
    let with_bit = |crc: u64| match crc & 0x80_0000 {
        0 => crc << 1,
        _ => (crc << 1) ^ 0x186_4cfb,
    };
    let with_byte =
        |crc, byte: &u8| (0..8).fold(crc ^ (u64::from(*byte) << 16), |crc, _| with_bit(crc));
    bytes.iter().fold(0xb7_04ce, with_byte)
}

/// The packets in `bytes` without those in which GnuPG notes its own trust: between a key and its signatures, the parser stops at
/// them.
fn without_trust(bytes: &[u8]) -> Vec<u8> {
    let (mut kept, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while !rest.is_empty() {
        let mut body = rest;
        let header = PacketHeader::try_from_reader(&mut body).ok();
        let length = header.and_then(|header| header.packet_length().maybe_len());
        let after = length.and_then(|length| body.get(usize::try_from(length).ok()?..));
        // Where the length is not known or wrong, the rest is left to the parser.
        let after = after.unwrap_or_default();
        if header.is_none_or(|header| header.tag() != Tag::Trust) {
            kept.extend_from_slice(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    kept
}

/// Whether the primary key has not expired, and has been certified by itself. Returns its valid self-signatures.
fn is_valid(key: &SignedPublicKey, now: u32) -> Result<Vec<&Signature>, String> {
    let primary = &key.primary_key;
    if !is_supported(primary.public_params()) {
        return Err("which is of a kind that is not supported".to_owned());
    }
    let direct = key.details.direct_signatures.iter();
    let mut own: Vec<&Signature> = direct
        .filter(|s| s.typ() == Some(SignatureType::Key) && s.verify_key(primary).is_ok())
        .collect();
    for user in &key.details.users {
        let by_itself = user.signatures.iter().filter(|s| {
            is_issuer(s, primary)
                && s.verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        });
        let latest = latest(by_itself, now);
        own.extend(latest.filter(|s| s.typ() != Some(SignatureType::CertRevocation)));
    }
    own.retain(|s| is_current(s, now));
    let Some(latest) = latest(own.iter().copied(), now) else {
        return Err("which has no valid self-signature".to_owned());
    };
    if has_expired(primary.created_at().as_secs(), latest, now) {
        return Err("which has expired".to_owned());
    }
    Ok(own)
}

/// Whether signatures by such a key can be verified.
fn is_supported(key: &PublicParams) -> bool {
    use EcdsaPublicParams::{P256, P384, P521};
    match key {
        PublicParams::ECDSA(curve) => matches!(curve, P256 { .. } | P384 { .. } | P521 { .. }),
        _ => true,
    }
}

fn may_sign(key: &SignedPublicKey, now: u32) -> Result<(), String> {
    let own = is_valid(key, now)?;
    // A key without flags may do all that its algorithm can.
    match latest(own.into_iter(), now) {
        Some(latest) if !has_flags(latest) || latest.key_flags().sign() => Ok(()),
        _ => Err("which is not for signing".to_owned()),
    }
}

fn subkey_may_sign(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    now: u32,
) -> Result<(), String> {
    is_valid(key, now)?;
    let primary = &key.primary_key;
    let valid = |s: &&Signature| s.verify_subkey_binding(primary, &subkey.key).is_ok();
    let bound = subkey.signatures.iter().filter(valid);
    let (revocations, bindings): (Vec<_>, Vec<_>) =
        bound.partition(|s| s.typ() == Some(SignatureType::SubkeyRevocation));
    if !revocations.is_empty() {
        return Err(SUBKEY_REVOKED.to_owned());
    }
    let current = bindings.into_iter().filter(|s| is_current(s, now));
    let Some(binding) = latest(current, now) else {
        return Err("by a subkey that does not belong to it".to_owned());
    };
    if has_expired(subkey.key.created_at().as_secs(), binding, now) {
        return Err("by a subkey that has expired".to_owned());
    }
    if !binding.key_flags().sign() {
        return Err("by a subkey that is not for signing".to_owned());
    }
    // Without the subkey's own word anybody could adopt it.
    let back = binding.embedded_signature();
    match back.map(|s| s.verify_primary_key_binding(&subkey.key, primary)) {
        Some(Ok(())) => Ok(()),
        _ => Err("by a subkey that does not confirm that it belongs to it".to_owned()),
    }
}

/// The latest of `signatures` that is not from the future.
fn latest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: u32) -> Option<&'a Signature> {
    let made = |s: &Signature| s.created().map(|t| t.as_secs());
    signatures
        .filter(|s| made(s).is_some_and(|t| t <= now))
        .max_by_key(|s| made(s))
}

/// Whether a self-signature has not expired itself, and needs nothing that is not known.
fn is_current(signature: &Signature, now: u32) -> bool {
    let Some(config) = signature.config() else {
        return false;
    };
    let created = signature.created().map_or(0, |t| t.as_secs());
    let lifetime = signature.signature_expiration_time();
    let end = lifetime.and_then(|lifetime| ends(created, lifetime.as_secs()));
    end.is_none_or(|end| end > now) && unknown_critical(config).is_none()
}

/// Whether the key that was made at `created` has expired by what its self-signature says.
fn has_expired(created: u32, signature: &Signature, now: u32) -> bool {
    let lifetime = signature.key_expiration_time();
    let end = lifetime.and_then(|lifetime| ends(created, lifetime.as_secs()));
    end.is_some_and(|end| end <= now)
}

fn has_flags(signature: &Signature) -> bool {
    let config = signature.config();
    config.is_some_and(|config| {
        let mut hashed = config.hashed_subpackets();
        hashed.any(|p| matches!(p.data, SubpacketData::KeyFlags(_)))
    })
}

/// The number of a critical subpacket that is not known: the signature means something else than it seems to.
pub(super) fn unknown_critical(config: &SignatureConfig) -> Option<u8> {
    config.hashed_subpackets().find_map(|p| match &p.data {
        SubpacketData::Experimental(number, _) | SubpacketData::Other(number, _)
            if p.is_critical =>
        {
            Some(*number)
        }
        SubpacketData::Notation(_) if p.is_critical => Some(20),
        _ => None,
    })
}

/// The first armored block of `text`, and what follows it.
fn next_block(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|w| w == what);
    let start = find(text, ARMOR_BEGIN)?;
    let end = start + find(&text[start..], ARMOR_END)?;
    let line = text[end..].iter().position(|b| *b == b'\n');
    let end = line.map_or(text.len(), |line| end + line + 1);
    Some((&text[start..end], &text[end..]))
}
