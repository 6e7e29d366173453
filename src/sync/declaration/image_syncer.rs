//! image-syncer's files: one map from sources to targets, in YAML or JSON.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::names::{self, target};
use super::{Declaration, Entry, How, Origin, Pick, SourceAccess, Tags, from_yaml};
use crate::sync::re2;
use crate::sync::select::TagRules;
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "behind the name of a source, the name of a target or a list of such names is expected"
)]
enum Targets {
    One(String),
    Several(Vec<String>),
}

/// Reads a file of image-syncer: `SOURCE: TARGET` or a list of targets. A source is a repository (all its tags), or
/// one with `:TAG[,TAG…]`, `:/REGEX/` or `@DIGEST`.
///
/// # Errors
/// With line and column, when the text is not YAML or not of this shape; with the source, when a name is not valid.
pub fn parse(text: &str, how: &How) -> Result<Declaration> {
    let file: BTreeMap<String, Targets> = from_yaml(text)?;
    let mut declaration = Declaration::default();
    for (source, targets) in file {
        let targets = match targets {
            Targets::One(one) => vec![one],
            Targets::Several(several) => several,
        };
        if targets.is_empty() {
            return Err(Error::other(format!("`{source}` has no target")));
        }
        let (name, tags) = source_of(&source)?;
        let parsed = names::source(name)?;
        let tags = match tags {
            Some(tags) => tags,
            None if parsed.tag.is_none() && parsed.digest.is_none() => Tags::Rules(Box::default()),
            None => Tags::Listed(vec![Pick::of_reference(&parsed)]),
        };
        let to = targets
            .iter()
            .map(|text| target(text))
            .collect::<Result<Vec<_>>>();
        declaration.entries.push(Entry {
            from: Origin::Repository(parsed.repository),
            tags,
            to: to.map_err(|e| e.context(format!("`{source}`")))?,
            how: how.clone(),
            access: SourceAccess::default(),
            expect: None,
            expect_at_target: None,
        });
    }
    Ok(declaration)
}

/// Splits `REPOSITORY:/REGEX/` and `REPOSITORY:TAG,TAG`; any other text is a reference.
fn source_of(source: &str) -> Result<(&str, Option<Tags>)> {
    if let Some((name, pattern)) = source
        .strip_suffix('/')
        .and_then(|text| text.split_once(":/"))
    {
        let pattern =
            re2::compile(pattern).map_err(|e| Error::other(format!("`{source}`: {e}")))?;
        let rules = TagRules {
            matching: vec![pattern],
            ..TagRules::default()
        };
        return Ok((name, Some(Tags::Rules(Box::new(rules)))));
    }
    let last = source.rsplit('/').next().unwrap_or(source);
    if let Some((_, tags)) = last.split_once(':').filter(|(_, tags)| tags.contains(',')) {
        let name = &source[..source.len() - tags.len() - 1];
        let picks = tags.split(',').map(|tag| tag.trim().parse().map(Pick::Tag));
        let picks = picks.collect::<Result<_, _>>();
        let picks = picks.map_err(|e| Error::other(format!("`{source}`: {e}")))?;
        return Ok((name, Some(Tags::Listed(picks))));
    }
    Ok((source, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::target::Target;

    #[test]
    fn sources_have_lists_of_tags_patterns_and_several_targets() {
        let text = "quay.io/coreos/kube-rbac-proxy: a.example/r\nb.example:5000/x:1,2: [c.example/x, d.example/x]\ne.example/y:/^v\\d/: f.example/y\nnginx:1.25: g.example/nginx:stable\n";
        let read = parse(text, &How::default()).expect("a file");
        let found = read.entries.iter().map(|entry| {
            let Origin::Repository(repository) = &entry.from else {
                panic!("a repository")
            };
            let tags = match &entry.tags {
                Tags::Listed(picks) => picks.len().to_string(),
                Tags::Rules(rules) => format!("{}*", rules.matching.len()),
            };
            (repository.to_string(), tags, entry.to.len())
        });
        let expected = [
            ("b.example:5000/x", "2", 2),
            ("e.example/y", "1*", 1),
            ("docker.io/library/nginx", "1", 1),
            ("quay.io/coreos/kube-rbac-proxy", "0*", 1),
        ];
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c))
        );
        assert!(
            matches!(&read.entries[2].to[0], Target::Image(image) if image.to_string() == "g.example/nginx:stable")
        );
    }

    #[test]
    fn json_is_read_too() {
        let read = parse(r#"{"alpine:3": ["a.example/alpine"]}"#, &How::default()).expect("JSON");
        assert_eq!(read.entries.len(), 1);
        assert!(parse(r#"{"UPPER": "a.example/x"}"#, &How::default()).is_err());
        assert!(parse(r#"{"alpine": []}"#, &How::default()).is_err());
    }
}
