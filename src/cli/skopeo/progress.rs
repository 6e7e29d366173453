//! What `skopeo copy` prints to standard output.

use crate::copy::{CopyOptions, CopyPlan, ManifestStep};
use crate::image::{Descriptor, ImageView, View};
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
                text.push_str(&layers(plan, &image));
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
        text.push_str(&layers(plan, &image));
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

/// A line for each layer of `image`, as it is at the source; none for a foreign one that stays where it is.
fn layers(plan: &CopyPlan, image: &ImageView) -> String {
    let mut text = String::new();
    for Descriptor { digest, .. } in &image.layers {
        let step = plan.blobs.iter().find(|step| step.blob.digest == *digest);
        let source = step.map_or(digest, |step| &step.moving().digest);
        if !plan.left.contains(source) {
            text.push_str(&format!("Copying blob {source}\n"));
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

/// The images of the plan, each with its digest at the source; one that an index lists twice is there twice.
fn images(plan: &CopyPlan) -> Vec<(String, ImageView)> {
    let image = |step: &ManifestStep| match step.manifest.view().ok()? {
        View::Image(image) => Some((step.was.to_string(), image)),
        _ => None,
    };
    let last = plan.manifests.last();
    let Some(View::Index(index)) = last.and_then(|step| step.manifest.view().ok()) else {
        return plan.manifests.iter().filter_map(image).collect();
    };
    let step = |entry: &Descriptor| {
        let mut steps = plan.manifests.iter();
        steps.find(|step| step.manifest.is(&entry.digest))
    };
    let listed = index.manifests.iter().filter_map(step);
    listed.filter_map(image).collect()
}
