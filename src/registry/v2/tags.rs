//! Lists, page by page: the tags of a repository (OCI distribution-spec "Content discovery"; quirks L1-L12), and the
//! repositories of a registry (its catalog, which many registries keep to themselves).

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use http::{Method, header};
use serde::Deserialize;

use crate::image::{RepositoryName, Tag};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::intent::{Actions, Intent, Scope, Target};
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result};

/// Bytes of one page (quirk L9).
const PAGE_CAP: usize = 64 << 20;
/// Tags asked for per page; a server may give fewer, or all (quirk L5).
const PAGE: usize = 1000;
/// The same where that was refused.
const SMALL_PAGE: usize = 100;
/// Pages after which a list is taken to be endless (quirk L10).
const MAX_PAGES: usize = 100_000;
/// Tags after which a list is taken to be endless.
const MAX_TAGS: usize = 5_000_000;

#[derive(Deserialize)]
struct Document {
    // L7: may be null, and so may its entries.
    #[serde(default)]
    tags: Option<Vec<Option<String>>>,
    #[serde(default)]
    repositories: Option<Vec<Option<String>>>,
}

/// What is listed.
enum List {
    TagsOf(RepositoryName),
    Repositories,
}

impl List {
    fn path(&self) -> String {
        match self {
            List::TagsOf(repository) => format!("/v2/{repository}/tags/list"),
            List::Repositories => "/v2/_catalog".to_owned(),
        }
    }

    fn scope(&self) -> Scope {
        match self {
            List::TagsOf(repository) => Scope::new(repository, Actions::Pull),
            List::Repositories => Scope::catalog(),
        }
    }

    /// What messages call the entries.
    fn word(&self) -> &'static str {
        match self {
            List::TagsOf(_) => "tags",
            List::Repositories => "repositories",
        }
    }

    fn entries(&self, page: Document) -> Vec<Option<String>> {
        match self {
            List::TagsOf(_) => page.tags,
            List::Repositories => page.repositories,
        }
        .unwrap_or_default()
    }

    fn is_entry(&self, text: &str) -> bool {
        match self {
            List::TagsOf(_) => text.parse::<Tag>().is_ok(),
            List::Repositories => text.parse::<RepositoryName>().is_ok(),
        }
    }
}

/// What to ask for next.
enum Next {
    First,
    Link(Admitted),
    After(String),
    End,
}

struct Pages {
    client: Arc<Client>,
    list: List,
    next: Next,
    /// Tags asked for per page; `None` leaves it to the server.
    size: Option<usize>,
    /// Where pages were asked for.
    seen: HashSet<String>,
    pages: usize,
    tags: usize,
}

impl Client {
    /// The tags of a repository in the registry's order, one item a page. Entries that are no tags are left out
    /// with one warning (quirk L7).
    pub fn tags(
        self: &Arc<Self>,
        repository: &RepositoryName,
    ) -> BoxStream<'static, Result<Vec<String>>> {
        self.pages(List::TagsOf(repository.clone()))
    }

    /// The repositories of the registry, one item a page, as for [`Client::tags`]. Many registries have no such list, or
    /// give it to few: then the first item is an error with the [`ApiError`] of the answer.
    pub fn repositories(self: &Arc<Self>) -> BoxStream<'static, Result<Vec<String>>> {
        self.pages(List::Repositories)
    }

    fn pages(self: &Arc<Self>, list: List) -> BoxStream<'static, Result<Vec<String>>> {
        let pages = Pages {
            client: self.clone(),
            list,
            next: Next::First,
            size: Some(PAGE),
            seen: HashSet::new(),
            pages: 0,
            tags: 0,
        };
        Box::pin(futures_util::stream::unfold(
            pages,
            |mut pages| async move {
                match pages.page().await {
                    Ok(Some(tags)) => Some((Ok(tags), pages)),
                    Ok(None) => None,
                    Err(e) => {
                        pages.next = Next::End;
                        Some((Err(e), pages))
                    }
                }
            },
        ))
    }
}

