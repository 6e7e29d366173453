//! The state: which image each target's tag was given, so that later runs need not ask, and delete only their own.
//!
//! An append-only file of JSON lines, each written with one call. It may be lost: then runs ask both sides again, and
//! delete nothing. Two runs may append to it at once. A line that was cut is ignored, and so is whatever a newer version
//! writes. Nothing here decides what is copied or deleted.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::known_blobs;
use crate::copy::BlobLocations;
use crate::image::{Digest, Reference, Tag};
use crate::{Error, Result, locked};

/// The file in the state's directory.
const FILE: &str = "state.jsonl";
/// Lines that are not worth writing the file again for.
const FEW_LINES: usize = 10_000;
/// Bytes of a line; longer ones are ignored.
const LINE_CAP: usize = 16 << 10;

/// The state of the targets of a declaration.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    /// `None` where nothing is to be written.
    file: Option<Mutex<File>>,
    /// By repository and tag. Tags take most of the memory, so digests are bytes.
    known: Mutex<Known>,
}

/// What a target's tag was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    from: Sum,
    /// Where it is not that of the source.
    to: Option<Box<Sum>>,
    /// See [`State::note`].
    form: u32,
    /// A run wrote it, and did not merely find it there.
    pub wrote: bool,
}

type Sum = [u8; 32];

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    digest: Option<&'a str>,
    #[serde(default)]
    form: u32,
    #[serde(default)]
    wrote: bool,
}

