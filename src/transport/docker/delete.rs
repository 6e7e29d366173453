//! Deletes an image from a registry: its tag alone where the registry can do that, else its manifest, once it is
//! known that no other tag goes with it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::signatures;
use crate::image::{Digest, Manifest, Reference, Tag, is_referrers_tag};
use crate::registry::v2::{RepositoryClient, TagOrDigest};
use crate::registry::{Actions, ApiError, Client, has_no_v2, may_have_gone};
use crate::settings::Context;
use crate::transport::Deleted;
use crate::{Error, Kind, Result};

/// Tags whose digests are asked for at once.
const ASKED_AT_ONCE: usize = 16;
/// Tags that a message lists.
const LISTED: usize = 20;

/// Deletes the tag on a server that does not speak V2, after an error; returns that error if the server speaks nothing
/// older either.
pub(crate) type Older<'a> =
    &'a (dyn Fn(RepositoryClient, Error) -> BoxFuture<'a, Result<Deleted>> + Send + Sync);

/// Deletes `reference`; see [`crate::open::delete`]. `older` is asked if the server does not speak V2.
pub(crate) async fn delete(
    reference: &Reference,
    context: &Context,
    force: bool,
    older: Older<'_>,
) -> Result<Deleted> {
    let registry = &reference.repository.registry;
    let place = Place {
        repository: Arc::new(Client::of(registry, context))
            .repository(&reference.repository.name, Actions::PullDelete),
        reference,
    };
    let (digest, own) = match &reference.digest {
        Some(digest) => (digest.clone(), None),
        None if context.as_skopeo => {
            let tag = reference.tag.clone().unwrap_or_else(Tag::latest);
            let digest = place.digest(&tag).await?;
            (digest.ok_or_else(|| place.no_such_tag(&tag))?, Some(tag))
        }
        None => {
            let tag = reference.tag.clone().unwrap_or_else(Tag::latest);
            let which = TagOrDigest::Tag(tag.clone());
            match place.remove(&which).await {
                Ok(()) => return Ok(place.deleted(vec![which])),
                // R8: old registries delete by digest only, and say so in various ways.
                Err(e) if knows_no_tags(&e) => match place.digest(&tag).await? {
                    Some(digest) => {
                        tracing::debug!("{e:#}; deleting the manifest of the tag");
                        (digest, Some(tag))
                    }
                    None if e.kind() != Kind::NotFound => return Err(place.no_such_tag(&tag)),
                    None => {
                        let older = match has_no_v2(&e) {
                            true => older(place.repository.clone(), e).await,
                            false => Err(e),
                        };
                        return match older {
                            // It went with a try whose answer was lost, where the registry is one of V2.
                            Err(e)
                                if may_have_gone(&e)
                                    && (!has_no_v2(&e)
                                        || place.repository.client().speaks_v2().await?) =>
                            {
                                Ok(place.deleted(vec![which]))
                            }
                            older => older,
                        };
                    }
                },
                Err(e) => return Err(e),
            }
        }
    };
    let (others, may_be_listed) = match force {
        true => (Vec::new(), true),
        false => place.tags_of(&digest, own.as_ref()).await?,
    };
    if !others.is_empty() {
        return Err(place.shared(&digest, own.as_ref(), &others));
    }
    let manifest = match may_be_listed {
        true => place.manifest(&TagOrDigest::Digest(digest.clone())).await,
        false => None,
    };
    place.remove_unlisted(&digest, manifest.as_ref()).await?;
    signatures::forget(reference, context, &digest).await?;
    let named = own.map(TagOrDigest::Tag).into_iter();
    Ok(place.deleted(named.chain([TagOrDigest::Digest(digest)]).collect()))
}

/// Whether a registry may have refused `e` for being asked to delete a tag. One that says "not found" may not have
/// understood either.
fn knows_no_tags(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| matches!(a.status.as_u16(), 400 | 404 | 405 | 415 | 501))
}

/// The image in its registry.
struct Place<'a> {
    repository: RepositoryClient,
    reference: &'a Reference,
}

