//! `barque tags`.

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Outcome;
use super::flags::{Global, RegistryFlags};
use super::retry::RetryFlags;
use crate::image::{ImageName, V1Reference, parse_reference};
use crate::report::inspect::ListReport;
use crate::report::json;
use crate::transport::{Local, open_source};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  The tags of a repository as JSON:
    barque tags docker://registry.example.com/app

  The newest version by number:
    barque tags --plain docker://registry.example.com/app | sort -V | tail -n 1";

/// List the tags of a repository
///
/// Prints a JSON document as skopeo list-tags does, or with --plain one tag a line, page by page as they arrive.
/// The order is that of the registry.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TagsArgs {
    /// A repository, as in docker://alpine or quay.io/ns/name
    #[arg(value_name = "REPOSITORY")]
    repository: String,

    /// Print one tag a line
    #[arg(long)]
    plain: bool,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: TagsArgs, global: &Global) -> anyhow::Result<Outcome> {
    let name = repository(&args.repository)?;
    let access = args.registry.access(None)?;
    let source = open_source(&name, &access, &global.patience(), &Local::default()).await?;
    let text = args.repository.clone();
    let context =
        move |e: Error| anyhow::Error::from(e.context(format!("listing the tags of `{text}`")));
    if args.plain {
        // The source lives as long as its pages are read.
        let pages = async_pages(source);
        let lines = pages.map(move |page| {
            page.map(|tags| {
                tags.iter()
                    .map(|t| format!("{t}\n"))
                    .collect::<String>()
                    .into()
            })
            .map_err(&context)
        });
        return Ok(Outcome::Stream(lines.boxed_local()));
    }
    let repository = source.repository_name();
    let all = async || async_pages(source.clone()).try_concat().await;
    let tags = args.retry.run(all).await.map_err(context)?;
    Ok((json::to_go_json(&ListReport { repository, tags }) + "\n").into())
}

/// The pages of `source`'s tags, with the source kept alive while they are read.
fn async_pages(
    source: std::sync::Arc<dyn crate::transport::Source>,
) -> stream::BoxStream<'static, Result<Vec<String>>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let Some(mut pages) = source.tags() else {
            return;
        };
        while let Some(page) = pages.next().await {
            if sender.send(page).await.is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|page| (page, receiver))
    })
    .boxed()
}

/// The repository named; a tag or digest is a mistake here, as it is in skopeo.
fn repository(text: &str) -> Result<ImageName> {
    let local = ["oci:", "dir:", "oci-archive:", "docker-archive:"];
    if local.iter().any(|transport| text.starts_with(transport)) {
        return Err(Error::other(format!(
            "`{text}` is not in a registry; only repositories of registries have tags"
        )));
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
    let reference = parse_reference(text.strip_prefix("docker://").unwrap_or(text))?;
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
