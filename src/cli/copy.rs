//! `barque copy`.

mod all_tags;
pub(in crate::cli) mod files;
mod several;
mod sources;
mod want;

use std::io;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::flags::{Global, SideFlags, SignatureFlags};
use super::layer_form::LayerFormFlags;
use super::signing::SigningFlags;
use super::values::Offered;
use super::workers::Call;
use super::{Outcome, names, skopeo, write_out};
use crate::copy::{self, CopyOptions};
use crate::image::{ImageName, parse_reference};
use crate::open::{open_destination, open_source};
use crate::report::copy::{PlanReport, Receipt};
use crate::report::{copy as words, json, progress};
use crate::settings::Context;
use crate::{Error, Result};
pub(super) use files::is_piped;
use files::{by_standard_output, is_once_only, may_be_written, write};
use several::Sides;
use want::want;
pub(super) use want::{artifact_types, chosen_platforms, referrers};

const EXAMPLES: &str = "\
Examples:
  Pull one platform into an OCI layout:
    barque copy docker://registry.example.com/app:1.2 oci:image:1.2

  Mirror an image with all its platforms, digests unchanged:
    barque copy --all --preserve-digests \\
      docker://a.example/app:1.2 docker://b.example/app:1.2

  Push, with the login for the destination given here:
    barque copy --dest-creds ci:secret \\
      oci:image:1.2 docker://registry.example.com/app:1.2

  Put several images into one archive:
    barque copy docker://a.example/app:1.2 docker://b.example/db:3 \\
      docker-archive:images.tar";

/// Copy an image from one place to another
///
/// Only what is missing moves: a copy that was cut or killed is continued by running it again. The image's bytes
/// stay as they are, except where the destination cannot hold its type. Prints the destination with the digest that
/// it has now; progress goes to stderr.
#[derive(Args)]
#[command(
    after_long_help = EXAMPLES,
    override_usage = "barque copy [OPTIONS] <SOURCE>... <DESTINATION>"
)]
pub(crate) struct CopyArgs {
    /// What to copy, as in docker://alpine:3.20, oci:DIR:REF, oci-archive:FILE:REF, docker-archive:FILE:NAME:TAG,
    /// docker-daemon:NAME:TAG or dir:DIR; the file - of an archive is standard input
    #[arg(value_name = "SOURCE")]
    pub(super) source: String,

    /// Where to copy it, in the same form; use - as an archive's file name for standard output
    #[arg(value_name = "DESTINATION")]
    pub(super) destination: String,

    /// With several sources, the last of all names is the destination, which has to hold several images: oci:DIR,
    /// oci-archive:FILE, docker-archive:FILE, dir:PARENT/ or docker://HOST/PREFIX/
    #[arg(value_name = "NAME")]
    pub(super) more: Vec<String>,

    /// Copy it to this destination too, reading the source once; repeatable. The --dest flags hold for all destinations
    #[arg(long, value_name = "DESTINATION")]
    also_to: Vec<String>,

    /// Copy each tag of the repository SOURCE to the same tag of DESTINATION; both are named without a tag
    #[arg(long, conflicts_with_all = ["digestfile", "receipt"])]
    all_tags: bool,

    /// Copy an index with all its platforms, not only the image of one
    #[arg(short, long, conflicts_with_all = ["platform", "multi_arch"])]
    all: bool,

