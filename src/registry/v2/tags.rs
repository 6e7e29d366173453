//! Lists, page by page: the tags of a repository (OCI distribution-spec "Content discovery"; quirks L1-L12), and the
//! repositories of a registry (its catalog, which many registries keep to themselves; quirks L13, L14).
//!
//! A page is read as it arrives and its entries are handed on at once, so a list takes no memory however long it is.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{Method, header};
use tokio::sync::mpsc;

use super::RepositoryClient;
use super::link::next_link;
use crate::image::{RepositoryName, Tag};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::body::Answer;
use crate::registry::intent::{Intent, Scope, Target};
use crate::registry::items::{Items, Wrong};
use crate::registry::reading::Reading;
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result};

/// Bytes of one page (quirk L9).
const PAGE_CAP: usize = 64 << 20;
/// Bytes of all pages of a list.
const LIST_CAP: usize = 1 << 30;
/// Bytes of a page that are looked at before what they held is handed on.
const PIECE: usize = 64 << 10;
/// Entries asked for per page; a server may give fewer, or all (quirk L5).
const PAGE: usize = 1000;
/// The same where that was refused.
const SMALL_PAGE: usize = 100;
/// Pages after which a list is taken to be endless (quirk L10).
const MAX_PAGES: usize = 100_000;
/// The same where they hold fewer than [`THIN`] entries each, on average.
const MAX_THIN_PAGES: usize = 1000;
const THIN: usize = 10;
/// Bytes of a link to the next page.
pub(super) const MAX_LINK: usize = 16 << 10;

/// A list that a registry gives page by page.
pub(super) struct Listing {
    /// The path of its first page.
    pub(super) path: String,
    pub(super) scope: Option<Scope>,
    /// The member of a page that holds the entries, which is also the word for them: `tags`.
    pub(super) member: &'static str,
    /// Whether an entry is one; others are left out.
    pub(super) is_one: fn(&str) -> bool,
}

/// What to ask for next.
enum Next {
    First,
    Link(Admitted),
    After(String),
    End,
}

/// Where entries are handed to.
type Entries = mpsc::Sender<Result<Vec<String>>>;

struct Pages {
    client: Arc<Client>,
    listing: Listing,
    /// Entries asked for per page; `None` leaves it to the server.
    size: Option<usize>,
    /// Hashes of where pages were asked for.
    seen: HashSet<u64>,
    hasher: RandomState,
    pages: usize,
    entries: usize,
    bytes: usize,
}

/// What a page held.
#[derive(Default)]
struct Page {
    entries: usize,
    left_out: usize,
    first: Option<String>,
    last: Option<String>,
}

impl RepositoryClient {
    /// The tags of a repository in the registry's order, in batches as they arrive. Entries that are no tags are left
    /// out with one warning a page (quirk L7).
    pub fn tags(&self) -> BoxStream<'static, Result<Vec<Tag>>> {
        let tags = |page: Vec<String>| page.iter().filter_map(|tag| tag.parse().ok()).collect();
        Box::pin(self.tag_names().map(move |page| page.map(tags)))
    }

    /// As [`RepositoryClient::tags`], as text.
    pub(crate) fn tag_names(&self) -> BoxStream<'static, Result<Vec<String>>> {
        self.client.list(Listing {
            path: self.path("tags/list"),
            scope: Some(self.scope()),
            member: "tags",
            is_one: |entry| entry.parse::<Tag>().is_ok(),
        })
    }
}

impl Client {
    /// The names of the repositories of the registry, in batches as for [`RepositoryClient::tags`]. Many registries have no such list, or give it to few:
    /// then the first item is an error with the [`ApiError`] of the answer.
    pub fn repositories(self: &Arc<Self>) -> BoxStream<'static, Result<Vec<String>>> {
        self.list(Listing {
            path: "/v2/_catalog".to_owned(),
            scope: Some(Scope::catalog()),
            member: "repositories",
            is_one: |entry| entry.parse::<RepositoryName>().is_ok(),
        })
    }

    /// The entries of `listing`, as for [`RepositoryClient::tags`]. Nothing is asked for before the first one is wanted.
    pub(super) fn list(
        self: &Arc<Self>,
        listing: Listing,
    ) -> BoxStream<'static, Result<Vec<String>>> {
        let pages = Pages {
            client: self.clone(),
            listing,
            size: Some(PAGE),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            pages: 0,
            entries: 0,
            bytes: 0,
        };
        let (to, mut from) = mpsc::channel(1);
        let asking = async move {
            if let Err(e) = pages.all(&to).await {
                // A reader that went away needs no error.
                let _ = to.send(Err(e)).await;
            }
        };
        let asked = stream::once(asking).filter_map(|()| std::future::ready(None));
        let come = stream::poll_fn(move |context| from.poll_recv(context));
        Box::pin(stream::select(come, asked))
    }
}

