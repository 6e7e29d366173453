//! `barque diff`.

use clap::Args;
use serde_json::Value;

use super::flags::{Global, ImageFlags};
use super::{Outcome, names};
use crate::image::config::oci_struct_json;
use crate::image::{ImageConfig, ImageName};
use crate::open::OpenedImage;
use crate::report::diff::{DiffReport, File, LayerDiff, members, steps};
use crate::rootfs::{Layers, compare};
use crate::transport::Elsewhere;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  What a new version changes:
    barque diff docker://registry.example.com/app:1.1 \\
      docker://registry.example.com/app:1.2

  Config, history and layers alone, which reads no layer:
    barque diff --no-files oci:image:v1 docker://registry.example.com/app:1.2

  Fail in a script when two builds differ in any file:
    barque diff --exit-code oci:build-a:v1 oci:build-b:v1 > /dev/null";

/// Show what differs between two images: config, history, layers, files
///
/// Files are compared by type, mode, owner, size, link, extended attributes and content, and not by time. Layers that both images have at their
/// base are read once and not hashed; if all layers are the same, none is read.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// The first image, as in docker://alpine:3.20 or oci:DIR:REF
    #[arg(value_name = "A")]
    first: String,

    /// The second image
    #[arg(value_name = "B")]
    second: String,

    /// Do not compare files
    #[arg(long)]
    no_files: bool,

    /// End with exit code 1 if anything differs
    #[arg(long)]
    exit_code: bool,

    /// Print JSON in place of lines
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    from: ImageFlags,
}

/// What is read of an image before its layers.
struct Read {
    image: OpenedImage,
    layers: Layers,
    config: Value,
    history: Vec<String>,
}

pub(crate) async fn run(args: DiffArgs, global: &Global) -> Result<Outcome> {
    let (first, second) = (
        names::to_read(&args.first, global)?,
        names::to_read(&args.second, global)?,
    );
    let (context, wish) = args.from.reach(global)?;
    let read = async |name: &ImageName, text: &str| {
        let read = async {
            let image = OpenedImage::open(name, &context, &wish).await?;
            let layers = Layers::of(&image, Elsewhere::new(global.timeouts())).await?;
            let (mut config, mut history) = (Value::Null, Vec::new());
            if let Some(raw) = image.config().await? {
                config = oci_struct_json(&raw)?;
                let all = ImageConfig::parse(&raw)?.history.into_iter();
                history = all.map(|step| step.created_by).collect();
            }
            Ok::<_, Error>(Read {
                image,
                layers,
                config,
                history,
            })
        };
        read.await
            .map_err(|e| e.context(format!("reading `{text}`")))
    };
    let differ = async || {
        let (a, b) =
            futures_util::try_join!(read(&first, &args.first), read(&second, &args.second))?;
        let files = match args.no_files {
            true => None,
            false => {
                let changes = compare(&a.layers, &b.layers).await?;
                Some(changes.iter().map(File::of).collect())
            }
        };
        Ok(DiffReport {
            first: a.image.manifest().digest().clone(),
            second: b.image.manifest().digest().clone(),
            config: members(&a.config, &b.config),
            history: steps(&a.history, &b.history),
            layers: LayerDiff::new(a.layers.list(), b.layers.list()),
            files,
        })
    };
    let failed = |e: Error| e.context(format!("comparing `{}` and `{}`", args.first, args.second));
    let report = args.from.retry.run(differ).await.map_err(failed)?;
    let text = report.render(args.json);
    Ok(match args.exit_code && !report.is_same() {
        true => Outcome::Coded(text.into(), 1),
        false => text.into(),
    })
}
