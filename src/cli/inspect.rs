//! `barque inspect`.

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};

use super::flags::{Global, PlaceFlags, PlatformFlag, RegistryFlags};
use super::retry::RetryFlags;
use super::{Outcome, image_to_read};
use crate::copy::choose_image;
use crate::image::{Manifest, PlatformWish, config};
use crate::report::inspect::{InspectReport, Inspected, needs_config};
use crate::report::{json, template};
use crate::transport::{Source, Which, open_source, read_all};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  What is behind a tag:
    barque inspect docker://registry.example.com/app:1.2

  The digest alone, without asking for the tags:
    barque inspect -n -f '{{.Digest}}' docker://registry.example.com/app:1.2

  The platforms of an index:
    barque inspect -n oci:image:multi | jq -r '.Platforms[]'

  The manifest as the registry has it:
    barque inspect --raw docker://registry.example.com/app:1.2 | sha256sum";

/// Images inspected at once.
const IN_FLIGHT: usize = 8;
/// Bytes of a config that are read.
const CONFIG_CAP: u64 = 4 << 20;

/// Show what an image is: digest, tags, labels, layers, environment
///
/// Prints a JSON document with the keys of skopeo inspect and some more. Of a multi-platform image one platform is
/// described; its manifests and config are read, no layer is.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    /// Images, as in docker://alpine:3.20 or oci:DIR:REF; several give several documents
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    /// Print the manifest byte for byte; with --config the config
    #[arg(long)]
    raw: bool,

    /// Print the config of the image as JSON
    #[arg(long)]
    config: bool,

    /// Print by this Go template, as in '{{.Digest}}' or '{{json .Labels}}'
    #[arg(short, long, value_name = "TEMPLATE", conflicts_with = "raw")]
    format: Option<String>,

    /// Leave the tags of the repository out, and do not ask for them
    #[arg(short, long)]
    no_tags: bool,

    #[command(flatten)]
    platform: PlatformFlag,
    #[command(flatten)]
    place: PlaceFlags,
    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: InspectArgs, global: &Global) -> anyhow::Result<Outcome> {
    let access = args.registry.access(None)?;
    let wish = global.platform(&args.platform)?;
    let patience = global.patience();
    // A name that cannot be read is a mistake of the whole call; a place that cannot be opened is one image's.
    let mut jobs = Vec::new();
    for text in &args.images {
        jobs.push((text.clone(), image_to_read(text)?));
    }
    let local = args.place.local(global, None);
    let what = std::sync::Arc::new((args, wish, access, patience, local));
    let documents = futures_util::stream::iter(jobs).map(move |(text, name)| {
        let what = what.clone();
        async move {
            let (args, wish, access, patience, local) = &*what;
            let shown = args.retry.run(async || {
                let source = open_source(&name, access, patience, local).await?;
                inspect(&*source, args, wish).await
            });
            let shown = shown.await;
            shown.map_err(|e| e.context(format!("inspecting `{text}`")).into())
        }
    });
    Ok(Outcome::Stream(documents.buffered(IN_FLIGHT).boxed_local()))
}

async fn inspect(source: &dyn Source, args: &InspectArgs, wish: &PlatformWish) -> Result<Bytes> {
    if args.raw && !args.config {
        return Ok(source.manifest(&Which::Named).await?.raw().clone());
    }
    if args.config {
        let top = source.manifest(&Which::Named).await?;
        let image = choose_image(source, &top, wish).await?;
        let config = config_of(source, &image).await?.ok_or_else(no_config)?;
        if args.raw {
            return Ok(config);
        }
        let document = config::oci_struct_json(&config)?;
        return shown(&document, args.format.as_deref(), &template::CONFIG);
    }
    let ((top, image, config), tags) =
        futures_util::try_join!(described(source, wish), tags(source, args.no_tags))?;
    // Only now: where the image cannot be read either, that error says it all.
    if tags.is_none() {
        tracing::warn!(
            "the registry does not list the tags of `{}`; `--no-tags` leaves them out",
            source.name()
        );
    }
    let report = InspectReport::new(Inspected {
        name: source.repository_name(),
        top: &top,
        image: &image,
        config: config.as_deref(),
        tags: tags.unwrap_or_default(),
    })?;
    shown(&report, args.format.as_deref(), &template::INSPECT)
}

fn shown(
    document: &impl serde::Serialize,
    format: Option<&str>,
    shape: &template::Shape,
) -> Result<Bytes> {
    let text = match format {
        None => json::to_go_json(document) + "\n",
        Some(format) => template::render(format, "barque inspect", document, shape)?,
    };
    Ok(text.into())
}

/// The manifest of the name, that of the chosen image, and its config where it has one.
async fn described(
    source: &dyn Source,
    wish: &PlatformWish,
) -> Result<(Manifest, Manifest, Option<Bytes>)> {
    let top = source.manifest(&Which::Named).await?;
    let image = choose_image(source, &top, wish).await?;
    let config = config_of(source, &image).await?;
    Ok((top, image, config))
}

async fn config_of(source: &dyn Source, image: &Manifest) -> Result<Option<Bytes>> {
    let view = image.view()?;
    match needs_config(&view) {
        Some(config) => Ok(Some(
            read_all(source.blob(config, 0).await?, CONFIG_CAP).await?,
        )),
        None => Ok(None),
    }
}

fn no_config() -> Error {
    Error::other("this is an artifact without the config of an image")
        .hint("see what it is with `barque inspect --raw`")
}

/// The tags beside the image. A registry that lists none to us (`None`) does not spoil the rest (quirk L8).
async fn tags(source: &dyn Source, skip: bool) -> Result<Option<Vec<String>>> {
    let pages = match source.tags() {
        Some(pages) if !skip => pages,
        _ => return Ok(Some(Vec::new())),
    };
    match pages.try_concat().await {
        Ok(tags) => Ok(Some(tags)),
        Err(e) if matches!(e.kind(), Kind::NotFound | Kind::NotAllowed) => {
            tracing::debug!("{e}");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}
