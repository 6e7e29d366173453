//! `barque tags`.

use clap::Args;
use futures_util::{StreamExt, stream};

use super::Outcome;
use super::flags::{Global, RegistryFlags};
use super::names;
use super::retry::RetryFlags;
use crate::image::{ImageName, V1Reference, in_registry, is_local_transport};
use crate::open::{Tags, all_tags, open_tags};
use crate::report::failure::clean;
use crate::report::inspect::ListReport;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  The tags of a repository as JSON:
    barque tags docker://registry.example.com/app

  The newest version by number:
    barque tags --plain docker://registry.example.com/app | sort -V | tail -n 1

  The images in an archive of docker save:
    barque tags --plain docker-archive:images.tar";

/// Tags in one document.
const MOST: usize = 1_000_000;

/// List the tags of a repository, or the names of the images in an archive or layout
///
/// Prints a JSON document as skopeo list-tags does, or with --plain one tag a line, page by page as they arrive.
/// Tags are in the registry's order. For docker-archive:FILE, oci-archive:FILE and oci:DIR, lists the image names, with
/// @N for unnamed images.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TagsArgs {
    /// A repository, as in docker://alpine or quay.io/ns/name, or docker-archive:FILE, oci-archive:FILE or oci:DIR
    #[arg(value_name = "REPOSITORY")]
    pub(super) repository: String,

    /// Print one tag a line
    #[arg(long)]
    plain: bool,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: TagsArgs, global: &Global) -> Result<Outcome> {
    let name = place(&args.repository, global)?;
    let context = args.registry.context(global)?;
    let text = args.repository.clone();
    let failed = move |e: Error| e.context(format!("listing the tags of `{text}`"));
    let open = async || open_tags(&name, &context).await;
    if args.plain {
        let pages = open().await.map_err(&failed)?.pages;
        let lines = pages.map(move |page| {
            page.map(|tags| {
                tags.iter()
                    .map(|t| format!("{}\n", clean(t)))
                    .collect::<String>()
                    .into()
            })
            .map_err(&failed)
        });
        return Ok(Outcome::Stream(lines.boxed_local()));
    }
    let all = async || {
        let Tags { repository, pages } = open().await?;
        let tags = all_tags(pages, MOST, "`--plain` prints any number of them").await?;
        Ok(ListReport { repository, tags })
    };
    let report = args.retry.run(all).await.map_err(failed)?;
    let pieces = report.into_json().map(|piece| Ok(piece.into()));
    Ok(Outcome::Stream(stream::iter(pieces).boxed_local()))
}

/// What to list: a repository, where a tag or digest is a mistake as it is in skopeo, or an archive or layout.
fn place(text: &str, global: &Global) -> Result<ImageName> {
    let transport = text.split_once(':').map_or("", |(transport, _)| transport);
    if is_local_transport(transport) {
        return ImageName::parse(text);
    }
    if let Some(rest) = text.strip_prefix("docker-v1://") {
        let last = rest.rsplit('/').next().unwrap_or_default();
        let name = V1Reference::parse(rest)?;
        return match last.contains(':') && rest.contains('/') {
            true => Err(not_a_repository(
                text,
                &format!("docker-v1://{}/{}", name.registry, name.repository),
            )),
            false => Ok(ImageName::DockerV1(name)),
        };
    }
    let reference = match text.strip_prefix("docker://") {
        Some(name) => in_registry(name)?,
        None => match names::short_name(text, global)? {
            Some(reference) => reference,
            None => in_registry(text)?,
        },
    };
    if reference.tag.is_some() || reference.digest.is_some() {
        let bare = crate::image::Reference {
            tag: None,
            digest: None,
            ..reference
        };
        return Err(not_a_repository(
            text,
            &format!("docker://{}", bare.familiar()),
        ));
    }
    Ok(ImageName::Docker(reference))
}

fn not_a_repository(text: &str, bare: &str) -> Error {
    Error::other(format!("`{text}` names an image, not a repository"))
        .hint(format!("leave out tag and digest: `{bare}`"))
}
