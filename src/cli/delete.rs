//! `barque delete`.

use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt, stream};

use super::flags::{Global, RegistryFlags};
use super::retry::RetryFlags;
use super::{Outcome, names, skopeo};
use crate::Result;
use crate::open;
use crate::report::delete as words;

const EXAMPLES: &str = "\
Examples:
  Delete a tag:
    barque delete docker://registry.example.com/app:1.2

  Delete a manifest with all of its tags:
    barque delete --force docker://registry.example.com/app@sha256:...

  Delete an image from a layout, with the blobs that nothing else in it needs:
    barque delete oci:images:1.2

  Delete a tag of a registry of the first generation:
    barque delete docker-v1://registry.example.com/fleet/app:1.2";

/// Delete images from registries and OCI layouts
///
/// Only the tag is deleted if the registry supports that. Otherwise, and for a name with a digest, the manifest is
/// deleted with all of its tags: if other tags point to it, they are listed and nothing is deleted without --force.
/// Prints the names that are gone. All names are tried, even after one has failed.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// What to delete, as in docker://registry.example.com/app:1.2 or oci:DIR:REF
    #[arg(value_name = "IMAGE", required = true)]
    pub(super) images: Vec<String>,

    /// Delete the manifest even if other tags point to it
    #[arg(long)]
    force: bool,

    /// Accepted for compatibility with skopeo: images of a Docker Engine are not deleted
    #[arg(long, value_name = "HOST", hide = true)]
    daemon_host: Option<String>,

    /// Accepted for compatibility with skopeo: blobs that layouts share are left
    #[arg(long, value_name = "DIR", hide = true)]
    shared_blob_dir: Option<std::path::PathBuf>,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: DeleteArgs, global: &Global) -> Result<Outcome> {
    // A mistake in the last name is found before the first image is gone.
    let names = args
        .images
        .iter()
        .map(|text| names::in_full(text).map_err(|e| e.context("reading the name of an image")))
        .collect::<Result<Vec<_>>>()?;
    let context = args.registry.context(global)?;
    let names = names.into_iter().zip(args.images.clone());
    let call = Arc::new((args, context));
    let results = stream::iter(names).then(move |(name, given)| {
        let call = call.clone();
        async move {
            let (args, context) = &*call;
            // skopeo deletes a manifest whatever other tags it has.
            let force = args.force || skopeo::is_called();
            let delete = async || open::delete(&name, context, force).await;
            let deleted = args.retry.run(delete).await;
            let deleted = deleted.map_err(|e| e.context(format!("deleting `{given}`")))?;
            Ok(match skopeo::is_called() {
                true => Bytes::new(),
                false => words::lines(&deleted).into(),
            })
        }
    });
    Ok(Outcome::Each(results.boxed_local()))
}
