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
    /// What failed, was postponed or has drifted.
    pub left: Vec<Line>,
    #[serde(skip)]
    last: BTreeMap<(String, String), Line>,
}

impl Line {
    /// Whether something is left to do for the image.
    fn is_left(&self) -> bool {
        let outcome = self.outcome.as_str();
        matches!(outcome, "failed" | "postponed" | "drifted" | "moved")
    }
}

impl Joined {
    /// Adds a line of a receipt. Of several lines about one image and target, as of a shard that ran twice, one that says it is
    /// done counts, in whatever order the receipts are named, else the last one; bytes, requests and time count for all.
    pub fn add(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            self.broken_lines += 1;
            return;
        };
        // A plan moves nothing.
        if line.outcome != "planned" {
            self.bytes += line.bytes.unwrap_or(0);
            self.requests += line.requests;
        }
        self.mounts += line.mounts.unwrap_or(0);
        self.seconds += line.seconds;
        let key = (line.target.clone(), line.source.clone());
        let is_done = self.last.get(&key).is_some_and(|known| !known.is_left());
        if !(is_done && line.is_left()) {
            self.last.insert(key, line);
        }
    }

    /// Counts what was added.
    #[must_use]
    pub fn finish(mut self) -> Joined {
        self.images = self.last.len();
        for (_, line) in std::mem::take(&mut self.last) {
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
        match (has(&["failed", "postponed"]), has(&["drifted", "moved"])) {
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
}
