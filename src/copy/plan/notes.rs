//! Notes on what a copy leaves behind: platforms, images that the source lacks, and foreign layers.

use crate::Result;
use crate::copy::options::Platforms;
use crate::image::platform::{images, is_attestation};
use crate::image::{ChosenBy, Descriptor, Digest, Manifest, View};
use crate::transport::Source;

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

/// A note on the images `missing` that an index lists and `source` does not have.
pub(super) fn missing_note(missing: &[Descriptor], source: &dyn Source) -> String {
    const MOST: usize = 10;
    let name = |d: &Descriptor| match &d.platform {
        Some(platform) if !is_attestation(d) => platform.to_string(),
        _ => format!("`{}`", d.digest),
    };
    let mut names: Vec<String> = missing.iter().take(MOST).map(name).collect();
    if missing.len() > MOST {
        names.push(format!("and {} more", missing.len() - MOST));
    }
    format!(
        "left out {} of the index that `{}` does not have: {}",
        match missing.len() {
            1 => "1 image".to_owned(),
            n => format!("{n} images"),
        },
        source.name(),
        names.join(", ")
    )
}

/// A note on the foreign layers `left`, which are not copied.
pub(super) fn foreign_note(left: &[Digest]) -> Option<String> {
    let unless = "not copied; `--allow-nondistributable` takes";
    match left {
        [] => None,
        [one] => Some(format!(
            "layer `{one}` is foreign: it stays at its URL and is {unless} it along"
        )),
        some => {
            let some: Vec<String> = some.iter().map(|d| format!("`{d}`")).collect();
            let some = some.join(", ");
            Some(format!(
                "layers {some} are foreign: they stay at their URLs and are {unless} them along"
            ))
        }
    }
}
