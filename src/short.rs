//! The short forms: the most common operations, each one call.
//!
//! They do what the commands of the same name do without any flag, and so go by the logins, mirrors, blocked registries and
//! policy of this machine. What they leave out is in the rooms: options and progress of a copy in [`mod@crate::copy`], other
//! credentials in [`crate::settings`], the files of an image in [`crate::rootfs`].

use std::sync::Arc;

use crate::copy::{self, CopyOptions, CopyReport, Quiet};
use crate::image::{ImageName, PlatformRequest};
use crate::open::{Admission, OpenedImage, all_tags, open_destination, open_source, open_tags};
use crate::settings::Context;
use crate::trust::Gate;
use crate::{Error, Result};

/// Tags that [`tags`] collects at most.
const MOST_TAGS: usize = 1_000_000;

/// Copies the image `source` to `destination`, both named as on the command line: of an image for several platforms, the
/// one of this machine. Layers that are there are not copied again.
///
/// # Errors
/// For a name that is not valid; [`Kind::NotAllowed`](crate::Kind::NotAllowed) where the policy of this machine refuses the
/// image; and those of either side. [`Error::kind`] tells them apart.
///
/// # Examples
/// ```
/// # let rt = tokio::runtime::Runtime::new().unwrap();
/// # let dir = tempfile::tempdir().unwrap();
/// # let layout = format!("oci:{}", dir.path().display());
/// # rt.block_on(async {
/// let report = barque::copy("oci:tests/fixtures/layout:multi", &format!("{layout}:copy")).await?;
/// println!("{} has {}", report.destination, report.digest);
/// # assert_eq!(barque::tags(&layout).await?, ["copy"]);
/// # Ok::<(), barque::Error>(())
/// # }).unwrap();
/// ```
pub async fn copy(source: &str, destination: &str) -> Result<CopyReport> {
    let context = Context::of_machine()?;
    let (from, to) = (ImageName::parse(source)?, ImageName::parse(destination)?);
    let doing = |e: Error| e.context(format!("copying `{source}` to `{destination}`"));
    let copying = async {
        let source = open_source(&from, &context).await?;
        let destination = open_destination(&to, &context).await?;
        let admission = Admission {
            gate: Arc::new(Gate::of_machine(None)?),
            image: from.clone(),
        };
        let options = CopyOptions::default().with_admission(admission);
        let planned = copy::plan(source, destination, options).await?;
        planned.run(Arc::new(Quiet)).await
    };
    copying.await.map_err(doing)
}

/// Opens the image `name`, named as on the command line, to be looked at: its manifest, its config, its layers. Of an
/// image for several platforms, the one of this machine.
///
/// # Errors
/// For a name that is not valid, and those of the place.
///
/// # Examples
/// ```
/// # let rt = tokio::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let image = barque::inspect("oci:tests/fixtures/layout:multi").await?;
/// println!("{} with {} layers", image.manifest().digest(), image.layers().await?.len());
/// # assert!(image.config().await?.is_some());
/// # Ok::<(), barque::Error>(())
/// # }).unwrap();
/// ```
pub async fn inspect(name: &str) -> Result<OpenedImage> {
    let context = Context::of_machine()?;
    OpenedImage::open(
        &ImageName::parse(name)?,
        &context,
        &PlatformRequest::default(),
    )
    .await
}

/// The tags of the repository `name`, or the names of the images in an archive or layout, as `barque tags` lists them.
///
/// # Errors
/// For a name that is not valid, a place that has no tags, and those of the place; an error for more than a million tags,
/// which [`open_tags`] gives page by page.
///
/// # Examples
/// ```
/// # let rt = tokio::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(barque::tags("oci:tests/fixtures/layout").await?.contains(&"multi".to_owned()));
/// # Ok::<(), barque::Error>(())
/// # }).unwrap();
/// ```
pub async fn tags(name: &str) -> Result<Vec<String>> {
    let context = Context::of_machine()?;
    let tags = open_tags(&ImageName::parse(name)?, &context).await?;
    let hint = "read them page by page with `open::open_tags`";
    all_tags(tags.pages, MOST_TAGS, hint).await
}
