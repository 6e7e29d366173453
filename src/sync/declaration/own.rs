//! barque's own form: defaults, settings of registries, and entries with tag rules.

mod braces;
mod file;

use super::names;
use super::names::target;
use super::{
    Declaration, Entry, How, OnDrift, Origin, Pick, Platforms, RegistryRules, SourceAccess, Tags,
    from_yaml, list, patterns,
};
use crate::copy::Referrers;
use crate::image::{MediaType, Repository, Tag};
use crate::sync::pattern::Glob;
use crate::sync::re2;
use crate::sync::select::{Sort, TagRules};
use crate::sync::target::Target;
use crate::{Error, Result};

use braces::braces;
use file::{Count, Drift, File, Item, OneOrMany, Order, Rate, Settings, TagSettings, WordOrList};

/// The version of the form that this program reads.
const VERSION: usize = 1;

/// Reads a declaration in barque's own form. `read_list` reads the file of a `list:` entry by its path.
///
/// # Errors
/// With line and column, when the text is not YAML, has an unknown key or another shape; with the entry, when a
/// name, pattern or constraint in it is not valid.
pub fn parse(text: &str, read_list: &dyn Fn(&str) -> Result<String>) -> Result<Declaration> {
    let file: File = from_yaml(text)?;
    if file.version.0 != VERSION {
        let (is, reads) = (file.version.0, VERSION);
        return Err(Error::other(format!(
            "`barque-sync: {is}` is another version of the form; this program reads {reads}"
        )));
    }
    let mut declaration = Declaration::default();
    for (host, rules) in file.registries {
        let rules = RegistryRules {
            rate: rules.rate.map(|Rate(rate)| rate),
            max_pulls: rules
                .max_pulls
                .map(|pulls| pulls.limit())
                .transpose()
                .map_err(|e| e.context(format!("`{host}`")))?,
            create_repository: rules.create_repository,
        };
        if rules.create_repository.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::other(format!(
                "`{host}`: `create-repository` names no program"
            )));
        }
        if rules
            .rate
            .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
        {
            return Err(Error::other(format!(
                "`{host}`: the rate has to be above 0"
            )));
        }
        declaration.registries.insert(host, rules);
    }
    for (n, item) in file.sync.iter().enumerate() {
        let entries = entries(item, &file.defaults, read_list);
        let named = item
            .from
            .as_ref()
            .or(item.list.as_ref())
            .map_or(String::new(), |name| format!(" (`{name}`)"));
        declaration
            .entries
            .extend(entries.map_err(|e| e.context(format!("entry {}{named}", n + 1)))?);
    }
    Ok(declaration)
}

fn entries(
    item: &Item,
    defaults: &Settings,
    read_list: &dyn Fn(&str) -> Result<String>,
) -> Result<Vec<Entry>> {
    if item.to.all().is_empty() {
        return Err(Error::other("`to` names no target"));
    }
    let how = how(item, defaults)?;
    let from = match (&item.from, &item.list) {
        (Some(from), None) => from,
        (None, Some(_)) if item.tags.is_some() => {
            return Err(Error::other(
                "the lines of a `list` name their tags, so that `tags` has no effect",
            )
            .hint("leave `tags` out, or write the repositories as entries with `from`"));
        }
        (None, Some(path)) => {
            let to = item
                .to
                .all()
                .iter()
                .map(|text| target(text))
                .collect::<Result<Vec<_>>>()?;
            return Ok(list::parse(&read_list(path)?, &to, &how)?.entries);
        }
        _ => return Err(Error::other("an entry has either `from` or `list`")),
    };
    let rules = rules(item.tags.as_ref().unwrap_or(&TagSettings::default()))?;
    braces(from)?
        .iter()
        .map(|source| {
            let parsed = names::source(source)?;
            let named = parsed.tag.is_some() || parsed.digest.is_some();
            if named && item.tags.is_some() {
                let text = format!("`{source}` is one image, so that `tags` has no effect");
                return Err(Error::other(text).hint("leave out `tags`, or the tag in `from`"));
            }
            let to = item
                .to
                .all()
                .iter()
                .map(|text| target_for(text, &parsed.repository));
            Ok(Entry {
                tags: match named {
                    true => Tags::Listed(vec![Pick::of_reference(&parsed)]),
                    false => Tags::Rules(Box::new(rules.clone())),
                },
                to: to.collect::<Result<Vec<_>>>()?,
                from: Origin::Repository(parsed.repository),
                how: how.clone(),
                access: SourceAccess::default(),
                expect: None,
                expect_at_target: None,
            })
        })
        .collect()
}

