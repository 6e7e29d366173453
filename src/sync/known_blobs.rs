//! Where earlier runs have written blobs: a file of the state, so that a run that is started again mounts what it has read before.
//!
//! One name by digest a line, appended with one call. It may be lost or wrong: a blob that is not there is read.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::copy::BlobLocations;
use crate::image::{Digest, Reference, Repository};
use crate::{Error, Result, locked};

/// The file in the state's directory.
const FILE: &str = "blobs.txt";
/// Smaller blobs are read again sooner than remembered.
const LEAST: u64 = 32 << 10;
/// Bytes of the file, after which it begins again: some 200,000 lines.
const CAP: u64 = 32 << 20;

/// The table of blob locations with what the state in `dir` knows; it writes down what is added. Fails with
/// [`crate::Kind::Refused`] when the file cannot be used.
pub(super) fn open(dir: &Path) -> Result<Arc<BlobLocations>> {
    let path = dir.join(FILE);
    let failed = |e| {
        let message = format!("the state `{}` cannot be used", path.display());
        Error::refused(message).because(e)
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).read(true).open(&path);
    let file = file.map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > CAP {
        file.set_len(0).map_err(failed)?;
    }
    let known = read(&file).map_err(failed)?;
    let file = Mutex::new(file);
    let locations = BlobLocations::remembering(move |repository, digest, size| {
        let mut file = locked(&file);
        if let Err(e) = append(&mut file, repository, digest, size) {
            tracing::debug!("a blob is not remembered: {e:#}");
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

/// Writes down that `repository` has the blob `digest` of `size` bytes, if it is worth that.
fn append(
    file: &mut File,
    repository: &Repository,
    digest: &Digest,
    size: u64,
) -> std::io::Result<()> {
    match size >= LEAST {
        true => file.write_all(format!("{repository}@{digest}\n").as_bytes()),
        false => Ok(()),
    }
}

/// Reads the names in `file` and skips lines that are not names. If the last line was cut, a newline is added, so that the next
/// name does not join it.
fn read(mut file: &File) -> std::io::Result<Vec<Reference>> {
    let mut known = Vec::new();
    let mut reader = BufReader::new(file.take(CAP));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let is_cut = line.last() != Some(&b'\n');
        let text = std::str::from_utf8(&line).ok();
        let name = text.and_then(|text| text.trim().parse::<Reference>().ok());
        known.extend(name.filter(|name| name.digest.is_some() && !is_cut));
        line.clear();
        if is_cut {
            file.write_all(b"\n")?;
            break;
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::image::Algorithm;

    fn name(repository: &str, content: &str) -> Reference {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        let name = format!("a.example/{repository}@{digest}");
        name.parse().unwrap()
    }

    fn opened(dir: &Path) -> File {
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        options.open(dir.join(FILE)).unwrap()
    }

    fn remember(dir: &Path, name: &Reference, size: u64) {
        let digest = name.digest.as_ref().unwrap();
        append(&mut opened(dir), &name.repository, digest, size).unwrap();
    }

    #[test]
    fn what_was_written_down_is_read_by_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (name("one", "a layer"), name("two/deep", "another"));
        remember(dir.path(), &one, LEAST);
        remember(dir.path(), &two, 1 << 30);
        // A small one is read again sooner than looked for.
        remember(dir.path(), &name("three", "a config"), LEAST - 1);
        assert_eq!(read(&opened(dir.path())).unwrap(), [one, two]);
        assert!(open(dir.path()).is_ok());
    }

    #[test]
    fn lines_that_are_wrong_or_cut_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (name("one", "a layer"), name("two", "another"));
        let whole = format!("{one}");
        let cut = &whole[..whole.len() - 9];
        let text = [
            b"\xff\xfe\nno name at all\na.example/x:tag\n\n",
            whole.as_bytes(),
            b"\n",
            cut.as_bytes(),
        ];
        std::fs::write(dir.path().join(FILE), text.concat()).unwrap();
        assert_eq!(
            read(&opened(dir.path())).unwrap(),
            std::slice::from_ref(&one)
        );
        // A name that is written after a cut line does not join it.
        remember(dir.path(), &two, LEAST);
        assert_eq!(read(&opened(dir.path())).unwrap(), [one, two]);
    }

    #[test]
    fn a_file_that_grew_too_large_begins_again() {
        let dir = tempfile::tempdir().unwrap();
        remember(dir.path(), &name("one", "a layer"), LEAST);
        opened(dir.path()).set_len(CAP + 1).unwrap();
        open(dir.path()).unwrap();
        assert_eq!(opened(dir.path()).metadata().unwrap().len(), 0);
        let missing = dir.path().join("none");
        assert_eq!(open(&missing).unwrap_err().kind(), Kind::Refused);
    }
}
