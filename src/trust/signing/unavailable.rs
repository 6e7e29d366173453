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
    /// # Errors
    /// Always: this build cannot sign.
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
    /// # Errors
    /// Always: this build cannot sign.
    pub fn open(_text: &str, _passphrase: &str) -> Result<SigstoreKey> {
        missing()
    }

    /// # Errors
    /// Always: this build cannot sign.
    pub fn generate() -> Result<SigstoreKey> {
        missing()
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// Never: there is no value of this type to call it on.
    pub fn private_file(&self, _passphrase: &str) -> Result<String> {
        match *self {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// Never: there is no value of this type to call it on.
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
