//! What skopeo says of files that flags and arguments name: policies, keys, passphrases, signatures.

use std::path::Path;

use super::{missing_file, own_words, quoted, says};
use crate::Error;
use crate::cli::skopeo::Call;

/// What is said of such a file; `None` if `error` is about something else.
pub(super) fn words(call: &Call, error: &Error) -> Option<String> {
    let open = |file: &str| format!("open {file}: no such file or directory");
    let is_missing = missing_file(error).is_some();
    if let Some(file) = quoted(error, "the signature policy `") {
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
        let file = quoted(error, "the file `");
        return match says(error, "is there already") {
            true => file.map(|file| format!("Refusing to overwrite existing \"{file}\"")),
            false => file.filter(|_| is_missing).map(|file| open(&file)),
        };
    }
    let file = quoted(error, "the file `")?;
    let directory = Path::new(&file).parent();
    let is_lost = directory.is_some_and(|dir| !dir.as_os_str().is_empty() && !dir.exists());
    if says(error, "cannot be written") && call.command == "copy" && is_lost {
        return Some(format!(
            "Failed to write digest to file \"{file}\": {}",
            open(&file)
        ));
    }
    if !is_missing {
        return None;
    }
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
