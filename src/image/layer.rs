//! `LayerForm`: how a layer's tar is packed, as its media type says, and the types of the other forms.
//!
//! Docker's types have no zstd; foreign, encrypted and unknown layers have no form here and stay as they are.

use super::MediaType;
use super::convert::ConvertError;
use super::media_type::{
    DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD,
};

/// How the tar of a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerForm {
    Plain,
    Gzip,
    Zstd,
}

impl LayerForm {
    /// The form of a layer of type `media_type`; foreign, encrypted and unknown ones have none.
    pub fn of(media_type: &MediaType) -> Option<LayerForm> {
        match media_type.as_str() {
            DOCKER_LAYER | OCI_LAYER => Some(LayerForm::Plain),
            DOCKER_LAYER_GZIP | OCI_LAYER_GZIP => Some(LayerForm::Gzip),
            DOCKER_LAYER_ZSTD | OCI_LAYER_ZSTD => Some(LayerForm::Zstd),
            _ => None,
        }
    }

    /// The type of a layer that is `media_type` now, once it has this form.
    ///
    /// # Errors
    /// [`ConvertError`] for an encrypted layer, for a media type that is not a layer's, and for zstd in docker's
    /// format, which does not have it.
    pub fn type_of(self, media_type: &MediaType) -> Result<MediaType, ConvertError> {
        let docker = match media_type.as_str() {
            DOCKER_LAYER | DOCKER_LAYER_GZIP | DOCKER_LAYER_ZSTD => true,
            OCI_LAYER | OCI_LAYER_GZIP | OCI_LAYER_ZSTD => false,
            text if text.ends_with("+encrypted") => {
                return Err(ConvertError::Encrypted(media_type.clone()));
            }
            _ => return Err(ConvertError::UnknownLayer(media_type.clone())),
        };
        Ok(MediaType::new(match (self, docker) {
            (LayerForm::Plain, true) => DOCKER_LAYER,
            (LayerForm::Gzip, true) => DOCKER_LAYER_GZIP,
            (LayerForm::Zstd, true) => return Err(ConvertError::Zstd(media_type.clone())),
            (LayerForm::Plain, false) => OCI_LAYER,
            (LayerForm::Gzip, false) => OCI_LAYER_GZIP,
            (LayerForm::Zstd, false) => OCI_LAYER_ZSTD,
        }))
    }

    /// The word for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            LayerForm::Plain => "plain",
            LayerForm::Gzip => "gzip",
            LayerForm::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_keep_their_family_and_change_their_form() {
        for (from, form, to) in [
            (DOCKER_LAYER_GZIP, LayerForm::Plain, DOCKER_LAYER),
            (DOCKER_LAYER, LayerForm::Gzip, DOCKER_LAYER_GZIP),
            (DOCKER_LAYER_ZSTD, LayerForm::Gzip, DOCKER_LAYER_GZIP),
            (OCI_LAYER_ZSTD, LayerForm::Plain, OCI_LAYER),
            (OCI_LAYER_GZIP, LayerForm::Zstd, OCI_LAYER_ZSTD),
        ] {
            let (from, to) = (MediaType::new(from), MediaType::new(to));
            assert_eq!(form.type_of(&from).unwrap(), to);
            assert_eq!(LayerForm::of(&to), Some(form));
        }
        let docker = MediaType::new(DOCKER_LAYER_GZIP);
        assert!(matches!(
            LayerForm::Zstd.type_of(&docker),
            Err(ConvertError::Zstd(_))
        ));
        let secret = MediaType::new("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
        assert!(LayerForm::of(&secret).is_none());
        assert!(matches!(
            LayerForm::Gzip.type_of(&secret),
            Err(ConvertError::Encrypted(_))
        ));
    }
}
