//! An object whose members stay as they are written until one of them is changed: numbers that no machine type holds,
//! escapes and the order of members included.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::go_json::{compact, same_name};

/// The members of an object in their order. Of two with one name the last counts, as for Go.
#[derive(Debug, Default)]
pub(super) struct RawObject(Vec<(String, Box<RawValue>)>);

/// Why a change cannot be made.
pub(super) type Wrong = String;

impl RawObject {
    /// The text of the member `known`, which Go's decoder takes in any case.
    pub(super) fn get(&self, known: &str) -> Option<&str> {
        self.place(known).map(|at| self.0[at].1.get())
    }

    /// Sets the member `known` in its place, or at the end.
    pub(super) fn set(&mut self, known: &str, value: &impl Serialize) -> Result<(), Wrong> {
        self.put(self.place(known), known, raw(value)?);
        Ok(())
    }

    /// Sets the list `known`, whose items stay as they are written.
    pub(super) fn set_list(&mut self, known: &str, list: &[Box<RawValue>]) -> Result<(), Wrong> {
        self.put(self.place(known), known, as_written(&list)?);
        Ok(())
    }

    /// Sets the member that is called exactly `name`, as in a map.
    pub(super) fn insert(&mut self, name: &str, value: &impl Serialize) -> Result<(), Wrong> {
        let place = self.0.iter().rposition(|(known, _)| known == name);
        self.put(place, name, raw(value)?);
        Ok(())
    }

    fn put(&mut self, at: Option<usize>, name: &str, value: Box<RawValue>) {
        match at {
            Some(at) => self.0[at].1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Removes the member that is called exactly `name`, as in a map.
    pub(super) fn remove_exactly(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(super) fn remove(&mut self, known: &str) {
        while let Some(at) = self.place(known) {
            self.0.remove(at);
        }
    }

    /// Changes the object `known`, which is made where it is missing or null.
    pub(super) fn change<T>(
        &mut self,
        known: &str,
        change: impl FnOnce(&mut RawObject) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        let mut object: RawObject = self.read(known, "object")?;
        let changed = change(&mut object)?;
        self.put(self.place(known), known, as_written(&object)?);
        Ok(changed)
    }

    /// The list `known`, empty where it is missing or null.
    pub(super) fn list(&self, known: &str) -> Result<Vec<Box<RawValue>>, Wrong> {
        self.read(known, "list")
    }

    fn read<'a, T: Deserialize<'a> + Default>(
        &'a self,
        known: &str,
        what: &str,
    ) -> Result<T, Wrong> {
        let Some(text) = self.get(known) else {
            return Ok(T::default());
        };
        serde_json::from_str::<Option<T>>(text)
            .map(Option::unwrap_or_default)
            .map_err(|_| format!("`{known}` is no {what}"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, known: &str) -> Option<usize> {
        let at = |is: &dyn Fn(&str) -> bool| self.0.iter().rposition(|(name, _)| is(name));
        at(&|name| name == known).or_else(|| at(&|name| same_name(known, name)))
    }
}

/// A value as Go writes it.
pub(super) fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Wrong> {
    compact(value)
        .and_then(RawValue::from_string)
        .map_err(|e| e.to_string())
}

fn as_written(value: &impl Serialize) -> Result<Box<RawValue>, Wrong> {
    serde_json::value::to_raw_value(value).map_err(|e| e.to_string())
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawObject, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}
