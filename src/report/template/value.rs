//! Go's values as the library's evaluator holds them, and their two forms: as Go prints them, and as JSON.
//!
//! The evaluator has no structs that print as such, no types with methods and no nil maps. They are objects that carry
//! both forms among their fields, under a name that no template can spell; everything that prints, compares or
//! marshals asks [`plain`] or [`to_json`]. Which type is where, `shape` says.

use std::collections::HashMap;

use gtmpl_ng::{Func, FuncError, Value};

use crate::report::go_time::GoTime;
use crate::report::json;

/// The name of the forms, and of what makes a map nil.
const FORMS: &str = "";

/// An object with these fields that prints as `spoken`.
pub(super) fn object(
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    spoken: String,
    json: String,
) -> Value {
    let forms = Value::Array(vec![Value::from(spoken), Value::from(json)]);
    let fields = fields.into_iter().chain([(FORMS, forms)]);
    Value::Object(fields.map(|(name, v)| (name.to_owned(), v)).collect())
}

/// A nil slice: false, without items, and `null`.
pub(super) fn nil_list() -> Value {
    Value::Object(HashMap::new())
}

/// A nil map; that it has no keys, only [`bare`] says.
pub(super) fn nil_map() -> Value {
    Value::Map(HashMap::from([(FORMS.to_owned(), Value::Nil)]))
}

/// `digest.Digest` with its methods. An empty one is an empty text, for it is false.
pub(super) fn digest(text: &str) -> Value {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return Value::from(text);
    };
    let fields = [
        ("Algorithm", algorithm),
        ("Encoded", encoded),
        ("Hex", encoded),
        ("String", text),
    ];
    let fields = fields.map(|(name, text)| (name, Value::from(text)));
    object(fields, text.to_owned(), json::to_compact_json(&text))
}

/// `*time.Time` with its methods.
pub(super) fn time(time: &GoTime) -> Value {
    let parts = time.parts();
    let date = parts.civil.date();
    let seconds = parts.unix_seconds();
    let nanoseconds = i64::from(parts.civil.subsec_nanosecond());
    let in_units = |units: i64| {
        Value::from(
            seconds
                .wrapping_mul(units)
                .wrapping_add(nanoseconds / (1_000_000_000 / units)),
        )
    };
    let method = |f: Func| Value::from(f);
    let fields = [
        ("Year", Value::from(i64::from(date.year()))),
        ("Month", Value::from(parts.month())),
        ("Day", Value::from(i64::from(date.day()))),
        ("YearDay", Value::from(i64::from(date.day_of_year()))),
        ("Weekday", Value::from(parts.weekday())),
        ("Hour", Value::from(i64::from(parts.civil.hour()))),
        ("Minute", Value::from(i64::from(parts.civil.minute()))),
        ("Second", Value::from(i64::from(parts.civil.second()))),
        ("Nanosecond", Value::from(nanoseconds)),
        ("Unix", Value::from(seconds)),
        ("UnixMilli", in_units(1_000)),
        ("UnixMicro", in_units(1_000_000)),
        ("UnixNano", in_units(1_000_000_000)),
        ("IsZero", Value::from(*time == GoTime::zero())),
        ("String", Value::from(time.spoken())),
        ("UTC", method(|of| moment(of).map(|t| self::time(&t.utc())))),
        (
            "Format",
            method(|_| {
                Err(FuncError::Generic(
                    "wrong number of args for Format: want 1 got 0".to_owned(),
                ))
            }),
        ),
    ];
    object(fields, time.spoken(), json::to_compact_json(time))
}

/// The method `Format` of times: the time and the layout.
pub(super) fn format_time(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [of, Value::String(layout)] => Ok(Value::from(
            moment(std::slice::from_ref(of))?.parts().format(layout),
        )),
        [_, _] => Err(FuncError::Generic(
            "Format takes a text such as \"2006-01-02\"".to_owned(),
        )),
        _ => {
            let got = args.len().saturating_sub(1);
            Err(FuncError::Generic(format!(
                "wrong number of args for Format: want 1 got {got}"
            )))
        }
    }
}

fn moment(receiver: &[Value]) -> Result<GoTime, FuncError> {
    let time = receiver.first().and_then(forms).and_then(|(_, json)| {
        let text = serde_json::from_str::<String>(json).ok()?;
        GoTime::parse(&text)
    });
    time.ok_or_else(|| FuncError::Generic("this is not a time".to_owned()))
}

fn forms(value: &Value) -> Option<(&str, &str)> {
    let Value::Object(fields) = value else {
        return None;
    };
    match fields.get(FORMS) {
        Some(Value::Array(forms)) => match &forms[..] {
            [Value::String(spoken), Value::String(json)] => Some((spoken, json)),
            _ => None,
        },
        _ => None,
    }
}

fn is_nil_map(map: &HashMap<String, Value>) -> bool {
    map.get(FORMS) == Some(&Value::Nil)
}

/// `value` in types that the library prints as Go does, to the last member.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.is_empty() => Value::Array(Vec::new()),
        Value::Object(_) => forms(value).map_or(Value::Nil, |(spoken, _)| Value::from(spoken)),
        Value::Map(map) if is_nil_map(map) => Value::Map(HashMap::new()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

/// What an action prints of `value`: a nil pointer is not the value that a map lacks.
pub(super) fn shown(value: &Value) -> Value {
    match value {
        Value::Nil => Value::from("<nil>"),
        other => plain(other),
    }
}

/// `value` for the evaluator's own questions: whether it is true, and what its items are.
pub(super) fn bare(value: &Value) -> Value {
    match value {
        Value::Map(map) if is_nil_map(map) => Value::Map(HashMap::new()),
        other => other.clone(),
    }
}

/// `value` for `range`, which refuses a struct and a text in the words of Go.
pub(super) fn items(value: &Value) -> Value {
    match value {
        Value::Object(fields) if !fields.is_empty() => plain(value),
        other => bare(other),
    }
}

/// Whether `value` has fields, and no length or items: a digest is a text, and nothing is a nil slice.
pub(super) fn is_struct(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if !fields.is_empty() && !fields.contains_key("Algorithm"))
}

/// The JSON of a value on one line: structs in the order of their document, maps sorted as Go does.
pub(super) fn to_json(value: &Value) -> String {
    match value {
        Value::Object(_) => forms(value).map_or("null", |(_, json)| json).to_owned(),
        Value::Map(map) if is_nil_map(map) => "null".to_owned(),
        Value::Map(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            let members = members
                .iter()
                .map(|(key, value)| format!("{}:{}", json::to_compact_json(key), to_json(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(to_json).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(text) => json::to_compact_json(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::NoValue | Value::Nil | Value::Function(_) => "null".to_owned(),
    }
}
