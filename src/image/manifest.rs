//! `Manifest`: raw bytes, media type and digest, with a parsed view on request.
//!
//! The bytes are what is copied, hashed and printed; they are never made again from the view (law 1). What kind
//! of manifest the bytes are is decided once, in `kind`, from `Content-Type` and body together. Of a signed schema 1 manifest only
//! the signed part is hashed and read (`schema1`).

mod error;
mod kind;
mod referrer;
pub(crate) mod schema1;
mod signature;
mod view;

use bytes::Bytes;

use super::{Algorithm, Descriptor, Digest, MediaType};

pub use error::ManifestError;
pub use schema1::Schema1View;
pub use signature::{Schema1Check, Schema1Signer, SignatureCheck, SignatureFault};
pub use view::{ArtifactView, ImageView, IndexView, View};

/// A manifest of any generation, byte for byte as it was received or made.
#[derive(Debug, Clone)]
pub struct Manifest {
    raw: Bytes,
    /// The bytes that the digest covers: the signed part of a signed schema 1 manifest, all of `raw` otherwise.
    payload: Bytes,
    media_type: MediaType,
    digest: Digest,
}

impl Manifest {
    /// Takes `raw` as a manifest. `content_type` is what the place said of it, parameters allowed.
    ///
    /// The caller limits the size of `raw`.
    ///
    /// # Errors
    /// [`ManifestError`] when the bytes are not a manifest, or could be read as two different ones (CVE-2021-41190).
    /// Members of the manifest are checked by [`Manifest::view`], so that an unusual manifest can still be printed raw.
    pub fn parse(raw: Bytes, content_type: Option<&str>) -> Result<Manifest, ManifestError> {
        let media_type = kind::of(&raw, content_type)?;
        let payload = if media_type == MediaType::SCHEMA1_SIGNED {
            schema1::signed_part(&raw)?
        } else {
            raw.clone()
        };
        let digest = Digest::of(Algorithm::Sha256, &payload);
        Ok(Manifest {
            raw,
            payload,
            media_type,
            digest,
        })
    }

    /// The bytes as received.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The bytes that the digest covers: the signed payload of a signed schema 1 manifest, else [`Manifest::raw`].
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The media type of the manifest.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest by which registries know it: SHA-256 of the bytes, of the signed payload for schema 1.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The same manifest known by its digest of another algorithm.
    pub fn by(mut self, algorithm: Algorithm) -> Manifest {
        if self.digest.algorithm() != algorithm {
            self.digest = Digest::of(algorithm, &self.payload);
        }
        self
    }

    /// Whether `digest` is this manifest's, by whatever algorithm.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest == *digest || Digest::of(digest.algorithm(), &self.payload) == *digest
    }

    /// A descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type.as_str(),
            self.digest.clone(),
            self.raw.len() as u64,
        )
    }

    /// Parses what the manifest says.
    ///
    /// # Errors
    /// [`ManifestError`] when a member that its type requires is missing or malformed, or when this build cannot read
    /// docker schema 1.
    pub fn view(&self) -> Result<View, ManifestError> {
        View::of(&self.media_type, &self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn parse(body: &str, content_type: Option<&str>) -> Result<Manifest, ManifestError> {
        Manifest::parse(Bytes::copy_from_slice(body.as_bytes()), content_type)
    }

    fn image(config_type: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{config_type}","digest":"{HEX}","size":2}},"layers":[]}}"#
        )
    }

    #[test]
    fn an_image_lists_its_config_before_its_layers() {
        let body = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{HEX}","size":2}},"layers":[{{"mediaType":"x/y","digest":"{HEX}","size":3}}]}}"#,
            MediaType::OCI_CONFIG
        );
        let View::Image(view) = parse(&body, None).unwrap().view().unwrap() else {
            panic!("no image")
        };
        let sizes: Vec<u64> = view.blobs().map(|b| b.size).collect();
        assert_eq!((sizes, view.is_image()), (vec![2, 3], true));
    }

    #[test]
    fn the_digest_can_be_of_another_algorithm() {
        let manifest = parse(&image(MediaType::OCI_CONFIG), None).unwrap();
        let hash = Digest::of(Algorithm::Sha512, manifest.raw());
        assert!(manifest.is(&hash) && manifest.is(manifest.digest()));
        assert!(!manifest.is(&Digest::of(Algorithm::Sha512, b"")));
        assert_eq!(*manifest.by(Algorithm::Sha512).digest(), hash);
    }

    #[test]
    fn hostile_numbers_and_depth_are_errors() {
        let deep = format!(
            r#"{{"schemaVersion":2,"manifests":{}{}}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert!(parse(&deep, None).and_then(|m| m.view()).is_err());
        for size in [
            "-1",
            "1e400",
            "1.5",
            "99999999999999999999",
            "\"1\"",
            "null",
        ] {
            let body = image(MediaType::OCI_CONFIG).replace(":2}", &format!(":{size}}}"));
            assert!(
                parse(&body, None).and_then(|m| m.view()).is_err(),
                "size {size}"
            );
        }
    }

    #[test]
    fn a_layer_list_may_be_null() {
        let body = image(MediaType::OCI_CONFIG).replace("[]", "null");
        let View::Image(view) = parse(&body, None).unwrap().view().unwrap() else {
            panic!("no image")
        };
        assert!(view.layers.is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(body in "\\PC{0,200}", of in proptest::option::of("\\PC{0,40}")) {
            let _ = parse(&body, of.as_deref()).and_then(|m| m.view());
        }

        #[test]
        fn never_panics_on_json(version in 0u8..4, name in "[a-zA-Z]{1,12}", value in "[\\[\\]{}\",:0-9a-z]{0,30}") {
            let body = format!(r#"{{"schemaVersion":{version},"{name}":{value}}}"#);
            let _ = parse(&body, None).and_then(|m| m.view());
        }
    }
}
