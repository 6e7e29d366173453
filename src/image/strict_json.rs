//! JSON for documents in which a misread key would be a hole, such as policies.
//!
//! Duplicate keys are errors when the text is read; unknown keys are errors when an [`Object`] has been taken apart.
//! `serde` alone keeps the last of two equal keys, so that two programs could read one document differently.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value without duplicate keys. Booleans only count as another type: no document needs their value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool,
    Number(serde_json::Number),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Why a document is refused, with the path of the member that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StrictError(pub(crate) String);

/// Reads `text`, which has to be one JSON value and nothing else.
pub(crate) fn parse(text: &[u8]) -> Result<Value, StrictError> {
    serde_json::from_slice(text).map_err(|e| StrictError(e.to_string()))
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    fn wrong<T>(&self, path: &str, expected: &str) -> Result<T, StrictError> {
        let at = if path.is_empty() {
            "the document"
        } else {
            path
        };
        Err(StrictError(format!(
            "{at} is {}; expected {expected}",
            self.kind()
        )))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The object at `path`, which is for messages only.
    pub(crate) fn object(self, path: &str) -> Result<Object, StrictError> {
        match self {
            Value::Object(members) => Ok(Object {
                path: path.to_owned(),
                members,
            }),
            other => other.wrong(path, "an object"),
        }
    }

    pub(crate) fn array(self, path: &str) -> Result<Vec<Value>, StrictError> {
        match self {
            Value::Array(items) => Ok(items),
            other => other.wrong(path, "an array"),
        }
    }

    pub(crate) fn string(self, path: &str) -> Result<String, StrictError> {
        match self {
            Value::String(text) => Ok(text),
            other => other.wrong(path, "a string"),
        }
    }
}

/// An object that is taken apart member by member.
#[derive(Debug)]
pub(crate) struct Object {
    path: String,
    members: Vec<(String, Value)>,
}

impl Object {
    /// The path of the member `key`, for messages.
    pub(crate) fn at(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => format!("`{key}`"),
            path => format!("{}.{key}`", path.trim_end_matches('`')),
        }
    }

    /// The path of this object, for messages.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Takes the member `key` out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.members.iter().position(|(k, _)| k == key)?;
        Some(self.members.remove(index).1)
    }

    /// Takes out `key`, which has to be there.
    pub(crate) fn need(&mut self, key: &str) -> Result<Value, StrictError> {
        let at = self.at(key);
        self.take(key)
            .ok_or_else(|| StrictError(format!("{at} is missing")))
    }

    /// Takes out the string `key`, which has to be there.
    pub(crate) fn need_string(&mut self, key: &str) -> Result<String, StrictError> {
        let at = self.at(key);
        self.need(key)?.string(&at)
    }

    /// Takes out the string `key`; `None` where it is missing.
    pub(crate) fn string(&mut self, key: &str) -> Result<Option<String>, StrictError> {
        let at = self.at(key);
        self.take(key).map(|v| v.string(&at)).transpose()
    }

    /// Takes out the integer `key`, which may be written as a fraction of zero (`12.0`); `None` where it is missing.
    pub(crate) fn integer(&mut self, key: &str) -> Result<Option<i64>, StrictError> {
        let at = self.at(key);
        let whole = |number: &serde_json::Number| {
            let from_float = || {
                let value = number.as_f64()?;
                // Beyond 2^53 not every integer has a float.
                let fits = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
                fits.then_some(value as i64)
            };
            number.as_i64().or_else(from_float)
        };
        match self.take(key) {
            None => Ok(None),
            Some(Value::Number(number)) => match whole(&number) {
                Some(value) => Ok(Some(value)),
                None => Err(StrictError(format!("{at} is no integer"))),
            },
            Some(other) => other.wrong(&at, "an integer"),
        }
    }

    /// Takes out the list of strings `key`; `None` where it is missing.
    pub(crate) fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>, StrictError> {
        let at = self.at(key);
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let items = value.array(&at)?;
        let items: Result<_, _> = items.into_iter().map(|v| v.string(&at)).collect();
        items.map(Some)
    }

    /// Takes out the object `key`, which has to be there.
    pub(crate) fn need_object(&mut self, key: &str) -> Result<Object, StrictError> {
        let at = self.at(key);
        self.need(key)?.object(&at)
    }

    /// This object without the members that are null, for places where Go's programs read null as a member that is not there.
    pub(crate) fn without_nulls(mut self) -> Object {
        self.members.retain(|(_, value)| !value.is_null());
        self
    }

    /// All members that are left, in the order of the text.
    pub(crate) fn rest(self) -> Vec<(String, Value)> {
        self.members
    }

    /// An error where a member is left: it is one that the format does not have.
    pub(crate) fn finish(self) -> Result<(), StrictError> {
        match self.members.first() {
            Some((key, _)) => Err(StrictError(format!("{} is an unknown key", self.at(key)))),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = serde_json::Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                let text = format!("the key `{key}` is given twice");
                return Err(serde::de::Error::custom(text));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_and_unknown_keys_are_errors() {
        let twice = parse(br#"{"a":{"b":1,"b":2}}"#).unwrap_err();
        assert!(twice.to_string().contains("`b` is given twice"), "{twice}");
        assert!(parse(b"{} x").is_err() && parse(b"").is_err());
        let mut object = parse(br#"{"a":{"b":"c","d":1.0}}"#)
            .unwrap()
            .object("")
            .unwrap();
        let mut inner = object.need_object("a").unwrap();
        object.finish().unwrap();
        assert_eq!(inner.need_string("b").unwrap(), "c");
        assert_eq!(
            inner.need_string("x").unwrap_err().to_string(),
            "`a.x` is missing"
        );
        let left = inner.finish().unwrap_err();
        assert_eq!(left.to_string(), "`a.d` is an unknown key");
    }
}