impl Pages {
    async fn page(&mut self) -> Result<Option<Vec<String>>> {
        let base = self.list.path();
        let at = |query: Option<String>| match query {
            Some(query) => Target::Path(format!("{base}?{query}")),
            None => Target::Path(base.clone()),
        };
        let size = self.size.map(|n| format!("n={n}"));
        let (target, after) = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First => (at(size), None),
            Next::Link(url) => (Target::At(url), None),
            Next::After(tag) => {
                let query = size.into_iter().chain([format!("last={tag}")]);
                (at(Some(query.collect::<Vec<_>>().join("&"))), Some(tag))
            }
        };
        let by_size = matches!(target, Target::Path(_))
            .then_some(self.size)
            .flatten();
        let mut get = Intent::new(Method::GET, String::new(), Some(self.list.scope()));
        get.target = target;
        let (answer, body) = match self.client.document(&get, PAGE_CAP).await {
            // L5: a page of this size is refused.
            Err(e)
                if self.pages == 0
                    && self.size.is_some()
                    && ApiError::of(&e).is_some_and(|a| a.status == 400) =>
            {
                self.size = self.size.filter(|n| *n > SMALL_PAGE).map(|_| SMALL_PAGE);
                self.next = Next::First;
                return Box::pin(self.page()).await;
            }
            other => other?,
        };
        self.pages += 1;
        let url = answer.url.clone();
        let link = answer
            .headers
            .get_all(header::LINK)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .find_map(next_link);
        let document: Document = serde_json::from_slice(&body).map_err(|e| {
            Error::new(
                Kind::Unavailable,
                format!(
                    "GET {} answered with no list of {}",
                    url.redacted(),
                    self.list.word()
                ),
            )
            .because(e)
        })?;
        let entries = self.list.entries(document);
        let count = entries.len();
        let tags = self.keep(entries, &url);
        self.tags += tags.len();
        let last = tags.last().cloned();
        if after.is_some() && after == last {
            // The server pays no heed to `last`: this is the same page again.
            return Ok(None);
        }
        self.next = match (link, last) {
            (Some(link), _) => self.follow(&url, &link)?,
            // L4: a full page without a link; more may follow. L3: another count means that these are all.
            (None, Some(last)) if by_size == Some(count) => {
                self.note(format!("last={last}"), &url)?;
                Next::After(last)
            }
            (None, _) => Next::End,
        };
        Ok(Some(tags))
    }

    fn follow(&mut self, url: &Admitted, link: &str) -> Result<Next> {
        let next = admit(url, link, Purpose::Link)?;
        self.note(next.url().to_string(), url)?;
        Ok(Next::Link(next))
    }

    /// L10: takes note of where the next page is asked for; an error where that was asked before, or too often.
    fn note(&mut self, next: String, url: &Admitted) -> Result<()> {
        if self.seen.insert(next) && self.pages < MAX_PAGES && self.tags < MAX_TAGS {
            return Ok(());
        }
        let text = format!(
            "the list of {} at {} does not end: its pages lead back to themselves",
            self.list.word(),
            url.redacted()
        );
        Err(Error::new(Kind::Unavailable, text))
    }

    fn keep(&self, entries: Vec<Option<String>>, url: &Admitted) -> Vec<String> {
        let count = entries.len();
        let kept: Vec<String> = entries
            .into_iter()
            .flatten()
            .filter(|entry| self.list.is_entry(entry))
            .collect();
        if kept.len() < count {
            tracing::warn!(
                "{} of the {count} entries at {} are no {} and were left out",
                count - kept.len(),
                url.redacted(),
                self.list.word()
            );
        }
        kept
    }
}

/// The target of `rel="next"` in a `Link` field (RFC 8288): several links, any parameters, quoted or not.
fn next_link(field: &str) -> Option<String> {
    let mut rest = field;
    loop {
        let start = rest.find('<')?;
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        let (params, after) = split_params(&rest[end + 1..]);
        let is_next = params.iter().any(|p| {
            let Some((name, value)) = p.split_once('=') else {
                return false;
            };
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .split_ascii_whitespace()
                    .any(|r| r.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = after;
    }
}

/// The parameters of one link, and what follows its comma.
fn split_params(text: &str) -> (Vec<&str>, &str) {
    let mut params = Vec::new();
    let (mut quoted, mut start) = (false, 0);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                params.push(&text[start..i]);
                start = i + 1;
            }
            ',' if !quoted => {
                params.push(&text[start..i]);
                return (params, &text[i + 1..]);
            }
            _ => {}
        }
    }
    params.push(&text[start..]);
    (params, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn l1_links_in_their_many_forms() {
        assert_eq!(
            next_link(r#"</v2/a?last=b&n=2>; rel="next""#).as_deref(),
            Some("/v2/a?last=b&n=2")
        );
        assert_eq!(
            next_link(r#"</x>; rel="prev", </y?q,r>; rel=next"#).as_deref(),
            Some("/y?q,r")
        );
        assert_eq!(
            next_link(r#"</z>; title="a;b,c"; rel="other next""#).as_deref(),
            Some("/z")
        );
        assert_eq!(next_link(r#"</x>; rel="prev""#), None);
        assert_eq!(next_link("garbage"), None);
    }

    proptest! {
        #[test]
        fn l1_links_never_panic(field in "[\\PC<>;,=\" ]{0,80}") {
            let _ = next_link(&field);
        }
    }
}
