//! The JSON schema of declarations says what the program reads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn schema() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/sync.schema.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Why `value` does not fit `schema`, with as much of JSON Schema as the file uses; a word that is not known here fails.
fn mistakes(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let fits = |schema: &Value| mistakes(root, schema, value, at).is_empty();
    for (word, arg) in schema.as_object().expect("a schema") {
        let is_right = match word.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let path = arg.as_str().unwrap().trim_start_matches('#');
                fits(root.pointer(path).expect("a definition"))
            }
            "type" => match arg.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64() || value.is_i64(),
                other => panic!("the type {other}"),
            },
            "const" => value == arg,
            "enum" => arg.as_array().unwrap().contains(value),
            "anyOf" => arg.as_array().unwrap().iter().any(fits),
            "required" => arg
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "minimum" => value.as_f64().is_none_or(|n| n >= arg.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|n| n > arg.as_f64().unwrap()),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= arg.as_u64().unwrap()),
            "pattern" => {
                let pattern = regex_lite::Regex::new(arg.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(mistakes(root, arg, item, &format!("{at}/{n}")));
                }
                true
            }
            "properties" | "additionalProperties" => {
                for (key, item) in value.as_object().into_iter().flatten() {
                    let own = schema["properties"].get(key);
                    let at = format!("{at}/{key}");
                    match (word.as_str(), own) {
                        ("properties", Some(own)) => found.extend(mistakes(root, own, item, &at)),
                        ("additionalProperties", None) if *arg == json!(false) => found.push(at),
                        ("additionalProperties", None) => {
                            found.extend(mistakes(root, arg, item, &at));
                        }
                        _ => {}
                    }
                }
                true
            }
            other => panic!("the word {other}"),
        };
        if !is_right {
            found.push(format!("{at}: {word}"));
        }
    }
    found
}

#[test]
fn the_schema_takes_what_the_program_takes() {
    let schema = schema();
    let entry = |more: Value| {
        let mut entry = json!({ "from": "a.example/b", "to": "c.example/d" });
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "barque-sync": 1, "sync": [entry] })
    };
    let top = |more: Value| {
        let mut file = entry(json!({}));
        file.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        file
    };
    let right = [
        entry(json!({})),
        entry(json!({ "to": ["c.example/d", "e.example/{repository}"] })),
        entry(
            json!({ "tags": { "match": "^v", "semver": ">=1", "except": ["-rc"], "sort": "natural", "newest": 3, "also": "latest", "at-least": 1 } }),
        ),
        entry(
            json!({ "platforms": ["linux/amd64", "linux/arm*"], "on-drift": "report", "mutable": ["latest"] }),
        ),
        entry(json!({ "platforms": "all", "referrers": "none" })),
        entry(json!({ "referrers": ["application/spdx+json"] })),
        top(json!({ "defaults": { "platforms": "system", "on-drift": "fail", "mutable": [] } })),
        top(
            json!({ "registries": { "*.example": { "rate": 2.5, "max-pulls": "80/6h", "create-repository": ["x", "{repository}"] } } }),
        ),
        top(json!({ "registries": { "docker.io": { "max-pulls": 5 } } })),
    ];
    let wrong = [
        json!({ "barque-sync": 2, "sync": [] }),
        json!({ "barque-sync": 1 }),
        json!({ "barque-sync": 1, "sync": [{ "to": "c.example/d" }] }),
        json!({ "barque-sync": 1, "sync": [{ "from": "a.example/b" }] }),
        entry(json!({ "form": "x" })),
        entry(json!({ "to": [] })),
        top(json!({ "registries": { "a": { "max-pulls": "3/0h" } } })),
        top(json!({ "registries": { "a": { "create-repository": [] } } })),
        entry(json!({ "tags": { "newest": -1 } })),
        entry(json!({ "tags": { "newest": "3" } })),
        entry(json!({ "tags": { "at-least": "1" } })),
        entry(json!({ "tags": { "newest": 2.5 } })),
        json!({ "barque-sync": "1", "sync": [] }),
        top(json!({ "registries": { "a": { "rate": "2" } } })),
        entry(json!({ "tags": { "sort": "age" } })),
        entry(json!({ "tags": { "regex": "x" } })),
        entry(json!({ "on-drift": "panic" })),
        top(json!({ "defaults": { "tags": {} } })),
        top(json!({ "registries": { "a": { "rate": 0 } } })),
        top(json!({ "registries": { "a": { "max-pulls": "80/6w" } } })),
        top(json!({ "registries": { "a": { "speed": 1 } } })),
        top(json!({ "more": 1 })),
    ];
    let barque = Barque::new();
    let takes = |file: &Value| {
        // Nothing listens there: whoever gets so far has read the file.
        let text = format!("{file}").replace("a.example", "127.0.0.1:1");
        fs::write(barque.path("mirror.yaml"), text).unwrap();
        let out = barque.args(["sync", "mirror.yaml"]).run();
        !out.stderr().contains("reading `mirror.yaml`")
    };
    for file in &right {
        assert_eq!(mistakes(&schema, &schema, file, ""), Vec::<String>::new());
        assert!(takes(file), "{file}");
    }
    for file in &wrong {
        assert!(!mistakes(&schema, &schema, file, "").is_empty(), "{file}");
        assert!(!takes(file), "{file}");
    }
}
