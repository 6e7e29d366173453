//! OpenPGP secret keys from files, for machines without `gpg`.

use std::io::BufReader;
use std::time::SystemTime;

use bytes::Bytes;
use pgp::composed::{Deserializable, MessageBuilder, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::Signature;
use pgp::types::{KeyDetails, Password, SigningKey, Timestamp};
use rand::rngs::OsRng;

use crate::settings::Secret;
use crate::{Error, Result};

/// A secret key.
pub struct OpenPgpKey {
    key: SignedSecretKey,
    passphrase: Option<Secret>,
}

impl OpenPgpKey {
    /// The first secret key in `file`, binary or armored.
    ///
    /// # Errors
    /// When there is none, or none of its parts may sign now.
    pub fn read(file: &[u8], passphrase: Option<Secret>) -> Result<OpenPgpKey> {
        let unreadable =
            |e: pgp::errors::Error| Error::other("it holds no OpenPGP secret key").because(e);
        let key = match file.first() {
            Some(first) if first & 0x80 != 0 => SignedSecretKey::from_bytes(BufReader::new(file)),
            _ => SignedSecretKey::from_armor_single(BufReader::new(file)).map(|(key, _)| key),
        };
        let key = key.map_err(unreadable)?;
        key.verify_bindings().map_err(unreadable)?;
        let key = OpenPgpKey { key, passphrase };
        key.signing()?;
        Ok(key)
    }

    /// The part of the key that signs: a subkey for that purpose, or the primary key.
    fn signing(&self) -> Result<&dyn SigningKey> {
        let now = Timestamp::try_from(SystemTime::now()).map_or(u32::MAX, Timestamp::as_secs);
        let key = &self.key;
        let own = |s: &&Signature| s.created().is_some();
        let users = key.details.users.iter().flat_map(|user| &user.signatures);
        let about: Vec<&Signature> = users
            .chain(&key.details.direct_signatures)
            .filter(own)
            .collect();
        let latest = about.iter().max_by_key(|s| s.created());
        let primary = &key.primary_key;
        let created = primary.created_at().as_secs();
        let refused = |why: &str| {
            let fingerprint = primary.fingerprint();
            Err(Error::not_allowed(format!("the key {fingerprint:X} {why}")))
        };
        if !key.details.revocation_signatures.is_empty() {
            return refused("was revoked");
        }
        if latest.is_some_and(|s| has_expired(created, s, now)) {
            return refused("has expired");
        }
        for subkey in &key.secret_subkeys {
            let bindings = subkey.signatures.iter().filter(own);
            let latest = bindings.max_by_key(|s| s.created());
            let created = subkey.key.created_at().as_secs();
            if latest.is_some_and(|s| {
                is_binding(s) && s.key_flags().sign() && !has_expired(created, s, now)
            }) {
                return Ok(&subkey.key);
            }
        }
        match latest.is_none_or(|s| s.key_flags().sign()) {
            true => Ok(primary),
            false => refused("is not for signing"),
        }
    }

    /// `payload` in a message with a signature.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<Bytes> {
        let passphrase = match &self.passphrase {
            Some(passphrase) => Password::from(passphrase.expose()),
            None => Password::empty(),
        };
        let signing = self.signing()?;
        let mut message = MessageBuilder::from_bytes("", payload.to_vec());
        message.sign(signing, passphrase, HashAlgorithm::Sha512);
        let signed = message.to_vec(OsRng).map_err(|e| {
            Error::not_allowed("the secret key cannot sign").because(e)
                .hint("if it has a passphrase, give a file that holds it with `--sign-passphrase-file`")
        });
        signed.map(Bytes::from)
    }
}

fn is_binding(signature: &Signature) -> bool {
    signature.typ() == Some(pgp::packet::SignatureType::SubkeyBinding)
}

/// Whether a key made at `created` has expired by its own signature `own`.
fn has_expired(created: u32, own: &Signature, now: u32) -> bool {
    let lifetime = own
        .key_expiration_time()
        .map_or(0, |lifetime| lifetime.as_secs());
    lifetime > 0 && created.saturating_add(lifetime) <= now
}
