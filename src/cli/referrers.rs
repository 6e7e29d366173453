//! `barque referrers`.

use clap::Args;

use super::flags::{Global, ImageFlags};
use super::{Outcome, copy, names};
use crate::image::{ChosenBy, Descriptor, Digest, ImageName, View};
use crate::open::{Attachments, Referrers, attached_to, choose_image, open_source};
use crate::report::referrers::ReferrersReport;
use crate::report::template;
use crate::settings::Context;
use crate::transport::ManifestRef;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  What refers to an image:
    barque referrers docker://registry.example.com/app:1.2

  The digests of its SBOMs:
    barque referrers --artifact-type application/spdx+json --json \\
      docker://registry.example.com/app:1.2 | jq -r '.Referrers[].Digest'

  What refers to each image of an index, cosign's signatures among it:
    barque referrers --all --cosign-tags \\
      docker://registry.example.com/app:1.2";

/// List what refers to an image: signatures, SBOMs, attestations
///
/// Prints a tree on a terminal and a line of tab-separated cells (type, bytes, digest, subject, annotations) elsewhere. Of
/// an index, lists what refers to the index itself.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ReferrersArgs {
    /// An image in a registry, layout or archive of a layout, as in docker://alpine:3.20 or oci:DIR:REF
    #[arg(value_name = "IMAGE")]
    image: String,

    /// List only referrers of these artifact types, with what refers to them
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    artifact_type: Vec<String>,

    /// List what cosign keeps at tags made of the image's digest too
    #[arg(long)]
    cosign_tags: bool,

    /// List what refers to each image of an index too
    #[arg(short, long, conflicts_with = "platform")]
    all: bool,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Format the output with a Go template, as in '{{range .Referrers}}{{.Digest}} {{end}}'
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<String>,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: ReferrersArgs, global: &Global) -> Result<Outcome> {
    let context = args.from.context(global)?;
    let name = names::to_read(&args.image, global)?;
    let list = async || list(&args, &name, global, &context).await;
    let failed = |e: Error| e.context(format!("listing the referrers of `{}`", args.image));
    let report = args.from.retry.run(list).await.map_err(failed)?;
    match &args.format {
        None => Ok(report.render(args.json).into()),
        Some(format) => {
            let text = template::render(format, "barque referrers", &report, &template::REFERRERS)?;
            Ok(text.into())
        }
    }
}

async fn list(
    args: &ReferrersArgs,
    name: &ImageName,
    global: &Global,
    context: &Context,
) -> Result<ReferrersReport> {
    let wish = global.platform(&args.from.platform)?;
    let source = open_source(name, context).await?;
    let mut manifest = source.manifest(&ManifestRef::Named).await?;
    if source.offers().attachments.is_none() {
        let text = format!("`{}` has no place for referrers", source.name());
        let hint = "they are kept in registries, `oci:` layouts and `oci-archive:` files";
        return Err(Error::refused(text).hint(hint));
    }
    if wish.by != ChosenBy::Default {
        manifest = choose_image(&*source, &manifest, &wish).await?.manifest;
    }
    let entries: Option<Vec<Descriptor>> = match manifest.view()? {
        View::Index(index) if args.all => {
            let manifests = index.manifests.into_iter();
            Some(manifests.filter(|d| d.media_type.is_manifest()).collect())
        }
        _ => None,
    };
    let want = Attachments {
        referrers: match &args.artifact_type[..] {
            [] => Referrers::All,
            types => copy::artifact_types(types)?,
        },
        cosign_tags: args.cosign_tags,
        with_types: true,
        ..Attachments::default()
    };
    let below = entries.iter().flatten().map(|entry| entry.digest.clone());
    let subjects: Vec<Digest> = [manifest.digest().clone()]
        .into_iter()
        .chain(below)
        .collect();
    let found = attached_to(&*source, &subjects, &want).await?;
    let name = source.repository_name();
    Ok(ReferrersReport::new(
        name,
        &manifest,
        entries.as_deref(),
        found,
    ))
}
