//! Mistakes on the command line: what clap says of them, in barque's form, and with better advice.
//!
//! clap's own tips compare letters and know hidden flags, so they often name something with another meaning.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::compat::FLAGS;
use crate::Error;
use crate::image::distance;
use crate::report::failure::Failure;

/// Commands of other programs, and what does the same here.
const WORDS: [(&[&str], &str); 18] = [
    (
        &["cp", "mirror", "clone"],
        "write `barque copy SOURCE DESTINATION`",
    ),
    (
        &["pull", "download", "fetch"],
        "write `barque copy docker://NAME:TAG oci:DIR:TAG`, or `docker-archive:FILE` as destination for `docker load`",
    ),
    (
        &["push", "upload"],
        "write `barque copy oci:DIR:TAG docker://HOST/NAME:TAG`; the source may be a `docker-archive:FILE` or `docker-daemon:NAME` too",
    ),
    (
        &["tag", "retag"],
        "write `barque copy --all docker://HOST/NAME:OLD docker://HOST/NAME:NEW`; no layer moves",
    ),
    (
        &["ls-tags", "list", "listtags", "list_tags"],
        "write `barque tags REPOSITORY` for tags, `barque repos HOST` for repositories, or `barque layers --list IMAGE`",
    ),
    (
        &["catalog", "repositories", "repo"],
        "write `barque repos HOST`",
    ),
    (
        &["rm", "rmi", "del", "remove", "untag"],
        "write `barque delete IMAGE`",
    ),
    (
        &["digest"],
        "write `barque inspect -n -f '{{.Digest}}' IMAGE`, or `barque manifest-digest FILE`",
    ),
    (&["manifest", "raw"], "write `barque inspect --raw IMAGE`"),
    (&["config"], "write `barque inspect --config IMAGE`"),
    (
        &["info", "show", "describe", "image", "images"],
        "write `barque inspect IMAGE`",
    ),
    (&["blob", "layer"], "write `barque layers IMAGE DIGEST`"),
    (
        &["save"],
        "write `barque copy docker://NAME:TAG docker-archive:FILE:NAME:TAG`",
    ),
    (
        &["export", "unpack"],
        "write `barque extract -C DIR IMAGE` for the files, or `barque copy docker://NAME:TAG docker-archive:FILE:NAME:TAG`",
    ),
    (
        &["mutate", "append", "annotate", "mod"],
        "write `barque edit SOURCE DESTINATION` with what is to change, as in `--label NAME=VALUE`",
    ),
    (
        &["load", "import"],
        "write `barque copy docker-archive:FILE docker-daemon:NAME:TAG`",
    ),
    (&["version"], "write `barque --version`"),
    (&["auth", "signin"], "write `barque login HOST`"),
];

/// Flags that `copy` has for each side only.
const OF_SIDES: [&str; 6] = [
    "creds",
    "username",
    "password",
    "no-creds",
    "registry-token",
    "cert-dir",
];

/// Flags that other commands or programs have, by the command, and what to write; `""` stands for every command.
const MEANT: [(&str, &[&str], &str); 7] = [
    (
        "copy",
        &["--tag"],
        "the tag is a part of the destination, as in `docker://HOST/NAME:TAG`",
    ),
    (
        "copy",
        &["--output"],
        "the destination is the second argument, as in `oci:DIR:TAG`",
    ),
    (
        "copy",
        &["--force"],
        "what the destination's name stands for is replaced without it",
    ),
    (
        "",
        &["--insecure", "-k", "--plain-http"],
        "write `--tls-verify=false` (in a copy `--src-tls-verify=false` or `--dest-tls-verify=false`)",
    ),
    (
        "",
        &["--arch"],
        "write `--platform linux/ARCH`, or `--override-arch ARCH`",
    ),
    (
        "",
        &["--os"],
        "write `--platform OS/ARCH`, or `--override-os OS`",
    ),
    ("", &["--verbose"], "write `--debug`"),
];

/// What clap says of a mistake, as an error of ours. Help and version texts, and the help that stands for a call without
/// arguments, stay as they are.
pub(super) fn explained(error: clap::Error, command: impl FnOnce() -> Command) -> Failure {
    use ErrorKind as E;
    if matches!(
        error.kind(),
        E::DisplayHelp | E::DisplayVersion | E::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Failure::Usage(error);
    }
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name.as_str()),
        _ => None,
    };
    let text = error.render().to_string();
    match (
        error.kind(),
        named(ContextKind::InvalidArg),
        named(ContextKind::InvalidSubcommand),
    ) {
        (E::UnknownArgument, Some(flag), _) if flag.starts_with('-') => {
            unknown_flag(flag, &text, command()).into()
        }
        // It may be the password, which has a flag.
        (E::UnknownArgument, Some(_), _) if text.contains("\nUsage: barque login ") => {
            Error::other("`barque login` takes one argument, the registry")
                .hint("give a password with `--password-stdin`")
                .into()
        }
        (E::InvalidSubcommand, _, Some(word)) => unknown_command(word, &text, &command()).into(),
        (_, flag, _) => {
            let error = in_our_form(&text);
            match flag.and_then(|flag| variable_of(flag, &command())) {
                Some(variable) => error.context(format!("the variable `{variable}`")).into(),
                None => error.into(),
            }
        }
    }
}