    /// Choose the images of an index: system (the one for this platform), all, index-only, or a list of platforms
    #[arg(long, value_name = "CHOICE", conflicts_with = "platform", hide_possible_values = true,
          value_parser = Offered(&["system", "all", "index-only"], any_text))]
    multi_arch: Option<String>,

    /// Choose this platform; with several, as in linux/amd64,linux/arm64 or linux/arm*, the index is copied with these only
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    platform: Vec<String>,

    /// When copying only some platforms, keep the original index and its digest, even though it lists platforms that are
    /// not copied; with --all, copy the platforms that the source has
    #[arg(long)]
    sparse: bool,

    /// Rewrite an index that is copied with some platforms only: barque does so anyway, skopeo only when asked to
    #[arg(long, hide = true, conflicts_with = "sparse")]
    strip_removed_platforms: bool,

    /// Accepted for compatibility with skopeo: signatures of an index that is rewritten are left behind
    #[arg(long, hide = true)]
    remove_list_signatures: bool,

    /// Check every blob and manifest at the destination, even if it already has the image; local blobs are hashed
    #[arg(long)]
    recheck: bool,

    /// Hash every blob, even those that only pass through to a registry, which checks them itself
    #[arg(long)]
    rehash: bool,

    /// Fail rather than change a digest
    #[arg(long)]
    preserve_digests: bool,

    /// Write the image in this format: oci, v2s2 (docker's schema 2) or v2s1 (docker's schema 1)
    #[arg(short, long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,

    /// With --format v2s1, sign with the private key in this file [default: a key made for this copy]
    #[arg(long, value_name = "FILE")]
    schema1_key: Option<PathBuf>,

    /// Do not copy signatures of the image, without a warning
    #[arg(long)]
    remove_signatures: bool,

    /// Copy what refers to the image too, such as signatures and SBOMs: all, none, or a list of artifact types
    #[arg(long, value_name = "all|none|TYPE,...", value_delimiter = ',')]
    referrers: Vec<String>,

    /// Copy the signatures, attestations and SBOMs that cosign keeps at tags made of the image's digest
    #[arg(long)]
    cosign_tags: bool,

    #[command(flatten)]
    signatures: SignatureFlags,

    /// Give an image in a docker-archive: this name too; repeatable
    #[arg(long, value_name = "NAME:TAG")]
    additional_tag: Vec<String>,

    /// Do not decompress layers written to a docker-archive:
    #[arg(long)]
    keep_compressed: bool,

    /// Keep the blobs of oci: layouts in this directory, which several layouts share, on both sides
    #[arg(long, value_name = "DIR")]
    shared_blob_dir: Option<PathBuf>,

    /// Copy foreign layers too, from their URLs if the source does not have them; =false never copies them
    /// [default: true for dir: and archives of docker, false for oci: and registries]
    #[arg(long, value_name = "BOOL", aliases = ["allow-nondistributable-artifacts", "include-external"], num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    allow_nondistributable: Option<bool>,

    /// Write the digest of the copied manifest to this file, without a newline
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,

    /// Write a receipt to this file: a JSON record of what was copied, already present, mounted and requested
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,

    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run, print JSON in place of a table
    #[arg(long, requires = "dry_run")]
    json: bool,

    /// Try to mount blobs from this repository of the destination's registry; repeatable
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Vec<String>,

    /// Print nothing but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    /// Move at most this many blobs at once [default: 4 large and 16 small ones, 48 where a registry is far away]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    image_parallel_copies: Option<usize>,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    /// Both --src-tls-verify and --dest-tls-verify, for scripts of skopeo's early days
    #[arg(long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    tls_verify: Option<bool>,

    #[command(flatten)]
    signing: SigningFlags,
    #[command(flatten)]
    form: LayerFormFlags,
    #[command(flatten)]
    sides: SideFlags,
}

impl CopyArgs {
    /// Whether all images of an index are copied.
    pub(super) fn is_all(&self) -> bool {
        self.all || self.multi_arch.as_deref() == Some("all")
    }
}

/// `name` as a destination. A digest after the name of a local place says what is there; written, it would be a part of a
/// file's name or a REF.
fn for_writing(name: ImageName) -> Result<ImageName> {
    match name.unpinned() {
        Some((bare, _)) if name.path().is_some() && !skopeo::is_called() => {
            let text = format!("`{name}`: a name with a digest is for reading only");
            Err(Error::other(text).hint(format!("write `{bare}`")))
        }
        _ => Ok(name),
    }
}

fn any_text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// The formats, by skopeo's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    Oci,
    V2s1,
    V2s2,
}

pub(crate) async fn run(mut args: CopyArgs, call: &Call<'_>) -> Result<Outcome> {
    for file in [&args.digestfile, &args.receipt].into_iter().flatten() {
        may_be_written(file)?;
    }
    if args.tls_verify.is_some() && skopeo::is_called() {
        tracing::warn!(
            "'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify"
        );
    }
    if !args.more.is_empty() {
        return sources::run(args, call).await;
    }
    let read = match args.all_tags {
        true => all_tags::place,
        false => names::in_full,
    };
    let source = read(&args.source)
        .map_err(|e| names::as_short(e, &args.source, call.global))
        .map_err(|e| e.context("reading the source's name"))?;
    let destination = read(&args.destination).and_then(for_writing);
    let destination = destination.map_err(|e| {
        let meant = a_directory(e, &args.destination);
        meant.context("reading the destination's name")
    })?;
    let mut destinations = vec![by_standard_output(destination)];
    for text in &args.also_to {
        let name = read(text).and_then(for_writing);
        let name = name.map_err(|e| e.context("reading the name after `--also-to`"))?;
        destinations.push(by_standard_output(name));
    }
    if is_once_only(&source) || destinations.iter().any(is_once_only) {
        args.sides.retry.never();
    }
    let mut want = want(&args, destinations.first(), call.global)?;
    want.signing = args.signing.signing().await?;
    want.admission = Some(call.global.trust.admission(&source)?);
    let (from, to) = contexts(&args, call.global)?;
    let to = Context {
        additional_tags: additional_tags(&args, &destinations[0])?,
        ..to
    };
    let sides = Sides {
        source: &source,
        from: &from,
        destinations: &destinations,
        to: &to,
    };
    if args.all_tags {
        return all_tags::run(&args, sides, want, call).await;
    }
    if destinations.len() > 1 {
        return several::run(&args, sides, &want, call).await;
    }
    // Somebody who watches is told what stays behind; a script does not pay for the question.
    want.notice_referrers = args.referrers.is_empty()
        && !args.quiet
        && !call.screen.is_hidden()
        && !skopeo::is_called();
    one(&args, sides, want, call).await
}

