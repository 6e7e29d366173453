//! Signatures that lie beside manifests: they go along with a manifest that stays as it is, and are left behind,
//! which is told, where it changes or where the destination has no place for them. Nothing here checks one.

use bytes::Bytes;

use super::shared::reading;
use super::types::CopyPlan;
use super::types::{Awaits, Signatures};
use crate::image::Digest;
use crate::transport::{Destination, ManifestRef, Source};
use crate::{Error, Kind, Result};

/// Bytes of signatures that one copy takes along.
const CAP: usize = 4 << 20;

/// Adds to `plan`, by which nothing is written, that the destination lacks the signatures of the image `top`.
pub(super) async fn tell_losses(
    plan: &mut CopyPlan,
    top: &Digest,
    source: &dyn Source,
    destination: &dyn Destination,
) -> Result<()> {
    let found = source.signatures(&ManifestRef::Named).await;
    let count = found.map_err(reading)?.len();
    if count > 0 && !destination.keeps_signatures() {
        plan.losses.push(loss(top, count, destination));
    }
    Ok(())
}

fn loss(was: &Digest, count: usize, destination: &dyn Destination) -> String {
    let name = destination.name();
    format!(
        "signatures of `{was}` are left behind, {count} of them: `{name}` has no place for them"
    )
}

/// Adds to `plan`, whose manifests are those of the image `top`, the signatures that the source has of them.
pub(super) async fn add(
    plan: &mut CopyPlan,
    top: &Digest,
    source: &dyn Source,
    destination: &dyn Destination,
) -> Result<()> {
    let mut size = 0;
    for step in &plan.manifests {
        let of = match step.was == *top {
            true => ManifestRef::Named,
            false => ManifestRef::Digest(step.was.clone()),
        };
        let found = source.signatures(&of).await;
        let bytes = found.map_err(reading)?;
        if bytes.is_empty() {
            continue;
        }
        let (count, was) = (bytes.len(), &step.was);
        let stays = plan.upgrade.is_none()
            && step.awaits == Awaits::Nothing
            && step.manifest.digest() == was;
        if !destination.keeps_signatures() {
            plan.losses.push(loss(was, count, destination));
        } else if !stays {
            plan.losses.push(format!(
                "signatures of `{was}` are left behind, {count} of them: they do not hold for its new digest"
            ));
        } else {
            size += bytes.iter().map(Bytes::len).sum::<usize>();
            if size > CAP {
                let error = Error::new(Kind::Refused, "the image has too many signatures");
                return Err(reading(error));
            }
            let at = step.at.clone();
            plan.signatures.push(Signatures { at, bytes });
        }
    }
    Ok(())
}
