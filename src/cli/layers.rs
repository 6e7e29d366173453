//! `barque layers`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::flags::{Global, PlaceFlags, PlatformFlag, RegistryFlags, SignatureFlags};
use super::retry::RetryFlags;
use super::{Outcome, Workers, image_to_read};
use crate::copy::{Chosen, check_signatures, choose_image, schema1_blobs, sized_blobs};
use crate::image::platform::check_config;
use crate::image::{DaemonImage, Descriptor, Digest, DigestError, ImageName, Selector, View};
use crate::report::inspect::needs_config;
use crate::report::layers::LayersReport;
use crate::report::sketch::SketchedLayers;
use crate::transport::{
    BlobBody, CONFIG_CAP, Source, Which, blob_store, is_spliced, open_source, read_all,
};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  See the layers without downloading them:
    barque layers --list docker://registry.example.com/app:1.2

  Download them into a directory of your choice:
    barque layers -o app-layers docker://registry.example.com/app:1.2

  Only the topmost layer:
    barque layers oci:image:v1 $(barque inspect -f '{{json .Layers}}' oci:image:v1 | jq -r '.[-1]')";

/// Layers that are fetched at once.
const IN_FLIGHT: usize = 8;

/// Download the layers of an image into a directory, or list them
///
/// Makes a fresh directory layers-NAME-TAG-RANDOM with manifest.json and one HEX.tar a layer, and prints its name.
/// The files are the layers as they are stored, mostly compressed; each has been checked against its digest.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LayersArgs {
    /// An image, as in docker://alpine:3.20, oci:DIR:REF or dir:DIR
    #[arg(value_name = "IMAGE")]
    image: String,

    /// Only these layers, with or without sha256: before the digits
    #[arg(value_name = "DIGEST")]
    digests: Vec<String>,

    /// Write into this directory, which must be new or empty
    #[arg(short, long, value_name = "DIR", conflicts_with = "list")]
    output: Option<PathBuf>,

    /// List the layers without downloading them
    #[arg(long)]
    list: bool,

    /// With --list, print JSON in place of a table
    #[arg(long, requires = "list")]
    json: bool,

    #[command(flatten)]
    signatures: SignatureFlags,

    #[command(flatten)]
    platform: PlatformFlag,
    #[command(flatten)]
    place: PlaceFlags,
    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(
    args: LayersArgs,
    global: &Global,
    workers: &Workers,
) -> anyhow::Result<Outcome> {
    let name = image_to_read(&args.image)?;
    let access = args.registry.access(None, None)?;
    let source = open_source(
        &name,
        &access,
        &global.patience(),
        &args.place.local(global, None),
    )
    .await?;
    let run = async || layers(&args, global, workers, &name, source.clone()).await;
    let done = args.retry.run(run).await;
    done.map_err(|e| {
        e.context(format!("reading the layers of `{}`", args.image))
            .into()
    })
}

async fn layers(
    args: &LayersArgs,
    global: &Global,
    workers: &Workers,
    name: &ImageName,
    source: Arc<dyn Source>,
) -> Result<Outcome> {
    let wish = global.platform(&args.platform)?;
    if args.list
        && args.digests.is_empty()
        && let Some(sketch) = source.sketch().await?
    {
        if let Some(top) = sketch.images.last() {
            check_config(top.image.raw(), &wish)?;
        }
        return Ok(SketchedLayers::new(&sketch).render(args.json).into());
    }
    let top = source.manifest(&Which::Named).await?;
    let Chosen {
        manifest,
        config: read,
    } = choose_image(&*source, &top, &wish).await?;
    let check = args.signatures.check();
    let named = manifest.digest() == top.digest();
    if let Some(warning) = check_signatures(&*source, &manifest, named, check)? {
        tracing::warn!("{warning}");
    }
    let view = match manifest.view()? {
        View::Schema1(schema1) => View::Schema1(schema1.fixed()?),
        other => other,
    };
    let config = needs_config(&view).cloned();
    let layers = match &view {
        View::Image(image) => &image.layers,
        View::Artifact(artifact) => &artifact.blobs,
        View::Schema1(schema1) => &schema1_blobs(schema1),
        View::Index(_) => {
            return Err(Error::other(
                "the chosen entry of the index is an index itself",
            ));
        }
    };
    let wanted = choose(layers, &args.digests)?;
    if args.list {
        let config = match (&config, read) {
            (Some(config), None) => {
                Some(read_all(source.blob(config, 0).await?, CONFIG_CAP).await?)
            }
            (_, read) => read,
        };
        let mut report = LayersReport::new(&view, config.as_deref())?;
        report
            .0
            .retain(|l| wanted.iter().any(|w| w.digest == l.digest));
        return Ok(report.render(args.json).into());
    }
    let wanted = match &view {
        View::Schema1(_) => sized_blobs(&*source, wanted).await?,
        _ => wanted,
    };
    let directory = Fresh::make(args.output.as_deref(), name)?;
    let path = directory.path.clone();
    let fetching = stream::iter(wanted)
        .map(move |layer| fetch(source.clone(), layer, path.clone()))
        .buffer_unordered(IN_FLIGHT);
    workers.run(fetching.try_collect::<()>()).await?;
    blob_store::write_document(
        &directory.path.join("manifest.json"),
        &directory.path,
        manifest.raw().clone(),
    )
    .await?;
    blob_store::sync_directory(&directory.path)?;
    Ok(format!("{}\n", directory.keep().display()).into())
}

