//! Mistakes on the command line, in the words of skopeo and its parser.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Call;
use super::names::{invalid, is_transport};

/// Commands with a number of arguments, and what skopeo says of another number.
const ARGUMENTS: [(&str, &str); 13] = [
    ("inspect", "Exactly one argument expected"),
    ("copy", "Exactly two arguments expected"),
    ("sync", "Exactly two arguments expected"),
    ("list-tags", "Exactly one non-option argument expected"),
    ("tags", "Exactly one non-option argument expected"),
    ("delete", "Usage: delete imageReference"),
    ("layers", "Usage: layers imageReference [layer...]"),
    ("manifest-digest", "Usage: skopeo manifest-digest manifest"),
    ("login", "please provide a registry to log in to"),
    ("logout", "please provide a registry to log out from"),
    (
        "standalone-sign",
        "Usage: skopeo standalone-sign manifest docker-reference key-fingerprint -o signature",
    ),
    (
        "standalone-verify",
        "Usage: skopeo standalone-verify manifest docker-reference key-fingerprint signature",
    ),
    (
        "generate-sigstore-key",
        "Usage: generate-sigstore-key --output-prefix PREFIX",
    ),
];

/// Commands of skopeo, for the one that was meant.
const COMMANDS: [&str; 10] = [
    "copy",
    "delete",
    "inspect",
    "list-tags",
    "login",
    "logout",
    "manifest-digest",
    "sync",
    "standalone-sign",
    "standalone-verify",
];

/// What skopeo says of the mistake `error` in `args`; `None` for texts that were asked for.
pub(super) fn explained(error: &clap::Error, args: &[OsString]) -> Option<String> {
    use ErrorKind as E;
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    // `--creds <USER[:PASSWORD]>` is the flag `--creds`.
    let arg = named(ContextKind::InvalidArg);
    let flag = arg.split([' ', '=', '[']).next().unwrap_or_default();
    let value = named(ContextKind::InvalidValue);
    Some(match error.kind() {
        E::DisplayHelp | E::DisplayVersion => return None,
        E::DisplayHelpOnMissingArgumentOrSubcommand | E::MissingSubcommand => {
            "Missing command 'skopeo COMMAND'\nTry 'skopeo --help' for more information".into()
        }
        E::InvalidSubcommand => unknown_command(&named(ContextKind::InvalidSubcommand)),
        E::UnknownArgument if encryption(args).is_some() => encryption(args)?,
        E::UnknownArgument if flag.starts_with("--") => format!("unknown flag: {flag}"),
        E::UnknownArgument if flag.starts_with('-') => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
        E::UnknownArgument if args.iter().any(|arg| arg == "login") => {
            "login accepts only one registry to log in to".into()
        }
        E::UnknownArgument if args.iter().any(|arg| arg == "logout") => {
            "logout accepts only one registry to log out from".into()
        }
        E::UnknownArgument | E::MissingRequiredArgument if !flag.starts_with('-') => {
            number_of_arguments(args)?
        }
        E::MissingRequiredArgument if flag.starts_with("--output") => number_of_arguments(args)?,
        E::MissingRequiredArgument
            if flag.ends_with("username") && args.iter().any(|arg| arg == "--password-stdin") =>
        {
            "must provide --username with --password-stdin".into()
        }
        E::MissingRequiredArgument if flag.ends_with("username") => {
            "username must be specified when password is specified".into()
        }
        E::MissingRequiredArgument if flag == "--src" => {
            "A source transport must be specified".into()
        }
        E::MissingRequiredArgument if flag == "--dest" => {
            "A destination transport must be specified".into()
        }
        E::InvalidValue if flag == "--src" => {
            format!("\"{value}\" is not a valid source transport")
        }
        E::InvalidValue if flag == "--dest" => {
            format!("\"{value}\" is not a valid destination transport")
        }
        E::MissingRequiredArgument if flag.ends_with("password") => {
            "password must be specified when username is specified".into()
        }
        E::InvalidValue if value.is_empty() => format!("flag needs an argument: {flag}"),
        E::InvalidValue if flag == "--format" => format!(
            "unknown format \"{value}\". Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'"
        ),
        E::ValueValidation if flag.ends_with("compress-format") => {
            format!("cannot find compressor for \"{value}\"")
        }
        E::TooManyValues => format!(
            "invalid argument \"{value}\" for \"{flag}\" flag: strconv.ParseBool: parsing \"{value}\": invalid syntax"
        ),
        E::InvalidValue | E::ValueValidation => format!(
            "invalid argument \"{value}\" for \"{flag}\" flag: {}",
            parsing(flag, &value)
        ),
        E::ArgumentConflict if args.iter().any(|arg| arg == "logout") => {
            "--all takes no arguments".into()
        }
        E::ArgumentConflict => conflict(flag, &named(ContextKind::PriorArg)),
        _ => one_line(&error.render().to_string()),
    })
}

