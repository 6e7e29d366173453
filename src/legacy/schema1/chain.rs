//! What a docker schema 1 manifest has to be before barque works with it: signed by right signatures, and a chain of
//! images without gaps. Whether it is signed under the name that it was asked for by is found out here too.
//!
//! Separate from the manifest's view, because a manifest that fails here can still be shown, copied and hashed. The
//! rules for the chain are docker's `fixManifestLayers` (protocols 5.3).

use std::collections::HashSet;

use crate::image::schema1::Schema1Document;
use crate::image::{Algorithm, Digest, Manifest, ManifestError, Schema1View, config};
use crate::legacy::jws::{SignatureCheck, SignatureFault};
use crate::legacy::v1::{V1Error, V1Image, modern_config};
use crate::{Error, Kind};

/// The empty tar, compressed: what a step that changed no file has for a layer in schema 1.
pub const EMPTY_LAYER: [u8; 32] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x09, 0x6e, 0x88, 0x00, 0xff, 0x62, 0x18, 0x05, 0xa3, 0x60, 0x14,
    0x8c, 0x58, 0x00, 0x08, 0x00, 0x00, 0xff, 0xff, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
];

/// Why a schema 1 manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Schema1Error {
    /// An entry's id is not 64 lower-case hex digits. The words are docker's, here and below.
    #[error("image ID \"{0}\" is invalid")]
    Id(String),
    #[error("Invalid parent ID in the base layer of the image.")]
    BaseParent,
    #[error("ID {0} appears multiple times in manifest")]
    Repeated(String),
    #[error("Invalid parent ID. Expected {expected}, got {found}.")]
    Parent { expected: String, found: String },
    /// The text of an entry of `history` is no V1 image.
    #[error("entry {index} of `history`: {error}")]
    History { index: usize, error: V1Error },
    /// Numbered as in the document, from 1.
    #[error("signature {index} is not good: {fault}")]
    Signature { index: usize, fault: SignatureFault },
    /// The manifest calls itself something else than it was asked for by.
    #[error("the manifest is signed as {what} `{found}`, but `{wanted}` was asked for")]
    Name {
        what: &'static str,
        found: String,
        wanted: String,
    },
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl From<Schema1Error> for Error {
    fn from(error: Schema1Error) -> Error {
        let hint = match error {
            Schema1Error::Signature { .. } => Some("`--no-verify-signature` takes it all the same"),
            Schema1Error::Name { .. } => Some("without `--verify-signature` it is a warning"),
            _ => None,
        };
        let told = Error::new(Kind::Corrupt, error.to_string()).because(error);
        match hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}

/// One layer of a chain: its blob and the image that it makes with those below.
#[derive(Debug, Clone)]
pub struct Schema1Layer {
    pub blob: Digest,
    pub image: V1Image,
}

impl Schema1View {
    /// The layers, base first, in a chain where each has the one below for its parent.
    ///
    /// Of neighbours with the same id only the oldest stays, as docker pulls them.
    ///
    /// # Errors
    /// The first break of a rule, in the order of protocols 5.3.
    pub fn chain(&self) -> Result<Vec<Schema1Layer>, Schema1Error> {
        let mut layers = Vec::with_capacity(self.fs_layers.len());
        for (index, (blob, text)) in self.fs_layers.iter().zip(&self.history).enumerate() {
            let image = V1Image::parse(text.clone())
                .map_err(|error| Schema1Error::History { index, error })?;
            let blob = blob.clone();
            layers.push(Schema1Layer { blob, image });
        }
        check_ids(&layers)?;
        let mut chain: Vec<Schema1Layer> = Vec::with_capacity(layers.len());
        for layer in layers.into_iter().rev() {
            let Some(below) = chain.last() else {
                chain.push(layer);
                continue;
            };
            if layer.image.id() == below.image.id() {
                continue;
            }
            let (expected, found) = (below.image.id(), layer.image.parent().unwrap_or_default());
            if found != expected {
                return Err(Schema1Error::Parent {
                    expected: expected.to_owned(),
                    found: found.to_owned(),
                });
            }
            chain.push(layer);
        }
        Ok(chain)
    }
}

impl Schema1View {
    /// The config that the image would have: the members of `config::oci_struct_json`. The digests of its plain layers,
    /// which only reading them tells, are empty.
    ///
    /// # Errors
    /// As [`Schema1View::chain`], and [`Kind::Corrupt`] when the newest image cannot be read.
    pub fn config_json(&self) -> Result<serde_json::Value, Error> {
        let chain: Vec<V1Image> = self.chain()?.into_iter().map(|l| l.image).collect();
        let layers = chain.iter().filter(|image| !image.throwaway()).count();
        let unknown = Digest::of(Algorithm::Sha256, b"");
        let config = modern_config(&chain, &vec![unknown; layers])?;
        let mut json = config::oci_struct_json(&config)?;
        json["rootfs"]["diff_ids"] = vec![""; layers].into();
        Ok(json)
    }

    /// The same image without the layers that [`Schema1View::chain`] drops; its errors are those.
    pub fn fixed(self) -> Result<Schema1View, Schema1Error> {
        let chain = self.chain()?;
        let (fs_layers, history) = chain
            .into_iter()
            .rev()
            .map(|layer| {
                (
                    layer.blob,
                    String::from_utf8_lossy(layer.image.raw()).into_owned(),
                )
            })
            .unzip();
        Ok(Schema1View {
            fs_layers,
            history,
            ..self
        })
    }
}

/// The rules that hold for ids by themselves; `layers` are top first.
fn check_ids(layers: &[Schema1Layer]) -> Result<(), Schema1Error> {
    let is_id = |id: &str| {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        id.len() == 64 && id.bytes().all(hex)
    };
    let ids: Vec<&str> = layers.iter().map(|layer| layer.image.id()).collect();
    if let Some(wrong) = ids.iter().find(|id| !is_id(id)) {
        return Err(Schema1Error::Id((*wrong).to_owned()));
    }
    if layers.last().is_some_and(|l| l.image.parent().is_some()) {
        return Err(Schema1Error::BaseParent);
    }
    let mut seen = HashSet::new();
    let mut last = "";
    for id in ids {
        if id != last && !seen.insert(id) {
            return Err(Schema1Error::Repeated(id.to_owned()));
        }
        last = id;
    }
    Ok(())
}

/// The name by which a schema 1 manifest was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The repository without its registry; of docker.io with `library/`.
    pub name: &'a str,
    /// `None` where it was asked for by digest.
    pub tag: Option<&'a str>,
}

