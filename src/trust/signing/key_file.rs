//! Private keys encrypted as cosign does it: scrypt makes a key of the passphrase, NaCl's secretbox encrypts with it.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{Key, KeyInit, Nonce, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};

use super::WrongPassphrase;
use crate::image::go_json;
use crate::trust::pem;
use crate::{Error, Result};

/// The labels of encrypted keys; the first is what skopeo and cosign write by default.
const ENCRYPTED: [&str; 2] = [
    "ENCRYPTED COSIGN PRIVATE KEY",
    "ENCRYPTED SIGSTORE PRIVATE KEY",
];
/// A key that is not encrypted.
const PLAIN: &str = "PRIVATE KEY";
/// The costs of scrypt that are accepted: cosign's first one, its present one, and twice that. Others may take more memory
/// than there is.
const COSTS: [u64; 3] = [1 << 15, 1 << 16, 1 << 17];
const COST: u64 = 1 << 16;
const BLOCK: u32 = 8;
const PARALLEL: u32 = 1;
const SALT: usize = 32;
const NONCE: usize = 24;

#[derive(Serialize, Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The PKCS#8 key in the file `text`. Fails with [`WrongPassphrase`] as cause, or when it is no such file.
pub(super) fn open(text: &str, passphrase: &[u8]) -> Result<Vec<u8>> {
    let Some((label, content)) = pem::parse(text) else {
        return Err(Error::other("the private key is not in PEM"));
    };
    if label == PLAIN {
        return Ok(content);
    }
    if !ENCRYPTED.contains(&label) {
        let message = format!("the PEM block `{label}` is no private key of sigstore's tools");
        return Err(Error::other(message).hint("make one with `barque generate-sigstore-key`"));
    }
    let wrong = |why: &str| Error::other(format!("the private key is not valid: {why}"));
    let file: Encrypted = serde_json::from_slice(&content)
        .map_err(|e| wrong("its content is not what cosign writes").because(e))?;
    let (kdf, cipher) = (&file.kdf, &file.cipher);
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        let (kdf, cipher) = (&kdf.name, &cipher.name);
        return Err(wrong(&format!(
            "its encryption `{kdf}` with `{cipher}` is not known"
        )));
    }
    let Params { n, r, p } = kdf.params;
    if !COSTS.contains(&n) || (r, p) != (BLOCK, PARALLEL) {
        return Err(wrong(&format!(
            "its scrypt parameters {n}, {r}, {p} are not accepted"
        )));
    }
    let decode = |text: &str| {
        STANDARD
            .decode(text)
            .map_err(|e| wrong("its content is not in base64").because(e))
    };
    let (salt, nonce) = (decode(&kdf.salt)?, decode(&cipher.nonce)?);
    let nonce: [u8; NONCE] = nonce
        .try_into()
        .map_err(|_| wrong("its nonce has another length"))?;
    let ciphertext = decode(&file.ciphertext)?;
    let opened = box_of(passphrase, &salt, n)?.decrypt(&Nonce::from(nonce), &*ciphertext);
    opened.map_err(|_| {
        Error::not_allowed("the private key cannot be decrypted").because(WrongPassphrase)
    })
}

/// The file of the PKCS#8 key `pkcs8`, encrypted.
pub(super) fn seal(pkcs8: &[u8], passphrase: &[u8]) -> Result<String> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    for random in [&mut salt[..], &mut nonce[..]] {
        rand::fill(random).map_err(|e| Error::other("no random numbers").because(e))?;
    }
    let sealed = box_of(passphrase, &salt, COST)?.encrypt(&Nonce::from(nonce), pkcs8);
    let sealed = sealed.map_err(|_| Error::other("the private key cannot be encrypted"))?;
    let file = Encrypted {
        kdf: Kdf {
            name: "scrypt".to_owned(),
            params: Params {
                n: COST,
                r: BLOCK,
                p: PARALLEL,
            },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher {
            name: "nacl/secretbox".to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(sealed),
    };
    let json = go_json::compact(&file)
        .map_err(|e| Error::other("the private key cannot be written").because(e))?;
    Ok(pem::write(ENCRYPTED[0], json.as_bytes()))
}

fn box_of(passphrase: &[u8], salt: &[u8], n: u64) -> Result<XSalsa20Poly1305> {
    let failed = || Error::other("no key can be made of the passphrase");
    let cost = u8::try_from(n.trailing_zeros()).map_err(|_| failed())?;
    let params = scrypt::Params::new(cost, BLOCK, PARALLEL).map_err(|e| failed().because(e))?;
    let mut key = [0; 32];
    scrypt::scrypt(passphrase, salt, &params, &mut key).map_err(|e| failed().because(e))?;
    Ok(XSalsa20Poly1305::new(&Key::from(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_with_its_passphrase_only() {
        let file = seal(b"the key", b"secret").unwrap();
        assert_eq!(open(&file, b"secret").unwrap(), b"the key");
        let e = open(&file, b"Secret").unwrap_err();
        assert!(
            std::error::Error::source(&e)
                .unwrap()
                .is::<WrongPassphrase>()
        );
        let plain = pem::write(PLAIN, b"plain");
        assert_eq!(open(&plain, b"").unwrap(), b"plain");
    }

    #[test]
    fn costs_without_end_are_refused() {
        let file = |n: u64, r: u32| {
            let json = format!(
                r#"{{"kdf":{{"name":"scrypt","params":{{"N":{n},"r":{r},"p":1}},"salt":""}},"cipher":{{"name":"nacl/secretbox","nonce":""}},"ciphertext":""}}"#
            );
            pem::write(ENCRYPTED[1], json.as_bytes())
        };
        for (n, r) in [(1 << 30, 8), (1 << 16, 9), (0, 8), (3, 8)] {
            let e = open(&file(n, r), b"").unwrap_err();
            assert!(e.to_string().contains("not accepted"), "{e}");
        }
        assert!(
            open(&file(1 << 16, 8), b"")
                .unwrap_err()
                .to_string()
                .contains("nonce")
        );
        for other in [
            "",
            "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----",
        ] {
            assert!(open(other, b"").is_err());
        }
    }
}
