//! `barque copy SOURCE… DESTINATION`: several images to one place that holds them all, each named after its source.
//!
//! The images share connections and the table of blob locations, as those of `--all-tags` do. How they are called at the
//! destination is in [`below`].

mod below;

use std::collections::HashMap;

use futures_util::{StreamExt, stream};

use super::all_tags::{AT_ONCE, keeping};
use super::files::{is_once_only, is_piped};
use super::several::{self, Said, Sides};
use super::want::want;
use super::{CopyArgs, contexts};
use crate::cli::workers::Call;
use crate::cli::{Outcome, names};
use crate::copy::{BlobLocations, CopyOptions};
use crate::image::ImageName;
use crate::settings::Context;
use crate::{Error, Result};
use below::{Called, Holder};

/// A source, and where its image goes.
struct Job {
    source: ImageName,
    /// An error for an image whose name is not known or cannot be kept.
    destinations: Result<Vec<ImageName>>,
}

/// Copies the image of each source to each of the destinations. One that fails does not stop the others.
pub(super) async fn run(mut args: CopyArgs, call: &Call<'_>) -> Result<Outcome> {
    refuse_flags(&args)?;
    let (sources, holders) = read(&args)?;
    if sources.iter().any(is_once_only) {
        args.sides.retry.never();
    }
    let mut want = want(&args, None, call.global)?;
    want.signing = args.signing.signing().await?;
    // What one image brings is there for the others, and is not read or written again.
    want.locations = Some(BlobLocations::new());
    let (from, to) = contexts(&args, call.global)?;
    let (from, to) = (keeping(&from), keeping(&to));
    let jobs = jobs(sources, &holders, &from).await?;
    // An archive grows by one image at a time.
    let at_once = match holders.iter().any(Holder::is_archive) {
        true => 1,
        false => AT_ONCE,
    };
    let copies = jobs.into_iter().map(|job| {
        let (args, want, from, to) = (&args, want.clone(), &from, &to);
        async move {
            let said = async {
                let sides = Sides {
                    source: &job.source,
                    from,
                    destinations: &job.destinations?,
                    to,
                };
                copy(args, sides, want, call).await
            };
            said.await.unwrap_or_else(|e| vec![Err(e)])
        }
    });
    let copies: Vec<_> = copies.collect();
    let said: Vec<_> = stream::iter(copies).buffered(at_once).collect().await;
    several::ended(&args, said.into_iter().flatten().collect())
}

/// Copies one image. The value has a line for each destination, or its error.
async fn copy(
    args: &CopyArgs,
    sides: Sides<'_>,
    mut want: CopyOptions,
    call: &Call<'_>,
) -> Result<Vec<Result<Said>>> {
    want.admission = Some(call.global.trust.admission(sides.source)?);
    several::said(args, &sides, &want, call).await
}

/// Refuses flags that are about one image.
fn refuse_flags(args: &CopyArgs) -> Result<()> {
    let flags = [
        ("--all-tags", args.all_tags),
        ("--additional-tag", !args.additional_tag.is_empty()),
        ("--sign-identity", args.signing.has_identity()),
    ];
    match flags.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => {
            let text = format!("`{flag}` is for one source, and there are several");
            Err(Error::other(text).hint("copy that image by itself"))
        }
    }
}

/// The sources, and the destinations of `args`, which have to hold several images.
fn read(args: &CopyArgs) -> Result<(Vec<ImageName>, Vec<Holder>)> {
    let mut given = vec![&args.source, &args.destination];
    given.extend(&args.more);
    let destination = given.pop().unwrap_or(&args.destination);
    let mut holders = vec![Holder::read(destination)?];
    for text in &args.also_to {
        let holder = Holder::read(text);
        let holder = holder.map_err(|e| e.context("reading the name after `--also-to`"))?;
        if holders.contains(&holder) {
            let text = format!("`{text}` is given twice as a destination");
            return Err(Error::other(text));
        }
        holders.push(holder);
    }
    let source = |text: &&String| {
        let name = names::in_full(text);
        name.map_err(|e| e.context("reading a source's name"))
    };
    let sources: Vec<ImageName> = given.iter().map(source).collect::<Result<_>>()?;
    match sources.iter().filter(|name| is_piped(name)).count() {
        0 | 1 => Ok((sources, holders)),
        _ => Err(Error::other("standard input is given twice as a source")),
    }
}

/// Where each of `sources` goes. Fails when two of them would get the same name.
async fn jobs(sources: Vec<ImageName>, holders: &[Holder], from: &Context) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    let mut taken: HashMap<String, ImageName> = HashMap::new();
    for source in sources {
        let destinations = Called::of(&source, from).await.and_then(|called| {
            let names = holders.iter().map(|holder| holder.name(&called));
            names.collect::<Result<Vec<ImageName>>>()
        });
        let destinations = destinations.map_err(|e| e.context(format!("copying `{source}`")));
        for name in destinations.iter().flatten() {
            if let Some(other) = taken.insert(name.to_string(), source.clone()) {
                let text = match other == source {
                    true => format!("`{source}` is given twice as a source"),
                    false => format!("`{other}` and `{source}` would both become `{name}`"),
                };
                return Err(
                    Error::other(text).hint("copy one of them by itself, under another name")
                );
            }
        }
        jobs.push(Job {
            source,
            destinations,
        });
    }
    Ok(jobs)
}
