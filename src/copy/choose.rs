//! Whether an image fits the platforms that are copied, and what is said of those that are not.

use super::options::Platforms;
use crate::Result;
use crate::image::platform::images;
use crate::image::{
    ChosenBy, Descriptor, Digest, ImageConfig, Manifest, PlatformError, PlatformPattern, View,
};
use crate::open::config_of;
use crate::transport::Source;

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
