//! The document of `search`: as JSON, as a table, as lines for a pipe. Nothing is fetched or printed here.

use serde::Serialize;

use super::json;
use super::table::Table;
use crate::image::Registry;
use crate::legacy::registry_v1::{SearchAnswer, SearchHit};

/// The result of a search.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SearchReport {
    pub registry: String,
    pub term: String,
    /// How many there are in all, where the server says so.
    pub found: Option<u64>,
    pub results: Vec<Hit>,
}

/// One repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Hit {
    pub name: String,
    pub description: String,
    /// `null` where the server counts none.
    pub stars: Option<u64>,
    pub official: bool,
    pub automated: bool,
}

impl SearchReport {
    /// The answer of `registry` to `term`.
    pub(crate) fn new(registry: &Registry, term: &str, answer: SearchAnswer) -> SearchReport {
        SearchReport {
            registry: registry.to_string(),
            term: term.to_owned(),
            found: answer.num_results,
            results: answer.results.into_iter().map(hit).collect(),
        }
    }

    /// As JSON, as a table on a terminal, or as lines for a pipe.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        self.table().shown()
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["NAME", ">STARS", "OFFICIAL", "DESCRIPTION"]);
        for hit in &self.results {
            let stars = hit.stars.map_or_else(|| "-".to_owned(), |n| n.to_string());
            let official = if hit.official { "yes" } else { "-" };
            table.row([
                hit.name.clone(),
                stars,
                official.to_owned(),
                hit.description.clone(),
            ]);
        }
        table
    }
}

fn hit(hit: SearchHit) -> Hit {
    Hit {
        name: hit.name,
        description: hit.description,
        stars: hit.star_count,
        official: hit.is_official,
        automated: hit.is_automated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_repository() {
        let hit = |name: &str, stars| SearchHit {
            name: name.to_owned(),
            description: "a\nb \x1b[31mc".to_owned(),
            star_count: stars,
            ..SearchHit::default()
        };
        let answer = SearchAnswer {
            num_results: Some(3),
            results: vec![hit("a/b", Some(7)), hit("c", None)],
        };
        let report = SearchReport::new(&"r.io".parse().unwrap(), "x", answer);
        let lines = report.table().plain();
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(lines.starts_with("a/b\t7\t-\t"), "{lines}");
        assert!(!lines.contains('\x1b'), "{lines}");
        let json: serde_json::Value = serde_json::from_str(&report.render(true)).unwrap();
        assert_eq!(json["Found"], 3);
        assert_eq!(json["Results"][1]["Stars"], serde_json::Value::Null);
    }
}
