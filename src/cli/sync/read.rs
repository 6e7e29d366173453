//! Reading what is to be mirrored, from the arguments or the file that they name.

use std::io::Read;
use std::path::Path;

use super::{PlaceKind, SourceKind, SyncArgs};
use crate::cli::skopeo;
use crate::copy::Referrers;
use crate::files::read_whole;
use crate::image::{parse_reference, with_login};
use crate::sync::convert::is_converted;
use crate::sync::declaration::{
    self, Declaration, Entry, How, Origin, Platforms, SourceAccess, Tags,
};
use crate::sync::target::{Kind as Place, Target};
use crate::{Error, Kind, Result};

/// The declaration that the arguments are or name.
pub(super) fn declared(args: &SyncArgs) -> Result<Declaration> {
    if let Some(error) = with_login(args.file())
        && !Path::new(args.file()).exists()
    {
        return Err(error);
    }
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
            let read = declaration::parse_skopeo(&text, &to, &how);
            let mut read = read.map_err(|e| e.context(format!("reading `{}`", args.file())))?;
            for entry in &mut read.entries {
                entry.access.cert_dir.take_if(|dir| skopeo::ignores(dir));
            }
            return Ok(read);
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

/// The forms that a file of no named form may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Own,
    Map,
    List,
}

impl Form {
    /// The form that `text` has, or seems to be meant to have.
    fn of(text: &str) -> Form {
        // A text of nothing but comments is an empty map, too.
        if let Ok(keys) = declaration::keys(text)
            && !keys.is_empty()
        {
            return match keys.iter().any(|key| key == OWN) {
                true => Form::Own,
                false => Form::Map,
            };
        }
        // A list, or a map with a mistake in it: a line tells which.
        let lines = text.lines().map(without_comment);
        let is_own = |line: &str| {
            let key = line.trim_start_matches(['{', '"', '\'', ' ']);
            let after = key.strip_prefix(OWN);
            let after = after.map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
            after.is_some_and(|rest| rest.starts_with(':'))
        };
        if lines.clone().any(is_own) {
            return Form::Own;
        }
        let mut lines = lines.map(str::trim_end);
        let is_map = text.trim_start().starts_with('{')
            || lines.any(|line| line.contains(": ") || line.ends_with(':'));
        match is_map {
            true => Form::Map,
            false => Form::List,
        }
    }
}

/// The key that barque's own form begins with.
const OWN: &str = "barque-sync";

fn without_comment(line: &str) -> &str {
    let line = line.split_once(" #").map_or(line, |(line, _)| line);
    match line.trim_start().starts_with('#') {
        true => "",
        false => line,
    }
}

/// Reads a declaration whose form its text shows.
fn from_file(args: &SyncArgs) -> Result<Declaration> {
    let text = read(args.file())?;
    let form = Form::of(&text);
    let how = How::default();
    let beside = |path: &str| {
        let folder = Path::new(args.file()).parent().unwrap_or(Path::new(""));
        read(&folder.join(path).to_string_lossy())
    };
    if form == Form::Own {
        if args.destination.is_some() {
            return Err(Error::other("a file of this form names its targets itself")
                .hint("leave the destination out"));
        }
        return declaration::parse_own(&text, &beside);
    }
    if form == Form::Map {
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
        return declaration::parse_image_syncer(&text, &how).map_err(|e| {
            match is_converted(&text) {
                true => Error::other("the file has the form of another tool").hint(format!(
                    "`barque sync convert {}` writes it in barque's own form",
                    args.file()
                )),
                false => skopeo_s(e),
            }
        });
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
        return Ok(without_mark(text));
    }
    let bytes = read_whole(Path::new(file), DECLARATION_CAP).map_err(failed)?;
    String::from_utf8(bytes)
        .map(without_mark)
        .map_err(|_| Error::other(format!("the file `{file}` is not UTF-8 text")))
}

/// `text` without the byte order mark that editors on Windows put at the beginning.
fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_keys() {
        for (text, form) in [
            ("barque-sync: 1\nsync: []\n", Form::Own),
            ("\"barque-sync\": 1\nsync: []\n", Form::Own),
            ("'barque-sync' : 1\nsync: []\n", Form::Own),
            ("{\"sync\": [], \"barque-sync\": 1}", Form::Own),
            ("  barque-sync: 1\n  sync: []\n", Form::Own),
            ("---\nbarque-sync: 1\nsync: [\n", Form::Own),
            ("{\n  \"barque-sync\": 1,\n", Form::Own),
            ("a.example/x: b.example/x\n", Form::Map),
            ("{\"alpine\": \"b.example/x\"}", Form::Map),
            ("a.example/x: [\n", Form::Map),
            ("a.example/x:\n  - b\n c\n", Form::Map),
            ("alpine:3\n", Form::List),
            ("alpine:3\nquay.io/a/b:* # all: of them\n", Form::List),
            ("# images: these\n  # and: those\nalpine\n", Form::List),
            ("alpine # barque-sync: 1\n", Form::List),
            ("a/b => c/d # x:\n", Form::List),
            ("", Form::List),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
    }
}