/// The target `text` for images of `source`: `{registry}`, `{repository}` (its whole path) and `{name}` (the last part
/// of it) stand for the source's.
fn target_for(text: &str, source: &Repository) -> Result<Target> {
    let path = source.name.as_str();
    let name = path.rsplit('/').next().unwrap_or(path);
    let text = text
        .replace("{registry}", source.registry.as_str())
        .replace("{repository}", path)
        .replace("{name}", name);
    target(&text)
}

fn how(item: &Item, defaults: &Settings) -> Result<How> {
    let platforms = match item.platforms.as_ref().or(defaults.platforms.as_ref()) {
        None => Platforms::All,
        Some(WordOrList::Word(word)) if word == "all" => Platforms::All,
        Some(WordOrList::Word(word)) if word == "system" => Platforms::System,
        Some(WordOrList::Word(word)) => Platforms::Some(patterns(std::slice::from_ref(word))?),
        Some(WordOrList::Patterns(list)) => Platforms::Some(patterns(list)?),
    };
    let referrers = match item.referrers.as_ref().or(defaults.referrers.as_ref()) {
        None => Referrers::All,
        Some(WordOrList::Word(word)) if word == "all" => Referrers::All,
        Some(WordOrList::Word(word)) if word == "none" => Referrers::None,
        Some(WordOrList::Word(word)) => Referrers::OfTypes(vec![MediaType::new(word)]),
        Some(WordOrList::Patterns(types)) => {
            Referrers::OfTypes(types.iter().map(|text| MediaType::new(text)).collect())
        }
    };
    let on_drift = match item.on_drift.or(defaults.on_drift) {
        None | Some(Drift::Overwrite) => OnDrift::Overwrite,
        Some(Drift::Report) => OnDrift::Report,
        Some(Drift::Fail) => OnDrift::Fail,
    };
    let mutable = item.mutable.as_ref().or(defaults.mutable.as_ref());
    Ok(How {
        platforms,
        referrers,
        on_drift,
        mutable: match mutable {
            Some(patterns) => patterns.iter().map(Glob::new).collect(),
            None => How::default().mutable,
        },
    })
}

/// `text`, which has to be a tag.
fn tag(text: &str) -> Result<String> {
    match text.parse::<Tag>() {
        Ok(_) => Ok(text.to_owned()),
        Err(e) => Err(Error::other(format!("`also`: `{text}`: {e}"))),
    }
}

