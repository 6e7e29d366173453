//! Sigstore bundles that a copy takes along unasked, as it does with other signatures: the source knows them without a
//! request, or registries.d says that sigstore signatures are kept in the repository.
//!
//! Here they are found; [`super::attached`] copies them with what else is attached. Nothing here checks one.

use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::attached::{AT_ONCE, Bundles, Subjects};
use crate::copy::options::Sides;
use crate::copy::reading;
use crate::image::Digest;
use crate::open::{Attached, Referrers, with_types};
use crate::transport::{Attachment, Source};
use crate::{Kind, Result};

/// The bundles that refer to `subjects` of `source`.
pub(super) async fn find(subjects: &Subjects, sides: Sides<'_>) -> Result<Bundles> {
    let (source, options) = (sides.source, sides.options);
    // All referrers include the bundles.
    if options.leave_signatures || options.attachments.referrers == Referrers::All {
        return Ok(Bundles::default());
    }
    let found = try_join(
        of_all(source, &subjects.unchanged),
        of_all(source, &subjects.changed),
    );
    let (unchanged, changed) = found.await.map_err(reading)?;
    Ok(Bundles { unchanged, changed })
}

async fn of_all(source: &dyn Source, subjects: &[Digest]) -> Result<Vec<Attached>> {
    let lists = subjects.iter().map(|of| of_one(source, of));
    let lists = stream::iter(lists.collect::<Vec<_>>()).buffered(AT_ONCE);
    lists.try_concat().await
}

async fn of_one(source: &dyn Source, of: &Digest) -> Result<Vec<Attached>> {
    let listed = match source.bundles_to_copy(of).await {
        Err(e) if e.kind() == Kind::NotAllowed => {
            tracing::warn!("signatures of `{of}` may be left behind: {e:#}");
            return Ok(Vec::new());
        }
        listed => listed?,
    };
    let described = with_types(source, listed).await?.into_iter();
    let bundles = described.filter(|(entry, _)| entry.is_sigstore_bundle());
    let attached = bundles.map(|(entry, manifest)| Attached {
        entry,
        subject: of.clone(),
        how: Attachment::Referrer,
        depth: 0,
        manifest,
    });
    Ok(attached.collect())
}
