//! What `skopeo copy` prints to standard output.

use crate::copy::{CopyOptions, CopyPlan};
use crate::image::{ImageView, View};
use crate::trust::signing::Signer;

/// The lines before the blobs move.
pub(in crate::cli) fn before(plan: &CopyPlan, want: &CopyOptions) -> String {
    match list(plan) {
        Some(of) => {
            let images = images(plan).len();
            format!(
                "Getting image list signatures\nCopying {images} images generated from {of} images in list\n"
            )
        }
        None => {
            let mut text = String::new();
            if !want.leave_signatures {
                text.push_str("Getting image source signatures\n");
            }
            if !plan.signatures.is_empty() {
                text.push_str("Checking if image destination supports signatures\n");
            }
            let images = images(plan);
            if images.is_empty() {
                // Docker's schema 1, which has no config.
                for step in &plan.blobs {
                    text.push_str(&format!("Copying blob {}\n", step.moving().digest));
                }
            }
            for (_, image) in images {
                // The plan has the layers as they are at the source, also where they change on the way.
                let blobs = plan.blobs.iter().map(|step| step.moving());
                let moved: Vec<_> = blobs.filter(|b| b.digest != image.config.digest).collect();
                match moved.len() {
                    0 => text.push_str(&layers(&image)),
                    _ => moved.iter().for_each(|layer| {
                        text.push_str(&format!("Copying blob {}\n", layer.digest));
                    }),
                }
            }
            text
        }
    }
}

/// The lines after the copy.
pub(in crate::cli) fn after(plan: &CopyPlan, want: &CopyOptions) -> String {
    let images = images(plan);
    let mut text = String::new();
    if list(plan).is_none() {
        for (_, image) in images {
            text.push_str(&format!("Copying config {}\n", image.config.digest));
        }
        return text + "Writing manifest to image destination\n" + &signing(plan, want);
    }
    let count = images.len();
    for (i, (digest, image)) in images.into_iter().enumerate() {
        text.push_str(&format!("Copying image {digest} ({}/{count})\n", i + 1));
        text.push_str("Getting image source signatures\n");
        text.push_str(&layers(&image));
        text.push_str(&format!("Copying config {}\n", image.config.digest));
        text.push_str("Writing manifest to image destination\n");
    }
    text + "Writing manifest list to image destination\nStoring list signatures\n"
}

/// The lines about the signatures of an image.
fn signing(plan: &CopyPlan, want: &CopyOptions) -> String {
    let signers = want.signing.iter().flat_map(|signing| &signing.signers);
    let mut text = String::new();
    for signer in signers {
        let by = match signer {
            Signer::Sigstore(_) => "a sigstore signature",
            _ => "simple signing",
        };
        text.push_str(&format!("Creating signature: Signing image using {by}\n"));
    }
    if !text.is_empty() || !plan.signatures.is_empty() {
        text.push_str("Storing signatures\n");
    }
    text
}

fn layers(image: &ImageView) -> String {
    let mut seen = Vec::new();
    let mut text = String::new();
    for layer in &image.layers {
        if !seen.contains(&&layer.digest) {
            seen.push(&layer.digest);
            text.push_str(&format!("Copying blob {}\n", layer.digest));
        }
    }
    text
}

/// How many images the index that is copied lists; `None` where one image is copied.
fn list(plan: &CopyPlan) -> Option<usize> {
    match plan.manifests.last()?.manifest.view().ok()? {
        View::Index(index) => Some(index.manifests.len()),
        _ => None,
    }
}

/// The images of the plan, each with its digest at the source.
fn images(plan: &CopyPlan) -> Vec<(String, ImageView)> {
    let steps = plan.manifests.iter();
    steps
        .filter_map(|step| match step.manifest.view().ok()? {
            View::Image(image) => Some((step.was.to_string(), image)),
            _ => None,
        })
        .collect()
}
