//! Plain lists: one image a line, `#` begins a comment, `=> TARGET` names the target.

use super::names::{source, target};
use super::{Declaration, Entry, How, Origin, Pick, SourceAccess, Tags};
use crate::sync::target::Target;
use crate::{Error, Result};

/// Reads a list. An image without a tag is `latest`, as everywhere; `REPOSITORY:*` is a repository with all its tags.
///
/// What has no target of its own goes to `default`.
///
/// # Errors
/// With the line's number, when a line is not an image or has no target.
pub fn parse(text: &str, default: &[Target], how: &How) -> Result<Declaration> {
    let mut declaration = Declaration::default();
    for (n, line) in text.lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(line, _)| line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = entry(line, default, how);
        declaration
            .entries
            .push(entry.map_err(|e| e.context(format!("line {}", n + 1)))?);
    }
    Ok(declaration)
}

fn entry(line: &str, default: &[Target], how: &How) -> Result<Entry> {
    let (from, to) = match line.split_once("=>") {
        Some((from, to)) => (from.trim(), Some(to.trim())),
        None => (line, None),
    };
    let whole = from.strip_suffix(":*");
    let parsed = source(whole.unwrap_or(from))?;
    let tags = match whole {
        Some(_) => Tags::Rules(Box::default()),
        None => Tags::Listed(vec![Pick::of_reference(&parsed)]),
    };
    let to = match to {
        Some(to) => vec![target(to)?],
        None => default.to_vec(),
    };
    if to.is_empty() {
        return Err(Error::other(format!("`{from}` has no target"))
            .hint("write `=> TARGET` after it, or give a destination"));
    }
    Ok(Entry {
        from: Origin::Repository(parsed.repository),
        tags,
        to,
        how: how.clone(),
        access: SourceAccess::default(),
        expect: None,
        expect_at_target: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_images_repositories_and_targets() {
        let text = "# images\n\nalpine:3.20\nquay.io/a/b:* # all\n docker://nginx => a.example/web/nginx:stable \nx.example/y@sha256:0000000000000000000000000000000011111111111111111111111111111111 => b.example/y\n";
        let default = [target("m.example/all").expect("a target")];
        let read = parse(text, &default, &How::default()).expect("a list");
        let described = read.entries.iter().map(|entry| {
            let Origin::Repository(repository) = &entry.from else {
                panic!("a repository")
            };
            let tags = match &entry.tags {
                Tags::Listed(picks) => picks[0].of(repository).to_string(),
                Tags::Rules(_) => format!("{repository}:*"),
            };
            let to = match &entry.to[0] {
                Target::Image(image) => image.to_string(),
                Target::Repository(repository) => repository.to_string(),
                Target::Below { base, .. } | Target::Mirror { base, .. } => base.clone(),
                Target::Place(name) | Target::Layout(name) => name.to_string(),
            };
            format!("{tags} => {to}")
        });
        assert_eq!(
            described.collect::<Vec<_>>(),
            [
                "docker.io/library/alpine:3.20 => m.example/all",
                "quay.io/a/b:* => m.example/all",
                "docker.io/library/nginx:latest => a.example/web/nginx:stable",
                "x.example/y@sha256:0000000000000000000000000000000011111111111111111111111111111111 => b.example/y",
            ]
        );
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line) in [
            ("alpine\na.example/UPPER", "line 2"),
            ("alpine", "line 1"),
            ("a => b.example/UP", "line 1"),
        ] {
            let default: &[Target] = if text == "alpine" {
                &[]
            } else {
                &[target("m.example/x").expect("a target")]
            };
            let e = parse(text, default, &How::default()).expect_err(text);
            assert!(e.to_string().starts_with(line), "{e:?}");
        }
    }
}
