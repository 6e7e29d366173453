//! Reads TOML by hand, so that an error names file, line and key, and so that keys match regardless of case, as they
//! do for the programs whose configuration this is.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Error, Result};

/// A file with its text, for positions.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// An error about the byte at `at`.
    pub(super) fn error(&self, at: usize, message: impl AsRef<str>) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|&b| b == b'\n').count();
        let path = self.path.display();
        Error::other(format!("`{path}` line {line}: {}", message.as_ref()))
    }

    /// The top table of the file.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'_>>> {
        DeTable::parse(self.text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            self.error(at, e.message().trim().replace('\n', ", "))
        })
    }
}

/// A table of the file, and the dotted path of keys that leads to it.
pub(super) struct Table<'a> {
    text: Text<'a>,
    table: &'a DeTable<'a>,
    key: String,
    at: usize,
}

/// A value with its key.
pub(super) struct Value<'a> {
    text: Text<'a>,
    value: &'a Spanned<DeValue<'a>>,
    key: String,
}

impl<'a> Table<'a> {
    pub(super) fn top(text: Text<'a>, table: &'a Spanned<DeTable<'a>>) -> Table<'a> {
        Table {
            text,
            table: table.get_ref(),
            key: String::new(),
            at: 0,
        }
    }

    /// An error about this table.
    pub(super) fn error(&self, message: impl AsRef<str>) -> Error {
        self.text.error(self.at, message)
    }

    /// The value of `name`, however it is capitalised. An error where two spellings are there.
    pub(super) fn get(&self, name: &str) -> Result<Option<Value<'a>>> {
        let mut found: Option<(usize, Value<'a>)> = None;
        for (key, value) in self.table.iter() {
            if !key.get_ref().eq_ignore_ascii_case(name) {
                continue;
            }
            let at = key.span().start;
            if let Some((former, value)) = found {
                // The table is sorted by key, not by place.
                let text = format!("`{}` is given twice", value.key);
                return Err(self.text.error(at.max(former), text));
            }
            found = Some((at, self.value(name, value)));
        }
        Ok(found.map(|(_, value)| value))
    }

    /// All keys and values, in the order of the keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.table.iter().map(|(key, value)| {
            let name = key.get_ref().as_ref();
            (name, self.value(name, value))
        })
    }

    fn value(&self, name: &str, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        let key = match self.key.as_str() {
            "" => name.to_owned(),
            key => format!("{key}.{name}"),
        };
        Value {
            text: self.text,
            value,
            key,
        }
    }

    pub(super) fn string(&self, name: &str) -> Result<Option<String>> {
        self.get(name)?.map(|v| v.string()).transpose()
    }

    /// `false` where the key is not there.
    pub(super) fn boolean(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            Some(value) => match value.value.get_ref().as_bool() {
                Some(truth) => Ok(truth),
                None => Err(value.wrong("true or false")),
            },
            None => Ok(false),
        }
    }

    pub(super) fn strings(&self, name: &str) -> Result<Option<Vec<Value<'a>>>> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let items = value.items("a list of strings")?;
        for item in &items {
            item.string()?;
        }
        Ok(Some(items))
    }

    pub(super) fn table(&self, name: &str) -> Result<Option<Table<'a>>> {
        self.get(name)?.map(|v| v.table()).transpose()
    }

    /// The tables of an array; none where the key is not there.
    pub(super) fn tables(&self, name: &str) -> Result<Option<Vec<Table<'a>>>> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let items = value.items(&format!("a list of tables, each as `[[{}]]`", value.key))?;
        items
            .iter()
            .map(Value::table)
            .collect::<Result<_>>()
            .map(Some)
    }
}

impl<'a> Value<'a> {
    /// An error about this value.
    pub(super) fn error(&self, message: impl AsRef<str>) -> Error {
        self.text.error(self.value.span().start, message)
    }

    fn wrong(&self, expected: &str) -> Error {
        let is = self.value.get_ref().type_str();
        self.error(format!(
            "`{}` is of the type {is}; expected {expected}",
            self.key
        ))
    }

    pub(super) fn string(&self) -> Result<String> {
        match self.value.get_ref().as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.wrong("a string")),
        }
    }

    fn table(&self) -> Result<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Table {
                text: self.text,
                table,
                key: self.key.clone(),
                at: self.value.span().start,
            }),
            _ => Err(self.wrong("a table")),
        }
    }

    fn items(&self, expected: &str) -> Result<Vec<Value<'a>>> {
        let DeValue::Array(array) = self.value.get_ref() else {
            return Err(self.wrong(expected));
        };
        let item = |value| Value {
            text: self.text,
            value,
            key: self.key.clone(),
        };
        Ok(array.iter().map(item).collect())
    }
}
