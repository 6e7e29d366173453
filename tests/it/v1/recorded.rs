//! The recorded exchanges with docker-registry 0.9.1, played back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use serde_json::Value;

use super::contents;
use crate::support::Barque;
use crate::support::fixtures;
use crate::support::images::sha256;
use crate::support::served::Served;

/// One exchange of the recording, its pairs of headers made a map.
struct Recorded {
    method: String,
    path: String,
    range: Option<String>,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The body of the request.
    sent: Vec<u8>,
}

fn recorded(dir: &Path) -> Vec<Recorded> {
    let text =
        String::from_utf8(fixtures::read(dir, "http/v1-docker-registry-0.9.1.jsonl")).unwrap();
    let pairs = |value: &Value| -> Vec<(String, String)> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    };
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let (request, response) = (&line["request"], &line["response"]);
        let body = |of: &Value| match (&of["body"]["text"], &of["body"]["base64"]) {
            (Value::String(text), _) => text.clone().into_bytes(),
            (_, Value::String(text)) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap(),
            _ => Vec::new(),
        };
        let range = pairs(&request["headers"])
            .into_iter()
            .find(|(name, _)| name == "Range");
        Recorded {
            method: request["method"].as_str().unwrap().to_owned(),
            path: request["path"].as_str().unwrap().to_owned(),
            range: range.map(|(_, value)| value),
            status: response["status"].as_u64().unwrap() as u16,
            headers: pairs(&response["headers"]),
            body: body(response),
            sent: body(request),
        }
    };
    text.lines().map(read).collect()
}

/// Answers as the recording does, the last answer of 200 to each path before the deletes.
fn replay(recorded: Vec<Recorded>) -> (Served, Arc<Mutex<Vec<String>>>) {
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    let mut answers = BTreeMap::new();
    for exchange in recorded.into_iter().take_while(|e| e.method != "DELETE") {
        let fine = exchange.range.is_none() && exchange.status == 200;
        if exchange.method == "GET" && fine {
            answers.insert(exchange.path.clone(), exchange);
        } else if exchange.path.contains("/images/") && fine {
            // What was put there is what is had from there; the recording does not read all of it.
            let put = Recorded {
                headers: Vec::new(),
                body: exchange.sent.clone(),
                ..exchange
            };
            answers.entry(put.path.clone()).or_insert(put);
        }
    }
    let (answers, log) = (Arc::new(answers), Arc::<Mutex<Vec<String>>>::default());
    let seen = log.clone();
    let app = axum::Router::new().fallback(move |request: Request| {
        let path = request.uri().path_and_query().unwrap().to_string();
        seen.lock()
            .unwrap()
            .push(format!("{} {path}", request.method()));
        let answer = match answers.get(&path) {
            None => (StatusCode::NOT_FOUND, "<html>").into_response(),
            Some(known) => {
                let mut answer = known.body.clone().into_response();
                answer.headers_mut().clear();
                let kept = known
                    .headers
                    .iter()
                    .filter(|(n, _)| n.starts_with("X-") || n == "Content-Type");
                for (name, value) in kept {
                    let name: axum::http::HeaderName = name.parse().unwrap();
                    answer.headers_mut().append(name, value.parse().unwrap());
                }
                answer
            }
        };
        std::future::ready(answer)
    });
    (Served::start("127.0.0.1", app), log)
}

#[test]
fn recorded_exchanges_are_read() {
    let Some(dir) = fixtures::dir() else { return };
    let exchanges = recorded(&dir);
    assert_eq!(exchanges.len(), 69);
    let (server, log) = replay(exchanges);
    let address = server.address();
    let barque = Barque::new();
    let name = format!("docker-v1://{address}/foo42/bar:latest");
    barque.args(["copy", &name, "dir:out"]).run().ok();
    let layer = |id: &str| fixtures::read(&dir, &format!("v1/mock/{id}/layer"));
    let ids = [
        "77dbf71da1d00e3fbddc480176eac8994025630c6590d11cfc8fe1209c2a1d20",
        "42d718c941f5c532ac049bf0b0ab53f0062f09a03afd4aa4a02c098e46032b9d",
    ];
    let stored: Vec<_> = ids
        .iter()
        .map(|id| sha256(&super::plain(&layer(id))))
        .collect();
    assert_eq!(contents(&barque, "out"), stored);
    for id in ids {
        let blob = barque.path("out").join(sha256(&layer(id)).hex());
        assert_eq!(
            std::fs::read(blob).unwrap(),
            layer(id),
            "gzip layers stay as they are"
        );
    }
    let asked = log.lock().unwrap().clone();
    assert_eq!(
        asked.len(),
        8,
        "ping, images, tag, ancestry, and two each: {asked:#?}"
    );
    let tags = barque
        .args([
            "tags",
            "--plain",
            &format!("docker-v1://{address}/foo42/bar"),
        ])
        .run()
        .ok();
    assert_eq!(tags.stdout(), "base\nlatest\n");
}