impl State {
    /// The state in the directory `dir`, which is created if it is missing.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the directory or its file cannot be used.
    pub fn open(dir: &Path) -> Result<State> {
        let path = dir.join(FILE);
        let failed = |e| cannot_use(&path, e);
        fs::create_dir_all(dir).map_err(failed)?;
        let (known, lines) = read_at(&path).map_err(failed)?;
        let live = known.values().map(HashMap::len).sum::<usize>();
        if lines > FEW_LINES && lines > 2 * live {
            rewrite(dir, &path, &known).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(State {
            file: Some(Mutex::new(file.map_err(failed)?)),
            path,
            known: Mutex::new(known),
        })
    }

    /// As [`State::open`] for a run that changes nothing: nothing is created, and nothing can be noted.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the file is there and cannot be read.
    pub fn open_to_read(dir: &Path) -> Result<State> {
        let path = dir.join(FILE);
        let (known, _) = read_at(&path).map_err(|e| cannot_use(&path, e))?;
        Ok(State {
            file: None,
            path,
            known: Mutex::new(known),
        })
    }

    /// The table of blob locations, with what earlier runs have written.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when its file cannot be used.
    pub fn blob_locations(&self) -> Result<Arc<BlobLocations>> {
        known_blobs::open(self.path.parent().unwrap_or(Path::new(".")))
    }

    /// What is known of the tag `target`.
    pub fn get(&self, target: &Reference) -> Option<Record> {
        let (repository, tag) = key(target)?;
        self.known().get(&*repository)?.get(tag).cloned()
    }

    /// The tags of `repository` that are known, each with what it was given.
    pub fn tags(&self, repository: &str) -> Vec<(Tag, Record)> {
        let known = self.known();
        let tags = known.get(repository).into_iter().flatten();
        tags.filter_map(|(tag, record)| Some((tag.parse().ok()?, record.clone())))
            .collect()
    }

    /// Notes that `target` has the image `to`, which the source has as `from`. `form` stands for how it was made: a record
    /// of another form does not count. `wrote` says that it was written; that it was found there does not undo an
    /// earlier note of that.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when it cannot be written.
    pub fn note(
        &self,
        target: &Reference,
        from: &Digest,
        to: &Digest,
        form: u32,
        wrote: bool,
    ) -> Result<()> {
        let (Some((repository, tag)), Some(of), Some(into)) = (key(target), sum(from), sum(to))
        else {
            return Ok(());
        };
        let mut record = Record {
            from: of,
            to: (into != of).then(|| Box::new(into)),
            form,
            wrote,
        };
        {
            let mut known = self.known();
            let tags = known.entry(repository.as_str().into()).or_default();
            if let Some(before) = tags.get(tag) {
                record.wrote |= before.wrote && before.target() == record.target();
                if *before == record {
                    return Ok(());
                }
            }
            tags.insert(tag.into(), record.clone());
        }
        self.append(&line(&repository, tag, &record))
    }

    /// Notes that `target` is no longer there.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when it cannot be written.
    pub fn forget(&self, target: &Reference) -> Result<()> {
        let Some((repository, tag)) = key(target) else {
            return Ok(());
        };
        if let Some(tags) = self.known().get_mut(&*repository) {
            tags.remove(tag);
        }
        let target = format!("{repository}:{tag}");
        let line = Line {
            target: &target,
            source: None,
            digest: None,
            form: 0,
            wrote: false,
        };
        self.append(&serde_json::to_string(&line).unwrap_or_default())
    }

    fn append(&self, line: &str) -> Result<()> {
        // A line that another run was killed in ends before this one.
        let text = format!("\n{line}\n");
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut file = locked(file);
        file.write_all(text.as_bytes()).map_err(|e| {
            let message = format!("the state `{}` cannot be written", self.path.display());
            Error::refused(message).because(e)
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }
}

impl Record {
    /// Whether the tag was given the source's image `from` in this form.
    pub fn is_of(&self, from: &Digest, form: u32) -> bool {
        self.form == form && sum(from) == Some(self.from)
    }

    /// Whether the target's digest is `there`.
    pub fn is_at_target(&self, there: &Digest) -> bool {
        sum(there).as_ref() == Some(self.target())
    }

    /// The digest that the target was given.
    pub fn digest(&self) -> Option<Digest> {
        format!("sha256:{}", hex::encode(self.target()))
            .parse()
            .ok()
    }

    fn target(&self) -> &Sum {
        self.to.as_deref().unwrap_or(&self.from)
    }
}

/// Repository and tag; `None` for a name by digest, of which no state is kept.
fn key(target: &Reference) -> Option<(String, &str)> {
    let tag = target.tag.as_ref().map(Tag::as_str)?;
    target
        .digest
        .is_none()
        .then(|| (target.repository.to_string(), tag))
}

fn sum(digest: &Digest) -> Option<Sum> {
    let text = digest.to_string();
    hex::decode(text.strip_prefix("sha256:")?)
        .ok()?
        .try_into()
        .ok()
}

fn line(repository: &str, tag: &str, record: &Record) -> String {
    let text = |sum: &Sum| format!("sha256:{}", hex::encode(sum));
    let (target, source) = (format!("{repository}:{tag}"), text(&record.from));
    let digest = record.to.as_deref().map(text);
    let line = Line {
        target: &target,
        source: Some(&source),
        digest: digest.as_deref(),
        form: record.form,
        wrote: record.wrote,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

type Known = HashMap<Box<str>, HashMap<Box<str>, Record>>;

fn cannot_use(path: &Path, e: std::io::Error) -> Error {
    let message = format!("the state `{}` cannot be used", path.display());
    Error::refused(message).because(e)
}

/// As [`read`]; a file that is not there is empty.
fn read_at(path: &Path) -> std::io::Result<(Known, usize)> {
    match File::open(path) {
        Ok(file) => read(file),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Default::default()),
        Err(e) => Err(e),
    }
}

/// The records of `file`, later ones over earlier ones, and how many lines there were.
fn read(file: File) -> std::io::Result<(Known, usize)> {
    let (mut known, mut lines) = (Known::new(), 0);
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok((known, lines));
        }
        if bytes.len() > LINE_CAP || bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        lines += 1;
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&bytes) else {
            continue;
        };
        let Some((repository, tag)) = line.target.rsplit_once(':') else {
            continue;
        };
        let sum_of = |text: &str| text.parse().ok().as_ref().and_then(sum);
        match line.source.map(sum_of) {
            None => {
                if let Some(tags) = known.get_mut(repository) {
                    tags.remove(tag);
                }
            }
            Some(None) => {}
            Some(Some(from)) => {
                let record = Record {
                    from,
                    to: line.digest.and_then(sum_of).map(Box::new),
                    form: line.form,
                    wrote: line.wrote,
                };
                let tags = known.entry(repository.into()).or_default();
                tags.insert(tag.into(), record);
            }
        }
    }
}

/// Writes the file again without what no longer counts. What another run appends meanwhile is lost, which costs requests
/// and nothing else.
fn rewrite(dir: &Path, path: &Path, known: &Known) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    {
        let mut out = std::io::BufWriter::new(&mut file);
        for (repository, tags) in known {
            for (tag, record) in tags {
                writeln!(out, "{}", line(repository, tag, record))?;
            }
        }
        out.flush()?;
    }
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// A number that stands for how images are made: records of another one do not count.
pub(super) fn form_of(described: &str) -> u32 {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(described.as_bytes());
    hash.iter()
        .take(4)
        .fold(0, |n, byte| n << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    fn digest(text: &str) -> Digest {
        Digest::of(Algorithm::Sha256, text.as_bytes())
    }

    fn target(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    #[test]
    fn what_was_noted_is_known_to_the_next_run() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, two) = (
            target("a.example:5000/x/y:1"),
            target("a.example:5000/x/y:2"),
        );
        {
            let state = State::open(dir.path()).expect("a state");
            state
                .note(&one, &digest("a"), &digest("a"), 7, true)
                .expect("noted");
            state
                .note(&two, &digest("b"), &digest("c"), 7, false)
                .expect("noted");
            // Found there again, it is still one that was written.
            state
                .note(&one, &digest("a"), &digest("a"), 7, false)
                .expect("noted");
        }
        let state = State::open(dir.path()).expect("a state");
        let record = state.get(&one).expect("a record");
        assert!(record.wrote && record.is_of(&digest("a"), 7) && !record.is_of(&digest("a"), 8));
        let record = state.get(&two).expect("a record");
        assert!(!record.wrote && record.is_at_target(&digest("c")));
        assert_eq!(record.digest(), Some(digest("c")));
        state.forget(&one).expect("noted");
        let state = State::open(dir.path()).expect("a state");
        assert_eq!(state.tags("a.example:5000/x/y").len(), 1);
    }

    #[test]
    fn cut_lines_and_those_of_two_writers_do_no_harm() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, two) = (
            State::open(dir.path()).expect("one"),
            State::open(dir.path()).expect("two"),
        );
        let path = dir.path().join(FILE);
        for n in 0..50 {
            let writer = if n % 2 == 0 { &one } else { &two };
            let tag = target(&format!("a.example/x:{n}"));
            writer
                .note(&tag, &digest("a"), &digest("a"), 0, true)
                .expect("noted");
            if n == 20 {
                let mut file = OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .expect("the file");
                file.write_all(b"{\"target\":\"a.example/x:to")
                    .expect("written");
            }
        }
        let state = State::open(dir.path()).expect("a state");
        assert_eq!(state.tags("a.example/x").len(), 50);
    }

    #[test]
    fn a_file_of_old_lines_is_written_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        let state = State::open(dir.path()).expect("a state");
        for n in 0..FEW_LINES + 10 {
            let from = digest(&n.to_string());
            state
                .note(&target("a.example/x:1"), &from, &from, 0, true)
                .expect("noted");
        }
        drop(state);
        let before = fs::metadata(&path).expect("the file").len();
        let state = State::open(dir.path()).expect("a state");
        assert!(fs::metadata(&path).expect("the file").len() < before / 100);
        let last = digest(&(FEW_LINES + 9).to_string());
        assert!(
            state
                .get(&target("a.example/x:1"))
                .is_some_and(|r| r.is_of(&last, 0))
        );
    }
}
