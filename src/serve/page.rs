//! One page of a sorted list: `n`, `last` and the `Link` to the next page.

use http::Uri;
use url::form_urlencoded;

use super::refusal::{Code, Refusal};
use super::route::parameter;

/// Which part of a list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Entries at most.
    pub(super) n: usize,
    /// The page begins after this entry.
    pub(super) last: String,
    /// The namespace that the client says; the next page is in the same one.
    pub(super) ns: Option<String>,
}

impl Page {
    /// Reads `n` and `last`. Without `n` a page has `usual` entries; one of more than `most` is cut to that.
    ///
    /// A number that is none, or is negative, is 400 `PAGINATION_NUMBER_INVALID`.
    pub(super) fn of(uri: &Uri, usual: usize, most: usize) -> Result<Page, Refusal> {
        let n = match parameter(uri, "n").filter(|n| !n.is_empty()) {
            None => usual,
            Some(n) => match n.parse::<u64>() {
                Ok(n) => usize::try_from(n).unwrap_or(most).min(most),
                Err(_) => return Err(number_invalid(&n)),
            },
        };
        let last = parameter(uri, "last").unwrap_or_default();
        let ns = parameter(uri, "ns");
        Ok(Page { n, last, ns })
    }

    /// The page of `sorted`, and the value of `Link` where more follows; `path` is that of the list.
    pub(super) fn cut<'a, T: AsRef<str>>(
        &self,
        sorted: &'a [T],
        path: &str,
    ) -> (&'a [T], Option<String>) {
        let from = match self.last.as_str() {
            "" => 0,
            last => sorted.partition_point(|entry| entry.as_ref() <= last),
        };
        let rest = &sorted[from..];
        let page = &rest[..rest.len().min(self.n)];
        let link = page.last().filter(|_| page.len() < rest.len()).map(|last| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("last", last.as_ref());
            query.append_pair("n", &self.n.to_string());
            if let Some(ns) = &self.ns {
                query.append_pair("ns", ns);
            }
            format!("<{path}?{}>; rel=\"next\"", query.finish())
        });
        (page, link)
    }
}

/// The error for a number of entries that cannot be asked for.
pub(super) fn number_invalid(n: &str) -> Refusal {
    let refusal = Refusal::bad(
        Code::PaginationNumberInvalid,
        "invalid number of results requested",
    );
    refusal.detail(serde_json::json!({ "n": n }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(query: &str) -> (Vec<&'static str>, Option<String>) {
        let uri: Uri = format!("/v2/a/tags/list?{query}").parse().unwrap();
        let page = Page::of(&uri, 3, 4).unwrap();
        let (page, link) = page.cut(&["a", "b", "c", "d", "e"], "/v2/a/tags/list");
        (page.to_vec(), link)
    }

    #[test]
    fn pages_follow_each_other() {
        let next = |last: &str, n: usize| {
            Some(format!("</v2/a/tags/list?last={last}&n={n}>; rel=\"next\""))
        };
        assert_eq!(cut(""), (vec!["a", "b", "c"], next("c", 3)));
        assert_eq!(cut("n=2&last=b"), (vec!["c", "d"], next("d", 2)));
        assert_eq!(
            cut("n=9999999999"),
            (vec!["a", "b", "c", "d"], next("d", 4))
        );
        assert_eq!(cut("n=4&last=bb"), (vec!["c", "d", "e"], None));
        assert_eq!(cut("n=0"), (vec![], None));
        assert_eq!(cut("last=z"), (vec![], None));
    }

    #[test]
    fn a_wrong_number_is_refused() {
        for n in ["-1", "x", "1.5", "99999999999999999999999"] {
            let uri: Uri = format!("/v2/_catalog?n={n}").parse().unwrap();
            assert_eq!(Page::of(&uri, 1, 1).unwrap_err().status, 400, "{n}");
        }
    }
}
