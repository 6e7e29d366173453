//! `barque repos`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use futures_util::stream::{self, BoxStream, LocalBoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::Outcome;
use super::flags::{Global, RegistryFlags};
use super::retry::RetryFlags;
use crate::image::Registry;
use crate::registry::{ApiError, Client};
use crate::report::failure::{clean, one_line};
use crate::report::json;
use crate::settings::AuthKey;
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  The repositories of a registry, one a line:
    barque repos --plain registry.example.com

  The tags of all of them:
    barque repos --plain registry.example.com \\
      | xargs -I{} barque tags registry.example.com/{}";

/// List the repositories of a registry
///
/// Prints a JSON document, or with --plain one repository a line; both are written as the pages arrive, in the order of
/// the registry. Docker Hub and most other hosted registries do not offer this list.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ReposArgs {
    /// A registry, as in registry.example.com:5000
    #[arg(value_name = "HOST")]
    registry: String,

    /// Print one repository a line
    #[arg(long)]
    plain: bool,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    access: RegistryFlags,
}

/// Names of repositories, page by page.
type Pages = BoxStream<'static, Result<Vec<String>>>;

pub(crate) async fn run(args: ReposArgs, global: &Global) -> Result<Outcome> {
    let registry = registry(&args.registry)?;
    let context = args.access.context(global)?;
    // Only the first page can be asked for again: after it, something has been printed.
    let begin = async || {
        let client = Arc::new(Client::new(&registry, context.at(&registry)?.as_ref()));
        let mut pages = client.repositories();
        let first = pages.try_next().await?.unwrap_or_default();
        Ok((first, pages))
    };
    let (first, rest) = args
        .retry
        .run(begin)
        .await
        .map_err(|e| unlisted(&registry, e))?;
    let pages: Pages = stream::once(async { Ok(first) }).chain(rest).boxed();
    let text = match args.plain {
        true => lines(pages),
        false => document(&registry, pages),
    };
    let failed = move |e: Error| {
        let what = format!("listing the repositories of `{registry}`");
        e.context(what)
    };
    Ok(Outcome::Stream(text.map_err(failed).boxed_local()))
}

fn lines(pages: Pages) -> LocalBoxStream<'static, Result<Bytes>> {
    let lines = pages.map_ok(|page| {
        let lines = page.iter().map(|name| format!("{}\n", clean(name)));
        lines.collect::<String>().into()
    });
    lines.boxed_local()
}

/// `{"Registry": …, "Repositories": […]}`, formed as the documents of other commands are.
fn document(registry: &Registry, pages: Pages) -> LocalBoxStream<'static, Result<Bytes>> {
    let head = format!(
        "{{\n    \"Registry\": {},\n    \"Repositories\": [",
        json::to_go_json(&registry.as_str())
    );
    let before = Rc::new(Cell::new("\n"));
    let at_end = before.clone();
    let entries = pages.map_ok(move |page| {
        let entry = |name: &String| {
            let entry = format!("{}        {}", before.get(), json::to_go_json(name));
            before.set(",\n");
            entry
        };
        page.iter().map(entry).collect::<String>()
    });
    let tail = async move {
        Ok(match at_end.get() {
            // An empty list stands on one line.
            "\n" => "]\n}\n".to_owned(),
            _ => "\n    ]\n}\n".to_owned(),
        })
    };
    stream::once(async { Ok(head) })
        .chain(entries)
        .chain(stream::once(tail))
        .map_ok(Bytes::from)
        .boxed_local()
}

/// The registry that `text` names: a host alone, however it was pasted.
fn registry(text: &str) -> Result<Registry> {
    let bare = text.strip_prefix("docker://").unwrap_or(text);
    let key: AuthKey = bare.parse()?;
    match key.path {
        None => Ok(key.registry),
        Some(_) => Err(
            Error::other(format!("`{text}` names a repository, not a registry")).hint(format!(
                "list its tags with `barque tags {key}`, or all repositories with `barque repos {}`",
                key.registry
            )),
        ),
    }
}

/// The error `e` of the first page, in plainer words where the registry gives no list.
fn unlisted(registry: &Registry, e: Error) -> Error {
    let status = ApiError::of(&e).map(|answer| answer.status.as_u16());
    let kind = match status {
        Some(401 | 403) => Kind::NotAllowed,
        Some(400 | 404 | 405 | 501) => Kind::NotFound,
        _ => return e.context(format!("listing the repositories of `{registry}`")),
    };
    let hint = match (registry.is_docker_hub(), kind) {
        (true, _) => "Docker Hub has no such list; `barque search TERM` searches it".to_owned(),
        (_, Kind::NotAllowed) => format!(
            "if this registry lists its repositories to some users, log in as one with `barque login {registry}`; most hosted registries do so on their web pages only"
        ),
        _ => "the list (`_catalog`) is switched off there, or the server has none; see its web page, or name the repository".to_owned(),
    };
    // In words, because its own hint is about repositories and tags.
    let answer = std::io::Error::other(one_line(&e));
    Error::new(kind, format!("`{registry}` does not list its repositories"))
        .because(answer)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_alone() {
        for text in [
            "r.io:5000",
            "docker://r.io:5000/",
            "https://r.io:5000",
            "r.io:5000/",
        ] {
            assert_eq!(registry(text).unwrap().as_str(), "r.io:5000", "{text}");
        }
        let error = registry("r.io/a/b").unwrap_err();
        assert!(error.advice().unwrap().contains("`barque tags r.io/a/b`"));
        assert!(registry("a:b:c").is_err() && registry("").is_err());
    }
}
