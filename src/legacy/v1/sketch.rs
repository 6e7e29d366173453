//! Describes an image by its V1 documents, without reading its layers.

use super::{V1Error, V1Image};
use crate::image::{Sketch, SketchedLayer};

/// Describes the image `repository:tag` of the V1 images `chain`, base first, each with the size and the checksum of its
/// layer, as far as they are known. Fails with [`V1Error::Empty`] when the chain is empty.
pub(crate) fn sketch(
    repository: String,
    tag: String,
    chain: &[(&V1Image, Option<u64>, Option<String>)],
) -> Result<Sketch, V1Error> {
    let (top, ..) = chain.last().ok_or(V1Error::Empty)?;
    let run = top.run_config();
    let layer = |(image, size, checksum): &(&V1Image, Option<u64>, Option<String>)| SketchedLayer {
        id: image.id().to_owned(),
        size: *size,
        checksum: checksum.clone(),
        created_by: Some(image.created_by()).filter(|by| !by.is_empty()),
    };
    Ok(Sketch {
        repository,
        tag,
        config: top.raw().clone(),
        created: top.created().map(str::to_owned),
        docker_version: top.docker_version().to_owned(),
        architecture: top.architecture().to_owned(),
        os: top.os().to_owned(),
        labels: run.and_then(|run| run.labels.clone()),
        env: run.and_then(|run| run.env.clone()),
        layers: chain.iter().map(layer).collect(),
    })
}
