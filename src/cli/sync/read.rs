//! Reading what is to be mirrored, from the arguments or the file that they name.

use std::io::Read;
use std::path::Path;

use super::{PlaceKind, SourceKind, SyncArgs};
use crate::copy::Referrers;
use crate::files::read_whole;
use crate::image::parse_reference;
use crate::sync::declaration::{
    self, Declaration, Entry, How, Origin, Platforms, SourceAccess, Tags,
};
use crate::sync::target::{Kind as Place, Target};
use crate::{Error, Kind, Result};

/// The declaration that the arguments are or name.
pub(super) fn declared(args: &SyncArgs) -> Result<Declaration> {
    let (Some(src), Some(dest)) = (args.src, args.dest) else {
        return from_file(args).map_err(|e| e.context(format!("reading `{}`", args.file())));
    };
    let Some(base) = &args.destination else {
        return Err(Error::other("a destination is missing").hint("write it after the source"));
    };
    let kind = match dest {
        PlaceKind::Docker => Place::Docker,
        PlaceKind::Dir => Place::Dir,
    };
    if (src, dest) == (SourceKind::Dir, PlaceKind::Dir) {
        return Err(Error::other(
            "sync from 'dir' to 'dir' not implemented, consider using rsync instead",
        ));
    }
    let base = base.strip_prefix("docker://").unwrap_or(base);
    let to = vec![Target::Below {
        kind,
        base: base.to_owned(),
        scoped: args.scoped,
        suffix: args.append_suffix.clone(),
    }];
    // skopeo leaves behind what refers to an image.
    let mut how = How {
        referrers: Referrers::None,
        ..How::default()
    };
    if !args.all {
        how.platforms = Platforms::System;
    }
    let entry = match src {
        SourceKind::Yaml => {
            let text = read(args.file())?;
            return declaration::parse_skopeo(&text, &to, &how)
                .map_err(|e| e.context(format!("reading `{}`", args.file())));
        }
        SourceKind::Docker => {
            let parsed =
                parse_reference(args.file().strip_prefix("docker://").unwrap_or(args.file()))?;
            let tags = match parsed.tag.is_none() && parsed.digest.is_none() {
                true => Tags::Rules(Box::default()),
                false => Tags::Listed(vec![declaration::Pick::of_reference(&parsed)]),
            };
            Entry::new(
                Origin::Repository(parsed.repository),
                tags,
                to,
                how,
                SourceAccess::default(),
            )
        }
        SourceKind::Dir => {
            if !Path::new(args.file()).is_dir() {
                let text = format!("the source directory `{}` does not exist", args.file());
                // Exit code 1, as skopeo's.
                return Err(Error::other(text));
            }
            Entry::new(
                Origin::Directory(args.file().into()),
                Tags::Listed(Vec::new()),
                to,
                how,
                SourceAccess::default(),
            )
        }
    };
    Ok(Declaration::of(vec![entry]))
}

/// Reads a declaration whose form its text shows.
fn from_file(args: &SyncArgs) -> Result<Declaration> {
    let text = read(args.file())?;
    let how = How::default();
    let beside = |path: &str| {
        let folder = Path::new(args.file()).parent().unwrap_or(Path::new(""));
        read(&folder.join(path).to_string_lossy())
    };
    if text.lines().any(|line| line.starts_with("barque-sync:")) {
        if args.destination.is_some() {
            return Err(Error::other("a file of this form names its targets itself")
                .hint("leave the destination out"));
        }
        return declaration::parse_own(&text, &beside);
    }
    let is_map = text.trim_start().starts_with('{')
        || text
            .lines()
            .any(|line| !line.starts_with('#') && (line.contains(": ") || line.ends_with(':')));
    if is_map {
        let skopeo_s = |e| match declaration::parse_skopeo(&text, &[], &how) {
            Ok(read) if !read.entries.is_empty() => {
                let write = format!(
                    "barque sync --src yaml --dest docker {} HOST/PATH",
                    args.file()
                );
                Error::other("the file has the form of `skopeo sync --src yaml`")
                    .hint(format!("write `{write}`, or `--dest dir` and a directory"))
            }
            _ => e,
        };
        return declaration::parse_image_syncer(&text, &how).map_err(skopeo_s);
    }
    let to = args.destination.as_ref();
    let to = to.map(|base| declaration::target_below(base, args.scoped));
    let to = to.transpose()?;
    declaration::parse_list(&text, to.as_slice(), &how)
}

/// Bytes of a declaration.
const DECLARATION_CAP: u64 = 64 << 20;

pub(super) fn read(file: &str) -> Result<String> {
    let failed = |e: std::io::Error| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound {
            Kind::NotFound
        } else {
            Kind::Other
        };
        Error::new(kind, format!("the file `{file}` cannot be read")).because(e)
    };
    if file == "-" {
        let mut text = String::new();
        std::io::stdin()
            .take(DECLARATION_CAP)
            .read_to_string(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    let bytes = read_whole(Path::new(file), DECLARATION_CAP).map_err(failed)?;
    String::from_utf8(bytes)
        .map_err(|_| Error::other(format!("the file `{file}` is not UTF-8 text")))
}
