//! `barque cat`.

use clap::Args;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::flags::{Global, ImageFlags, IndexFlag};
use super::{Outcome, names};
use crate::open::OpenedImage;
use crate::rootfs::{CatOptions, ImagePath, Layers, cat};
use crate::transport::Elsewhere;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  Which distribution an image is of:
    barque cat docker://registry.example.com/app:1.2 /etc/os-release

  A program out of an image, checked against the digest of its layer:
    barque cat --verify oci:image:v1 /usr/bin/app > app";

/// Pieces on their way to standard output.
const IN_FLIGHT: usize = 4;

/// Print a file of an image
///
/// Follows symbolic links within the image. Layers are read from the top down, and only until the file is there; the
/// bytes that were not read of its layer are not checked either, unless --verify is given.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CatArgs {
    /// An image, as in docker://alpine:3.20, oci:DIR:REF or dir:DIR
    #[arg(value_name = "IMAGE")]
    image: String,

    /// A file in the image
    #[arg(value_name = "PATH")]
    path: String,

    /// Read the layer to its end, and fail if it does not match its digest
    #[arg(long)]
    verify: bool,

    #[command(flatten)]
    index: IndexFlag,
    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: CatArgs, global: &Global) -> Result<Outcome> {
    let name = names::to_read(&args.image, global)?;
    let path = ImagePath::parse(args.path.as_bytes()).map_err(|e| Error::other(e.to_string()))?;
    let (context, wish) = args.from.reach(global)?;
    let failed = {
        let (image, path) = (args.image.clone(), path.clone());
        move |e: Error| e.context(format!("reading `{path}` of `{image}`"))
    };
    // Once bytes were printed there is no second try.
    let open = async || {
        let image = OpenedImage::open(&name, &context, &wish).await?;
        let layers = Layers::of(&image, Elsewhere::new(global.timeouts())).await?;
        Ok(layers.with_indexes(args.index.index.clone()))
    };
    let layers = args.from.retry.run(open).await.map_err(&failed)?;
    let options = CatOptions {
        verify: args.verify,
    };
    let (out, pieces) = mpsc::channel(IN_FLIGHT);
    let mut reading = JoinSet::new();
    reading.spawn(async move { cat(&layers, &path, options, out).await });
    let pieces = stream::unfold((pieces, reading), move |(mut pieces, mut reading)| {
        let failed = failed.clone();
        async move {
            if let Some(piece) = pieces.recv().await {
                return Some((Ok(piece), (pieces, reading)));
            }
            let done = reading.join_next().await?;
            let done = done.unwrap_or_else(|e| Err(Error::other("reading was stopped").because(e)));
            Some((Err(failed(done.err()?)), (pieces, reading)))
        }
    });
    Ok(Outcome::Stream(pieces.boxed_local()))
}
