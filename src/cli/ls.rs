//! `barque ls`.

use clap::Args;
use futures_util::{StreamExt, stream};

use super::flags::{Global, ImageFlags, IndexFlag};
use super::{Outcome, names};
use crate::image::Digest;
use crate::open::OpenedImage;
use crate::report::ls::{Form, Listing};
use crate::rootfs::{Found, ImagePath, Layers, merged};
use crate::transport::Elsewhere;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  What is in the root directory:
    barque ls docker://registry.example.com/app:1.2

  One directory, with modes, owners, sizes and times:
    barque ls -l oci:image:v1 /etc

  Several looks at a large image; only the first reads its layers whole:
    barque ls --index ~/.cache/indexes \\
      docker://registry.example.com/app:1.2 /usr/bin
    barque cat --index ~/.cache/indexes \\
      docker://registry.example.com/app:1.2 /etc/os-release

  The ten largest files:
    barque ls -R --json app.example.com/app:1 \\
      | jq -s 'sort_by(-(.Size // 0))[:10][].Path'";

/// List the files of an image
///
/// Reads the layers as they arrive, merges them as a runtime would, and lists the files of a directory by name. Nothing
/// is unpacked, and only indexes (--index) are written to disk. Control characters in names are escaped as GNU tar does
/// (\\n, \\033).
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LsArgs {
    /// An image, as in docker://alpine:3.20, oci:DIR:REF or dir:DIR
    #[arg(value_name = "IMAGE")]
    image: String,

    /// A directory or file in the image [default: /]
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// Show mode, user, group, size and time (UTC) before the name
    #[arg(short, long, conflicts_with_all = ["json", "tree"])]
    long: bool,

    /// List what is in the directories too, with full paths
    #[arg(short = 'R', long)]
    recursive: bool,

    /// Print a JSON document a file, one a line
    #[arg(long, conflicts_with = "tree")]
    json: bool,

    /// Draw a tree of all files below
    #[arg(long)]
    tree: bool,

    #[command(flatten)]
    index: IndexFlag,
    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: LsArgs, global: &Global) -> Result<Outcome> {
    let name = names::to_read(&args.image, global)?;
    let path = ImagePath::parse(args.path.as_deref().unwrap_or("/").as_bytes())
        .map_err(|e| Error::other(e.to_string()))?;
    let (context, wish) = args.from.reach(global)?;
    let form = match (args.long, args.json, args.tree) {
        (true, ..) => Form::Long,
        (_, true, _) => Form::Json,
        (.., true) => Form::Tree,
        _ => Form::Names,
    };
    let list = async || {
        let image = OpenedImage::open(&name, &context, &wish).await?;
        let layers = Layers::of(&image, Elsewhere::new(global.timeouts())).await?;
        let layers = layers.with_indexes(args.index.index.clone());
        let tree = merged(&layers).await?;
        let at = match tree.resolve(&path, true) {
            Found::There(id) => id,
            Found::Missing => {
                let text = format!("the image has no file `{path}`");
                return Err(Error::not_found(text));
            }
            Found::Circle => {
                let text = format!("the symbolic links of `{path}` lead in a circle");
                return Err(Error::corrupt(text));
            }
        };
        let digests: Vec<Digest> = layers.list().iter().map(|l| l.digest.clone()).collect();
        Ok(Listing::new(tree, at, form, args.recursive, digests))
    };
    let failed = |e: Error| e.context(format!("listing the files of `{}`", args.image));
    let listing = args.from.retry.run(list).await.map_err(failed)?;
    let pieces = stream::iter(listing.map(|text| Ok(text.into())));
    Ok(Outcome::Stream(pieces.boxed_local()))
}
