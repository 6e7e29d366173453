//! Version constraints against the answers of skopeo's own.

use barque::sync::semver::{Constraint, Version};

use crate::support::fixtures;

#[test]
fn constraints_select_the_tags_that_skopeo_selects() {
    let Some(root) = fixtures::dir() else { return };
    let file = root
        .with_file_name("fixtures-registries-conf")
        .join("semver-cases.json");
    let text = std::fs::read(&file).expect("read the cases");
    let cases: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let strings = |value: &serde_json::Value| {
        let values = value.as_array().into_iter().flatten();
        values
            .map(|v| v.as_str().expect("a string").to_owned())
            .collect::<Vec<_>>()
    };
    let tags = strings(&cases["tags"]);
    let mut seen = 0;
    for case in cases["cases"].as_array().expect("cases") {
        let text = case["constraint"].as_str().expect("a constraint");
        let constraint = text.parse::<Constraint>();
        seen += 1;
        if case.get("error").is_some() {
            assert!(constraint.is_err(), "`{text}` is accepted");
            continue;
        }
        let constraint = constraint.unwrap_or_else(|e| panic!("{e}"));
        let fits = |tag: &&String| Version::parse(tag).is_some_and(|v| constraint.matches(&v));
        let matches = tags.iter().filter(fits).cloned().collect::<Vec<_>>();
        assert_eq!(matches, strings(&case["matches"]), "`{text}`");
    }
    assert!(seen >= 75, "{seen} cases");
}