/// Checks the signatures of `manifest`, and that a signed one is what was asked for. Unsigned ones and other types
/// have nothing to check.
///
/// # Errors
/// [`Schema1Error::Signature`] for the first bad signature, [`Schema1Error::Name`] for another name or tag.
pub fn verify(
    manifest: &Manifest,
    asked: Option<Asked<'_>>,
) -> Result<Vec<SignatureCheck>, Schema1Error> {
    let checks = manifest.check_signatures()?;
    for (at, check) in checks.iter().enumerate() {
        if let Some(fault) = &check.fault {
            let (index, fault) = (at + 1, fault.clone());
            return Err(Schema1Error::Signature { index, fault });
        }
    }
    let (Some(asked), false) = (asked, checks.is_empty()) else {
        return Ok(checks);
    };
    // Nothing but schema 1 has signatures. How its layers are named does not matter here.
    let view = Schema1Document::of(manifest.payload())?;
    let pairs = [
        ("name", &view.name, Some(asked.name)),
        ("tag", &view.tag, asked.tag),
    ];
    for (what, found, wanted) in pairs {
        if let Some(wanted) = wanted.filter(|wanted| found != wanted) {
            return Err(Schema1Error::Name {
                what,
                found: found.clone(),
                wanted: wanted.to_owned(),
            });
        }
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;
    use crate::legacy::jws::SigningKey;

    fn id(digit: char) -> String {
        String::from(digit).repeat(64)
    }

    fn blob(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    /// A manifest of images given by digit and parent's digit, top first.
    fn view(entries: &[(char, char)]) -> Schema1View {
        let text = |(of, parent): &(char, char)| match parent {
            ' ' => format!(r#"{{"id":"{}"}}"#, id(*of)),
            parent => format!(r#"{{"id":"{}","parent":"{}"}}"#, id(*of), id(*parent)),
        };
        Schema1View {
            name: "x/y".into(),
            tag: "1".into(),
            architecture: "amd64".into(),
            fs_layers: (0..entries.len()).map(|i| blob(&i.to_string())).collect(),
            history: entries.iter().map(text).collect(),
        }
    }

    #[test]
    fn a_chain_is_turned_around_and_repeats_go() {
        let chain = view(&[('c', 'b'), ('b', 'a'), ('b', 'a'), ('a', ' ')]).chain();
        let chain = chain.unwrap();
        let ids: Vec<&str> = chain.iter().map(|l| l.image.id()).collect();
        assert_eq!(ids, [id('a'), id('b'), id('c')]);
        let blobs: Vec<Digest> = chain.into_iter().map(|l| l.blob).collect();
        assert_eq!(
            blobs,
            [blob("3"), blob("2"), blob("0")],
            "the oldest of equals"
        );
    }

    #[test]
    fn each_break_of_a_rule_has_its_words() {
        let words = |entries: &[(char, char)]| view(entries).chain().unwrap_err().to_string();
        assert!(words(&[('A', ' ')]).contains("is invalid"));
        assert!(words(&[('b', 'a'), ('a', 'c')]).contains("in the base layer"));
        assert!(words(&[('a', 'b'), ('b', 'a'), ('a', ' ')]).contains("multiple times"));
        assert_eq!(
            words(&[('c', 'a'), ('b', 'a'), ('a', ' ')]),
            format!("Invalid parent ID. Expected {}, got {}.", id('b'), id('a'))
        );
        let mut broken = view(&[('b', 'a'), ('a', ' ')]);
        broken.history[1] = "<html>".into();
        let told = broken.chain().unwrap_err().to_string();
        assert!(told.starts_with("entry 1 of `history`"), "{told}");
    }

    #[test]
    fn a_signed_manifest_answers_to_its_own_name_only() {
        let payload = format!(
            r#"{{"schemaVersion":1,"name":"x/y","tag":"1","fsLayers":[{{"blobSum":"{}"}}],"history":[{{"v1Compatibility":"{{}}"}}]}}"#,
            blob("a")
        );
        let key = SigningKey::generate().unwrap();
        let signed = key
            .sign(payload.as_bytes(), jiff::Timestamp::UNIX_EPOCH)
            .unwrap();
        let parse = |bytes: bytes::Bytes| Manifest::parse(bytes, None).unwrap();
        let asked = |name, tag| Some(Asked { name, tag });
        let manifest = parse(signed.clone());
        assert_eq!(verify(&manifest, None).unwrap()[0].key_id, Some(key.id()));
        assert!(verify(&manifest, asked("x/y", Some("1"))).is_ok());
        assert!(verify(&manifest, asked("x/y", None)).is_ok());
        for (name, tag) in [("x/z", Some("1")), ("x/y", Some("2")), ("y", None)] {
            let refused = verify(&manifest, asked(name, tag)).unwrap_err();
            assert!(matches!(refused, Schema1Error::Name { .. }), "{refused}");
            assert_eq!(Error::from(refused).kind(), Kind::Corrupt);
        }
        let text = String::from_utf8(signed.to_vec()).unwrap();
        let forged = parse(text.replacen("x/y", "x/z", 1).into());
        assert_eq!(
            verify(&forged, None).unwrap_err().to_string(),
            "signature 1 is not good: it does not match what it signs"
        );
        let unsigned = parse(payload.into());
        assert!(verify(&unsigned, asked("z", None)).unwrap().is_empty());
    }

    #[test]
    fn the_empty_layer_is_the_one_of_docker() {
        let digest = Digest::of(Algorithm::Sha256, &EMPTY_LAYER);
        assert_eq!(
            digest.to_string(),
            "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
        );
    }
}