async fn fetch(source: Arc<dyn Source>, layer: Descriptor, directory: PathBuf) -> Result<()> {
    let to = directory.join(format!("{}.tar", layer.digest.hex()));
    let wanted = layer.clone();
    let body = BlobBody::new(move |from| {
        let (source, layer) = (source.clone(), wanted.clone());
        Box::pin(async move { source.blob(&layer, from).await })
    });
    let write = || blob_store::write_blob(&to, &directory, &layer, &body);
    let written = match write().await {
        // B12: the answers of a resumed download did not fit together; one clean read from the start.
        Err(e) if is_spliced(&e) => write().await,
        other => other,
    };
    written.map(|_| ())
}

/// The layers meant by `digests`, each once; all when there are none.
fn choose(layers: &[Descriptor], digests: &[String]) -> Result<Vec<Descriptor>> {
    let mut chosen: Vec<Descriptor> = Vec::new();
    let mut add = |layer: &Descriptor| {
        if !chosen.iter().any(|c| c.digest == layer.digest) {
            chosen.push(layer.clone());
        }
    };
    for text in digests {
        let full = if text.contains(':') {
            text.clone()
        } else {
            format!("sha256:{text}")
        };
        let digest: Digest = full.parse().map_err(|e: DigestError| {
            Error::other(format!("`{text}` is not a layer's digest")).because(e)
        })?;
        let layer = layers.iter().find(|l| l.digest == digest);
        add(layer.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the image has no layer `{digest}`"))
                .hint("see its layers with `barque layers --list`")
        })?);
    }
    if digests.is_empty() {
        layers.iter().for_each(add);
    }
    Ok(chosen)
}

/// The directory that layers are written to; one of our making goes away again when the command fails.
struct Fresh {
    path: PathBuf,
    made: Option<tempfile::TempDir>,
}

impl Fresh {
    fn make(output: Option<&Path>, name: &ImageName) -> Result<Fresh> {
        let refused = |path: &Path, e: std::io::Error| {
            Error::new(
                Kind::Refused,
                format!("the directory `{}` cannot be made", path.display()),
            )
            .because(e)
        };
        let Some(path) = output else {
            let prefix = prefix(name);
            let made = tempfile::Builder::new()
                .prefix(&prefix)
                .rand_bytes(9)
                .tempdir_in(".")
                .map_err(|e| refused(Path::new(&prefix), e))?;
            // The name alone, as it is in the working directory: tempfile makes its paths absolute.
            let shown = made.path().file_name().unwrap_or_default();
            return Ok(Fresh {
                path: shown.into(),
                made: Some(made),
            });
        };
        std::fs::create_dir_all(path).map_err(|e| refused(path, e))?;
        let mut entries = std::fs::read_dir(path).map_err(|e| refused(path, e))?;
        if entries.next().is_some() {
            return Err(
                Error::new(Kind::Refused, format!("`{}` is not empty", path.display()))
                    .hint("choose a new or empty directory"),
            );
        }
        Ok(Fresh {
            path: path.to_owned(),
            made: None,
        })
    }

    fn keep(self) -> PathBuf {
        if let Some(made) = self.made {
            // The handle is let go of; the directory stays.
            let _ = made.keep();
        }
        self.path
    }
}

/// `layers-NAME-TAG-`, as skopeo's early command did.
fn prefix(name: &ImageName) -> String {
    let (image, tag) = match name {
        ImageName::Docker(reference) => {
            let tag = match (&reference.tag, &reference.digest) {
                (Some(tag), _) => tag.to_string(),
                (None, Some(digest)) => digest.short().to_owned(),
                (None, None) => "latest".to_owned(),
            };
            (reference.repository.name.to_string(), tag)
        }
        ImageName::DockerDaemon(DaemonImage::Named(reference)) => {
            return prefix(&ImageName::Docker(reference.clone()));
        }
        ImageName::DockerDaemon(DaemonImage::Id(id)) => ("image".to_owned(), id.short().to_owned()),
        ImageName::DockerV1(reference) => {
            (reference.repository.to_string(), reference.tag.to_string())
        }
        ImageName::Oci {
            path,
            selector: Selector::Named(tag),
        } => (base(path), tag.clone()),
        ImageName::Oci { path, .. }
        | ImageName::OciArchive { path, .. }
        | ImageName::DockerArchive { path, .. }
        | ImageName::Dir { path } => (base(path), "latest".to_owned()),
    };
    format!("layers-{image}-{tag}-").replace(['/', ':'], "-")
}

fn base(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "image".to_owned(), |n| n.to_string_lossy().into_owned())
}
