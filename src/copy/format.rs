//! `Format`: the format that an image is wanted in, and what that leaves of a destination's types.

use std::sync::Arc;

use super::CopyOptions;
use crate::image::{Manifest, MediaType};
use crate::legacy::jws::SigningKey;
use crate::transport::Destination;
use crate::{Error, Kind, Result};

/// A format of manifests.
#[derive(Debug, Clone)]
pub enum Format {
    Oci,
    /// Docker's schema 2.
    Schema2,
    /// Docker's schema 1, signed with this key where it is made anew.
    Schema1(Arc<SigningKey>),
}

impl Format {
    /// Whether manifests of a type are of this format.
    pub fn holds(&self) -> fn(&MediaType) -> bool {
        match self {
            Format::Oci => |t| matches!(t.as_str(), MediaType::OCI_MANIFEST | MediaType::OCI_INDEX),
            Format::Schema2 => |t| {
                matches!(
                    t.as_str(),
                    MediaType::DOCKER_MANIFEST | MediaType::DOCKER_LIST
                )
            },
            Format::Schema1(_) => MediaType::is_schema1,
        }
    }

    /// The type of an image's manifest in this format.
    pub fn image_type(&self) -> &'static str {
        match self {
            Format::Oci => MediaType::OCI_MANIFEST,
            Format::Schema2 => MediaType::DOCKER_MANIFEST,
            Format::Schema1(_) => MediaType::SCHEMA1_SIGNED,
        }
    }

    /// As it is written after `--format`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Format::Oci => "oci",
            Format::Schema2 => "v2s2",
            Format::Schema1(_) => "v2s1",
        }
    }
}

/// The types that the image may have at the destination: those of the wanted format, else all that it holds.
pub(super) fn holding(
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Result<fn(&MediaType) -> bool> {
    let holds = destination.can().holds;
    let Some(format) = &want.format else {
        return Ok(holds);
    };
    let image = format.image_type();
    match holds(&MediaType::new(image)) {
        true => Ok(format.holds()),
        false => {
            let message = format!("`{}` cannot hold `{image}`", destination.name());
            let hint = format!("leave out `--format {}`", format.as_str());
            Err(Error::new(Kind::Refused, message).hint(hint))
        }
    }
}

/// Whether `manifest` is in the wanted format as it is. Of schema 1 its bytes do not tell: the name in them counts too.
pub(super) fn stays(manifest: &Manifest, want: &CopyOptions) -> bool {
    match &want.format {
        None => true,
        Some(Format::Schema1(_)) => false,
        Some(format) => format.holds()(manifest.media_type()),
    }
}
