//! Repositories: what is in them, their tags, and the index part of a push.

use std::collections::{BTreeMap, HashSet};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::path::In;
use super::pushed::DOCUMENT;
use super::token::For;
use super::{V1, build, missing, push, wrong};
use crate::image::{RepositoryName, Tag, V1Id};
use crate::serve::App;
use crate::serve::answer::{self, Answer};
use crate::serve::content::Named;
use crate::serve::refusal::Refusal;
use crate::serve::request::Asked;
use crate::serve::routes::blocking;

/// Tags of an upstream that are read for a list of them: each is a pull.
const FEW: usize = 10;

/// The answer to a request for the part `of` of the repository `name`.
pub(super) async fn answer(
    (app, v1): (&App, &V1),
    asked: &mut Asked,
    name: &RepositoryName,
    of: In,
) -> Result<Answer, Refusal> {
    match (of, asked.parts.method.clone()) {
        (In::Images, Method::GET | Method::HEAD) => images((app, v1), asked, name).await,
        (In::Tags, Method::GET | Method::HEAD) => {
            let tags = v1.tags(app, name).await?;
            let tags: BTreeMap<String, &str> = tags
                .iter()
                .map(|(tag, id)| (tag.clone(), id.as_str()))
                .collect();
            Ok(super::json(json!(tags).to_string(), asked))
        }
        (In::Tag(tag), Method::GET | Method::HEAD) => {
            let places = (&*app.content, v1.pushed.as_ref());
            let top = v1.chains.top(places, name, Named::Tag(&tag)).await?;
            let id = top.ok_or_else(|| missing("Tag not found"))?;
            Ok(super::json(json!(id.as_str()).to_string(), asked))
        }
        (In::Itself, Method::PUT) => announced((app, v1), asked, name).await,
        (In::Images, Method::PUT) => {
            push::writable(app, v1)?;
            list(asked).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        (In::Tag(tag), Method::PUT) => {
            let places = push::writable(app, v1)?;
            let body = asked.body.whole(DOCUMENT).await?.unwrap_or_default();
            let id: Option<String> = serde_json::from_slice(&body).ok();
            let id = id.ok_or_else(|| wrong("Invalid data"))?;
            let id = V1Id::parse(&id).ok_or_else(|| missing("Image not found"))?;
            build::tag((app, v1), places, (name, &tag), &id).await?;
            Ok(super::json("true".into(), asked))
        }
        (In::Properties, Method::GET | Method::HEAD) => {
            Ok(super::json(json!({"access": "public"}).to_string(), asked))
        }
        (In::Properties, Method::PUT) => {
            push::writable(app, v1)?;
            let body = asked.body.whole(DOCUMENT).await?.unwrap_or_default();
            let wanted: Option<Value> = serde_json::from_slice(&body).ok();
            match wanted.as_ref().and_then(|wanted| wanted["access"].as_str()) {
                Some("public") => Ok(super::json("true".into(), asked)),
                Some("private") => Err(wrong("there are no private repositories here")),
                _ => Err(wrong("Invalid data")),
            }
        }
        (In::Auth, Method::PUT) => Ok(super::json("\"OK\"".into(), asked)),
        (In::Tag(tag), Method::DELETE) => delete(app, asked, name, vec![tag]).await,
        (In::Itself | In::Tags, Method::DELETE) => {
            app.deletable()?;
            let tags = app.content.tags(name).await?;
            let tags = tags.ok_or_else(|| missing("Repository not found"))?;
            let tags = tags.iter().filter_map(|tag| tag.parse().ok()).collect();
            delete(app, asked, name, tags).await
        }
        (In::Images, Method::DELETE) => {
            app.deletable()?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(super::no_method()),
    }
}

impl V1 {
    /// The tags of a repository with their images. Of one at an upstream these are the tags that are kept, and all if they are few: the
    /// oldest clients choose from the list.
    async fn tags(&self, app: &App, name: &RepositoryName) -> Result<Vec<(String, V1Id)>, Refusal> {
        let places = (&*app.content, self.pushed.as_ref());
        let unknown = || missing("Repository not found");
        let is_at_upstream = app.content.kept(name)?.is_some();
        if is_at_upstream {
            let tags = app.content.tags(name).await?.ok_or_else(unknown)?;
            let tags = tags.iter().filter(|_| tags.len() <= FEW);
            for tag in tags.filter_map(|tag| tag.parse::<Tag>().ok()) {
                if let Err(e) = self.chains.top(places, name, Named::Tag(&tag)).await {
                    tracing::warn!("`{name}:{tag}` is left out for V1 clients: {e:#}");
                }
            }
        }
        match self.chains.tags(places, name).await? {
            Some(tags) => Ok(tags),
            None if is_at_upstream => Ok(Vec::new()),
            None => Err(unknown()),
        }
    }
}

/// All images of a repository, each once, those with a tag first.
async fn images(
    (app, v1): (&App, &V1),
    asked: &Asked,
    name: &RepositoryName,
) -> Result<Answer, Refusal> {
    let tags = v1.tags(app, name).await.map_err(|refusal| {
        match refusal.status == StatusCode::NOT_FOUND {
            true => missing("images not found"),
            false => refusal,
        }
    })?;
    let mut listed = Vec::new();
    let mut seen = HashSet::new();
    for (tag, top) in &tags {
        for (id, _) in v1.with_ancestors(app, top).await? {
            let is_new = seen.insert(id.clone());
            match id == *top {
                true => listed.push(json!({"id": id.as_str(), "Tag": tag})),
                false if is_new => listed.push(json!({"id": id.as_str()})),
                false => {}
            }
        }
    }
    let mut answer = super::json(Value::from(listed).to_string(), asked);
    v1.tokens.grant(&mut answer, asked, name, For::Read);
    Ok(answer)
}

/// What a client is about to push. The list is not kept: what counts is what comes.
async fn announced(
    (app, v1): (&App, &V1),
    asked: &mut Asked,
    name: &RepositoryName,
) -> Result<Answer, Refusal> {
    push::writable(app, v1)?;
    list(asked).await?;
    let mut answer = super::json("\"\"".into(), asked);
    v1.tokens.grant(&mut answer, asked, name, For::Write);
    Ok(answer)
}

async fn list(asked: &mut Asked) -> Result<(), Refusal> {
    let body = asked.body.whole(4 * DOCUMENT).await?.unwrap_or_default();
    match serde_json::from_slice::<Vec<Value>>(&body) {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong("Invalid JSON: a list of images is needed")),
    }
}

async fn delete(
    app: &App,
    asked: &Asked,
    name: &RepositoryName,
    tags: Vec<Tag>,
) -> Result<Answer, Refusal> {
    let repository = app.deletable()?.repository(name);
    let one = tags.len() == 1;
    let deleted = blocking(move || {
        let mut deleted = false;
        for tag in tags {
            deleted |= repository.delete_tag(&tag)?;
        }
        Ok(deleted)
    });
    match deleted.await? || !one {
        true => Ok(super::json("true".into(), asked)),
        false => Err(missing("Tag not found")),
    }
}
