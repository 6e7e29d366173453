//! `barque edit`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::copy::is_piped;
use super::flags::{Global, PlatformFlag, SideFlags};
use super::workers::Call;
use super::{Outcome, names};
use crate::copy::{self, CopyOptions};
use crate::image::config::rfc3339;
use crate::image::edit::Edits;
use crate::image::{Platform, PlatformRequest, View};
use crate::open::{Appended, EditedImage, OpenedImage, open_destination};
use crate::report::{copy as words, progress};
use crate::settings::AuthFiles;
use crate::transport::{Destination, Elsewhere};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  A label and a variable, under a new tag of the same repository; no layer moves:
    barque edit docker://registry.example.com/app:1.2 \\
      docker://registry.example.com/app:1.2-eu \\
      --label org.example.region=eu --env REGION=eu

  Another entry point, and the files of a directory on top:
    barque edit docker://debian:12 oci:app:v1 --append rootfs/ \\
      --entrypoint '[\"/bin/app\", \"--serve\"]'

  An image whose creation time does not change from build to build:
    barque edit oci:app:v1 oci:app:v1 --created 2026-01-01T00:00:00Z";

/// Change the config of an image, or put a layer on top
///
/// Only config and manifest are rewritten. Layers stay as they are, and are mounted or left alone where the destination has
/// them. What is not changed keeps its value, members that barque does not know included. For a multi-platform image, one
/// platform is edited and written.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct EditArgs {
    /// The image to change, with its transport
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Where to write it, in the same form; may be the same name
    #[arg(value_name = "DESTINATION")]
    destination: String,

    /// Set a label; repeatable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,

    /// Remove a label; repeatable
    #[arg(long, value_name = "NAME")]
    remove_label: Vec<String>,

    /// Set an annotation of the manifest; repeatable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,

    /// Remove an annotation of the manifest; repeatable
    #[arg(long, value_name = "NAME")]
    remove_annotation: Vec<String>,

    /// Set a variable of the environment; repeatable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,

    /// Remove a variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    remove_env: Vec<String>,

    /// Set the entry point: one word, or a JSON list of words; an empty value removes it. Without --cmd the command goes too
    #[arg(long, value_name = "WORD|JSON", value_parser = command_line)]
    entrypoint: Option<Words>,

    /// Set the command: one word, or a JSON list of words; an empty value removes it
    #[arg(long, value_name = "WORD|JSON", value_parser = command_line)]
    cmd: Option<Words>,

    /// Set the user, as in 1000:1000; an empty value removes it
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,

    /// Set the working directory; an empty value removes it
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// Set the platform that the image says to be for
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    set_platform: Option<String>,

    /// Set the creation time, as in 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    created: Option<String>,

    /// Put the files of a tar or of a directory on top as a layer; repeatable. Files of a directory belong to root, and their
    /// time is that of --created, or 1970
    #[arg(long, value_name = "TAR|DIR")]
    append: Vec<PathBuf>,

    /// Print nothing but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    #[command(flatten)]
    platform: PlatformFlag,
    #[command(flatten)]
    sides: SideFlags,
}

/// The words of a command line.
#[derive(Debug, Clone)]
struct Words(Vec<String>);

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn command_line(text: &str) -> Result<Words, String> {
    if text.trim_start().starts_with('[') {
        let words = serde_json::from_str(text);
        return words
            .map(Words)
            .map_err(|e| format!("not a JSON list of texts: {e}"));
    }
    let word = Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Words(word.into_iter().collect()))
}

fn edits(args: &EditArgs) -> Result<Edits> {
    let changes = |set: &[(String, String)], removed: &[String]| {
        let set = set
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())));
        let removed = removed.iter().map(|name| (name.clone(), None));
        removed.chain(set).collect()
    };
    let platform = |text: &String| {
        let wish = text.parse::<PlatformRequest>()?;
        Ok::<_, Error>(Platform {
            os: wish.os,
            architecture: wish.architecture,
            variant: wish.variant,
            os_version: wish.os_version,
            ..Platform::default()
        })
    };
    Ok(Edits {
        labels: changes(&args.label, &args.remove_label),
        annotations: changes(&args.annotation, &args.remove_annotation),
        env: changes(&args.env, &args.remove_env),
        entrypoint: args.entrypoint.as_ref().map(|words| words.0.clone()),
        cmd: args.cmd.as_ref().map(|words| words.0.clone()),
        user: args.user.clone(),
        workdir: args.workdir.clone(),
        created: args.created.clone(),
        platform: args.set_platform.as_ref().map(platform).transpose()?,
        append: Vec::new(),
    })
}

