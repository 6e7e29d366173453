//! Receipts of several runs, joined: what became of each target, and what it took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::receipt::Line;

/// Receipts, joined.
#[derive(Debug, Default, Serialize)]
pub struct Joined {
    /// Images by what became of them.
    pub outcomes: BTreeMap<String, usize>,
    /// Images that were found unchanged, by how.
    pub by: BTreeMap<String, usize>,
    /// Images and targets.
    pub images: usize,
    /// Bytes of blobs that moved.
    pub bytes: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Blobs that were mounted.
    pub mounts: usize,
    /// The sum of the times that images took.
    pub seconds: f64,
    /// Lines that are no lines of a receipt, as a run that was killed leaves them.
    pub broken_lines: usize,
    /// What failed, was interrupted or postponed, or has drifted.
    pub left: Vec<Line>,
    /// Files with lines of which none is a line of a receipt.
    pub not_receipts: Vec<String>,
    #[serde(skip)]
    last: BTreeMap<(String, String), Line>,
    /// The failures of entries.
    #[serde(skip)]
    entries: Vec<Line>,
}

impl Line {
    /// Whether something is left to do for the image.
    fn is_left(&self) -> bool {
        let outcome = self.outcome.as_str();
        matches!(
            outcome,
            "failed" | "postponed" | "drifted" | "moved" | "interrupted"
        )
    }

    /// Whether it is about an image of `entry`, whose names are those of repositories.
    fn is_of(&self, entry: &Line) -> bool {
        let is_in = |image: &str, repository: &str| {
            let rest = image.strip_prefix(repository);
            rest.is_some_and(|rest| rest.starts_with([':', '@']))
        };
        is_in(&self.source, &entry.source) && is_in(&self.target, &entry.target)
    }
}

impl Joined {
    /// Adds a line of a file, and returns whether it is a line of a receipt. A shard may have run twice: of several lines about
    /// one image and target, one that says it is done counts, in whatever order the receipts are named, else the last one;
    /// bytes, requests and time count for all. The failure of an entry counts unless a later line says that an image of it is
    /// done.
    pub fn add(&mut self, line: &str) -> bool {
        if line.trim().is_empty() {
            return false;
        }
        let line = serde_json::from_str::<Line>(line).ok();
        let Some(line) = line.filter(|line| !line.outcome.is_empty()) else {
            self.broken_lines += 1;
            return false;
        };
        // A plan moves nothing.
        if line.outcome != "planned" {
            self.bytes += line.bytes.unwrap_or(0);
            self.requests += line.requests;
        }
        self.mounts += line.mounts.unwrap_or(0);
        self.seconds += line.seconds;
        if line.entry {
            self.entries.push(line);
            return true;
        }
        if !line.is_left() {
            self.entries.retain(|entry| !line.is_of(entry));
        }
        let key = (line.target.clone(), line.source.clone());
        let is_done = self.last.get(&key).is_some_and(|known| !known.is_left());
        if !(is_done && line.is_left()) {
            self.last.insert(key, line);
        }
        true
    }

    /// Counts what was added.
    #[must_use]
    pub fn finish(mut self) -> Joined {
        self.images = self.last.len();
        let entries = std::mem::take(&mut self.entries);
        for line in std::mem::take(&mut self.last).into_values().chain(entries) {
            *self.outcomes.entry(line.outcome.clone()).or_default() += 1;
            if let Some(by) = &line.by {
                *self.by.entry(by.clone()).or_default() += 1;
            }
            if line.is_left() {
                self.left.push(line);
            }
        }
        self.seconds = (self.seconds * 1000.0).round() / 1000.0;
        self
    }

    /// The exit code of a run that had all of these.
    pub fn exit_code(&self) -> u8 {
        let has = |words: &[&str]| words.iter().any(|word| self.outcomes.contains_key(*word));
        let is_incomplete =
            !self.not_receipts.is_empty() || has(&["failed", "postponed", "interrupted"]);
        match (is_incomplete, has(&["drifted", "moved"])) {
            (true, _) => 7,
            (false, true) => 8,
            (false, false) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_an_image_counts_and_the_work_of_all() {
        let mut joined = Joined::default();
        for line in [
            r#"{"source":"a","target":"x","outcome":"failed","requests":3,"seconds":1,"class":5}"#,
            r#"{"source":"b","target":"y","outcome":"copied","bytes":10,"requests":5,"mounts":2,"seconds":1}"#,
            r#"{"source":"b","target":"y","outcome":"present","by":"state","requests":1,"seconds":0.5}"#,
            r#"{"source":"a","target":"x","outcome":"copied","bytes":7,"requests":4,"seconds":1,"later":"field"}"#,
            r#"{"source":"c","tar"#,
            "",
        ] {
            joined.add(line);
        }
        let joined = joined.finish();
        assert_eq!(
            (joined.images, joined.bytes, joined.requests, joined.mounts),
            (2, 17, 13, 2)
        );
        assert_eq!((joined.broken_lines, joined.exit_code()), (1, 0));
        assert_eq!(joined.outcomes.get("copied"), Some(&1));
        let mut joined = Joined::default();
        joined.add(r#"{"source":"c","target":"z","outcome":"drifted"}"#);
        assert_eq!(joined.finish().exit_code(), 8);
    }

    #[test]
    fn the_failure_of_an_entry_counts_until_the_run_is_started_again() {
        let failed = r#"{"source":"h/a","target":"t/a","outcome":"failed","entry":true}"#;
        let done = r#"{"source":"h/a:1","target":"t/a:1","outcome":"copied"}"#;
        let other = r#"{"source":"h/ab:1","target":"t/ab:1","outcome":"copied"}"#;
        let code = |lines: &[&str]| {
            let mut joined = Joined::default();
            assert!(lines.iter().all(|line| joined.add(line)));
            let joined = joined.finish();
            (joined.exit_code(), joined.images, joined.left.len())
        };
        assert_eq!(code(&[failed, other]), (7, 1, 1));
        assert_eq!(code(&[done, failed]), (7, 1, 1));
        assert_eq!(code(&[failed, done]), (0, 1, 0));
    }
}
