//! The image that a platform means: an entry of an index, or the image itself if its config says so.

use bytes::Bytes;

use super::nested::{choose_below, fetch};
use crate::Result;
use crate::image::platform::check_config;
use crate::image::{
    ChosenBy, Descriptor, ImageConfig, IndexView, Manifest, PlatformError, PlatformPattern,
    PlatformRequest, View,
};
use crate::transport::{CONFIG_CAP, Source, read_all};

/// Whether an image for another platform than `wish` is an error.
pub(crate) fn is_required(wish: &PlatformRequest) -> bool {
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
            let nameless = of_no_platform(&index);
            let entry = choose_below(source, top, index, wish).await?;
            if is_required(wish) && nameless.len() > 1 && nameless.contains(&entry) {
                return choose_by_config(source, &nameless, wish).await;
            }
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
    // The document that schema 1 has in its place is not a config.
    let config = config.filter(|_| !manifest.media_type().is_schema1());
    Ok(Chosen { manifest, config })
}

/// Entries of an index that are read to find out their platforms.
const MOST_READ: usize = 64;

/// The entries of `index` that may be images and name no platform.
fn of_no_platform(index: &IndexView) -> Vec<Descriptor> {
    let entries = index.manifests.iter();
    let nameless = entries.filter(|d| d.platform.is_none() && d.media_type.is_image_manifest());
    nameless.take(MOST_READ).cloned().collect()
}

/// The first of `entries`, which name no platforms, whose config is for `wish`.
async fn choose_by_config(
    source: &dyn Source,
    entries: &[Descriptor],
    wish: &PlatformRequest,
) -> Result<Chosen> {
    let mut available: Vec<String> = Vec::new();
    for entry in entries {
        let manifest = fetch(source, entry).await?;
        let Some(config) = config_of(source, &manifest).await? else {
            continue;
        };
        match check_config(&config, wish) {
            Ok(()) => {
                let config = Some(config);
                return Ok(Chosen { manifest, config });
            }
            Err(PlatformError::Other { there, .. }) if !available.contains(&there) => {
                available.push(there);
            }
            Err(_) => {}
        }
    }
    Err(PlatformError::NoMatch {
        wanted: wish.to_string(),
        is_list: false,
        available,
    }
    .into())
}

/// Checks that the image `manifest`, which no index led to, fits each of `patterns`.
pub(crate) async fn check_patterns(
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

/// The config of an image, or the newest image document of a schema 1 chain; `None` for artifacts.
async fn config_of(source: &dyn Source, manifest: &Manifest) -> Result<Option<Bytes>> {
    Ok(match manifest.view()? {
        View::Image(image) if image.is_image() => Some(read_config(source, &image.config).await?),
        View::Schema1(schema1) => schema1.history.into_iter().next().map(Bytes::from),
        _ => None,
    })
}

/// The config `config` of an image.
pub(crate) async fn read_config(source: &dyn Source, config: &Descriptor) -> Result<Bytes> {
    read_all(source.blob(config, 0).await?, CONFIG_CAP).await
}
