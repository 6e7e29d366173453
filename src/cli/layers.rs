//! `barque layers`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::flags::{ImageFlags, SignatureFlags};
use super::workers::Call;
use super::{Outcome, names, skopeo};
use crate::copy::{self, CopyOptions, CopyReport, sized_blobs};
use crate::image::platform::check_config;
use crate::image::{
    DaemonImage, Descriptor, Digest, DigestError, ImageName, Manifest, Selector, View,
};
use crate::open::{OpenedImage, open_source};
use crate::report::layers::LayersReport;
use crate::report::sketch::SketchedLayers;
use crate::report::{copy as words, progress};
use crate::transport::dir::DirDestination;
use crate::transport::{Destination, Elsewhere, LayerFiles, Source};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  See the layers without downloading them:
    barque layers --list docker://registry.example.com/app:1.2

  Download them into a directory of your choice:
    barque layers -o app-layers docker://registry.example.com/app:1.2

  Only the topmost layer:
    barque layers oci:image:v1 \\
      $(barque inspect -f '{{json .Layers}}' oci:image:v1 | jq -r '.[-1]')";

/// Download the layers of an image into a directory, or list them
///
/// Makes a new directory layers-NAME-TAG-RANDOM with manifest.json and one HEX.tar per layer, and prints its name. The
/// files are the layers as stored, usually compressed, and checked against their digests. A download that was
/// interrupted is continued by running the same command again.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LayersArgs {
    /// An image, as in docker://alpine:3.20, oci:DIR:REF or dir:DIR
    #[arg(value_name = "IMAGE")]
    pub(super) image: String,

    /// Only these layers, with or without sha256: before the digits
    #[arg(value_name = "DIGEST")]
    digests: Vec<String>,

    /// Write into this directory, which must be new, empty, or left by an interrupted download of the image
    #[arg(short, long, value_name = "DIR", conflicts_with = "list")]
    output: Option<PathBuf>,

    /// List the layers without downloading them
    #[arg(long)]
    list: bool,

    /// With --list, print JSON in place of a table
    #[arg(long, requires = "list")]
    json: bool,

    /// Print nothing to stderr but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    signatures: SignatureFlags,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: LayersArgs, call: &Call<'_>) -> Result<Outcome> {
    skopeo::deprecate_layers();
    let name = names::to_read(&args.image, call.global)?;
    let context = args.from.context(call.global)?;
    let source = open_source(&name, &context).await?;
    let run = async || layers(&args, call, &name, source.clone()).await;
    let done = args.from.retry.run(run).await;
    done.map_err(|e| e.context(format!("reading the layers of `{}`", args.image)))
}

async fn layers(
    args: &LayersArgs,
    call: &Call<'_>,
    name: &ImageName,
    source: Arc<dyn Source>,
) -> Result<Outcome> {
    let wish = call.global.platform(&args.from.platform)?;
    if args.list
        && args.digests.is_empty()
        && let Some(sketch) = source.sketch().await?
    {
        check_config(&sketch.config, &wish)?;
        return Ok(SketchedLayers::new(&sketch).render(args.json).into());
    }
    let image = OpenedImage::of(source.clone(), &wish).await?;
    if let Some(warning) = image.check_signatures(args.signatures.check())? {
        tracing::warn!("{warning}");
    }
    let manifest = image.manifest();
    let view = match image.view().clone() {
        View::Schema1(schema1) => View::Schema1(schema1.fixed()?),
        other => other,
    };
    let layers = match &view {
        View::Image(image) => &image.layers,
        View::Artifact(artifact) => &artifact.blobs,
        View::Schema1(schema1) => &schema1.blobs(),
        View::Index(_) => {
            return Err(Error::other(
                "the chosen entry of the index is an index itself",
            ));
        }
    };
    let wanted = choose(layers, &args.digests)?;
    if args.list {
        let config = image.config().await?;
        let mut report = LayersReport::new(&view, config.as_deref())?;
        report
            .0
            .retain(|l| wanted.iter().any(|w| w.digest == l.digest));
        return Ok(report.render(args.json).into());
    }
    call.global.trust.admit(name, &image).await?;
    let wanted = match &view {
        View::Schema1(_) => sized_blobs(&*source, wanted).await?,
        _ => wanted,
    };
    if skopeo::is_called() {
        return as_skopeo(args, call, source, &view, manifest, wanted).await;
    }
    let files = Arc::new(match &args.output {
        Some(path) => LayerFiles::open(path, manifest, layers)?,
        None => LayerFiles::fresh(&prefix(name), manifest, &wanted)?,
    });
    let written = write(args, call, source, files.clone(), manifest, wanted).await;
    if let Err(e) = &written {
        files.give_up(e);
    }
    let report = written?;
    if !args.quiet {
        words::print_summary(&report, call.screen);
    }
    Ok(format!("{}\n", files.path().display()).into())
}

/// Writes what skopeo writes: a `dir:` directory `layers-RANDOM` with the layers, and the config unless layers were chosen.
async fn as_skopeo(
    args: &LayersArgs,
    call: &Call<'_>,
    source: Arc<dyn Source>,
    view: &View,
    manifest: &Manifest,
    mut blobs: Vec<Descriptor>,
) -> Result<Outcome> {
    if let View::Image(image) = view
        && args.digests.is_empty()
    {
        blobs.push(image.config.clone());
    }
    let made = tempfile::Builder::new().prefix("layers-").tempdir_in(".");
    let made = made.map_err(|e| Error::refused("cannot make a directory here").because(e))?;
    let to = Arc::new(DirDestination::open(made.path()).await?);
    write(args, call, source, to, manifest, blobs).await?;
    let _ = made.keep();
    Ok(Outcome::Nothing)
}

async fn write(
    args: &LayersArgs,
    call: &Call<'_>,
    source: Arc<dyn Source>,
    files: Arc<dyn Destination>,
    manifest: &Manifest,
    wanted: Vec<Descriptor>,
) -> Result<CopyReport> {
    let listener = progress::listener(args.quiet, call.screen);
    let elsewhere = Arc::new(Elsewhere::new(call.global.timeouts()));
    let want = CopyOptions::as_it_is(call.global.platform(&args.from.platform)?, elsewhere);
    let planned = copy::plan_layers(source, files, manifest, wanted, want).await?;
    call.workers.run(planned.run(listener)).await
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
            Error::not_found(format!("the image has no layer `{digest}`"))
                .hint("see its layers with `barque layers --list`")
        })?);
    }
    if digests.is_empty() {
        layers.iter().for_each(add);
    }
    Ok(chosen)
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
        ImageName::ContainersStorage(image) => {
            let name = image.rsplit(']').next().unwrap_or_default();
            (
                name.rsplit('/').next().unwrap_or_default().to_owned(),
                "image".to_owned(),
            )
        }
        ImageName::DockerV1(reference) => {
            (reference.repository.to_string(), reference.tag.to_string())
        }
        ImageName::Tarball(files) => (
            base(files.first().map_or(Path::new(""), PathBuf::as_path)),
            "latest".to_owned(),
        ),
        ImageName::Oci {
            path,
            selector: Selector::Named(tag),
        } => (base(path), tag.clone()),
        other => (
            base(other.path().unwrap_or(Path::new(""))),
            "latest".to_owned(),
        ),
    };
    format!("layers-{image}-{tag}-").replace(['/', ':'], "-")
}

fn base(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "image".to_owned(), |n| n.to_string_lossy().into_owned())
}
