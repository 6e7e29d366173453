//! skopeo's command line, where barque's differs: words that are read another way, and words for what it has not.
//!
//! Nothing here costs a call without such words: flags are looked up where a switch has a value as in `--raw=false`,
//! and the tables where clap knows no such flag or command.

use std::collections::HashMap;
use std::ffi::OsString;

use clap::{ArgAction, Command};

use crate::{Error, Result};

/// Flags of skopeo that barque refuses, why, and what to do: they are about trust, so they are never passed over.
pub(super) const FLAGS: [(&str, &str, &str); 4] = [
    ("--sign-by-sq-fingerprint", NO_SEQUOIA, SEQUOIA_HINT),
    ("--encryption-key", NO_ENCRYPTION, ENCRYPTION_HINT),
    ("--encrypt-layer", NO_ENCRYPTION, ENCRYPTION_HINT),
    (
        "--decryption-key",
        "barque does not decrypt layers",
        "without the flag, encrypted layers are copied as they are",
    ),
];

const NO_SEQUOIA: &str = "barque does not use the keys of Sequoia";
const SEQUOIA_HINT: &str =
    "export the secret key to a file, and give that with `--sign-by`, as in `--sign-by ./key.asc`";
const NO_ENCRYPTION: &str = "barque does not encrypt layers";
const ENCRYPTION_HINT: &str =
    "encrypt the image with another program, such as skopeo, and copy the result";

/// Fails for `--tls-verify false`, which would take the value for an image.
pub(super) fn check(args: &[OsString]) -> Result<()> {
    for pair in args.windows(2) {
        if let (Some(flag), Some("false")) = (pair[0].to_str(), pair[1].to_str())
            && flag.starts_with("--")
            && flag.ends_with("tls-verify")
        {
            return Err(
                Error::other(format!("`{flag} false` names an image `false`"))
                    .hint(format!("write `{flag}=false`")),
            );
        }
    }
    Ok(())
}

/// `args` in the words of clap: switches with a value (`--raw=false`) without it, the last one counting, and
/// `--tls-verify` behind the command, where it was not always.
pub(super) fn read(args: Vec<OsString>, command: impl FnOnce() -> Command) -> Vec<OsString> {
    if !is_other_words(&args) {
        return args;
    }
    let mut command = command();
    let args = behind_the_command(args, &command);
    let switches = switches(&mut command, &args);
    let mut read: Vec<OsString> = Vec::new();
    let mut args = args.into_iter();
    for arg in args.by_ref() {
        if arg == "--" {
            read.push(arg);
            break;
        }
        let switch = with_value(&arg).and_then(|(flag, value)| {
            let short = switches.get(&flag[2..])?;
            Some((flag, *short, value))
        });
        match switch {
            Some((flag, _, true)) => read.push(flag.into()),
            Some((flag, short, false)) => {
                read.retain(|earlier| earlier != flag);
                if let Some(short) = short {
                    take_back(&mut read, short, &switches);
                }
            }
            None => read.push(arg),
        }
    }
    read.extend(args);
    read
}

/// Whether `args` may have words that are read another way. A name that clap knows to take a value costs no look, and
/// neither does `--tls-verify` behind the command.
fn is_other_words(args: &[OsString]) -> bool {
    const TAKE_VALUES: [&str; 6] = [
        "--command-timeout",
        "--dest-compress-level",
        "--image-parallel-copies",
        "--retry-delay",
        "--retry-times",
        "--stall-timeout",
    ];
    let flag_is_first = args.get(1).is_some_and(is_flag);
    args.iter().any(|arg| match with_value(arg) {
        _ if flag_is_first && is_tls_verify(arg) => true,
        Some((flag, _)) => !flag.ends_with("tls-verify") && !TAKE_VALUES.contains(&flag),
        None => false,
    })
}

fn is_flag(arg: &OsString) -> bool {
    arg.as_encoded_bytes().starts_with(b"-")
}

fn is_tls_verify(arg: &OsString) -> bool {
    arg.to_str()
        .is_some_and(|arg| arg == "--tls-verify" || arg.starts_with("--tls-verify="))
}

/// `args` without the switch `short`, also where it stands together with others, as in `-aq`.
fn take_back(args: &mut Vec<OsString>, short: char, switches: &HashMap<String, Option<char>>) {
    let is_switch = |c: &char| switches.values().any(|short| *short == Some(*c));
    args.retain_mut(|arg| {
        let letters = arg.to_str().and_then(|arg| arg.strip_prefix('-'));
        let Some(letters) = letters.filter(|letters| !letters.starts_with('-')) else {
            return true;
        };
        // What is behind a flag that takes a value is its value.
        let value_at = letters.find(|c| !is_switch(&c)).unwrap_or(letters.len());
        let (together, value) = letters.split_at(value_at);
        if !together.contains(short) {
            return true;
        }
        let rest = together.replace(short, "") + value;
        *arg = format!("-{rest}").into();
        !rest.is_empty()
    });
}

/// `args` with the flags `--tls-verify` that stand before the name of the command after it.
fn behind_the_command(mut args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let is_command = |arg: &OsString| {
        arg.to_str()
            .is_some_and(|arg| command.find_subcommand(arg).is_some())
    };
    let Some(at) = args.iter().position(is_command) else {
        return args;
    };
    let after = args.split_off(at + 1);
    let (flags, mut read): (Vec<_>, Vec<_>) = args.into_iter().partition(is_tls_verify);
    read.extend(flags.into_iter().chain(after));
    read
}

/// A long flag with one of Go's words for true or false.
fn with_value(arg: &OsString) -> Option<(&str, bool)> {
    let (flag, value) = arg.to_str()?.split_once('=')?;
    let value = match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
        _ => return None,
    };
    flag.starts_with("--").then_some((flag, value))
}

/// The names of flags without a value, with their letters, of the program and the command that `args` call.
fn switches(command: &mut Command, args: &[OsString]) -> HashMap<String, Option<char>> {
    command.build();
    let called = args
        .iter()
        .skip(1)
        .find_map(|arg| command.find_subcommand(arg));
    std::iter::once(&*command)
        .chain(called)
        .flat_map(Command::get_arguments)
        .filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue))
        .filter_map(|arg| Some((arg.get_long()?.to_owned(), arg.get_short())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_cost_no_look_at_the_flags() {
        for args in [
            "barque copy --src-tls-verify=false --dest-tls-verify=false a b",
            "barque inspect --tls-verify=false --retry-times=1 a",
            "barque inspect --tls-verify a",
            "barque --command-timeout=1 copy --dest-compress-level=1 a b",
        ] {
            let args: Vec<OsString> = args.split(' ').map(Into::into).collect();
            let read = read(args.clone(), || unreachable!("the flags are built"));
            assert_eq!(read, args);
        }
    }
}
