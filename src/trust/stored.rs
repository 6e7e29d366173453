//! The form in which signatures lie beside manifests in a `dir:` image and in a lookaside.
//!
//! A file is either an OpenPGP message or `\0FORMAT\n` and data. In memory all signatures have this form, so that one
//! that is copied keeps its bytes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::image::go_json;
use crate::{Error, Result};

const SIMPLE: &str = "simple-signing";
const SIGSTORE: &str = "sigstore-json";

/// A signature, by its format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredSignature {
    /// Simple signing: an OpenPGP message around its payload.
    Simple(Bytes),
    /// A layer of the manifest that cosign 1 and 2 attach to an image.
    Sigstore(Attachment),
}

/// One layer of an attachment manifest: a payload, and in the annotations its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The media type of the layer. Only [`Attachment::SIGNATURE`] is a signature; others are only carried along.
    #[serde(rename = "mimeType", default)]
    pub mime_type: String,
    /// What is signed.
    #[serde(with = "as_base64", default)]
    pub payload: Vec<u8>,
    /// The annotations of the layer.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Attachment {
    /// The media type of signatures.
    pub const SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
}

impl StoredSignature {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for another format, and for data that its format does not allow.
    pub fn parse(stored: &Bytes) -> Result<StoredSignature> {
        let wrong = |why: String| {
            Error::corrupt(format!("the format of the signature is not known: {why}"))
        };
        let Some(first) = stored.first().copied() else {
            return Err(wrong("it is empty".to_owned()));
        };
        if is_openpgp(first) {
            return Ok(StoredSignature::Simple(stored.clone()));
        }
        let end = stored.iter().position(|b| *b == b'\n');
        let (0, Some(end)) = (first, end) else {
            return Err(wrong(format!("it begins with the byte 0x{first:02x}")));
        };
        let data = stored.slice(end + 1..);
        match std::str::from_utf8(&stored[1..end]) {
            Ok(SIMPLE) => Ok(StoredSignature::Simple(data)),
            Ok(SIGSTORE) => serde_json::from_slice(&data)
                .map(StoredSignature::Sigstore)
                .map_err(|e| Error::corrupt("the signature is not valid").because(e)),
            _ => {
                let name = String::from_utf8_lossy(&stored[1..end.min(64)]).into_owned();
                Err(wrong(format!("`{name}`")))
            }
        }
    }

    /// The stored form. An OpenPGP message is stored as it is, which all versions of other programs read.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            StoredSignature::Simple(message) => message.clone(),
            StoredSignature::Sigstore(attachment) => {
                // A struct of texts always has a JSON form.
                let json = go_json::compact(attachment).unwrap_or_default();
                format!("\0{SIGSTORE}\n{json}").into()
            }
        }
    }
}

/// Whether a file that begins with the byte `first` is an OpenPGP message: a compressed one, a one-pass signature or a
/// signature, in the old or the new form of packets.
fn is_openpgp(first: u8) -> bool {
    matches!(first, 0xa0..=0xa3 | 0xc8 | 0x90..=0x93 | 0xc4 | 0x88..=0x8b | 0xc2)
}

mod as_base64 {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }

    use std::result::Result;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn the_stored_form_is_read_and_written() {
        let text = "\0sigstore-json\n{\"mimeType\":\"a\\u003cb\",\"payload\":\"eA==\",\"annotations\":{\"k\":\"v\"}}";
        let stored = Bytes::from(text);
        let read = StoredSignature::parse(&stored).unwrap();
        let StoredSignature::Sigstore(attachment) = &read else {
            panic!("{read:?}")
        };
        assert_eq!(attachment.payload, b"x");
        assert_eq!(read.to_bytes(), stored);
        let message = Bytes::from_static(b"\xa3\x01");
        let simple = StoredSignature::Simple(message.clone());
        assert_eq!(StoredSignature::parse(&message).unwrap(), simple);
        let named = Bytes::from_static(b"\0simple-signing\n\xa3\x01");
        assert_eq!(StoredSignature::parse(&named).unwrap(), simple);
        assert_eq!(simple.to_bytes(), message);
    }

    #[test]
    fn other_formats_are_refused_by_name() {
        for (stored, why) in [
            (&b"-----BEGIN PGP SIGNED"[..], "0x2d"),
            (b"\x84\x01", "0x84"),
            (b"", "empty"),
            (b"\0x", "0x00"),
            (b"\0new-format\nx", "`new-format`"),
            (b"\0sigstore-json\n{", "not valid"),
            (b"\0sigstore-json\n{\"payload\":\"*\"}", "not valid"),
        ] {
            let e = StoredSignature::parse(&Bytes::from_static(stored)).unwrap_err();
            assert!(e.to_string().contains(why), "{e}");
            assert_eq!(e.kind(), Kind::Corrupt);
        }
    }
}
