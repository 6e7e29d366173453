//! Search over the names of what is stored.

use serde_json::json;

use super::wrong;
use crate::serve::App;
use crate::serve::answer::Answer;
use crate::serve::refusal::Refusal;
use crate::serve::request::Asked;
use crate::serve::route::parameter;

/// Results on a page without `n`, and at most.
const USUAL: usize = 25;
const MOST: usize = 100;

/// Repositories with the term `q` in their name, `n` of them on page `page`, which is counted from 1.
pub(super) async fn search(app: &App, asked: &Asked) -> Result<Answer, Refusal> {
    let uri = &asked.parts.uri;
    let term = parameter(uri, "q").unwrap_or_default();
    let number = |name: &str, usual: usize| match parameter(uri, name).filter(|n| !n.is_empty()) {
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| wrong(&format!("`{name}` is a number from 1 on"))),
        None => Ok(usual),
    };
    let (n, page) = (number("n", USUAL)?.min(MOST), number("page", 1)?);
    let wanted = term.to_lowercase();
    let names = app.content.repositories().await?;
    let found: Vec<_> = names.iter().filter(|name| name.contains(&wanted)).collect();
    let on_page = found.iter().skip((page - 1).saturating_mul(n)).take(n);
    let results: Vec<_> = on_page
        .map(|name| json!({"name": name, "description": ""}))
        .collect();
    let document = json!({
        "query": term,
        "num_results": found.len(),
        "num_pages": found.len().div_ceil(n),
        "page": page,
        "page_size": n,
        "results": results,
    });
    Ok(super::json(document.to_string(), asked))
}
