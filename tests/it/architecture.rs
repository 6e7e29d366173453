//! What `docs/architecture.md` says of the source: the tree, and that no files use each other in a circle. The order of the
//! rooms is in `rooms.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by the names on its path: `["copy", "plan"]`.
type Module = Vec<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).unwrap()
}

/// The source of each module, without its comments and tests.
fn modules() -> BTreeMap<Module, String> {
    let src = root().join("src");
    let mut left = vec![src.clone()];
    let mut modules = BTreeMap::new();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let name = path.strip_prefix(&src).unwrap().with_extension("");
            let mut module: Module = name
                .iter()
                .map(|p| p.to_str().unwrap().to_owned())
                .collect();
            if module.last().unwrap() == "mod" {
                module.pop();
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let lines = code.lines().map(|l| l.split("//").next().unwrap());
            modules.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
    modules
}

/// A `use` of a module: whether others see it there, and the absolute path of what it names.
fn uses(module: &Module, code: &str, all: &BTreeMap<Module, String>) -> Vec<(bool, Module)> {
    let mut found = Vec::new();
    for (place, _) in code.match_indices("use ") {
        let line = code[..place].rsplit('\n').next().unwrap().trim_start();
        if !(line.is_empty() || line.starts_with("pub")) {
            continue;
        }
        let tree = code[place + 4..].split(';').next().unwrap();
        for path in leaves("", tree) {
            let mut parts: Vec<String> = path.split("::").map(|p| p.trim().to_owned()).collect();
            let mut base = match parts[0].as_str() {
                "crate" => Module::new(),
                "self" | "super" => module.clone(),
                first => {
                    let child = [module.clone(), vec![first.to_owned()]].concat();
                    if !all.contains_key(&child) {
                        continue;
                    }
                    module.clone()
                }
            };
            while matches!(
                parts.first().map(String::as_str),
                Some("crate" | "self" | "super")
            ) {
                if parts.remove(0) == "super" {
                    base.pop();
                }
            }
            found.push((line.starts_with("pub"), [base, parts].concat()));
        }
    }
    found
}

/// The paths in the tree of a `use`.
fn leaves(prefix: &str, tree: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in tree.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty());
    parts
        .flat_map(|part| match part.split_once('{') {
            Some((begin, rest)) => {
                let inner = rest.rsplit_once('}').unwrap().0;
                leaves(&format!("{prefix}{}", begin.trim()), inner)
            }
            None => vec![format!("{prefix}{}", part.split(" as ").next().unwrap())],
        })
        .collect()
}

/// The module that has what `path` names, through what other modules pass on.
fn owner(
    path: &[String],
    passed_on: &BTreeMap<(Module, String), Module>,
    all: &BTreeMap<Module, String>,
    depth: usize,
) -> Option<Module> {
    let at = (1..=path.len())
        .rev()
        .find(|n| all.contains_key(&path[..*n]))?;
    let (module, rest) = path.split_at(at);
    let next = rest.first().map(|name| (module.to_vec(), name.clone()));
    match next.and_then(|key| passed_on.get(&key)) {
        Some(to) if depth < 8 => owner(&[to, &rest[1..]].concat(), passed_on, all, depth + 1),
        _ => Some(module.to_vec()),
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let all = modules();
    let mut passed_on = BTreeMap::new();
    let mut used = Vec::new();
    for (module, code) in &all {
        for (is_public, path) in uses(module, code, &all) {
            match is_public {
                true => {
                    let name = path.last().cloned().unwrap_or_default();
                    passed_on.insert((module.clone(), name), path);
                }
                false => used.push((module, path)),
            }
        }
    }
    // A file and those in its folder are one unit for the files beside them.
    let mut units: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, path) in used {
        let Some(to) = owner(&path, &passed_on, &all, 0) else {
            continue;
        };
        let shared = module.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if module.len() > shared && to.len() > shared {
            let unit = units.entry(module[..=shared].to_vec()).or_default();
            unit.insert(to[..=shared].to_vec());
        }
    }
    assert!(units.len() > 100, "{}", units.len());
    for start in units.keys() {
        let mut left: Vec<&Module> = units[start].iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(unit) = left.pop() {
            assert!(
                unit != start,
                "{} is used by what it uses: {seen:?}",
                start.join("/")
            );
            if seen.insert(unit) {
                left.extend(units.get(unit).into_iter().flatten());
            }
        }
    }
}

#[test]
fn the_tree_lists_what_is_there() {
    let page = page();
    let (_, tree) = page.split_once("\nsrc/\n").unwrap();
    let tree = tree.split_once("\nbenches/").unwrap().0;
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut room = String::new();
    for line in tree.lines() {
        let line = line.split_at(2).1;
        let words = line.split([' ', '(', ')', ',', ':']);
        for (i, word) in words.enumerate() {
            if i == 0 && word.ends_with('/') {
                word.trim_end_matches('/').clone_into(&mut room);
            } else if i == 0 && word.ends_with(".rs") {
                room.clear();
            }
            if i > 0
                && let Some(name) = word.strip_suffix(".rs").or(word.strip_suffix('/'))
            {
                listed
                    .entry(room.clone())
                    .or_default()
                    .insert(name.to_owned());
            }
        }
    }
    let mut wrong = Vec::new();
    for (room, names) in listed.iter().filter(|(room, _)| !room.is_empty()) {
        let there: BTreeSet<String> = fs::read_dir(root().join("src").join(room))
            .unwrap()
            .map(|e| {
                e.unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .filter(|name| name != "tests" && name != "mod")
            .collect();
        let names: BTreeSet<String> = names.iter().filter(|n| *n != "mod").cloned().collect();
        wrong.extend(
            there
                .difference(&names)
                .map(|n| format!("{room}/{n} is not listed")),
        );
        wrong.extend(
            names
                .difference(&there)
                .map(|n| format!("{room}/{n} is not there")),
        );
    }
    assert!(listed.len() >= 10, "{listed:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