/// The time that the files of appended directories get, in seconds since 1970: that of `--created`. Without it, or if no
/// directory is appended, 0.
fn seconds(created: Option<&str>, append: &[PathBuf]) -> Result<u64> {
    let Some(text) = created else { return Ok(0) };
    let unclear = || {
        Error::other(format!("`--created {text}` is not a time"))
            .hint("write it like 2026-01-31T12:00:00Z")
    };
    rfc3339(text).ok_or_else(unclear)?;
    let Some(dir) = append.iter().find(|path| path.is_dir()) else {
        return Ok(0);
    };
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|e: jiff::Error| unclear().because(e))?;
    u64::try_from(time.as_second()).map_err(|_| {
        Error::other(format!(
            "`--created {text}` is before 1970, a time that the files of `{}` cannot have",
            dir.display()
        ))
        .hint("pack the directory with `tar`, and append that")
    })
}

pub(crate) async fn run(args: EditArgs, call: &Call<'_>) -> Result<Outcome> {
    let (from, to) = names::of_sides(&args.source, &args.destination)?;
    let files = AuthFiles::find(args.authfile.clone())?;
    let (from_context, to_context) = args.sides.contexts(call.global, &files, None, None)?;
    let (edits, wish) = (edits(&args)?, call.global.platform(&args.platform)?);
    let time = seconds(args.created.as_deref(), &args.append)?;
    let failed = |e: Error| {
        e.context(format!(
            "editing `{}` into `{}`",
            args.source, args.destination
        ))
    };
    // Before all tries: a pipe can be read once.
    let mut layers = Vec::new();
    for path in &args.append {
        let layer = Appended::make(path, time, call.global.tmpdir.as_deref()).await;
        layers.push(layer.map_err(failed)?);
    }
    let edit = async || {
        let image = OpenedImage::open(&from, &from_context, &wish).await;
        let image = image.map_err(|e| e.context("reading the source"))?;
        call.global.trust.admit(&from, &image).await?;
        let edited = EditedImage::new(&image, edits.clone(), layers.clone()).await?;
        let destination = open_destination(&to, &to_context).await;
        let destination = destination.map_err(|e| e.context("writing the destination"))?;
        let options = options(&image, &*destination, call.global);
        let listener = progress::listener(args.quiet, call.screen);
        if !args.quiet {
            tell_left_behind(&image);
        }
        let planned = copy::plan(Arc::new(edited), destination, options).await?;
        call.workers.run(planned.run(listener)).await
    };
    let report = args.sides.retry.run(edit).await.map_err(failed)?;
    if args.quiet {
        return Ok(Outcome::Nothing);
    }
    words::print_summary(&report, call.screen);
    Ok(match is_piped(&to) {
        true => Outcome::Nothing,
        false => format!("{}\n", to.pinned(&report.digest)).into(),
    })
}

/// How the edited image is copied: its layers are in the source's repository, where that is in the same registry.
fn options(image: &OpenedImage, destination: &dyn Destination, global: &Global) -> CopyOptions {
    let elsewhere = Arc::new(Elsewhere::new(global.timeouts()));
    let mut options = CopyOptions::as_it_is(PlatformRequest::default(), elsewhere);
    options.foreign_layers = None;
    let own = image.source().repository();
    let others = own.filter(|own| destination.repository().is_some_and(|d| d != *own));
    options.mount_from.extend(others.cloned());
    options
}

/// Warns that the other images of an index are not edited.
fn tell_left_behind(image: &OpenedImage) {
    if matches!(image.top().view(), Ok(View::Index(_))) {
        tracing::warn!(
            "one platform of several is edited and written; the index stays behind (`--platform` chooses)"
        );
    }
}
