//! The image that a platform means, and what is said of the platforms that are not copied.
//!
//! An index says what its images are for; of any other image only the config does, which is read where that matters.

use bytes::Bytes;

use super::nested::{choose_below, fetch};
use super::options::Platforms;
use crate::Result;
use crate::image::platform::{check_config, images};
use crate::image::{
    ChosenBy, Descriptor, Digest, ImageConfig, Manifest, PlatformError, PlatformPattern,
    PlatformRequest, View,
};
use crate::transport::{CONFIG_CAP, Source, read_all};

/// Whether an image for another platform than `wish` is an error.
pub(super) fn is_required(wish: &PlatformRequest) -> bool {
    wish.by == ChosenBy::Platform
}

/// An image that was chosen for a platform.
pub struct Chosen {
    pub manifest: Manifest,
    /// Its config, where that was read for the choice.
    pub config: Option<Bytes>,
}

/// The image that `top` means on the platform `wish`: itself, or the entry of an index. Indexes within it are read
/// only where it lists no such image itself. Where nothing but the config says what an image is for, the config is
/// read if `wish` is by [`ChosenBy::Platform`].
///
/// # Errors
/// [`Kind::NotFound`](crate::Kind::NotFound) when there is no image for `wish`.
pub async fn choose_image(
    source: &dyn Source,
    top: &Manifest,
    wish: &PlatformRequest,
) -> Result<Chosen> {
    let manifest = match top.view()? {
        View::Index(index) => {
            let entry = choose_below(source, top, index, wish).await?;
            let manifest = fetch(source, &entry).await?;
            if entry.platform.is_some() {
                let config = None;
                return Ok(Chosen { manifest, config });
            }
            manifest
        }
        _ => top.clone(),
    };
    let config = match is_required(wish) {
        true => config_of(source, &manifest).await?,
        false => None,
    };
    if let Some(config) = &config {
        check_config(config, wish)?;
    }
    // What schema 1 has in its place is not the config's bytes.
    let config = config.filter(|_| !manifest.media_type().is_schema1());
    Ok(Chosen { manifest, config })
}

/// The config of an image, or the newest image document of a schema 1 chain; `None` for artifacts.
async fn config_of(source: &dyn Source, manifest: &Manifest) -> Result<Option<Bytes>> {
    Ok(match manifest.view()? {
        View::Image(image) if image.is_image() => {
            let read = read_all(source.blob(&image.config, 0).await?, CONFIG_CAP);
            Some(read.await?)
        }
        View::Schema1(schema1) => schema1.history.into_iter().next().map(Bytes::from),
        _ => None,
    })
}

/// Checks that the image `manifest`, which no index led to, fits each of `patterns`.
pub(super) async fn check_patterns(
    source: &dyn Source,
    manifest: &Manifest,
    patterns: &[PlatformPattern],
) -> Result<()> {
    let Some(config) = config_of(source, manifest).await? else {
        return Ok(());
    };
    let there = ImageConfig::parse(&config).ok().map(|c| c.platform());
    let known = there.filter(|p| !p.os.is_empty() && !p.architecture.is_empty());
    let Some(there) = known else { return Ok(()) };
    match patterns.iter().find(|pattern| !pattern.matches(&there)) {
        None => Ok(()),
        Some(pattern) => Err(PlatformError::Other {
            wanted: pattern.to_string(),
            there: there.to_string(),
        }
        .into()),
    }
}

/// A note on the platforms of the index `top` that stay behind when the image `chosen` is copied for `wish`; `None`
/// if no platform stays behind, or if the user chose one.
pub(super) fn left_behind(
    top: &Manifest,
    platforms: &Platforms,
    chosen: &Digest,
) -> Result<Option<String>> {
    const MOST: usize = 8;
    let (View::Index(index), Platforms::One(wish)) = (top.view()?, platforms) else {
        return Ok(None);
    };
    if wish.by != ChosenBy::Default {
        return Ok(None);
    }
    let name = |d: &Descriptor| d.platform.as_ref().map(ToString::to_string);
    let own = images(&index).find(|d| d.digest == *chosen).and_then(name);
    let own = own.unwrap_or_else(|| wish.to_string());
    let mut left: Vec<String> = Vec::new();
    for name in images(&index).filter_map(name) {
        if name != own && !left.contains(&name) {
            left.push(name);
        }
    }
    let others = match left.len() {
        0 if index.manifests.iter().any(|d| d.media_type.is_index()) => "others".to_owned(),
        0 => return Ok(None),
        count if count > MOST => {
            format!("{} and {} more", left[..MOST].join(", "), count - MOST)
        }
        _ => left.join(", "),
    };
    Ok(Some(format!(
        "only {own} is copied, without {others}; use `--all` to copy all platforms, or `--platform` to choose"
    )))
}
