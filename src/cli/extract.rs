//! `barque extract`.

use std::path::PathBuf;

use clap::Args;

use super::flags::{ImageFlags, IndexFlag};
use super::workers::Call;
use super::{Outcome, names};
use crate::open::OpenedImage;
use crate::report::extract as words;
use crate::rootfs::{ExtractOptions, ImagePath, Layers, extract};
use crate::transport::Elsewhere;
use crate::{Error, Result, platform};

const EXAMPLES: &str = "\
Examples:
  The whole root file system into a new directory:
    barque extract -C rootfs docker://registry.example.com/app:1.2

  One program and the licenses, below the working directory:
    barque extract oci:image:v1 /usr/bin/app /usr/share/licenses";

/// Write the files of an image into a directory
///
/// Unpacks all layers as a runtime does, or only the given files and directories with all below them. Nothing is written
/// outside of the directory, whatever the image says, and nothing appears in it before all layers were checked against
/// their digests.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ExtractArgs {
    /// An image, as in docker://alpine:3.20, oci:DIR:REF or dir:DIR
    #[arg(value_name = "IMAGE")]
    image: String,

    /// Files and directories in the image [default: all]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,

    /// Write into this directory, which is made if it is not there [default: the working directory]
    #[arg(short = 'C', long, value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Replace files that are in the directory already
    #[arg(long)]
    overwrite: bool,

    /// As root, make root the owner of all files in place of the owners that the image names
    #[arg(long)]
    no_same_owner: bool,

    /// Print nothing to stderr but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    index: IndexFlag,
    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: ExtractArgs, call: &Call<'_>) -> Result<Outcome> {
    let name = names::to_read(&args.image, call.global)?;
    let (context, wish) = args.from.reach(call.global)?;
    let paths = args
        .paths
        .iter()
        .map(|path| ImagePath::parse(path.as_bytes()));
    let paths = paths.collect::<Result<Vec<_>>>();
    let options = ExtractOptions {
        paths: paths.map_err(|e| Error::other(e.to_string()))?,
        owners: platform::is_root() && !args.no_same_owner,
        overwrite: args.overwrite,
    };
    let to = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let run = async || {
        let image = OpenedImage::open(&name, &context, &wish).await?;
        call.global.trust.admit(&name, &image).await?;
        let layers = Layers::of(&image, Elsewhere::new(call.global.timeouts())).await?;
        let layers = layers.with_indexes(args.index.index.clone());
        let (to, options) = (to.clone(), options.clone());
        call.workers
            .run(async move { extract(&layers, &to, &options).await })
            .await
    };
    let failed = |e: Error| e.context(format!("extracting `{}`", args.image));
    let done = args.from.retry.run(run).await.map_err(failed)?;
    words::warn_of_skipped(&done);
    if !args.quiet {
        words::print_summary(&done, &to, call.screen);
    }
    Ok(Outcome::Nothing)
}
