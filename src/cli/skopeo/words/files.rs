//! What skopeo says of files that flags and arguments name: policies, keys, passphrases, signatures.

use super::{chain, missing_file, own_words, says};
use crate::Error;
use crate::cli::skopeo::Call;

/// What is said of such a file; `None` if `error` is about something else.
pub(super) fn words(call: &Call, error: &Error) -> Option<String> {
    let open = |file: &str| format!("open {file}: no such file or directory");
    let is_missing = missing_file(error).is_some();
    if let Some(file) = named(error, "the signature policy `") {
        let why = match is_missing {
            true => open(&file),
            false => {
                let own = own_words(call, error);
                let wrong = own.split_once(" is not valid: ");
                wrong.map_or(own.clone(), |(_, why)| {
                    format!("invalid policy in \"{file}\": {why}")
                })
            }
        };
        return Some(format!("Error loading trust policy: {why}"));
    }
    if call.command == "generate-sigstore-key" {
        let there = named(error, "the file `").filter(|_| says(error, "is there already"));
        return there.map(|file| format!("Refusing to overwrite existing \"{file}\""));
    }
    let file = named(error, "the file `").filter(|_| is_missing)?;
    let why = open(&file);
    Some(match call.command {
        _ if says(error, "reading the private key `") => {
            format!("reading private key from {file}: {why}")
        }
        _ if says(error, "reading the passphrase `") => why,
        "standalone-sign" => format!("Error reading {file}: {why}"),
        "standalone-verify" if call.names.first() == Some(&file) => {
            format!("Error reading manifest from {file}: {why}")
        }
        "standalone-verify" => format!("Error reading signature from {file}: {why}"),
        _ => return None,
    })
}

/// The name in backticks behind `begin` in one of the messages of `error`.
fn named(error: &Error, begin: &str) -> Option<String> {
    chain(error).find_map(|cause| {
        let text = cause.to_string();
        let rest = text.split_once(begin)?.1;
        Some(rest.split_once('`')?.0.to_owned())
    })
}
