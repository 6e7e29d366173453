//! Go's values, as far as documents have them: what prints how, what is true, and which fields and methods there are.
//! Which type stands where, `shape` says.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::shape::Shape;
use crate::report::go_time::GoTime;
use crate::report::json;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A key that a map lacks; prints as `<no value>`.
    Missing,
    /// A nil pointer.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    /// `digest.Digest`: a text with methods.
    Digest(Rc<str>),
    /// `*time.Time`.
    Time(Rc<GoTime>),
    /// A slice; `None` is nil.
    List(Option<Rc<[Value]>>),
    /// A map of texts to values of this shape; `None` is nil.
    Map(Option<Rc<BTreeMap<String, Value>>>, &'static Shape),
    Struct(Rc<Struct>),
}

#[derive(Debug, PartialEq)]
pub(super) struct Struct {
    /// Name and value, as they print.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// Fields of embedded structs, which can be named and are printed as their struct.
    pub(super) promoted: Vec<(&'static str, Value)>,
    /// The struct in JSON, members in the order of the document.
    pub(super) json: String,
}

impl Value {
    /// Go's name of the type, as `%T` and errors give it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Missing | Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Digest(_) => "digest.Digest",
            Value::Time(_) => "*time.Time",
            Value::List(_) => "slice",
            Value::Map(..) => "map",
            Value::Struct(_) => "struct",
        }
    }

    /// The text of a string or digest.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Digest(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Missing | Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) | Value::Digest(text) => !text.is_empty(),
            Value::Time(_) | Value::Struct(_) => true,
            Value::List(items) => items.as_ref().is_some_and(|items| !items.is_empty()),
            Value::Map(members, _) => members.as_ref().is_some_and(|m| !m.is_empty()),
        }
    }

    /// Keys and items for `range`; `None` for what has none.
    pub(super) fn items(&self) -> Option<Box<dyn Iterator<Item = (Value, Value)>>> {
        let ints = |end: i64| (0..end).map(Value::Int);
        match self {
            Value::Missing | Value::List(None) | Value::Map(None, _) => {
                Some(Box::new(std::iter::empty()))
            }
            Value::Int(count) => Some(Box::new(ints(*count).map(|i| (i.clone(), i)))),
            Value::List(Some(items)) => {
                let items = items.to_vec();
                Some(Box::new(ints(i64::MAX).zip(items)))
            }
            Value::Map(Some(members), _) => {
                let members = BTreeMap::clone(members).into_iter();
                Some(Box::new(
                    members.map(|(key, item)| (Value::Text(key.into()), item)),
                ))
            }
            _ => None,
        }
    }

    /// The names of the fields of a document.
    pub(super) fn field_names(&self) -> Vec<String> {
        match self {
            Value::Struct(of) => {
                let fields = of.fields.iter().chain(&of.promoted);
                fields.map(|(name, _)| (*name).to_string()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The field, the key of a map, or what a method without arguments returns. Fails with Go's message if there is no
    /// such field.
    pub(super) fn field(&self, name: &str) -> Result<Value, String> {
        let unknown = |of: &str| Err(format!("can't evaluate field {name} in type {of}"));
        match self {
            Value::Missing => Ok(Value::Missing),
            Value::Nil => Err(format!("nil pointer evaluating *time.Time.{name}")),
            Value::Map(members, _) => {
                let found = members.as_ref().and_then(|members| members.get(name));
                Ok(found.cloned().unwrap_or(Value::Missing))
            }
            Value::Struct(of) => {
                let mut fields = of.fields.iter().chain(&of.promoted);
                match fields.find(|(field, _)| *field == name) {
                    Some((_, value)) => Ok(value.clone()),
                    None => unknown("struct"),
                }
            }
            Value::Digest(_) | Value::Time(_) => match self.call(name) {
                Some(value) => Ok(value),
                None if name == "Format" => self.method(name, &[]),
                None => unknown("struct"),
            },
            _ => unknown("without fields"),
        }
    }

    /// The result of the method for these arguments. Fails with Go's message if there is no such method, or it takes
    /// other arguments.
    pub(super) fn method(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (self, name, arguments) {
            (Value::Time(time), "Format", [Value::Text(layout)]) => {
                Ok(Value::Text(time.parts().format(layout).into()))
            }
            (Value::Time(_), "Format", [_]) => {
                Err("Format takes a text such as \"2006-01-02\"".to_owned())
            }
            (Value::Time(_), "Format", _) => Err(format!(
                "wrong number of args for Format: want 1 got {}",
                arguments.len()
            )),
            _ => {
                self.field(name)?;
                Err(match self {
                    Value::Digest(_) | Value::Time(_) => format!(
                        "wrong number of args for {name}: want 0 got {}",
                        arguments.len()
                    ),
                    _ => format!("{name} has arguments but cannot be invoked as function"),
                })
            }
        }
    }

    /// The result of a method of a digest or time that takes no argument.
    fn call(&self, name: &str) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.into()));
        let int = |number: i64| Some(Value::Int(number));
        let time = match self {
            Value::Time(time) => time,
            Value::Digest(digest) => {
                let (algorithm, encoded) = digest.split_once(':')?;
                return match name {
                    "Algorithm" => text(algorithm),
                    "Encoded" | "Hex" => text(encoded),
                    "String" => text(digest),
                    _ => None,
                };
            }
            _ => return None,
        };
        let parts = time.parts();
        let date = parts.civil.date();
        let seconds = parts.unix_seconds();
        let nanoseconds = i64::from(parts.civil.subsec_nanosecond());
        let unix = |units: i64| {
            let fraction = nanoseconds / (1_000_000_000 / units);
            int(seconds.wrapping_mul(units).wrapping_add(fraction))
        };
        match name {
            "Year" => int(date.year().into()),
            "Month" => text(&parts.month()),
            "Day" => int(date.day().into()),
            "YearDay" => int(date.day_of_year().into()),
            "Weekday" => text(&parts.weekday()),
            "Hour" => int(parts.civil.hour().into()),
            "Minute" => int(parts.civil.minute().into()),
            "Second" => int(parts.civil.second().into()),
            "Nanosecond" => int(nanoseconds),
            "Unix" => int(seconds),
            "UnixMilli" => unix(1_000),
            "UnixMicro" => unix(1_000_000),
            "UnixNano" => unix(1_000_000_000),
            "IsZero" => Some(Value::Bool(**time == GoTime::zero())),
            "String" => text(&time.spoken()),
            "UTC" => Some(Value::Time(time.utc().into())),
            _ => None,
        }
    }

    /// The JSON of the value on one line: structs in the order of their document, maps sorted as Go does.
    pub(super) fn to_json(&self) -> String {
        match self {
            Value::Missing | Value::Nil | Value::List(None) | Value::Map(None, _) => {
                "null".to_owned()
            }
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => json::to_compact_json(value),
            Value::Text(text) | Value::Digest(text) => json::to_compact_json(&&**text),
            Value::Time(time) => json::to_compact_json(&**time),
            Value::List(Some(items)) => {
                let items: Vec<_> = items.iter().map(Value::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Value::Map(Some(members), _) => {
                let members = members.iter();
                let members = members.map(|(key, value)| {
                    format!("{}:{}", json::to_compact_json(key), value.to_json())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Value::Struct(of) => of.json.clone(),
        }
    }
}

/// As `%v` of Go prints it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => f.write_str("<no value>"),
            _ => f.write_str(&super::printf::spoken(self)),
        }
    }
}
