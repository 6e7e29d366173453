//! `barque verify-copy`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt, stream};

use super::copy::{chosen_platforms, referrers};
use super::flags::{Global, SideFlags};
use super::workers::Call;
use super::{Outcome, Workers, names};
use crate::copy::{
    self, Attachments, CopyOptions, Hashed, Platforms, Problem, Quiet, Target, Verified, verify,
};
use crate::image::{ImageName, PlatformRequest};
use crate::open::{open_destination, open_source};
use crate::report::copy as words;
use crate::report::verify::VerifyReport;
use crate::settings::{AuthFiles, Context};
use crate::transport::Elsewhere;
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  Whether a mirror has all of an image:
    barque verify-copy docker://registry.example.com/app:1.2 \\
      docker://mirror.example.com/app:1.2

  Read and hash every blob, and copy what is missing or wrong:
    barque verify-copy --deep --repair \\
      docker://registry.example.com/app:1.2 oci:image:1.2";

/// Check that an image arrived whole at another place
///
/// Looks for every manifest, blob and referrer of SOURCE at DESTINATION and compares sizes; of an index, all platforms. Lists what is
/// missing or wrong and ends with exit code 4. For copies that keep their digests.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct VerifyCopyArgs {
    /// The image, as in docker://alpine:3.20 or oci:DIR:REF
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Where it was copied to, in the same form
    #[arg(value_name = "DESTINATION")]
    destination: String,

    /// Read every blob at the destination and compare its digest
    #[arg(long)]
    deep: bool,

    /// Copy what is missing or wrong, and nothing else
    #[arg(long)]
    repair: bool,

    /// Compare only these platforms of an index, as barque copy --platform copies them
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    platform: Vec<String>,

    /// The index was kept as it is, though it lists platforms that were not copied
    #[arg(long)]
    sparse: bool,

    /// Compare what refers to the image: all, none, or a list of artifact types
    #[arg(
        long,
        value_name = "all|none|TYPE,...",
        value_delimiter = ',',
        default_value = "all"
    )]
    referrers: Vec<String>,

    /// Compare the signatures, attestations and SBOMs that cosign keeps at tags made of the image's digest
    #[arg(long)]
    cosign_tags: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    #[command(flatten)]
    sides: SideFlags,
}

pub(crate) async fn run(args: VerifyCopyArgs, call: &Call<'_>) -> Result<Outcome> {
    let (source, destination) = names::of_sides(&args.source, &args.destination)?;
    let want = want(&args, call.global, &source)?;
    let files = AuthFiles::find(args.authfile.clone())?;
    let (from, to) = args.sides.contexts(call.global, &files, None, None)?;
    let sides = Sides {
        source: &source,
        from: &from,
        destination: &destination,
        to: &to,
    };
    let doing = || format!("comparing `{}` with `{}`", args.destination, args.source);
    let compare = async |hashed: &Hashed| {
        let compared = args
            .sides
            .retry
            .run(async || sides.compare(&want, hashed).await);
        compared.await.map_err(|e| e.context(doing()))
    };
    let hashed = match args.deep {
        true => Hashed::All,
        false => Hashed::None,
    };
    let verified = compare(&hashed).await?;
    if verified.faults.is_empty() {
        return Ok(report(&args, &verified).render(args.json).into());
    }
    if !args.repair {
        let error = wrong(&args, &verified, "missing or wrong").hint("`--repair` copies them");
        return Ok(failed(&args, &verified, error));
    }
    let repair = async || sides.repair(&want, &verified, call.workers).await;
    let repaired = args.sides.retry.run(repair).await.map_err(|e| {
        let e = without_flags_of_copy(e);
        e.context(format!("copying what is missing at `{}`", args.destination))
    })?;
    // A place may keep what it has: the copy alone does not say that all is right now.
    let of_repaired = || verified.faults.iter().map(|fault| fault.digest.clone());
    let hashed = match args.deep {
        true => Hashed::Only(of_repaired().collect()),
        false => Hashed::None,
    };
    let left = compare(&hashed).await?;
    words::print_repair(&repaired, left.faults.is_empty(), call.screen);
    if left.faults.is_empty() {
        let mut report = report(&args, &verified);
        report.repaired = true;
        return Ok(report.render(args.json).into());
    }
    let error = wrong(&args, &left, "still missing or wrong");
    let error = match advice(&left, &destination) {
        Some(hint) => error.hint(hint),
        None => error,
    };
    Ok(failed(&args, &left, error))
}

