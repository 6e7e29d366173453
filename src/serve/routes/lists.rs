//! The lists: repositories, tags and referrers (distribution-spec, "Content Discovery").

use http::header::LINK;
use serde_json::json;

use super::super::App;
use super::super::answer::{self, Answer, OCI_FILTERS_APPLIED};
use super::super::page::{Page, number_invalid};
use super::super::refusal::{Code, Refusal};
use super::super::request::Asked;
use super::super::route::{parameter, parameters};
use crate::image::{Digest, MediaType, RepositoryName};

/// Repositories on a page, as in distribution: so many without `n`, and no more than that are to be asked for.
const REPOSITORIES: usize = 100;
const REPOSITORIES_MOST: usize = 1000;
/// Tags on a page at most, also when more are asked for.
const TAGS_MOST: usize = 10_000;
/// Bytes of the descriptors on a page of referrers, which clients read like a manifest of at most 4 MiB.
const REFERRERS_BYTES: usize = 3 << 20;

pub(super) async fn catalog(app: &App, asked: &Asked) -> Result<Answer, Refusal> {
    let uri = &asked.parts.uri;
    let page = Page::of(uri, REPOSITORIES, usize::MAX)?;
    if page.n > REPOSITORIES_MOST {
        return Err(number_invalid(&page.n.to_string()));
    }
    let all = app.content.repositories().await?;
    let (names, link) = page.cut(&all, "/v2/_catalog");
    let text = json!({ "repositories": names }).to_string();
    Ok(list(text, link, asked))
}

pub(super) async fn tags(
    app: &App,
    asked: &Asked,
    name: &RepositoryName,
) -> Result<Answer, Refusal> {
    let page = Page::of(&asked.parts.uri, TAGS_MOST, TAGS_MOST)?;
    let all = app.content.tags(name).await?;
    let name = asked.called(name);
    let Some(all) = all else {
        let refusal = Refusal::missing(Code::NameUnknown, "repository name not known to registry");
        return Err(refusal.detail(json!({"name": name.as_str()})));
    };
    let (tags, link) = page.cut(&all, &format!("/v2/{name}/tags/list"));
    let tags: Vec<&str> = tags.iter().map(|tag| &**tag).collect();
    let text = json!({"name": name.as_str(), "tags": tags}).to_string();
    Ok(list(text, link, asked))
}

fn list(text: String, link: Option<String>, asked: &Asked) -> Answer {
    let mut answer = answer::json(text, "application/json", asked.is_head());
    if let Some(link) = link {
        answer::set(&mut answer, LINK, link);
    }
    answer
}

/// There is no 404: an unknown repository or subject has no referrers.
pub(super) async fn referrers(
    app: &App,
    asked: &Asked,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Answer, Refusal> {
    let uri = &asked.parts.uri;
    let wanted: Vec<String> = parameters(uri, "artifactType");
    let mut all = app.content.referrers(name, digest).await?;
    if !wanted.is_empty() {
        all.retain(|descriptor| {
            let of = descriptor["artifactType"].as_str().unwrap_or_default();
            wanted.iter().any(|wanted| wanted == of)
        });
    }
    // `last` is the digest of the last one on the page before. One that was deleted since begins anew, so none is missed.
    let last = parameter(uri, "last");
    let is_last = |d: &serde_json::Value| d["digest"].as_str() == last.as_deref();
    let from = all.iter().position(is_last).map_or(0, |at| at + 1);
    let mut bytes = 0;
    let fits = |d: &&serde_json::Value| {
        let first = bytes == 0;
        bytes += d.to_string().len();
        first || bytes <= REFERRERS_BYTES
    };
    let page: Vec<_> = all[from..].iter().take_while(fits).collect();
    let link = page
        .last()
        .filter(|_| from + page.len() < all.len())
        .map(|last| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for wanted in &wanted {
                query.append_pair("artifactType", wanted);
            }
            query.append_pair("last", last["digest"].as_str().unwrap_or_default());
            if let Some(ns) = parameter(uri, "ns") {
                query.append_pair("ns", &ns);
            }
            let name = asked.called(name);
            format!(
                "</v2/{name}/referrers/{digest}?{}>; rel=\"next\"",
                query.finish()
            )
        });
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": page});
    let mut answer = answer::json(index.to_string(), MediaType::OCI_INDEX, asked.is_head());
    if !wanted.is_empty() {
        answer::set(&mut answer, OCI_FILTERS_APPLIED, "artifactType");
    }
    if let Some(link) = link {
        answer::set(&mut answer, LINK, link);
    }
    Ok(answer)
}
