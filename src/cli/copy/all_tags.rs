//! `barque copy --all-tags`: each tag of a repository, or each named image of a layout or archive.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::CopyArgs;
use super::several::{self, Said, Sides};
use crate::cli::workers::Call;
use crate::cli::{Outcome, names};
use crate::copy::{BlobLocations, CopyOptions, Referrers};
use crate::image::{
    ImageName, Reference, Selector, Tag, in_registry, is_digest_tag, is_referrers_tag,
};
use crate::open::{all_tags, open_tags};
use crate::report::progress;
use crate::settings::{Context, Kept};
use crate::{Error, Result};

/// Images in work at a time.
pub(super) const AT_ONCE: usize = 4;
/// Tags of a repository that one command copies.
const MOST: usize = 100_000;

/// Copies the images of all tags. A tag that fails does not stop the others.
pub(super) async fn run(
    args: &CopyArgs,
    sides: Sides<'_>,
    mut want: CopyOptions,
    call: &Call<'_>,
) -> Result<Outcome> {
    is_whole(sides.source)?;
    for name in sides.destinations {
        is_whole(name)?;
        if matches!(name, ImageName::OciArchive { .. }) {
            let text = format!("`{name}` is written for one image at a time");
            return Err(Error::other(text).hint("copy all tags to `oci:DIR`, and that as a tar"));
        }
    }
    let listed = async || {
        let tags = open_tags(sides.source, sides.from).await?;
        all_tags(tags.pages, MOST, "mirror a part of them with `barque sync`").await
    };
    let failed = |e: Error| e.context(format!("listing the tags of `{}`", args.source));
    let tags = args.sides.retry.run(listed).await.map_err(failed)?;
    let (of_digests, tags): (Vec<String>, Vec<String>) = tags
        .into_iter()
        .filter(|tag| !tag.starts_with('@'))
        .partition(|tag| is_digest_tag(tag));
    if tags.is_empty() {
        let text = format!("`{}` has no tags", args.source);
        return Err(Error::not_found(text));
    }
    let listener = progress::listener(args.quiet, call.screen);
    note_left_behind(&of_digests, &want, |text| listener.note(text));
    let known: HashSet<Tag> = of_digests
        .iter()
        .filter_map(|tag| tag.parse().ok())
        .collect();
    want.attachments.tags = Some(Arc::new(known));
    // The tags of a repository share layers: what one of them brings is there for the others, and is not written again.
    want.locations = Some(BlobLocations::new());
    let (from, to) = (keeping(sides.from), keeping(sides.to));
    let sides = Sides {
        from: &from,
        to: &to,
        ..sides
    };
    let copies = tags.iter().map(|tag| {
        let (want, sides) = (want.clone(), &sides);
        async move { copy_tag(args, sides, tag, want, call).await }
    });
    let copies: Vec<_> = copies.collect();
    let said: Vec<_> = stream::iter(copies).buffered(AT_ONCE).collect().await;
    let each = |said: Result<_>| said.unwrap_or_else(|e| vec![Err(e)]);
    several::ended(args, said.into_iter().flat_map(each).collect())
}

/// `context` with connections and tokens that all images share.
pub(super) fn keeping(context: &Context) -> Context {
    Context {
        kept: Kept::new(),
        ..context.clone()
    }
}

/// Copies the image `tag` to all destinations; a line for each, or its error.
async fn copy_tag(
    args: &CopyArgs,
    sides: &Sides<'_>,
    tag: &str,
    mut want: CopyOptions,
    call: &Call<'_>,
) -> Result<Vec<Result<Said>>> {
    let source = with_tag(sides.source, tag)?;
    // The policy may have rules for one tag.
    want.admission = Some(call.global.trust.admission(&source)?);
    let destinations = sides.destinations.iter().map(|name| with_tag(name, tag));
    let destinations: Vec<ImageName> = destinations.collect::<Result<_>>()?;
    let sides = Sides {
        source: &source,
        from: sides.from,
        destinations: &destinations,
        to: sides.to,
    };
    several::said(args, &sides, &want, call).await
}

/// Notes what the list of tags shows of referrers and cosign's signatures that are not wanted.
fn note_left_behind(of_digests: &[String], want: &CopyOptions, note: impl Fn(&str)) {
    let is_list = |tag: &&String| is_referrers_tag(tag);
    let lists = of_digests.iter().filter(is_list).count();
    let of_cosign = of_digests.len() - lists;
    if lists > 0 && want.attachments.referrers == Referrers::None {
        note(&format!(
            "{lists} lists of referrers are left behind; `--referrers all` copies what they list"
        ));
    }
    if of_cosign > 0 && !want.attachments.cosign_tags {
        note(&format!(
            "{of_cosign} of cosign's tags are left behind; `--cosign-tags` copies them"
        ));
    }
}

/// Reads the name of a repository, layout or archive as a whole: a repository gets no default tag.
pub(super) fn place(text: &str) -> Result<ImageName> {
    match text.strip_prefix("docker://") {
        Some(rest) => in_registry(rest).map(ImageName::Docker),
        None => names::in_full(text),
    }
}

/// Checks that `name` is a repository, layout or archive as a whole.
fn is_whole(name: &ImageName) -> Result<()> {
    let hint = match name {
        ImageName::Docker(Reference { tag, digest, .. }) => {
            match tag.is_none() && digest.is_none() {
                true => return Ok(()),
                false => "leave out tag and digest",
            }
        }
        ImageName::Oci { selector, .. } | ImageName::OciArchive { selector, .. } => {
            match selector {
                Selector::Only => return Ok(()),
                _ => "leave out the name of the image",
            }
        }
        _ => "it goes with `docker://`, `oci:` and `oci-archive:`",
    };
    let text = format!("`--all-tags`: `{name}` is not a repository, layout or archive of a layout");
    Err(Error::other(text).hint(hint))
}

/// The image `tag` at the place `name`.
fn with_tag(name: &ImageName, tag: &str) -> Result<ImageName> {
    let selector = Selector::Named(tag.to_owned());
    Ok(match name.clone() {
        ImageName::Docker(reference) => ImageName::Docker(Reference {
            tag: Some(tag_of(tag)?),
            ..reference
        }),
        other => other.selecting(selector),
    })
}

/// The tag for the image that a layout calls `name`, which may be a full name.
fn tag_of(name: &str) -> Result<Tag> {
    let full = || name.parse::<Reference>().ok()?.tag;
    let tag = name.parse().ok().or_else(full);
    tag.ok_or_else(|| Error::other(format!("`{name}` is not a tag")))
}
