//! Tags, page by page (OCI distribution-spec "Content discovery"; quirks L1-L12).

use std::collections::HashSet;

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
/// Pages after which a list is taken to be endless (quirk L10).
const MAX_PAGES: usize = 100_000;

#[derive(Deserialize)]
struct Document {
    // L7: may be null, and so may its entries.
    #[serde(default)]
    tags: Option<Vec<Option<String>>>,
}

/// What to ask for next.
enum Next {
    First { n: Option<usize> },
    Link(Admitted),
    After(String),
    End,
}

struct Pages<'a> {
    client: &'a Client,
    repository: RepositoryName,
    next: Next,
    seen: HashSet<String>,
    last: Option<String>,
    pages: usize,
}

impl Client {
    /// The tags of a repository in the registry's order, one item a page. Entries that are no tags are left out
    /// with one warning (quirk L7).
    pub fn tags(&self, repository: &RepositoryName) -> BoxStream<'_, Result<Vec<String>>> {
        let pages = Pages {
            client: self,
            repository: repository.clone(),
            next: Next::First { n: Some(PAGE) },
            seen: HashSet::new(),
            last: None,
            pages: 0,
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

impl Pages<'_> {
    async fn page(&mut self) -> Result<Option<Vec<String>>> {
        let base = format!("/v2/{}/tags/list", self.repository);
        let (target, limit) = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First { n: Some(n) } => (Target::Path(format!("{base}?n={n}")), Some(n)),
            Next::First { n: None } => (Target::Path(base), None),
            Next::Link(url) => (Target::At(url), None),
            Next::After(tag) => (
                Target::Path(format!("{base}?n={PAGE}&last={tag}")),
                Some(PAGE),
            ),
        };
        let mut get = Intent::new(
            Method::GET,
            String::new(),
            Some(Scope::new(&self.repository, Actions::Pull)),
        );
        get.target = target;
        let answer = match self.client.send(&get).await {
            // L5: a page of this size is refused.
            Err(e) if self.pages == 0 && ApiError::of(&e).is_some_and(|a| a.status == 400) => {
                self.next = match limit {
                    Some(n) if n > 100 => Next::First { n: Some(100) },
                    Some(_) => Next::First { n: None },
                    None => return Err(e),
                };
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
        let body = answer.document(PAGE_CAP).await?;
        let document: Document = serde_json::from_slice(&body).map_err(|e| {
            Error::new(
                Kind::Unavailable,
                format!("GET {} answered with no list of tags", url.redacted()),
            )
            .because(e)
        })?;
        let entries = document.tags.unwrap_or_default();
        let count = entries.len();
        let tags = keep_tags(entries, &url);
        self.next = match link {
            Some(link) => self.follow(&url, &link)?,
            // L4: a full page without a link; more may follow. L3: another count means that these are all.
            None if limit == Some(count)
                && tags.last().is_some()
                && tags.last() != self.last.as_ref() =>
            {
                tags.last()
                    .map_or(Next::End, |tag| Next::After(tag.clone()))
            }
            None => Next::End,
        };
        self.last = tags.last().cloned();
        Ok(Some(tags))
    }

    fn follow(&mut self, url: &Admitted, link: &str) -> Result<Next> {
        let next = admit(url, link, Purpose::Link)?;
        if !self.seen.insert(next.url().to_string()) || self.pages >= MAX_PAGES {
            let text = format!(
                "the list of tags at {} does not end: its pages lead back to themselves",
                url.redacted()
            );
            return Err(Error::new(Kind::Unavailable, text));
        }
        Ok(Next::Link(next))
    }
}

fn keep_tags(entries: Vec<Option<String>>, url: &Admitted) -> Vec<String> {
    let count = entries.len();
    let tags: Vec<String> = entries
        .into_iter()
        .flatten()
        .filter(|t| t.parse::<Tag>().is_ok())
        .collect();
    if tags.len() < count {
        tracing::warn!(
            "{} of the {count} entries at {} are no tags and were left out",
            count - tags.len(),
            url.redacted()
        );
    }
    tags
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
}