/// What skopeo says of flags for encryption that do not go together.
fn encryption(args: &[OsString]) -> Option<String> {
    let has = |flag: &str| {
        let is_it = |arg: &str| {
            arg == flag
                || arg
                    .strip_prefix(flag)
                    .is_some_and(|rest| rest.starts_with('='))
        };
        args.iter().any(|arg| arg.to_str().is_some_and(is_it))
    };
    match (has("--encryption-key"), has("--decryption-key")) {
        (true, true) => {
            Some("--encryption-key and --decryption-key cannot be specified together".into())
        }
        (false, _) if has("--encrypt-layer") => {
            Some("--encrypt-layer can only be used with --encryption-key".into())
        }
        _ => None,
    }
}

fn unknown_command(word: &str) -> String {
    let near = COMMANDS
        .iter()
        .find(|known| known.starts_with(word) || crate::image::distance(word, known) <= 2);
    let meant = near.map_or(String::new(), |near| {
        format!("\nDid you mean this?\n\t{near}\n\n")
    });
    let gap = if meant.is_empty() { "" } else { "\n" };
    format!(
        "Unrecognized command `skopeo {word}`\n{gap}{}Try 'skopeo --help' for more information",
        meant.trim_start_matches('\n')
    )
}

fn number_of_arguments(args: &[OsString]) -> Option<String> {
    let said = ARGUMENTS
        .iter()
        .find(|(command, _)| args.iter().any(|arg| arg == command));
    said.map(|(_, text)| (*text).to_owned())
}

/// What Go's parsers say of `value`.
fn parsing(flag: &str, value: &str) -> String {
    if flag.ends_with("tls-verify") {
        return format!("strconv.ParseBool: parsing \"{value}\": invalid syntax");
    }
    if flag.ends_with("timeout") || flag.ends_with("delay") {
        return format!("time: invalid duration \"{value}\"");
    }
    if flag == "--image-parallel-copies" {
        return format!("strconv.ParseUint: parsing \"{value}\": invalid syntax");
    }
    format!("strconv.ParseInt: parsing \"{value}\": invalid syntax")
}

fn conflict(flag: &str, with: &str) -> String {
    let with = with.split([' ', '=', '[']).next().unwrap_or_default();
    // skopeo names the flag `--creds` first.
    let (flag, with) = match with.ends_with("creds") && !with.ends_with("no-creds") {
        true => (with, flag),
        false => (flag, with),
    };
    let pair = |a: &str, b: &str| (flag, with) == (a, b) || (flag, with) == (b, a);
    let bare = |flag: &str| {
        let flag = flag.trim_start_matches('-');
        let side = flag.strip_prefix("src-").or(flag.strip_prefix("dest-"));
        side.unwrap_or(flag).to_owned()
    };
    if pair("--password", "--password-stdin") {
        "can't specify both --password-stdin and --password".into()
    } else if pair("--dest-compress", "--dest-decompress") {
        "Cannot compress and decompress at the same time".into()
    } else if pair("--raw", "--format") {
        "raw output does not support format option".into()
    } else if pair("--all", "--multi-arch") {
        "Cannot use --all and --multi-arch flags together".into()
    } else {
        format!(
            "{} and {} cannot be specified at the same time",
            bare(flag),
            bare(with)
        )
    }
}

fn one_line(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

/// What skopeo says of a call that barque's commands would take.
pub(super) fn refused(call: &Call) -> Option<String> {
    let [first, rest @ ..] = &call.names[..] else {
        return None;
    };
    if matches!(call.command, "inspect" | "delete") && !rest.is_empty() {
        return number_of_arguments(&[call.command.into()]);
    }
    if call.command == "copy" && rest.len() > 1 {
        return number_of_arguments(&[call.command.into()]);
    }
    match call.command {
        "copy" => invalid(first)
            .map(|why| match first.starts_with("sif:") {
                true => format!("initializing source {first}: {why}"),
                false => format!("Invalid source name {first}: {why}"),
            })
            .or_else(|| {
                let last = rest.first()?;
                let (transport, _) = last.split_once(':').unwrap_or_default();
                if transport == "sif" || transport == "tarball" && invalid(last).is_none() {
                    return Some(format!(
                        "initializing destination {last}: \"{transport}:\" locations can only be read from, not written to"
                    ));
                }
                Some(format!(
                    "Invalid destination name {last}: {}",
                    invalid(last)?
                ))
            }),
        "inspect" => {
            invalid(first).map(|why| format!("Error parsing image name \"{first}\": {why}"))
        }
        "delete" if first.starts_with("sif:") => {
            Some("Deleting images not implemented for sif: images".to_owned())
        }
        "delete" => invalid(first).map(|why| format!("Invalid source name {first}: {why}")),
        "layers" => invalid(first),
        "list-tags" if first.starts_with("docker-archive:") => invalid(first),
        "list-tags" => match first.split_once(':') {
            None => Some(format!("Invalid \"{first}\": does not specify a transport")),
            Some(("docker", rest)) if !rest.starts_with("//") => Some(format!(
                "docker: image reference {first} does not start with docker://"
            )),
            Some(("docker" | "docker-archive", _)) => None,
            Some((other, _)) if !is_transport(other) => Some(format!(
                "Invalid \"{first}\": does not specify a transport"
            )),
            Some((other, _)) => Some(format!(
                "Unsupported transport '{other}' for tag listing. Only supported: docker, docker-archive"
            )),
        },
        _ => None,
    }
}