impl Place<'_> {
    async fn remove(&self, which: &TagOrDigest) -> Result<()> {
        self.repository.delete_manifest(which).await
    }

    async fn digest(&self, tag: &Tag) -> Result<Option<Digest>> {
        let which = TagOrDigest::Tag(tag.clone());
        self.repository.manifest_digest(&which, false).await
    }

    /// The manifest `which`, if it can be read.
    async fn manifest(&self, which: &TagOrDigest) -> Option<Manifest> {
        let got = self.repository.get_manifest(which);
        got.await.inspect_err(|e| tracing::debug!("{e:#}")).ok()
    }

    /// Deletes the manifest `digest`, which is `manifest` if it may be listed as a referrer. It is taken out of the list at
    /// the tag first: with an entry whose manifest is gone, registries do not take the list of another writer. R7: a list
    /// that cannot be changed is only a warning.
    async fn remove_unlisted(&self, digest: &Digest, manifest: Option<&Manifest>) -> Result<()> {
        let which = TagOrDigest::Digest(digest.clone());
        let Some(manifest) = manifest else {
            return self.remove(&which).await;
        };
        let repository = self.repository.with_actions(Actions::PullPush);
        let was_listed = match repository.unlist_referrer(manifest, digest).await {
            Ok(was_listed) => was_listed,
            Err(e) => {
                tracing::warn!("`{digest}` stays listed as a referrer: {e:#}");
                false
            }
        };
        let removed = self.remove(&which).await;
        if removed.is_err()
            && was_listed
            && let Err(e) = repository.list_referrer(manifest, digest).await
        {
            tracing::warn!("{e:#}");
        }
        removed
    }

    /// The tags that stand for `digest`, without `own`; and whether there are tags at which referrers are listed.
    async fn tags_of(&self, digest: &Digest, own: Option<&Tag>) -> Result<(Vec<Tag>, bool)> {
        // L8, L13: some registries list nothing. That says nothing of the image.
        let unknown = |e: Error| {
            let kind = match e.kind() {
                Kind::Unavailable => Kind::Unavailable,
                _ => Kind::Refused,
            };
            let text = format!("it is not known which other tags would go with it: {e}");
            Error::new(kind, text).hint("with `--force` it is deleted whatever other tags it has")
        };
        let repository = self.repository.with_actions(Actions::Pull);
        let tags: Vec<Tag> = repository.tags().try_concat().await.map_err(unknown)?;
        let lists_referrers = tags.iter().any(|tag| is_referrers_tag(tag.as_str()));
        let tags = tags.into_iter();
        let asked = tags.filter(|tag| Some(tag) != own).map(|tag| async move {
            let same = self.digest(&tag).await?.as_ref() == Some(digest);
            Ok(same.then_some(tag))
        });
        let asked: Vec<_> = asked.collect();
        let found: Vec<Option<Tag>> = stream::iter(asked)
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await
            .map_err(unknown)?;
        Ok((found.into_iter().flatten().collect(), lists_referrers))
    }

    fn shared(&self, digest: &Digest, own: Option<&Tag>, others: &[Tag]) -> Error {
        let mut list: Vec<_> = others
            .iter()
            .take(LISTED)
            .map(|t| format!("`{t}`"))
            .collect();
        if others.len() > LISTED {
            list.push(format!("and {} more", others.len() - LISTED));
        }
        let list = list.join(", ");
        let text = match own {
            Some(_) => format!(
                "this registry cannot delete a single tag, and deleting the manifest `{digest}` would also remove: {list}"
            ),
            None => format!("deleting the manifest `{digest}` would also remove the tags: {list}"),
        };
        Error::refused(text).hint("use `--force` to delete them all")
    }

    fn no_such_tag(&self, tag: &Tag) -> Error {
        let repository = &self.reference.repository;
        let text = format!("`docker://{repository}` has no tag `{tag}`");
        Error::not_found(text).hint(format!(
            "list what there is with `barque tags docker://{repository}`"
        ))
    }

    fn deleted(&self, which: Vec<TagOrDigest>) -> Deleted {
        let repository = &self.reference.repository;
        let name = |which: &TagOrDigest| match which {
            TagOrDigest::Tag(tag) => format!("docker://{repository}:{tag}"),
            TagOrDigest::Digest(digest) => format!("docker://{repository}@{digest}"),
        };
        Deleted {
            names: which.iter().map(name).collect(),
            blobs: 0,
            bytes: 0,
        }
    }
}
