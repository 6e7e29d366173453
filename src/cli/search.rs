//! `barque search`.

use clap::Args;

use super::Outcome;
use super::flags::{Global, RegistryFlags};
use super::retry::RetryFlags;
use crate::image::reference::DOCKER_IO;
use crate::image::{Registry, with_login};
use crate::legacy::registry_v1::Session;
use crate::report::failure;
use crate::report::search::SearchReport;
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  What Docker Hub has on a subject:
    barque search redis

  The names of all repositories of an old registry:
    barque search --limit 100000 --json registry.example.com/ \\
      | jq -r '.Results[].Name'";

/// Search a registry for repositories
///
/// Asks the search of Registry V1, which Docker Hub still answers and few others do. Prints a table on a terminal and
/// a line of tab-separated cells a repository elsewhere.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SearchArgs {
    /// What to look for; with a host in front, as in quay.io/redis, there and not on Docker Hub. HOST/ alone lists
    /// all that a small registry has
    #[arg(value_name = "[HOST/]TERM")]
    term: String,

    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: SearchArgs, global: &Global) -> Result<Outcome> {
    let (registry, term) = parted(&args.term)?;
    let context = args.registry.context(global)?;
    let context = context
        .at(&registry)
        .map_err(|e| e.context(format!("searching `{registry}`")))?;
    let session = Session::new(&registry, &context)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let search = async || session.search(term, limit).await;
    let answer = args.retry.run(search).await;
    let answer = answer.map_err(|e| failed(&registry, term.trim(), e))?;
    Ok(SearchReport::new(&registry, term, answer)
        .render(args.json)
        .into())
}

fn failed(registry: &Registry, term: &str, e: Error) -> Error {
    if !term.is_empty() {
        return e.context(format!("searching `{registry}` for `{term}`"));
    }
    let error = e.context(format!("listing the repositories of `{registry}`"));
    match error.kind() {
        Kind::Unavailable => error,
        kind => Error::new(kind, failure::one_line(&error)).hint(format!(
            "ask for the list of a newer registry with `barque repos {registry}`"
        )),
    }
}

/// The registry and the term of `[HOST/]TERM`.
fn parted(text: &str) -> Result<(Registry, &str)> {
    if let Some(error) = with_login(text) {
        return Err(error);
    }
    let (host, term) = match text.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (first, rest),
        _ => (DOCKER_IO, text),
    };
    if term.trim().is_empty() && host == DOCKER_IO {
        return Err(Error::other(format!("`{text}` says nothing to search for")));
    }
    let registry = host
        .parse()
        .map_err(|e| Error::other(format!("`{host}` is not a registry")).because(e))?;
    Ok((registry, term))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_host_in_front_is_told_by_its_dot_or_port() {
        let parted = |text| {
            let (registry, term) = super::parted(text).unwrap();
            format!("{registry} {term}")
        };
        assert_eq!(parted("redis"), "docker.io redis");
        assert_eq!(parted("library/redis"), "docker.io library/redis");
        assert_eq!(parted("127.0.0.1:5000/a b"), "127.0.0.1:5000 a b");
        assert_eq!(parted("localhost/x"), "localhost x");
        assert_eq!(parted("r.io/"), "r.io ");
        for wrong in ["", " ", "docker.io/", "a:b:c/x"] {
            assert!(super::parted(wrong).is_err(), "{wrong}");
        }
    }
}
