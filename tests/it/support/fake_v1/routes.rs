//! What the servers of a fake V1 world answer.

#![allow(
    clippy::result_large_err,
    reason = "a refusal is an answer like any other"
)]

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde_json::{Value, json};

use super::{Held, PASSWORD, REGISTRY, Role, SECOND, Server, Sick, USER, V1Seen, World, payload};

type Answer = Result<Response, Response>;

pub(super) async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let mut world = server.world.lock().unwrap();
    let path = head.uri.path().to_owned();
    let text = |name: &str| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let asked = Asked {
        host: server.host,
        method: head.method.as_str(),
        path: &path,
        headers: &head.headers,
        body,
    };
    let answer = match server.role {
        Role::Storage => world.storage(&asked),
        _ if server.host == SECOND && world.knobs.dies && world.mortal.is_some() => {
            Err(error(501, "not up yet"))
        }
        role => world.v1(role, &asked),
    };
    let answer = answer.unwrap_or_else(|refusal| refusal);
    world.log.push(V1Seen {
        role: server.role,
        host: server.host,
        method: head.method.to_string(),
        path: path.clone(),
        authorization: text("authorization"),
        cookie: text("cookie"),
        range: text("range"),
        status: answer.status().as_u16(),
    });
    answer
}

struct Asked<'a> {
    host: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a HeaderMap,
    body: Bytes,
}

