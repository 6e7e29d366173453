//! `docs/reference/` holds the reasons that comments cite: each id and section cited exists, and each row has a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The comments of all sources and tests, each with its file.
fn comments() -> Vec<(PathBuf, String)> {
    let mut comments = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let found = text.lines().filter_map(|line| line.split_once("//"));
        comments.extend(found.map(|(_, comment)| (file.clone(), comment.to_owned())));
    }
    comments
}

/// All Rust files below `src` and `tests`.
pub(super) fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    fs::read_to_string(path.join(name)).unwrap()
}

/// The rows of the quirks: id, and the last column.
fn rows() -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in page("quirks.md").lines() {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let [id, .., last] = cells[..]
            && is_id(id)
        {
            let twice = rows.insert(id.to_owned(), last.to_owned());
            assert_eq!(twice, None, "{id} has two rows");
        }
    }
    rows
}

/// Whether this is the id of a quirk: a letter of one of the groups, and a number.
fn is_id(word: &str) -> bool {
    let Some((group, number)) = word.split_at_checked(1) else {
        return false;
    };
    "AEMBUXLRH".contains(group)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The ids that a comment names.
fn ids(comment: &str) -> impl Iterator<Item = &str> {
    let words = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    words.map(|w| w.trim_end_matches('.')).filter(|w| is_id(w))
}

/// The names of all functions below `src` and `tests`.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(file).unwrap();
        let names = text.split("fn ").skip(1);
        tests.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
    }
    tests
}

#[test]
fn each_demand_of_the_distribution_specification_has_a_test() {
    let (tests, page) = (tests(), page("distribution.md"));
    let rows = page.lines().filter_map(|l| l.strip_suffix("` |"));
    let mut count = 0;
    for row in rows {
        let (_, named) = row.split_once(" | `").unwrap();
        for name in named.split("`, `") {
            assert!(tests.contains(name), "no test `{name}`");
        }
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn each_quirk_that_is_cited_has_a_row() {
    let rows = rows();
    assert!(rows.len() >= 140, "{}", rows.len());
    let mut cited = 0;
    for (file, comment) in comments() {
        for id in ids(&comment) {
            assert!(rows.contains_key(id), "{}: no row {id}", file.display());
            cited += 1;
        }
    }
    assert!(cited > 100, "{cited}");
}

#[test]
fn each_row_has_a_test_or_says_why_not() {
    let tests = tests();
    for (id, last) in rows() {
        if last.starts_with("not applicable, because ") {
            continue;
        }
        let named: Vec<_> = last
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        for name in named {
            assert!(tests.contains(name), "{id}: no test `{name}`");
        }
    }
    for test in tests {
        let mut parts = test.split('_').map(str::to_uppercase);
        while let Some(id) = parts.next().filter(|id| is_id(id)) {
            let row = &rows()[&id];
            assert!(row.contains(&test), "{id}: the row lacks `{test}`");
        }
    }
}

#[test]
fn each_section_that_is_cited_exists() {
    let text = page("protocols.md");
    let titles = text.lines().filter(|l| l.starts_with("##"));
    let sections: BTreeSet<_> = titles.filter_map(|l| l.split(' ').nth(1)).collect();
    let mut cited = 0;
    for (file, comment) in comments() {
        for rest in comment.split("protocols ").skip(1) {
            let list = rest.split_once(')').map_or(rest, |(list, _)| list);
            let words = list
                .split(',')
                .filter_map(|part| part.split_whitespace().next());
            for section in words.filter(|w| w.starts_with(|c: char| c.is_ascii_digit())) {
                let section = section.trim_end_matches([':', '.', ';']);
                assert!(sections.contains(section), "{}: {list}", file.display());
                cited += 1;
            }
        }
    }
    assert!(cited > 15, "{cited}");
}