impl Pages {
    async fn all(mut self, to: &Entries) -> Result<()> {
        let mut next = Next::First;
        let mut before = None;
        loop {
            let size = self.size.map(|n| format!("n={n}"));
            let (target, after) = match next {
                Next::End => return Ok(()),
                Next::First => (self.at(size), None),
                Next::Link(url) => (Target::At(url), None),
                Next::After(entry) => {
                    let query = size.into_iter().chain([format!("last={entry}")]);
                    let query = query.collect::<Vec<_>>().join("&");
                    (self.at(Some(query)), Some(entry))
                }
            };
            let by_size = matches!(target, Target::Path(_))
                .then_some(self.size)
                .flatten();
            let mut get = Intent::new(Method::GET, String::new(), self.listing.scope.clone());
            get.target = target;
            let (url, link, page) = match self.page(&get, &after, &before, to).await {
                // L5: a page of this size is refused.
                Err(e)
                    if self.pages == 0
                        && self.size.is_some()
                        && ApiError::of(&e).is_some_and(|a| a.status == 400) =>
                {
                    self.size = self.size.filter(|n| *n > SMALL_PAGE).map(|_| SMALL_PAGE);
                    next = Next::First;
                    continue;
                }
                other => other?,
            };
            self.pages += 1;
            self.entries += page.entries;
            if after.is_some() && (after == page.last || before == page.first) {
                // The server pays no heed to `last`: this is the same page again.
                return Ok(());
            }
            next = match (link, page.last) {
                (Some(link), _) => self.follow(&url, &link)?,
                // L4: a full page without a link; more may follow. L3: another count means that these are all.
                (None, Some(last)) if by_size == Some(page.entries) => {
                    self.note(&format!("last={last}"), &url)?;
                    Next::After(last)
                }
                (None, _) => Next::End,
            };
            before = page.first;
        }
    }

    fn at(&self, query: Option<String>) -> Target {
        let path = &self.listing.path;
        Target::Path(match query {
            Some(query) => format!("{path}?{query}"),
            None => path.clone(),
        })
    }

    /// Asks for a page, and again where it breaks off; hands its entries on. Returns where it came from, its link to the
    /// next one, and what it held.
    async fn page(
        &mut self,
        get: &Intent,
        after: &Option<String>,
        before: &Option<String>,
        to: &Entries,
    ) -> Result<(Admitted, Option<String>, Page)> {
        let client = self.client.clone();
        let mut reading = client.reading();
        let mut page = Page::default();
        loop {
            let answer = client.send(get).await?;
            let url = answer.url.clone();
            let link = answer
                .headers
                .get_all(header::LINK)
                .iter()
                .filter_map(|v| v.to_str().ok())
                .find_map(next_link);
            let mut taker = Taker::new(&mut page, after.as_deref(), before.as_deref());
            match self.read(&mut reading, answer, &mut taker, to).await? {
                Some(broke_off) => reading.again(broke_off).await?,
                None => {
                    self.tell_left_out(&page, &url);
                    return Ok((url, link, page));
                }
            }
        }
    }

