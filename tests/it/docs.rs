//! The documentation says what the program does: flags, exit codes, links, command lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Barque;

/// Commands and the page of each.
const PAGES: [(&str, &str); 28] = [
    ("inspect", "inspect.md"),
    ("copy", "copy.md"),
    ("verify-copy", "verify-copy.md"),
    ("tags", "tags.md"),
    ("repos", "repos.md"),
    ("layers", "layers.md"),
    ("ls", "ls.md"),
    ("cat", "cat.md"),
    ("extract", "extract.md"),
    ("diff", "diff.md"),
    ("du", "du.md"),
    ("edit", "edit.md"),
    ("verify", "verify.md"),
    ("sync", "sync.md"),
    ("referrers", "referrers.md"),
    ("attest", "referrers.md"),
    ("delete", "delete.md"),
    ("manifest-digest", "manifest-digest.md"),
    ("standalone-sign", "signing.md"),
    ("standalone-verify", "signing.md"),
    ("generate-sigstore-key", "signing.md"),
    ("search", "search.md"),
    ("serve", "serve.md"),
    ("experimental-image-proxy", "image-proxy.md"),
    ("login", "login.md"),
    ("logout", "login.md"),
    ("completion", "completion.md"),
    ("man", "completion.md"),
];

fn project(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

fn read(below: &str) -> String {
    fs::read_to_string(project(below)).unwrap_or_else(|e| panic!("{below}: {e}"))
}

/// The long flags at the start of the lines of a help text, `--help` left out.
fn flags(help: &str) -> BTreeSet<String> {
    let flag = |line: &str| {
        let line = line.trim_start();
        let long = line.split([' ', ',']).find(|word| word.starts_with("--"))?;
        let end = long.find(['[', '=']).unwrap_or(long.len());
        line.starts_with('-').then(|| long[..end].to_owned())
    };
    let mut flags: BTreeSet<_> = help.lines().filter_map(flag).collect();
    flags.remove("--help");
    flags
}

/// Whether `text` has `flag` as a whole word.
fn names(text: &str, flag: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    text.match_indices(flag)
        .any(|(at, _)| ends(&text[at + flag.len()..]) && !text[..at].ends_with('-'))
}

#[cfg(feature = "legacy")]
#[test]
fn each_flag_is_on_the_page_of_its_command() {
    let barque = Barque::new();
    let global = flags(barque.args(["--help"]).run().ok().stdout());
    assert!(global.contains("--debug"), "{global:?}");
    let index = read("docs/index.md");
    for flag in &global {
        assert!(names(&index, flag), "docs/index.md lacks `{flag}`");
    }
    for (command, page) in PAGES.into_iter().chain([("attest get", "referrers.md")]) {
        let text = read(&format!("docs/{page}"));
        let help = barque.args(command.split(' ')).args(["--help"]).run().ok();
        let own = flags(help.stdout());
        let local = [
            "attest",
            "manifest-digest",
            "standalone-sign",
            "standalone-verify",
            "generate-sigstore-key",
            "serve",
            "completion",
            "man",
        ];
        let local = local.contains(&command);
        assert!(local || own.contains("--authfile"), "{command}: {own:?}");
        for flag in own.difference(&global) {
            assert!(names(&text, flag), "docs/{page} lacks `{flag}`");
        }
    }
}

#[cfg(feature = "legacy")]
#[test]
fn each_command_is_in_the_guide_and_has_examples() {
    let barque = Barque::new();
    let help = barque.args(["--help"]).run().ok().stdout().to_owned();
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let commands = rest.lines().take_while(|l| !l.is_empty());
    let commands: Vec<_> = commands
        .filter_map(|l| l.split_whitespace().next())
        .filter(|c| *c != "help")
        .collect();
    assert_eq!(commands, PAGES.map(|(command, _)| command));
    let index = read("docs/index.md");
    for (command, page) in PAGES {
        assert!(index.contains(&format!("`barque {command}`")), "{command}");
        assert!(index.contains(&format!("]({page})")), "{page}");
        let help = barque.args([command, "--help"]).run().ok();
        assert!(help.stdout().contains("\nExamples:\n"), "{command}");
    }
}

/// The rows of the table of exit codes in a page: code and meaning.
fn exit_codes(page: &str) -> Vec<(u8, String)> {
    let text = read(page);
    let (_, table) = text.split_once("| code | meaning |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|l| l.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].parse().unwrap(), cells[1].to_owned())
    })
    .collect()
}

/// What `src/error.rs` says of each `Kind`: the code that its comment ends with, and the words before it.
fn kinds() -> Vec<(u8, String)> {
    let source = read("src/error.rs");
    let (_, kind) = source.split_once("pub enum Kind {\n").unwrap();
    let (kind, _) = kind.split_once("\n}").unwrap();
    let comments = kind.lines().filter_map(|l| l.trim().strip_prefix("/// "));
    comments
        .map(|comment| {
            let (words, code) = comment.trim_end_matches(").").rsplit_once(" (").unwrap();
            let code = code.trim_start_matches("exit code ").parse().unwrap();
            (code, words.to_owned())
        })
        .collect()
}

#[test]
fn the_tables_of_exit_codes_are_those_of_the_program() {
    use barque::Kind::*;
    let kinds = kinds();
    let codes = [Other, NotFound, NotAllowed, Corrupt, Unavailable, Refused].map(|k| k.exit_code());
    assert_eq!(kinds.iter().map(|k| k.0).collect::<Vec<_>>(), codes);
    for page in ["README.md", "docs/exit-codes.md"] {
        let table = exit_codes(page);
        let failures: Vec<_> = table
            .iter()
            .filter(|(code, _)| (1..129).contains(code))
            .cloned()
            .collect();
        assert_eq!(failures, kinds, "{page}");
        let rest: Vec<_> = table.iter().map(|(code, _)| *code).collect();
        assert_eq!(rest, [0, 1, 2, 3, 4, 5, 6, 129, 130, 143], "{page}");
    }
}

/// All pages that people read, relative to the project.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(project("docs")).unwrap();
    let docs = docs.map(|e| e.unwrap().file_name().into_string().unwrap());
    let docs = docs
        .filter(|n| n.ends_with(".md"))
        .map(|n| format!("docs/{n}"));
    let root = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    root.into_iter().chain(docs).collect()
}

/// The name that a heading has in links: lower case, blanks as `-`, no other signs.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_between_the_pages_resolve() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let here = project(&page);
            let file = match path {
                "" => here,
                path => here.parent().unwrap().join(path),
            };
            assert!(file.exists(), "{page}: `{target}` is not there");
            if !heading.is_empty() {
                let there = fs::read_to_string(&file).unwrap();
                let mut headings = there.lines().filter_map(|l| l.strip_prefix('#'));
                assert!(
                    headings.any(|h| anchor(h.trim_start_matches('#').trim()) == heading),
                    "{page}: `{target}` has no such heading"
                );
            }
        }
    }
    assert!(seen > 30, "only {seen} links were found");
}

#[test]
fn the_version_and_the_bare_call_are_as_the_guide_says() {
    let barque = Barque::new();
    let version = barque.args(["--version"]).run().ok();
    assert_eq!(
        version.stdout(),
        concat!("barque ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(read("docs/index.md").contains(version.stdout().trim()));
    let bare = barque.args([""; 0]).run().code(1);
    assert_eq!(bare.stdout(), "");
    assert!(bare.stderr().contains("Usage: barque"), "{}", bare.stderr());
}
