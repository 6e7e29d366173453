//! dregsy's tasks and mappings.

use serde_json::{Map, Value};

use super::{Converted, Entry, TIMER, strings};

/// Adds the mappings of `file` to `out`.
pub(super) fn dregsy(file: &Value, out: &mut Converted) {
    let top = [
        ("relay", "barque copies by itself"),
        ("skopeo", "barque copies by itself"),
        ("docker", "barque copies by itself"),
        ("lister", "barque lists all tags"),
        ("watch", TIMER),
    ];
    out.keys("", file, &["tasks"], &top);
    for (n, task) in file["tasks"].as_array().into_iter().flatten().enumerate() {
        let place = format!("tasks[{n}].");
        let timer = [("interval", TIMER), ("verbose", "use `--debug`")];
        out.keys(
            &place,
            task,
            &["name", "source", "target", "mappings"],
            &timer,
        );
        let login = [
            ("auth", "log in with `barque login`"),
            ("auth-refresh", "use a credential helper"),
            (
                "skip-tls-verify",
                "use `--src-tls-verify=false` or `--dest-tls-verify=false`",
            ),
        ];
        for side in ["source", "target"] {
            out.keys(
                &format!("{place}{side}."),
                &task[side],
                &["registry"],
                &login,
            );
        }
        let host = |side: &str| {
            task[side]["registry"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        for (m, mapping) in task["mappings"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let place = format!("{place}mappings[{m}].");
            out.keys(&place, mapping, &["from", "to", "tags", "platform"], &[]);
            let from = mapping["from"]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches('/');
            let to = mapping["to"]
                .as_str()
                .map_or(from, |to| to.trim_start_matches('/'));
            if from.starts_with("regex:") || to.starts_with("regex:") {
                out.refused.push(format!("`{place}from` with `regex:`"));
            }
            let platforms = match mapping["platform"].as_str() {
                Some("all") | None => Vec::new(),
                Some(one) => vec![one.to_owned()],
            };
            for rules in dregsy_tags(&place, &strings(&mapping["tags"]), out) {
                out.entries.push(Entry {
                    from: format!("{}/{from}", host("source")),
                    to: format!("{}/{to}", host("target")),
                    tags: rules,
                    platforms: platforms.clone(),
                });
            }
        }
    }
}

/// The rules for dregsy's list of tags, one entry for each kind: they are added to each other.
fn dregsy_tags(place: &str, tags: &[String], out: &mut Converted) -> Vec<Map<String, Value>> {
    let (mut patterns, mut ranges) = (Vec::new(), Vec::new());
    for tag in tags {
        let (kind, rest) = tag
            .split_once(':')
            .map_or(("", tag.as_str()), |(kind, rest)| (kind, rest.trim()));
        match kind {
            "" => patterns.push(format!("^{}$", regex_lite::escape(tag))),
            "regex" if !rest.starts_with('!') => patterns.push(rest.to_owned()),
            "semver" => ranges.push(rest.to_owned()),
            _ => out.refused.push(format!("`{place}tags`: `{tag}`")),
        }
    }
    let rule = |key: &str, value: Value| Map::from_iter([(key.to_owned(), value)]);
    let mut rules = Vec::new();
    if !patterns.is_empty() {
        rules.push(rule("match", patterns.into()));
    }
    if !ranges.is_empty() {
        rules.push(rule("semver", ranges.join(" || ").into()));
    }
    if tags.is_empty() {
        rules.push(Map::new());
    }
    rules
}