    /// Reads a page to its end, or as far as it is wanted; what it held when it broke off before is passed over. The
    /// answer is why it broke off, if it did.
    async fn read(
        &mut self,
        reading: &mut Reading<'_>,
        answer: Answer,
        taker: &mut Taker<'_>,
        to: &Entries,
    ) -> Result<Option<Error>> {
        let url = answer.url.clone();
        let mut body = match answer.document_stream().await {
            Ok(body) => body,
            Err(e) => return Ok(Some(e)),
        };
        let listing = &self.listing;
        let mut items = Items::of(listing.member);
        let no_list = |e: Wrong| {
            let (url, entries) = (url.redacted(), listing.member);
            let text = format!("GET {url} answered with no list of {entries}");
            Error::unavailable(text).because(e)
        };
        let mut size = 0;
        loop {
            let bytes = match reading.piece(&mut body, &url).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(e) if e.kind() == Kind::Unavailable => return Ok(Some(e)),
                Err(e) => return Err(e),
            };
            size += bytes.len();
            self.bytes += bytes.len();
            if size > PAGE_CAP || self.bytes > LIST_CAP {
                return Err(self.too_large(size, &url));
            }
            for piece in bytes.chunks(PIECE) {
                let fed = items.feed(piece, |entry| taker.take(entry, listing.is_one));
                fed.map_err(no_list)?;
                if taker.is_other_page() {
                    return Err(self.changed(&url));
                }
                let batch = taker.batch();
                let unread = !batch.is_empty() && to.send(Ok(batch)).await.is_err();
                if unread || taker.repeats {
                    return Ok(None);
                }
            }
        }
        items.end().map_err(no_list)?;
        match taker.is_short() {
            true => Err(self.changed(&url)),
            false => Ok(None),
        }
    }

    fn tell_left_out(&self, page: &Page, url: &Admitted) {
        if page.left_out > 0 {
            tracing::warn!(
                "{} of the {} entries at {} are no {} and were left out",
                page.left_out,
                page.entries,
                url.redacted(),
                self.listing.member
            );
        }
    }

    fn follow(&mut self, url: &Admitted, link: &str) -> Result<Next> {
        if link.len() > MAX_LINK {
            let (url, length) = (url.redacted(), link.len());
            return Err(Error::unavailable(format!(
                "{url} links to its next page by {length} bytes, at most {MAX_LINK} are followed"
            )));
        }
        let next = admit(url, link, Purpose::Link)?;
        self.note(next.url().as_str(), url)?;
        Ok(Next::Link(next))
    }

    /// L10: takes note of where the next page is asked for; an error where that was asked before, or too often.
    fn note(&mut self, next: &str, url: &Admitted) -> Result<()> {
        let most = MAX_PAGES.min(MAX_THIN_PAGES.max(self.entries / THIN));
        if !self.seen.insert(self.hasher.hash_one(next)) {
            return Err(self.endless(url, "its pages lead back to themselves"));
        }
        match self.pages < most {
            true => Ok(()),
            false => Err(self.endless(url, "no more of it is read")),
        }
    }

    fn too_large(&self, size: usize, url: &Admitted) -> Error {
        if size <= PAGE_CAP {
            return self.endless(url, &format!("it has more than {} MiB", LIST_CAP >> 20));
        }
        let text = format!(
            "the document at {} is larger than {} MiB, the most that is read",
            url.redacted(),
            PAGE_CAP >> 20
        );
        Error::corrupt(text)
    }

    fn endless(&self, url: &Admitted, why: &str) -> Error {
        let (member, pages, entries) = (self.listing.member, self.pages, self.entries);
        let text = format!(
            "the list of {member} at {} does not end: {pages} pages gave {entries} {member}, and {why}",
            url.redacted()
        );
        Error::unavailable(text)
            .hint("whoever runs the registry can say why its list does not end; an image whose tag is known can be read without the list")
    }

    fn changed(&self, url: &Admitted) -> Error {
        let (member, url) = (self.listing.member, url.redacted());
        let text = format!(
            "the list of {member} at {url} broke off, and was another one when it was asked for again"
        );
        Error::unavailable(text).hint("run the same command again")
    }
}

/// Takes the entries of one page.
struct Taker<'a> {
    page: &'a mut Page,
    /// What was asked for as `last`.
    after: Option<&'a str>,
    /// The first entry of the page before.
    before: Option<&'a str>,
    batch: Vec<String>,
    /// Entries that were handed on before the page broke off, the last of them, and what is seen of them again.
    known: usize,
    known_last: Option<String>,
    seen: usize,
    last_seen: Option<String>,
    /// The page is the one before it.
    repeats: bool,
}

impl<'a> Taker<'a> {
    fn new(page: &'a mut Page, after: Option<&'a str>, before: Option<&'a str>) -> Taker<'a> {
        Taker {
            known: page.entries,
            known_last: page.last.clone(),
            page,
            after,
            before: before.filter(|_| after.is_some()),
            batch: Vec::new(),
            seen: 0,
            last_seen: None,
            repeats: false,
        }
    }

    fn take(&mut self, entry: &[u8], is_one: fn(&str) -> bool) {
        let name = text(entry).filter(|name| is_one(name));
        self.seen += 1;
        if self.seen <= self.known {
            self.last_seen = name.or(self.last_seen.take());
            return;
        }
        self.page.entries += 1;
        let Some(name) = name else {
            self.page.left_out += 1;
            return;
        };
        if self.page.first.is_none() {
            self.repeats = self.before == Some(&name);
            self.page.first = Some(name.clone());
            if self.after == Some(&name) {
                // The server counts `last` in.
                self.page.last = Some(name);
                return;
            }
        }
        if !self.repeats {
            self.batch.push(name);
        }
    }

    /// The entries that came since the last call.
    fn batch(&mut self) -> Vec<String> {
        if let Some(last) = self.batch.last() {
            self.page.last = Some(last.clone());
        }
        std::mem::take(&mut self.batch)
    }

    /// Whether a page that broke off goes on as another one.
    fn is_other_page(&self) -> bool {
        self.known > 0 && self.seen >= self.known && self.last_seen != self.known_last
    }

    /// Whether a page that broke off has fewer entries than before.
    fn is_short(&self) -> bool {
        self.seen < self.known
    }
}

/// The text that is the entry `json`.
fn text(json: &[u8]) -> Option<String> {
    if let [b'"', plain @ .., b'"'] = json
        && !plain.contains(&b'\\')
    {
        return String::from_utf8(plain.to_vec()).ok();
    }
    serde_json::from_slice(json).ok()
}