/// The variable that gave `flag`, as clap shows it, its value: it is not among the arguments.
fn variable_of(flag: &str, command: &Command) -> Option<String> {
    let long = flag.split([' ', '=']).next()?;
    let name = long.strip_prefix("--")?;
    let is_given = std::env::args_os().any(|arg| arg.to_string_lossy().starts_with(long));
    let known = command.get_arguments();
    let known = known.filter(|known| !is_given && known.get_long() == Some(name));
    let variable = known.filter_map(|known| known.get_env()).next()?;
    let value = std::env::var_os(variable)?;
    (!value.is_empty()).then(|| variable.to_string_lossy().into_owned())
}

fn unknown_command(word: &str, text: &str, command: &Command) -> Error {
    // Some commands have commands of their own.
    let usage = text.split("\nUsage: barque ").nth(1).unwrap_or_default();
    let called = usage.split(' ').next().unwrap_or_default();
    if command.find_subcommand(called).is_some() {
        return Error::other(format!("`barque {called}` has no command `{word}`"))
            .hint(format!("`barque {called} --help` lists its commands"));
    }
    let error = Error::other(format!("barque has no command `{word}`"));
    if let Some((_, hint)) = WORDS.iter().find(|(words, _)| words.contains(&word)) {
        return error.hint(*hint);
    }
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    match nearest(word, shown.map(Command::get_name)) {
        Some(near) => error.hint(format!("did you mean `barque {near}`?")),
        None => error.hint("`barque --help` lists the commands"),
    }
}

fn unknown_flag(flag: &str, text: &str, mut command: Command) -> Error {
    let name = flag.split('=').next().unwrap_or(flag);
    if let Some((_, why, hint)) = FLAGS.iter().find(|(known, ..)| *known == name) {
        return Error::other(format!("`{name}` is refused: {why}")).hint(*hint);
    }
    command.build();
    // clap's usage line names the command that was called.
    let called = text.split("\nUsage: barque ").nth(1);
    let called = called.and_then(|rest| rest.split_whitespace().next());
    let called = called.and_then(|called| command.find_subcommand(called));
    let Some(called) = called else {
        return Error::other(format!("barque has no flag `{name}`"))
            .hint("`barque --help` lists the commands; flags stand after the command");
    };
    let command = called.get_name();
    let error = Error::other(format!("`barque {command}` has no flag `{name}`"));
    let bare = name.trim_start_matches('-');
    if command == "copy" && OF_SIDES.contains(&bare) {
        let hint = format!("say for which side: `--src-{bare}` or `--dest-{bare}`");
        return error.hint(hint);
    }
    let meant = MEANT
        .iter()
        .find(|(of, known, _)| known.contains(&name) && (of.is_empty() || *of == command));
    if let Some((.., hint)) = meant {
        return error.hint(*hint);
    }
    let shown = called.get_arguments().filter(|flag| !flag.is_hide_set());
    match nearest(bare, shown.filter_map(|flag| flag.get_long())) {
        Some(near) => error.hint(format!("did you mean `--{near}`?")),
        None => error.hint(format!("`barque {command} --help` lists its flags")),
    }
}

/// The one of `known` that differs from `word` by a slip only.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.len() / 3).min(2);
    let near = known.map(|known| (distance(word, known), known));
    near.filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, known)| known)
}

/// clap's text in one line, without its tip, and its usage line as the hint.
fn in_our_form(text: &str) -> Error {
    let mut parts = text.split("\n\n").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let words: Vec<&str> = first.split_whitespace().collect();
    let error = Error::other(words.join(" "));
    let usage = parts.find_map(|part| part.strip_prefix("Usage: "));
    match usage {
        Some(usage) => {
            let usage: Vec<&str> = usage.split_whitespace().collect();
            error.hint(format!("usage: {}; `--help` tells more", usage.join(" ")))
        }
        None => error.hint("`--help` tells more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_s_texts_become_one_line() {
        let text = "error: the following required arguments were not provided:\n  <IMAGE>\n\n  tip: x\n\nUsage: barque layers <IMAGE>\n\nFor more information, try '--help'.\n";
        let error = in_our_form(text);
        assert_eq!(
            error.to_string(),
            "the following required arguments were not provided: <IMAGE>"
        );
        assert_eq!(
            error.advice(),
            Some("usage: barque layers <IMAGE>; `--help` tells more")
        );
    }

    #[test]
    fn only_slips_are_near() {
        let known = ["inspect", "copy", "tags", "layers"];
        for (word, wanted) in [
            ("inpsect", Some("inspect")),
            ("cpoy", Some("copy")),
            ("tag", Some("tags")),
            ("cp", None),
            ("sail", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), wanted, "{word}");
        }
    }
}
