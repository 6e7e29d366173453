//! The checked-in man pages and completions are what the program writes today.
//!
//! After a change of the command line: `BARQUE_UPDATE_FIXTURES=1 cargo test --test it generated`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Barque;
use crate::support::sandbox::Run;

/// Completion files by the names under which shells look for them.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "barque.bash"),
    ("zsh", "_barque"),
    ("fish", "barque.fish"),
    ("powershell", "barque.ps1"),
];

fn project(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// A run in a narrow terminal, with variables that could show in a text.
fn odd(run: Run) -> Run {
    let run = run.env("COLUMNS", "40").env("BARQUE_DEBUG", "1");
    run.env("BARQUE_OVERRIDE_ARCH", "leaked-into-the-text")
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let file = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    entries.map(|e| file(e.unwrap().path())).collect()
}

fn compare(checked_in: &Path, made: &BTreeMap<String, String>) {
    if std::env::var_os("BARQUE_UPDATE_FIXTURES").is_some() {
        let _ = fs::remove_dir_all(checked_in);
        fs::create_dir_all(checked_in).unwrap();
        for (name, text) in made {
            fs::write(checked_in.join(name), text).unwrap();
        }
    }
    let there = files(checked_in);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&there), names(made));
    for (name, text) in made {
        assert!(
            there[name] == *text,
            "{}/{name} is old: run `BARQUE_UPDATE_FIXTURES=1 cargo test --test it generated`",
            checked_in.display()
        );
    }
}

#[test]
fn the_man_pages_are_fresh() {
    let barque = Barque::new();
    barque.args(["man", "plain"]).run().ok();
    odd(barque.args(["man", "odd"])).run().ok();
    let pages = files(&barque.path("plain"));
    assert!(pages == files(&barque.path("odd")));
    assert!(pages["barque-copy.1"].contains("--preserve-digests".replace('-', "\\-").as_str()));
    compare(&project("docs/man"), &pages);
}

#[test]
fn the_completions_are_fresh() {
    let barque = Barque::new();
    let script = |shell| {
        let plain = barque.args(["completion", shell]).run().ok();
        let odd = odd(barque.args(["completion", shell])).run().ok();
        assert_eq!(plain.stdout(), odd.stdout());
        plain.stdout().to_owned()
    };
    let made = COMPLETIONS.map(|(shell, file)| (file.to_owned(), script(shell)));
    for (file, script) in &made {
        assert!(script.contains("preserve-digests"), "{file}");
        // By its description, and by its name in bash, which has no descriptions.
        let hidden = [
            "Print the completion script",
            "barque__completion",
            "barque__subcmd__completion",
            "dest-precompute-digests",
            "insecure-policy",
        ];
        assert!(
            !hidden.iter().any(|h| script.contains(h)),
            "{file} has what is hidden"
        );
    }
    compare(&project("completions"), &BTreeMap::from(made));
}