impl Asked<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    fn json(&self) -> Value {
        assert_eq!(self.text("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn error(status: u16, text: &str) -> Response {
    let body = json!({ "error": text }).to_string();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

fn knows_password(asked: &Asked<'_>) -> bool {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    asked.text("authorization") == Some(&format!("Basic {basic}"))
}

fn ok(body: impl Into<Body>) -> Response {
    Response::new(body.into())
}

impl World {
    fn v1(&mut self, role: Role, asked: &Asked<'_>) -> Answer {
        let path = asked.path.replacen("/v1/moved/", "/v1/", 1);
        let Some(rest) = path.strip_prefix("/v1/") else {
            // As the framework of the real one does.
            return Err((StatusCode::NOT_FOUND, "<!DOCTYPE HTML>\n<title>404").into_response());
        };
        if self.knobs.guarded && !knows_password(asked) {
            return Err(error(401, "Requires authorization"));
        }
        if rest == "_ping" {
            let alone = if role == Role::Alone { "True" } else { "False" };
            let headers = [("x-docker-registry-standalone", alone)];
            return Ok((headers, "{}").into_response());
        }
        let parts: Vec<&str> = rest.split('/').collect();
        let is_registry = role != Role::Index || self.knobs.in_one;
        match (role, &parts[..]) {
            (Role::Index | Role::Alone, ["repositories", ns, name, "" | "images"]) => {
                self.index(role, asked, &format!("{ns}/{name}"), parts[3])
            }
            (_, ["repositories", ns, name, "tags", rest @ ..]) if is_registry => {
                let repository = format!("{ns}/{name}");
                self.admit(role, asked, Some(&repository))?;
                self.tags(asked, &repository, rest.first().copied())
            }
            (_, ["images", id, part]) if is_registry => {
                self.admit(role, asked, None)?;
                self.image(asked, id, part)
            }
            _ => Err(error(404, "no such route")),
        }
    }

    fn index(&mut self, role: Role, asked: &Asked<'_>, repository: &str, what: &str) -> Answer {
        let write = asked.method != "GET";
        if !knows_password(asked) && (self.knobs.private || (write && role == Role::Index)) {
            return Err(error(401, "Requires authorization"));
        }
        if self.knobs.redirect && write && !asked.path.starts_with("/v1/moved/") {
            let to = asked.path.replacen("/v1/", "/v1/moved/", 1);
            return Ok((StatusCode::SEE_OTHER, [("location", to)]).into_response());
        }
        let body = match (asked.method, what) {
            ("GET", "images") => {
                if !self.tags.contains_key(repository) {
                    return Err(error(404, "images not found"));
                }
                let list = self.images.iter().map(|(id, held)| match &held.checksum {
                    Some(checksum) => json!({ "id": id, "checksum": checksum }),
                    None => json!({ "id": id, "checksum": "" }),
                });
                Value::from(list.collect::<Vec<_>>()).to_string()
            }
            ("PUT", "") => {
                self.announced.insert(repository.to_owned(), asked.json());
                "\"\"".to_owned()
            }
            ("PUT", "images") => {
                if role == Role::Index && !self.knobs.in_one {
                    assert!(asked.text("x-docker-endpoints").is_some());
                }
                self.confirmed.insert(repository.to_owned(), asked.json());
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            _ => return Err(error(405, "no")),
        };
        assert_eq!(asked.text("x-docker-token"), Some("true"));
        let access = if write { "write" } else { "read" };
        let signature = format!("S{}", self.issued.len());
        let uses = self.knobs.uses.unwrap_or(usize::MAX);
        let entry = (repository.to_owned(), access.to_owned(), uses);
        self.issued.insert(signature.clone(), entry);
        let token = format!("signature={signature},repository=\"{repository}\",access={access}");
        let mut answer = ok(body);
        let mut add = |name: &'static str, value: &str| {
            answer.headers_mut().append(name, value.parse().unwrap())
        };
        if !self.knobs.in_one {
            add("x-docker-token", &token);
        }
        add("set-cookie", "index=kept; Path=/");
        for endpoint in &self.endpoints {
            add("x-docker-endpoints", endpoint);
        }
        Ok(answer)
    }

    /// Whether the request carries a token for what it does.
    fn admit(
        &mut self,
        role: Role,
        asked: &Asked<'_>,
        repository: Option<&str>,
    ) -> Result<(), Response> {
        if role == Role::Alone {
            return Ok(());
        }
        let refused = || error(401, "Requires authorization");
        if role == Role::Index {
            return knows_password(asked).then_some(()).ok_or_else(refused);
        }
        let given = asked.text("authorization").ok_or_else(refused)?;
        let token = given.strip_prefix("Token ").ok_or_else(refused)?;
        let field = |name: &str| {
            let fields = token.split(',').filter_map(|f| f.split_once('='));
            let mut found = fields.filter(|(n, _)| *n == name);
            found.next().map(|(_, v)| v.trim_matches('"').to_owned())
        };
        let signature = field("signature").ok_or_else(refused)?;
        let (of, access, uses) = self.issued.get_mut(&signature).ok_or_else(refused)?;
        let action = match asked.method {
            "GET" => "read",
            "DELETE" => "delete",
            _ => "write",
        };
        // As the real one: a token to write lets no one look.
        let fits = access == action;
        let same = repository.is_none_or(|r| r == of) && field("repository").as_ref() == Some(of);
        if !fits || !same || *uses == 0 {
            return Err(refused());
        }
        *uses -= 1;
        Ok(())
    }

    fn tags(&mut self, asked: &Asked<'_>, repository: &str, tag: Option<&str>) -> Answer {
        let tags = self.tags.entry(repository.to_owned()).or_default();
        match (asked.method, tag) {
            ("GET", None) if tags.is_empty() => Err(error(404, "Repository not found")),
            ("GET", None) => Ok(ok(json!(tags).to_string())),
            ("GET", Some(tag)) => match tags.get(tag) {
                Some(id) => Ok(ok(json!(id).to_string())),
                None => Err(error(404, "Tag not found")),
            },
            ("PUT", Some(tag)) => {
                let id = asked.json().as_str().unwrap().to_owned();
                if !self.images.contains_key(&id) {
                    return Err(error(404, "Image not found"));
                }
                tags.insert(tag.to_owned(), id);
                Ok(ok("true"))
            }
            ("DELETE", Some(tag)) => match tags.remove(tag) {
                Some(_) => Ok(ok("true")),
                None => Err(error(404, "Tag not found")),
            },
            _ => Err(error(405, "no")),
        }
    }

    fn image(&mut self, asked: &Asked<'_>, id: &str, part: &str) -> Answer {
        let unknown = || error(404, "Image not found");
        if asked.host == REGISTRY && self.knobs.sick == Some(Sick::Begun) {
            return Err(error(400, "Image is being uploaded, retry later"));
        }
        match (asked.method, part) {
            ("GET", "ancestry") => {
                if self.images.get(id).is_some_and(|i| i.checksum.is_none()) {
                    return Err(error(400, "Image is being uploaded, retry later"));
                }
                let mut ids = vec![id.to_owned()];
                while let Some(parent) = self.parent(ids.last().unwrap()) {
                    ids.push(parent);
                }
                Ok(ok(json!(ids).to_string()))
            }
            ("GET", "json") => {
                let held = self.images.get(id).ok_or_else(unknown)?;
                let layer = held.layer.as_ref().filter(|_| !self.knobs.no_size);
                let Some(checksum) = &held.checksum else {
                    return Err(error(400, "Image is being uploaded, retry later"));
                };
                let mut answer = ok(held.json.clone());
                let mut add = |name: &'static str, value: String| {
                    answer.headers_mut().insert(name, value.parse().unwrap());
                };
                add("x-docker-checksum", checksum.clone());
                if let Some(layer) = layer {
                    add("x-docker-size", layer.len().to_string());
                }
                Ok(answer)
            }
            ("GET", "layer") => {
                if self.knobs.storage {
                    let to = format!("http://{}/{id}?signature=secret", self.storage);
                    return Ok((StatusCode::FOUND, [("location", to)]).into_response());
                }
                self.layer(asked, id)
            }
            ("PUT", "json") => {
                if self
                    .images
                    .get(id)
                    .is_some_and(|held| held.checksum.is_some())
                {
                    return Err(error(409, "Image already exists"));
                }
                let parent = asked.json()["parent"].as_str().map(str::to_owned);
                if parent.is_some_and(|parent| !self.images.contains_key(&parent)) {
                    return Err(error(400, "Image depends on a non existing parent"));
                }
                let json = asked.body.to_vec();
                self.images.insert(
                    id.to_owned(),
                    Held {
                        json,
                        ..Held::default()
                    },
                );
                Ok(ok("true"))
            }
            ("PUT", "layer") => {
                let held = self.images.get_mut(id).ok_or_else(unknown)?;
                held.layer = Some(asked.body.to_vec());
                let checksum = payload(&held.json, &asked.body);
                let cookie = format!("session={checksum}; Path=/; HttpOnly");
                Ok(([("set-cookie", cookie)], "true").into_response())
            }
            ("PUT", "checksum") => {
                if self.knobs.dies && self.images.len() > 1 && self.mortal.take().is_some() {
                    self.images.clear();
                    return Err(error(500, "going down"));
                }
                let held = self.images.get_mut(id).ok_or_else(unknown)?;
                let checksum = asked.text("x-docker-checksum").unwrap_or_default();
                let kept = asked.text("cookie").unwrap_or_default();
                if !kept.contains(&format!("session={checksum}")) {
                    return Err(error(400, "Checksum mismatch"));
                }
                held.checksum = Some(checksum.to_owned());
                Ok(ok("true"))
            }
            _ => Err(error(405, "no")),
        }
    }

    fn parent(&self, id: &str) -> Option<String> {
        let json: Value = serde_json::from_slice(&self.images.get(id)?.json).unwrap();
        json["parent"].as_str().map(str::to_owned)
    }

    fn storage(&mut self, asked: &Asked<'_>) -> Answer {
        let id = asked.path.trim_start_matches('/').to_owned();
        self.layer(asked, &id)
    }

    /// A layer or the closed range of it, with the faults of the real registry.
    fn layer(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let held = self
            .images
            .get(id)
            .ok_or_else(|| error(404, "Image not found"))?;
        let layer = Bytes::from(held.layer.clone().unwrap());
        match self.knobs.sick.filter(|_| asked.host == REGISTRY) {
            Some(Sick::Lost) => return Err(error(404, "Image not found")),
            Some(Sick::Breaks) => {
                let broken = Err::<Bytes, _>(std::io::Error::other("cut"));
                let body = Body::from_stream(futures_util::stream::iter([broken]));
                let length = layer.len().to_string();
                return Ok(([("content-length", length)], body).into_response());
            }
            Some(Sick::Begun) | None => {}
        }
        if let Some(range) = asked.text("range") {
            let range = range.strip_prefix("bytes=").unwrap();
            let (first, last) = range.split_once('-').unwrap();
            let first: usize = first.parse().unwrap();
            // An open range would be one byte too long there.
            let last: usize = last.parse().expect("ranges are closed");
            if first == last {
                return Err(StatusCode::RANGE_NOT_SATISFIABLE.into_response());
            }
            let (first, last) = match self.knobs.wide {
                true => (0, layer.len() - 1),
                false => (first, last),
            };
            let mut answer = ok(layer.slice(first..=last));
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            if self.knobs.unmarked {
                return Ok(answer);
            }
            let shown = format!("{first}-{last}/{}", layer.len());
            answer
                .headers_mut()
                .insert("content-range", shown.parse().unwrap());
            return Ok(answer);
        }
        match self.knobs.cut {
            Some(at) if self.cut.insert(id.to_owned()) => {
                let length = layer.len().to_string();
                let begin = futures_util::stream::iter([Ok(layer.slice(..at))]);
                let dying = self.mortal.take_if(|_| self.knobs.dies);
                // What was sent has to be on its way before the connection is dropped.
                let end = futures_util::stream::once(async {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    drop(dying);
                    Err(std::io::Error::other("cut"))
                });
                let body = Body::from_stream(futures_util::StreamExt::chain(begin, end));
                Ok(([("content-length", length)], body).into_response())
            }
            _ => Ok(ok(layer)),
        }
    }
}
