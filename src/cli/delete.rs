//! `barque delete`.

use anyhow::Context;
use clap::Args;

use super::Outcome;
use super::flags::{Global, RegistryFlags};
use super::retry::RetryFlags;
use crate::image::ImageName;
use crate::report::delete as words;
use crate::transport;

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
/// A tag goes alone where the registry can do that. Where it deletes whole manifests only, and for a name with a
/// digest, all tags of the manifest go: if there are others than the one named, they are listed and nothing is
/// deleted without --force. Prints the names that are gone. The first failure ends the command.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// What to delete, as in docker://registry.example.com/app:1.2 or oci:DIR:REF
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,

    /// Delete a manifest also when other tags go with it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: DeleteArgs, global: &Global) -> anyhow::Result<Outcome> {
    // A mistake in the last name is found before the first image is gone.
    let names = args
        .images
        .iter()
        .map(|text| ImageName::parse(text).with_context(|| format!("reading the name `{text}`")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let access = args.registry.access(global, None, None)?;
    let patience = global.patience();
    let mut text = String::new();
    for (name, given) in names.iter().zip(&args.images) {
        let delete = async || transport::delete(name, &access, &patience, args.force).await;
        match args.retry.run(delete).await {
            Ok(deleted) => text += &words::lines(&deleted),
            Err(e) => {
                // What is gone is told, also when the next one stays.
                super::print(text.into()).await?;
                return Err(e).with_context(|| format!("deleting `{given}`"));
            }
        }
    }
    Ok(text.into())
}
