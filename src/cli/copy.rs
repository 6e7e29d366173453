//! `barque copy`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use indicatif::MultiProgress;

use super::Outcome;
use super::flags::{DestinationFlags, Global, PlatformFlag, SourceFlags};
use crate::copy::{self, CopyReport, Platforms, Want};
use crate::image::{ImageName, parse_reference};
use crate::report::{copy as words, progress};
use crate::settings::AuthFiles;
use crate::transport::{Local, open_destination, open_source};
use crate::{Error, Kind, Result};

/// Copy an image from one place to another
///
/// Only what is missing moves: a copy that was cut or killed is continued by running it again. The image's bytes
/// stay as they are, except where the destination cannot hold its type.
#[derive(Args)]
pub(crate) struct CopyArgs {
    /// What to copy, as in docker://alpine:3.20
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Where to, as in docker://registry.example/alpine:3.20, oci:DIR:REF, oci-archive:FILE:REF,
    /// docker-archive:FILE:NAME:TAG or dir:DIR; the file - of an archive is standard output
    #[arg(value_name = "DESTINATION")]
    destination: String,

    /// Copy a multi-platform image with all its platforms
    #[arg(short, long, conflicts_with = "platform")]
    all: bool,

    #[command(flatten)]
    platform: PlatformFlag,

    /// Fail rather than change a digest
    #[arg(long)]
    preserve_digests: bool,

    /// Give an image in a docker-archive: this name too; can be repeated
    #[arg(long, value_name = "NAME:TAG")]
    additional_tag: Vec<String>,

    /// Leave layers in a docker-archive: as compressed as they are
    #[arg(long)]
    keep_compressed: bool,

    /// Write the digest of the copied manifest to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,

    /// Move at most this many blobs at once [default: few large and many small ones]
    #[arg(long, value_name = "N")]
    image_parallel_copies: Option<usize>,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    #[command(flatten)]
    src: SourceFlags,
    #[command(flatten)]
    dest: DestinationFlags,
}

pub(crate) async fn run(
    args: CopyArgs,
    global: &Global,
    screen: &MultiProgress,
) -> anyhow::Result<Outcome> {
    let source = ImageName::parse(&args.source).context("reading the source's name")?;
    let destination =
        ImageName::parse(&args.destination).context("reading the destination's name")?;
    let want = Want {
        platforms: if args.all {
            Platforms::All
        } else {
            Platforms::One(global.platform(&args.platform)?)
        },
        preserve_digests: args.preserve_digests,
        // 0 is skopeo's word for its own choice.
        parallel: args.image_parallel_copies.filter(|n| *n > 0),
    };
    let report = execute(&args, global, screen, &source, &destination, &want)
        .await
        .with_context(|| format!("copying `{}` to `{}`", args.source, args.destination))?;
    if let Some(file) = &args.digestfile {
        std::fs::write(file, report.digest.to_string()).map_err(|e| {
            Error::new(
                Kind::Other,
                format!("the digest file `{}` cannot be written", file.display()),
            )
            .because(e)
        })?;
    }
    if args.quiet {
        return Ok(Outcome::Nothing);
    }
    words::print_summary(&report, screen);
    if to_stdout(&destination) {
        return Ok(Outcome::Nothing);
    }
    Ok(format!("{destination}@{}\n", report.digest).into())
}

/// The further names of the image, in full.
fn additional_tags(args: &CopyArgs, destination: &ImageName) -> Result<Vec<String>> {
    if !args.additional_tag.is_empty() && !matches!(destination, ImageName::DockerArchive { .. }) {
        return Err(Error::other(
            "`--additional-tag` is for the destination `docker-archive:` only",
        ));
    }
    let full = |text: &String| {
        let reference = parse_reference(text)?.or_latest();
        match reference.digest {
            Some(_) => Err(Error::other(format!("`{text}` is a digest, not a tag"))),
            None => Ok(reference.to_string()),
        }
    };
    args.additional_tag.iter().map(full).collect()
}

/// Whether the image itself goes to standard output.
fn to_stdout(destination: &ImageName) -> bool {
    match destination {
        ImageName::OciArchive { path, .. } | ImageName::DockerArchive { path, .. } => {
            path.as_os_str() == "-"
        }
        _ => false,
    }
}

async fn execute(
    args: &CopyArgs,
    global: &Global,
    screen: &MultiProgress,
    source: &ImageName,
    destination: &ImageName,
    want: &Want,
) -> Result<CopyReport> {
    let patience = global.patience();
    let local = Local {
        additional_tags: additional_tags(args, destination)?,
        keep_compressed: args.keep_compressed,
        ..global.local()
    };
    // One set of files for both sides: a file is read, and warned of, once.
    let files = AuthFiles::find(args.authfile.clone())?;
    let (src, dest) = (
        args.src.access(Some(&files))?,
        args.dest.access(Some(&files))?,
    );
    let source = open_source(source, &src, &patience, &local).await?;
    let destination = open_destination(destination, &dest, &patience, &local).await?;
    let progress = progress::listener(args.quiet, screen);
    let plan = copy::plan(&*source, &*destination, want).await?;
    copy::run(plan, source, destination, want, progress).await
}