fn rules(tags: &TagSettings) -> Result<TagRules> {
    let regexes = |list: &OneOrMany| {
        let parse = |text: &String| re2::compile(text).map_err(Error::other);
        list.all().iter().map(parse).collect::<Result<Vec<_>>>()
    };
    let semver = tags.semver.as_ref().map(|text| text.parse()).transpose();
    Ok(TagRules {
        matching: regexes(&tags.matching)?,
        semver: semver
            .map_err(|e: crate::sync::semver::ConstraintError| Error::other(e.to_string()))?,
        except: regexes(&tags.except)?,
        sort: match tags.sort {
            Order::Semver => Sort::Semver,
            Order::Natural => Sort::Natural,
            Order::Alphabetical => Sort::Alphabetical,
        },
        newest: tags.newest.map(|Count(newest)| newest),
        also: tags
            .also
            .all()
            .iter()
            .map(|text| tag(text))
            .collect::<Result<_>>()?,
        at_least: tags.at_least.0,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::PullLimit;

    const FILE: &str = r"
barque-sync: 1
defaults: { platforms: all, on-drift: overwrite, mutable: [latest, edge, '*-latest'] }
registries:
  docker.io: { max-pulls: 80/6h }
  '*.dkr.ecr.*.amazonaws.com':
    create-repository: [aws, ecr, create-repository, --repository-name, '{repository}']
sync:
  - from: docker.io/library/nginx
    to: [a.lan/hub/nginx, b.lan/hub/nginx]
    tags: { match: '^\d', semver: '>=1.25', except: ['-rc', '-beta'], newest: 5, also: [latest], at-least: 1 }
    platforms: [linux/amd64, 'linux/arm*']
  - from: quay.io/org/{app,worker}
    to: a.lan/quay/{repository}
    on-drift: report
    mutable: []
  - list: images.txt
    to: a.lan/listed
";

    fn no_list(_: &str) -> Result<String> {
        Err(Error::other("no list"))
    }

    #[test]
    fn the_form_is_read_whole() {
        let read = parse(FILE, &|path| Ok(format!("# {path}\nalpine:3\n"))).expect("a declaration");
        assert_eq!(read.entries.len(), 4);
        let first = &read.entries[0];
        assert_eq!(first.to.len(), 2);
        assert!(matches!(&first.how.platforms, Platforms::Some(patterns) if patterns.len() == 2));
        let Tags::Rules(rules) = &first.tags else {
            panic!("rules")
        };
        assert_eq!(
            (
                rules.newest,
                rules.at_least,
                rules.except.len(),
                rules.also.len()
            ),
            (Some(5), 1, 2, 1)
        );
        assert!(first.how.mutable[2].matches("x-latest"));
        let second = &read.entries[2];
        assert!(
            matches!(&second.to[0], Target::Repository(to) if to.to_string() == "a.lan/quay/org/worker")
        );
        assert_eq!(
            (second.how.on_drift, second.how.mutable.len()),
            (OnDrift::Report, 0)
        );
        assert!(matches!(&read.entries[3].tags, Tags::Listed(picks) if picks.len() == 1));
        let limit = PullLimit {
            pulls: 80,
            window: Some(Duration::from_secs(6 * 3600)),
        };
        assert_eq!(read.registries["docker.io"].max_pulls, Some(limit));
        assert_eq!((read.registries.len(), read.warnings.len()), (2, 0));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            (
                "barque-sync: 1\nsync:\n  - form: a.example/b\n    to: c\n",
                "line 3, column 5",
            ),
            ("barque-sync: 2\nsync: []\n", "another version"),
            (
                "barque-sync: 1\nsync:\n  - from: a.example/b\n    to: c.example/d\n    tags: { newest: '3' }\n",
                "line 5, column 13",
            ),
            (
                "barque-sync: 1\nsync: [{from: a.example/b, to: UPPER}]\n",
                "entry 1 (`a.example/b`)",
            ),
            (
                "barque-sync: 1\nsync: [{from: a.example/b, to: []}]\n",
                "`to` names no target",
            ),
            (
                "barque-sync: 1\nregistries: {a.example: {create-repository: []}}\nsync: []\n",
                "`create-repository` names no program",
            ),
            (
                "barque-sync: 1\nregistries: {a.example: {max-pulls: 3/0h}}\nsync: []\n",
                "`a.example`",
            ),
            (
                "barque-sync: 1\nsync: [{from: a.example/b, list: x, to: c.example/d}]\n",
                "either `from` or `list`",
            ),
            (
                "barque-sync: 1\nsync: [{from: a.example/b, to: c.example/d, tags: {match: '('}}]\n",
                "regular expression",
            ),
            (
                "barque-sync: 1\nsync: [{from: 'a.example/{b', to: c.example/d}]\n",
                "brace",
            ),
        ];
        for (text, expected) in cases {
            let e = format!("{:?}", parse(text, &no_list).expect_err(text));
            assert!(e.contains(expected), "{e}");
        }
    }
}
