//! What is left of signing without the feature `trust`: keys in files cannot be used, those of `gpg` can.

use bytes::Bytes;

use crate::image::Digest;
use crate::settings::Secret;
use crate::{Error, Result};

fn missing<T>() -> Result<T> {
    Err(Error::other(
        "this program was built without signing by keys in files",
    ))
}

/// Never made.
pub enum OpenPgpKey {}

impl OpenPgpKey {
    /// Always an error.
    pub fn read(_file: &[u8], _passphrase: Option<Secret>) -> Result<OpenPgpKey> {
        missing()
    }

    pub(super) fn sign(&self, _payload: &[u8]) -> Result<Bytes> {
        match *self {}
    }
}

/// Never made.
pub enum SigstoreKey {}

impl SigstoreKey {
    /// Always an error.
    pub fn open(_text: &str, _passphrase: &str) -> Result<SigstoreKey> {
        missing()
    }

    /// Always an error.
    pub fn generate() -> Result<SigstoreKey> {
        missing()
    }

    /// Cannot be called.
    pub fn private_file(&self, _passphrase: &str) -> Result<String> {
        match *self {}
    }

    /// Cannot be called.
    pub fn public_file(&self) -> Result<String> {
        match *self {}
    }

    pub(super) fn sign(&self, _payload: &[u8]) -> Result<String> {
        match *self {}
    }

    pub(super) fn bundle(&self, _digest: &Digest) -> Result<Bytes> {
        match *self {}
    }
}
