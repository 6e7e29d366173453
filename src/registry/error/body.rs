//! Reads the body of an answer with an error.

use http::HeaderMap;

use super::{ApiErrorItem, MAX_ITEMS};
use crate::registry::challenge::challenges;

/// The entries of the registry's envelope, or what stands in for it elsewhere.
pub(super) fn envelope(body: &[u8]) -> Vec<ApiErrorItem> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return Vec::new();
    };
    let text = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => short(s),
        serde_json::Value::Null => String::new(),
        other => short(&other.to_string()),
    };
    if let Some(errors) = value["errors"].as_array() {
        return errors
            .iter()
            .take(MAX_ITEMS)
            .map(|e| ApiErrorItem {
                code: text(&e["code"]),
                message: text(&e["message"]),
                detail: text(&e["detail"]),
            })
            .filter(|e| !(e.code.is_empty() && e.message.is_empty()))
            .collect();
    }
    if value["error"].is_string() {
        return vec![ApiErrorItem {
            code: text(&value["error"]),
            message: text(&value["error_description"]),
            detail: String::new(),
        }];
    }
    let details = text(&value["details"]);
    if details.is_empty() {
        Vec::new()
    } else {
        vec![ApiErrorItem {
            code: String::new(),
            message: details,
            detail: String::new(),
        }]
    }
}

/// The first line with text in it.
pub(super) fn first_line(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let line = text.lines().map(str::trim).find(|l| !l.is_empty())?;
    Some(short(line))
}

/// The first 50 bytes, and dots for more.
pub(super) fn start(body: &[u8]) -> String {
    match body.split_at_checked(50) {
        Some((start, rest)) if !rest.is_empty() => {
            String::from_utf8_lossy(start).into_owned() + "..."
        }
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

/// At most 200 characters of a server's text, without control characters.
pub(super) fn short(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = clean.take(200).collect();
    if text.chars().nth(200).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}

/// Why a token is refused, as the challenge for another one says (RFC 6750, section 3).
pub(super) fn challenged(headers: &HeaderMap) -> Option<ApiErrorItem> {
    challenges(headers).iter().find_map(|challenge| {
        let (code, usual) = match challenge.param("error")? {
            "invalid_token" => ("UNAUTHORIZED", "authentication required"),
            "insufficient_scope" => ("DENIED", "requested access to the resource is denied"),
            _ => return None,
        };
        let message = challenge.param("error_description").unwrap_or(usual);
        Some(ApiErrorItem {
            code: code.into(),
            message: short(message),
            detail: "{}".into(),
        })
    })
}
