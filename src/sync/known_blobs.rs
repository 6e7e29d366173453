//! Where earlier runs have written blobs: a file of the state, so that a run that is started again mounts what it has read before.
//!
//! One name by digest a line, appended with one call. It may be lost or wrong: a blob that is not there is read.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::copy::BlobLocations;
use crate::image::Reference;
use crate::{Error, Kind, Result};

/// The file in the state's directory.
const FILE: &str = "blobs.txt";
/// Smaller blobs are read again sooner than remembered.
const LEAST: u64 = 32 << 10;
/// Bytes of the file, after which it begins again: some 200,000 lines.
const CAP: u64 = 32 << 20;

/// The table of blob locations with what the state in `dir` knows; it writes down what is added.
///
/// # Errors
/// [`Kind::Refused`] when the file cannot be used.
pub(super) fn open(dir: &Path) -> Result<Arc<BlobLocations>> {
    let path = dir.join(FILE);
    let failed = |e| {
        let message = format!("the state `{}` cannot be used", path.display());
        Error::new(Kind::Refused, message).because(e)
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).read(true).open(&path);
    let mut file = file.map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > CAP {
        file.set_len(0).map_err(failed)?;
    }
    let known = read(&mut file).map_err(failed)?;
    let file = Mutex::new(file);
    let locations = BlobLocations::remembering(move |repository, digest, size| {
        if size >= LEAST {
            let line = format!("{repository}@{digest}\n");
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(e) = file.write_all(line.as_bytes()) {
                tracing::debug!("a blob is not remembered: {e}");
            }
        }
    });
    for Reference {
        repository, digest, ..
    } in known
    {
        if let Some(digest) = digest {
            locations.know(&repository, digest);
        }
    }
    Ok(Arc::new(locations))
}

/// The names in `file`; lines that are none are passed over, as a run that was killed leaves them.
fn read(file: &mut File) -> std::io::Result<Vec<Reference>> {
    let mut known = Vec::new();
    let mut reader = BufReader::new(file.take(CAP));
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(known);
        }
        let text = std::str::from_utf8(&line).ok();
        known.extend(text.and_then(|text| text.trim().parse().ok()));
    }
}
