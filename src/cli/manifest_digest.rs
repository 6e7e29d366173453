//! `barque manifest-digest`.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;

use super::Outcome;
use crate::files::while_blocked;
use crate::image::{Algorithm, Digest, Manifest, ManifestError};
use crate::registry::v2::MANIFEST_CAP;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  The digest of a manifest that was saved:
    barque manifest-digest manifest.json

  The digest of what is behind a tag, computed here:
    barque inspect --raw docker://registry.example.com/app:1.2 \\
      | barque manifest-digest -";

/// Print the digest of a manifest in a file
///
/// Prints the digest by which registries know the manifest. Of a signed docker schema 1 manifest that is the digest of
/// what is signed, without the signatures; they are not checked.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManifestDigestArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

pub(crate) fn run(args: &ManifestDigestArgs) -> Result<Outcome> {
    let shown = args.file.display();
    let raw = while_blocked(|| read(&args.file))
        .map_err(|e| Error::other(format!("the file `{shown}` cannot be read")).because(e))?;
    if raw.len() > MANIFEST_CAP {
        let message = format!("the file `{shown}` is larger than a manifest can be");
        return Err(Error::other(message));
    }
    let digest = digest(raw)
        .map_err(|e| Error::from(e).context(format!("reading the manifest `{shown}`")))?;
    Ok(format!("{digest}\n").into())
}

/// Whatever is no manifest that is known has the digest of its bytes, as in skopeo, unless it seems to be signed:
/// then nobody can tell which bytes count.
fn digest(raw: Bytes) -> Result<Digest, ManifestError> {
    match Manifest::parse(raw.clone(), None) {
        Ok(manifest) => Ok(manifest.digest().clone()),
        Err(e) => {
            let document: Option<serde_json::Value> = serde_json::from_slice(&raw).ok();
            match document.is_some_and(|d| d.get("signatures").is_some()) {
                true => Err(e),
                false => Ok(Digest::of(Algorithm::Sha256, &raw)),
            }
        }
    }
}

fn read(file: &Path) -> std::io::Result<Bytes> {
    let mut raw = Vec::new();
    let limit = MANIFEST_CAP as u64 + 1;
    match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(limit).read_to_end(&mut raw)?,
        false => std::fs::File::open(file)?
            .take(limit)
            .read_to_end(&mut raw)?,
    };
    Ok(raw.into())
}
