//! A document's JSON as the Go values that its [`Shape`] says.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::shape::Shape::{self, Bool, Digest, List, Map, Number, Struct, Text, Time};
use super::value::{Struct as Fields, Value};
use crate::report::go_time::GoTime;
use crate::report::json;

impl Shape {
    /// The document `json` as a template sees it. What is missing, `null` or of another type is the type's zero.
    pub(super) fn value(&'static self, json: &Json) -> Value {
        match self {
            Text => Value::Text(json.as_str().unwrap_or_default().into()),
            Number => Value::Int(json.as_i64().unwrap_or_else(|| match json.is_u64() {
                true => i64::MAX,
                false => 0,
            })),
            Bool => Value::Bool(json.as_bool().unwrap_or_default()),
            Digest => match json.as_str() {
                Some(digest) if digest.contains(':') => Value::Digest(digest.into()),
                other => Value::Text(other.unwrap_or_default().into()),
            },
            Time => {
                let time = json.as_str().and_then(GoTime::parse);
                time.map_or(Value::Nil, |time| Value::Time(time.into()))
            }
            List(item) => {
                let items = json.as_array();
                Value::List(items.map(|items| items.iter().map(|i| item.value(i)).collect()))
            }
            Map(item) => {
                let members = json.as_object().map(|members| {
                    let members = members.iter().map(|(k, v)| (k.clone(), item.value(v)));
                    members.collect::<BTreeMap<_, _>>().into()
                });
                Value::Map(members, item)
            }
            Struct(fields) => structure(fields, json, json::to_compact_json(json)),
        }
    }

    /// The value of this type that Go has for nothing.
    pub(super) fn zero(&'static self) -> Value {
        self.value(&Json::Null)
    }
}

fn structure(fields: &'static [(&str, &str, Shape)], json: &Json, text: String) -> Value {
    let mut own = Vec::new();
    let mut promoted = Vec::new();
    for (key, name, shape) in fields {
        let value = match shape {
            Struct(members) if key.is_empty() => {
                let member = |(key, name, of): &'static (&str, &'static str, Shape)| {
                    (*name, of.value(&json[*key]))
                };
                promoted.extend(members.iter().map(member));
                let present = members.iter().filter_map(|(key, ..)| {
                    let member = json::to_compact_json(json.get(*key)?);
                    Some(format!("{}:{member}", json::to_compact_json(key)))
                });
                let present: Vec<_> = present.collect();
                structure(members, json, format!("{{{}}}", present.join(",")))
            }
            _ => shape.value(&json[*key]),
        };
        own.push((*name, value));
    }
    Value::Struct(
        Fields {
            fields: own,
            promoted,
            json: text,
        }
        .into(),
    )
}
