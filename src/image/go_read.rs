//! Reading JSON as Go's `encoding/json` decoder does, which is how the other tools read a config.
//!
//! A member is found whatever the case of its name; of a member that is there twice the later one counts, and objects
//! are merged; null leaves a text as it was and empties what may be missing. Bytes that are no UTF-8 are replaced
//! before ([`super::go_json::readable`]). Manifests are not read so: there a member that readers could see differently
//! is refused ([`super::Manifest::parse`]).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Digest, go_json};

/// A value that is filled in as Go's decoder does.
pub(super) trait GoValue {
    /// Takes over the value `from`, which is not null.
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error>;

    /// Takes over null.
    fn null(&mut self) {}
}

/// Reads `text` into a zero value.
pub(super) fn from_str<T: GoValue + Default>(text: &str) -> serde_json::Result<T> {
    let mut value = T::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Not through `Into`: a document that is `null` counts as absent.
    value.fill(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value, or null, into one that is there.
pub(super) struct Into<'a, T>(pub(super) &'a mut T);

impl<'de, T: GoValue> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de, T: GoValue> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.0.null();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.fill(from)
    }
}

impl GoValue for String {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        *self = String::deserialize(from)?;
        Ok(())
    }
}

impl GoValue for bool {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        *self = bool::deserialize(from)?;
        Ok(())
    }
}

impl<T: GoValue + Default> GoValue for Option<T> {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        self.get_or_insert_default().fill(from)
    }

    fn null(&mut self) {
        *self = None;
    }
}

/// An element of a list.
pub(super) trait Element: Sized {
    fn read<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Option<Self>, A::Error>;
}

impl Element for Digest {
    fn read<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Option<Digest>, A::Error> {
        list.next_element()
    }
}

impl<T: GoValue + Default> Element for T {
    fn read<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Option<T>, A::Error> {
        let mut value = T::default();
        let read = list.next_element_seed(Into(&mut value))?;
        Ok(read.map(|()| value))
    }
}

impl<T: Element> GoValue for Vec<T> {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Element> Visitor<'de> for List<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = T::read(&mut list)? {
                    elements.push(element);
                }
                Ok(elements)
            }
        }
        *self = from.deserialize_seq(List(PhantomData))?;
        Ok(())
    }

    fn null(&mut self) {
        self.clear();
    }
}

impl<T: GoValue + Default> GoValue for BTreeMap<String, T> {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        struct Map<'a, T>(&'a mut BTreeMap<String, T>);
        impl<'de, T: GoValue + Default> Visitor<'de> for Map<'_, T> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(name) = map.next_key::<String>()? {
                    let mut value = T::default();
                    map.next_value_seed(Into(&mut value))?;
                    self.0.insert(name, value);
                }
                Ok(())
            }
        }
        from.deserialize_map(Map(self))
    }

    fn null(&mut self) {
        self.clear();
    }
}

/// The name of a member: that of `0` which is meant.
pub(super) struct Name(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let mut known = self.0.iter();
        Ok(known.find(|k| go_json::same_name(k, name)).copied())
    }
}

/// Declares a struct that is a [`GoValue`], each field after its name in JSON: `"os.version" => os_version: String`. With
/// `"author" unless "is_default" => author: String`, the field is not written while that function returns true.
macro_rules! go_struct {
    (
        $(#[$about:meta])*
        $scope:vis struct $type:ident {
            $($(#[$note:meta])* $name:literal $(unless $absent:literal)? => $field_scope:vis $field:ident: $of:ty,)*
        }
    ) => {
        $(#[$about])*
        $scope struct $type {
            $($(#[$note])* $(#[serde(skip_serializing_if = $absent)])? $field_scope $field: $of,)*
        }

        impl $crate::image::go_read::GoValue for $type {
            fn fill<'de, D: serde::Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
                struct Members<'a>(&'a mut $type);
                impl<'de> serde::de::Visitor<'de> for Members<'_> {
                    type Value = ();

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<(), A::Error> {
                        use $crate::image::go_read::{Into, Name};
                        while let Some(name) = map.next_key_seed(Name(&[$($name),*]))? {
                            match name {
                                $(Some($name) => map.next_value_seed(Into(&mut self.0.$field))?,)*
                                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        Ok(())
                    }
                }
                from.deserialize_map(Members(self))
            }
        }
    };
}
pub(super) use go_struct;

#[cfg(test)]
mod tests {
    use super::*;

    go_struct! {
        #[derive(Debug, Default, PartialEq)]
        struct Inner {
            "text" => text: String,
            "List" => list: Option<Vec<String>>,
            "map" => map: BTreeMap<String, String>,
            "sKip" => flag: bool,
        }
    }

    go_struct! {
        #[derive(Debug, Default, PartialEq)]
        struct Outer {
            "in" => inner: Inner,
        }
    }

    fn inner(json: &str) -> Inner {
        from_str::<Outer>(json).unwrap().inner
    }

    /// The values are what Go 1.22 makes of these texts.
    #[test]
    fn names_duplicates_and_null_count_as_in_go() {
        let twice =
            inner(r#"{"in":{"text":"a","map":{"a":"1"}},"IN":{"TEXT":"b","map":{"b":"2"}}}"#);
        assert_eq!(twice.text, "b");
        assert_eq!(twice.map.len(), 2);
        let null = inner(r#"{"in":{"text":"a","list":["x"],"text":null,"list":null},"in":null}"#);
        assert_eq!((null.text.as_str(), null.list), ("a", None));
        let lists = inner(r#"{"in":{"LIST":["x","y"],"list":["z",null]}}"#);
        assert_eq!(lists.list, Some(vec!["z".to_owned(), String::new()]));
        // Two letters fold to ASCII ones.
        assert!(inner("{\"in\":{\"\u{17f}\u{212a}ip\":true}}").flag);
    }

    #[test]
    fn what_has_another_shape_is_an_error() {
        for wrong in [
            "",
            "null",
            "[]",
            "{}x",
            r#"{"in":7}"#,
            r#"{"in":{"text":7}}"#,
        ] {
            assert!(from_str::<Outer>(wrong).is_err(), "{wrong}");
        }
    }
}
