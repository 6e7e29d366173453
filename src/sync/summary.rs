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
    /// Receipts of runs that did not do all they were to do: they have no line for the end, or it says so.
    pub unfinished: Vec<String>,
    #[serde(skip)]
    last: BTreeMap<(String, String), Line>,
    #[serde(skip)]
    runs: Vec<Run>,
}

/// What a receipt says of its run as a whole.
#[derive(Debug, Default)]
struct Run {
    receipt: String,
    /// `None` without a line for the beginning.
    begin: Option<(String, u64)>,
    exit: Option<u8>,
    /// The failures of its entries.
    entries: Vec<Line>,
}

impl Run {
    /// Whether `other` is the same run, started again later.
    fn is_redone_by(&self, other: &Run) -> bool {
        match (&self.begin, &other.begin) {
            (Some((run, at)), Some((same, later))) => run == same && later > at,
            _ => false,
        }
    }

    /// Whether it came to its end: with a code that says what became of the images.
    fn is_finished(&self) -> bool {
        matches!(self.exit, Some(0 | 7 | 8))
    }
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
}

impl Joined {
    /// The lines that are added next are those of `receipt`.
    pub fn begin(&mut self, receipt: &str) {
        self.runs.push(Run {
            receipt: receipt.to_owned(),
            ..Run::default()
        });
    }

    /// Takes note of what `line` says of its run as a whole; `None` if that was all.
    fn of_run(&mut self, line: Line) -> Option<Line> {
        let begins_another = |run: &Run| {
            let is_begin = line.outcome == "begin";
            is_begin && (run.begin.is_some() || run.exit.is_some() || !run.entries.is_empty())
        };
        // The output of several runs may have been put together.
        match self.runs.last() {
            None => self.begin(""),
            Some(run) if begins_another(run) => {
                let receipt = run.receipt.clone();
                self.begin(&receipt);
            }
            Some(_) => {}
        }
        let run = self.runs.last_mut()?;
        match line.outcome.as_str() {
            "begin" => run.begin = Some((line.run?, line.at.unwrap_or_default())),
            "end" => run.exit = line.exit,
            _ if line.entry => run.entries.push(line),
            _ => return Some(line),
        }
        None
    }

    /// Adds a line of a receipt. Of several lines about one image and target, as of a shard that ran twice, one that says it is
    /// done counts, in whatever order the receipts are named, else the last one; bytes, requests and time count for all.
    pub fn add(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let line = serde_json::from_str::<Line>(line).ok();
        let Some(line) = line.filter(|line| !line.outcome.is_empty()) else {
            self.broken_lines += 1;
            return;
        };
        let Some(line) = self.of_run(line) else {
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

    /// Counts what was added. Of a run that was started again, only the last start says what became of the whole.
    #[must_use]
    pub fn finish(mut self) -> Joined {
        self.images = self.last.len();
        let runs = std::mem::take(&mut self.runs);
        let mut entries = BTreeMap::new();
        for run in &runs {
            if runs.iter().any(|other| run.is_redone_by(other)) {
                continue;
            }
            if !run.is_finished() {
                self.unfinished.push(run.receipt.clone());
            }
            let of_entry = |line: &Line| (line.target.clone(), line.source.clone());
            entries.extend(
                run.entries
                    .iter()
                    .map(|line| (of_entry(line), line.clone())),
            );
        }
        let entries = entries.into_values();
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
            !self.unfinished.is_empty() || has(&["failed", "postponed", "interrupted"]);
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
        assert_eq!((joined.broken_lines, joined.exit_code()), (1, 7));
        assert_eq!(joined.outcomes.get("copied"), Some(&1));
        let mut joined = Joined::default();
        joined.add(r#"{"source":"c","target":"z","outcome":"drifted"}"#);
        joined.add(r#"{"outcome":"end","exit":8}"#);
        assert_eq!(joined.finish().exit_code(), 8);
    }

    #[test]
    fn a_run_that_is_started_again_says_what_became_of_the_whole() {
        let begin = |run: &str, at| format!(r#"{{"outcome":"begin","run":"{run}","at":{at}}}"#);
        let failed = r#"{"source":"a","target":"x","outcome":"failed","entry":true}"#;
        let end = |exit| format!(r#"{{"outcome":"end","exit":{exit}}}"#);
        let code = |receipts: &[&[String]]| {
            let mut joined = Joined::default();
            for (n, lines) in receipts.iter().enumerate() {
                joined.begin(&n.to_string());
                lines.iter().for_each(|line| joined.add(line));
            }
            let joined = joined.finish();
            (joined.exit_code(), joined.images, joined.unfinished.len())
        };
        let (cut, done) = ([begin("m", 1)], [begin("m", 2), end(0)]);
        let (other, early) = ([begin("n", 1), end(0)], [begin("n", 1), end(130)]);
        let of_entry = [begin("m", 1), failed.to_owned(), end(7)];
        assert_eq!(code(&[&done]), (0, 0, 0));
        assert_eq!(code(&[&cut]), (7, 0, 1));
        assert_eq!(code(&[&cut, &other]), (7, 0, 1));
        assert_eq!(code(&[&done, &early]), (7, 0, 1));
        assert_eq!(code(&[&done, &cut]), (0, 0, 0));
        assert_eq!(code(&[&of_entry]), (7, 0, 0));
        assert_eq!(code(&[&of_entry, &done]), (0, 0, 0));
        assert_eq!(code(&[&[]]), (7, 0, 1));
        let together: Vec<String> = [&other[..], &cut].concat();
        assert_eq!(code(&[&together]), (7, 0, 1));
    }
}