fn report<'a>(args: &VerifyCopyArgs, verified: &'a Verified) -> VerifyReport<'a> {
    VerifyReport::new(verified, args.source.clone(), args.destination.clone())
}

/// The list of faults, and then `error`.
fn failed(args: &VerifyCopyArgs, verified: &Verified, error: Error) -> Outcome {
    let text = report(args, verified).render(args.json);
    let lines = vec![Ok(text.into()), Err(error)];
    Outcome::Each(stream::iter(lines).boxed_local())
}

/// The error about the faults of `verified`, which are `how`.
fn wrong(args: &VerifyCopyArgs, verified: &Verified, how: &str) -> Error {
    let parts = match verified.faults.len() {
        1 => "1 part".to_owned(),
        n => format!("{n} parts"),
    };
    let verb = if verified.faults.len() == 1 {
        "is"
    } else {
        "are"
    };
    Error::corrupt(format!(
        "{parts} of `{}` {verb} {how} at `{}`",
        args.source, args.destination
    ))
}

/// What may help where a repair did not.
fn advice(left: &Verified, destination: &ImageName) -> Option<&'static str> {
    let has = |problem| left.faults.iter().any(|fault| fault.problem == problem);
    match destination {
        ImageName::Docker(_) if has(Problem::Corrupt) => Some(
            "a registry keeps what it believes to have: delete the image there, let the registry collect its garbage, and run this again",
        ),
        ImageName::Docker(_) if has(Problem::NotListed) => Some(
            "the registry has no referrers API, and the list at the tag `sha256-HEX` could not be changed",
        ),
        _ => None,
    }
}

/// `e` without advice that names flags of `barque copy`.
fn without_flags_of_copy(e: Error) -> Error {
    match e.advice() {
        Some(hint) if hint.contains("`--preserve-digests`") => {
            let kind = e.kind();
            Error::new(kind, format!("{e:#}")).hint(
                "`--repair` writes the image as it is at the source; `barque copy` writes it in another form",
            )
        }
        _ => e,
    }
}

/// The two places, and how each is reached.
struct Sides<'a> {
    source: &'a ImageName,
    from: &'a Context,
    destination: &'a ImageName,
    to: &'a Context,
}

impl Sides<'_> {
    async fn compare(&self, want: &CopyOptions, hashed: &Hashed) -> Result<Verified> {
        let source = open_source(self.source, self.from).await;
        let source = source.map_err(|e| e.context("reading the source"))?;
        let opened = async {
            let write = open_destination(self.destination, self.to).await?;
            match open_source(self.destination, self.to).await {
                Err(e) if e.kind() == Kind::NotFound => Ok((write, None)),
                read => Ok((write, Some(read?))),
            }
        };
        let (write, read) = opened
            .await
            .map_err(|e: Error| e.context("reading the destination"))?;
        let target = Target {
            read: read.as_deref(),
            write: &*write,
        };
        verify(&*source, &target, want, hashed).await
    }

    async fn repair(
        &self,
        want: &CopyOptions,
        verified: &Verified,
        workers: &Workers,
    ) -> Result<copy::CopyReport> {
        let source = open_source(self.source, self.from).await?;
        let destination = open_destination(self.destination, self.to).await?;
        let mut want = want.clone();
        if !destination.keeps_attachments() {
            want.attachments = Attachments::default();
        }
        let planned = copy::plan(source, destination, want).await?;
        let repaired = planned.repairs(&verified.faults);
        workers.run(repaired.run(Arc::new(Quiet))).await
    }
}

fn want(args: &VerifyCopyArgs, global: &Global, source: &ImageName) -> Result<CopyOptions> {
    // A comparison writes nothing, so the policy decides on repairs only.
    let admission = match args.repair {
        true => Some(global.trust.admission(source)?),
        false => None,
    };
    let elsewhere = Arc::new(Elsewhere::new(global.timeouts()));
    let platforms = match args.platform.is_empty() {
        true => Platforms::All {
            sparse: args.sparse,
        },
        false => chosen_platforms(&args.platform, args.sparse, global)?,
    };
    Ok(CopyOptions {
        platforms,
        admission,
        recheck: true,
        preserve_digests: true,
        foreign_layers: None,
        attachments: Attachments {
            referrers: referrers(&args.referrers)?,
            cosign_tags: args.cosign_tags,
            ..Attachments::default()
        },
        ..CopyOptions::as_it_is(PlatformRequest::default(), elsewhere)
    })
}
