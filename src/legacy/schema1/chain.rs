//! What a docker schema 1 manifest has to be before barque works with it: a chain of images without gaps.
//!
//! Separate from the manifest's view, because a manifest that fails here can still be shown, copied and hashed. The
//! rules for the chain are docker's `fixManifestLayers` (protocols 5.3).

use std::collections::HashSet;

use crate::Error;
use crate::image::{Algorithm, Digest, ManifestError, Schema1View, SignatureFault, config};
use crate::legacy::v1::{V1Error, V1Image, modern_config};

/// Why a schema 1 manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
        let told = Error::corrupt(error.to_string()).because(error);
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
    /// As [`Schema1View::chain`], and [`crate::Kind::Corrupt`] when the newest image cannot be read.
    pub fn config_json(&self) -> Result<serde_json::Value, Error> {
        let chain: Vec<V1Image> = self.chain()?.into_iter().map(|l| l.image).collect();
        let layers = chain.iter().filter(|image| !image.throwaway()).count();
        let unknown = Digest::of(Algorithm::Sha256, b"");
        let config = modern_config(&chain, &vec![unknown; layers])?;
        let mut json = config::oci_struct_json(&config)?;
        json["rootfs"]["diff_ids"] = vec![""; layers].into();
        Ok(json)
    }

    /// The command that made each layer, in the order of `history`; `None` where the document of a layer does not say it.
    pub fn commands(&self) -> Vec<Option<String>> {
        let command = |text: &String| {
            let step = V1Image::parse(text.clone()).ok()?.created_by();
            Some(step).filter(|text| !text.is_empty())
        };
        self.history.iter().map(command).collect()
    }

    /// The same image without the layers that [`Schema1View::chain`] drops.
    ///
    /// # Errors
    /// As [`Schema1View::chain`].
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

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
}