/// `error` with better advice where the destination is a bare word: a directory is more likely than an image of Docker Hub.
fn a_directory(error: Error, text: &str) -> Error {
    let is_word = !text.contains([':', '/', '.']);
    match error.advice() {
        Some(hint) if is_word && hint.starts_with("did you mean `docker://") => error.hint(format!(
            "write `oci:{text}` for a layout in this directory, or `docker-archive:{text}.tar` for an archive"
        )),
        _ => error,
    }
}

/// How the two sides are reached.
fn contexts(args: &CopyArgs, global: &Global) -> Result<(Context, Context)> {
    // One set of files for both sides: a file is read, and warned of, once.
    let files = skopeo::auth_files(args.authfile.clone())?;
    let shared_blobs = args.shared_blob_dir.as_ref();
    let sides = &args.sides;
    let (from, mut to) = sides.contexts(global, &files, args.tls_verify, shared_blobs)?;
    to.keep_compressed = args.keep_compressed;
    Ok((from, to))
}

/// Copies to the one destination.
async fn one(
    args: &CopyArgs,
    sides: Sides<'_>,
    want: CopyOptions,
    call: &Call<'_>,
) -> Result<Outcome> {
    let (from, to, destination) = (sides.from, sides.to, &sides.destinations[0]);
    let doing = |e: Error| {
        e.context(format!(
            "copying `{}` to `{}`",
            args.source, args.destination
        ))
    };
    let plan = async || {
        let source = open_source(sides.source, from).await;
        let source = source.map_err(|e| e.context("reading the source"))?;
        if skopeo::is_called() && matches!(destination, ImageName::ContainersStorage(_)) {
            want::is_there(&*source, &want).await?;
        }
        let opened = open_destination(destination, to).await;
        let opened = opened.map_err(|e| e.context("writing the destination"))?;
        let planning = copy::plan(source.clone(), opened, want.clone());
        let so_far = || source.read_ahead();
        progress::while_reading(args.quiet, call.screen, io::stderr(), so_far, planning).await
    };
    if args.dry_run && skopeo::is_called() {
        skopeo::would_copy(&args.source, &args.destination);
        return Ok(Outcome::Nothing);
    }
    if args.dry_run {
        let planned = args.sides.retry.run(plan).await.map_err(doing)?;
        return Ok(PlanReport::new(&planned).render(args.json).into());
    }
    let skopeo_lines = skopeo::is_called() && !args.quiet && !is_piped(destination);
    let copied = args.sides.retry.run(async || {
        let planned = plan().await?;
        let silent = args.quiet || skopeo::is_called() && call.screen.is_hidden();
        let lines = skopeo_lines.then(|| {
            // A reader that went away is no reason to stop.
            let _ = write_out(skopeo::before(planned.plan(), planned.options()).as_bytes());
            skopeo::after(planned.plan(), planned.options())
        });
        let nothing_to_do = planned.plan().is_done();
        let copying = planned.run(progress::listener(silent, call.screen));
        let report = match nothing_to_do {
            true => copying.await,
            false => call.workers.run(copying).await,
        };
        Ok((report?, lines))
    });
    let (report, lines) = copied.await.map_err(doing)?;
    if let Some(file) = &args.digestfile {
        write(file, &report.digest.to_string())?;
    }
    if let Some(file) = &args.receipt {
        write(file, &(json::to_go_json(&Receipt::new(&report)) + "\n"))?;
    }
    if args.quiet || skopeo::is_called() {
        return Ok(lines.map_or(Outcome::Nothing, Outcome::from));
    }
    words::print_summary(&report, call.screen);
    if is_piped(destination) {
        return Ok(Outcome::Nothing);
    }
    Ok(format!("{}\n", destination.pinned(&report.digest)).into())
}

/// The further names of the image, in full.
fn additional_tags(args: &CopyArgs, destination: &ImageName) -> Result<Vec<String>> {
    let is_archive = matches!(destination, ImageName::DockerArchive { .. });
    if skopeo::is_called() && !is_archive {
        return Ok(Vec::new());
    }
    if !args.additional_tag.is_empty() && !is_archive {
        return Err(Error::other(
            "`--additional-tag` is for the destination `docker-archive:` only",
        ));
    }
    let full = |text: &String| {
        let reference = parse_reference(text)?;
        match (&reference.digest, &reference.tag) {
            (Some(_), _) => Err(Error::other(format!("`{text}` is a digest, not a tag"))),
            (None, None) if skopeo::is_called() => Err(Error::other(format!(
                "additional-tag '{text}' must be a tagged reference"
            ))),
            (None, None) => Err(
                Error::other(format!("`--additional-tag {text}` has no tag"))
                    .hint(format!("write `--additional-tag {text}:latest`")),
            ),
            (None, Some(_)) => Ok(reference.to_string()),
        }
    };
    args.additional_tag.iter().map(full).collect()
}
