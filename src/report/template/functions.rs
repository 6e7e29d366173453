//! The functions of templates: Go's own, and those of skopeo's report package.

use std::cmp::Ordering;

use super::printf::sprintf;
use super::value::Value;

type Outcome = Result<Value, String>;

/// Whether there is a function of this name. The evaluator knows `and` and `or` itself.
pub(super) fn exists(name: &str) -> bool {
    matches!(name, "and" | "or") || function(name).is_some()
}

/// Fails in the words of Go where the function does not take these arguments.
pub(super) fn call(name: &str, arguments: &[Value]) -> Outcome {
    match function(name) {
        Some(function) => function(arguments),
        None => Err(format!("function \"{name}\" not defined")),
    }
}

fn function(name: &str) -> Option<fn(&[Value]) -> Outcome> {
    Some(match name {
        "join" => join,
        "json" => |args| one(args, |value| Value::Text(value.to_json().into())),
        "lower" => |args| text("lower TEXT", args, str::to_lowercase),
        "pad" => pad,
        "split" => split,
        "title" => |args| text("title TEXT", args, title),
        "truncate" => truncate,
        "upper" => |args| text("upper TEXT", args, str::to_uppercase),
        "eq" => eq,
        "ge" => |args| ordered(args, Ordering::is_ge),
        "gt" => |args| ordered(args, Ordering::is_gt),
        "html" => |args| Ok(Value::Text(escaped(&printed(args), html).into())),
        "index" => index,
        "js" => |args| Ok(Value::Text(escaped(&printed(args), js).into())),
        "le" => |args| ordered(args, Ordering::is_le),
        "len" => |args| one(args, len)?,
        "lt" => |args| ordered(args, Ordering::is_lt),
        "ne" => |args| match args {
            [a, b] => Ok(Value::Bool(!is_equal(a, b)?)),
            _ => count_is_wrong(args, 2),
        },
        "not" => |args| one(args, |value| Value::Bool(!value.is_true())),
        "print" => |args| Ok(Value::Text(printed(args).into())),
        "printf" => |args| match args {
            [Value::Text(format), rest @ ..] => Ok(Value::Text(sprintf(format, rest).into())),
            _ => Err("printf takes a format, which is a text".to_owned()),
        },
        "println" => |args| {
            let words: Vec<_> = args.iter().map(Value::to_string).collect();
            Ok(Value::Text((words.join(" ") + "\n").into()))
        },
        "slice" => slice,
        "urlquery" => |args| Ok(Value::Text(escaped(&printed(args), query).into())),
        _ => return None,
    })
}

fn one<T>(args: &[Value], change: impl Fn(&Value) -> T) -> Result<T, String> {
    match args {
        [value] => Ok(change(value)),
        _ => count_is_wrong(args, 1),
    }
}

fn count_is_wrong<T>(args: &[Value], wanted: usize) -> Result<T, String> {
    Err(format!(
        "wrong number of arguments: want {wanted} got {}",
        args.len()
    ))
}

fn usage<T>(form: &str) -> Result<T, String> {
    Err(format!("wrong arguments, use `{form}`"))
}

fn text(form: &str, args: &[Value], change: impl Fn(&str) -> String) -> Outcome {
    match args {
        [Value::Text(text) | Value::Digest(text)] => Ok(Value::Text(change(text).into())),
        _ => usage(form),
    }
}

/// Values in a row, with blanks between two that are no texts (`fmt.Sprint`).
fn printed(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in args.iter().enumerate() {
        if i > 0 && value.text().is_none() && args[i - 1].text().is_none() {
            out.push(' ');
        }
        out.push_str(&value.to_string());
    }
    out
}

fn is_equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil | Value::Missing, other) | (other, Value::Nil | Value::Missing) => {
            Ok(matches!(other, Value::Nil | Value::Missing))
        }
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => compare(a, b).map(Ordering::is_eq),
    }
}

fn compare(a: &Value, b: &Value) -> Result<Ordering, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => Ok(a.total_cmp(b)),
        _ => match (a.text(), b.text()) {
            (Some(a), Some(b)) => Ok(a.cmp(b)),
            _ => Err(format!(
                "incompatible types for comparison: {} and {}",
                a.type_name(),
                b.type_name()
            )),
        },
    }
}

/// Whether the first equals any of the others.
fn eq(args: &[Value]) -> Outcome {
    let [first, others @ ..] = args else {
        return count_is_wrong(args, 2);
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if is_equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn ordered(args: &[Value], is: impl Fn(Ordering) -> bool) -> Outcome {
    match args {
        [a, b] => Ok(Value::Bool(is(compare(a, b)?))),
        _ => count_is_wrong(args, 2),
    }
}

fn len(value: &Value) -> Outcome {
    let length = match value {
        Value::Text(text) | Value::Digest(text) => text.len(),
        Value::List(items) => items.as_ref().map_or(0, |items| items.len()),
        Value::Map(members, _) => members.as_ref().map_or(0, |members| members.len()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// As Go's, a map gives the zero of its type for a key that it lacks: an image without the label prints an empty line.
fn index(args: &[Value]) -> Outcome {
    let [first, keys @ ..] = args else {
        return usage("index VALUE KEY");
    };
    keys.iter().try_fold(first.clone(), |value, key| {
        let unable = || format!("unable to get {key} in {value}");
        let position = match key {
            Value::Int(at) => usize::try_from(*at).ok(),
            _ => None,
        };
        match &value {
            Value::Map(members, of) => {
                let key = key.text().ok_or_else(unable)?;
                let found = members.as_ref().and_then(|members| members.get(key));
                Ok(found.cloned().unwrap_or_else(|| of.zero()))
            }
            Value::List(items) => {
                let found = items
                    .iter()
                    .flat_map(|items| items.iter())
                    .nth(position.ok_or_else(unable)?);
                found.cloned().ok_or_else(unable)
            }
            Value::Text(text) | Value::Digest(text) => {
                let found = position.and_then(|at| text.as_bytes().get(at));
                found
                    .map(|byte| Value::Int(i64::from(*byte)))
                    .ok_or_else(unable)
            }
            other => Err(format!("can't index item of type {}", kind(other))),
        }
    })
}

/// The type as errors about items name it: whatever has fields is a struct.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Time(_) => "struct",
        other => other.type_name(),
    }
}

fn slice(args: &[Value]) -> Outcome {
    let [first, bounds @ ..] = args else {
        return usage("slice VALUE FROM TO");
    };
    let length = match first {
        Value::Text(text) | Value::Digest(text) => text.len(),
        Value::List(items) => items.as_ref().map_or(0, |items| items.len()),
        other => return Err(format!("can't slice item of type {}", kind(other))),
    };
    let mut ends = Vec::new();
    for bound in bounds {
        match bound {
            Value::Int(at) => match usize::try_from(*at).ok().filter(|at| *at <= length) {
                Some(at) => ends.push(at),
                None => return Err(format!("index out of range: {at}")),
            },
            other => {
                return Err(format!(
                    "cannot index slice/array with type {}",
                    other.type_name()
                ));
            }
        }
    }
    let (from, to) = match ends[..] {
        [] => (0, length),
        [from] => (from, length),
        [from, to] | [from, to, _] => (from, to),
        _ => return Err(format!("too many slice indexes: {}", ends.len())),
    };
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match first {
        Value::List(items) => {
            let items = items.iter().flat_map(|items| items[from..to].iter());
            Value::List(Some(items.cloned().collect()))
        }
        other => {
            let bytes = &other.text().unwrap_or_default().as_bytes()[from..to];
            Value::Text(String::from_utf8_lossy(bytes).into())
        }
    })
}

fn join(args: &[Value]) -> Outcome {
    match args {
        [Value::List(items), Value::Text(between)] => {
            let items = items.iter().flat_map(|items| items.iter());
            let items: Vec<_> = items.map(Value::to_string).collect();
            Ok(Value::Text(items.join(between).into()))
        }
        _ => usage("join LIST SEPARATOR"),
    }
}

fn split(args: &[Value]) -> Outcome {
    let [text, Value::Text(at)] = args else {
        return usage("split TEXT SEPARATOR");
    };
    let Some(text) = text.text() else {
        return usage("split TEXT SEPARATOR");
    };
    let parts: Vec<Value> = match at.is_empty() {
        true => text
            .chars()
            .map(|c| Value::Text(c.to_string().into()))
            .collect(),
        false => text
            .split(&**at)
            .map(|part| Value::Text(part.into()))
            .collect(),
    };
    Ok(Value::List(Some(parts.into())))
}

fn title(text: &str) -> String {
    let mut previous = ' ';
    let capitals = text.chars().flat_map(|c| {
        let starts = !previous.is_alphanumeric();
        previous = c;
        let upper = starts.then(|| c.to_uppercase());
        upper.map_or_else(|| vec![c], Iterator::collect)
    });
    capitals.collect()
}

/// `pad TEXT BEFORE AFTER`: blanks around a text that is not empty.
fn pad(args: &[Value]) -> Outcome {
    let [text, before, after] = args else {
        return usage("pad TEXT BEFORE AFTER");
    };
    match (text.text(), count(before), count(after)) {
        (Some(""), Some(_), Some(_)) => Ok(Value::Text("".into())),
        (Some(text), Some(before), Some(after)) => {
            let padded = format!("{}{text}{}", " ".repeat(before), " ".repeat(after));
            Ok(Value::Text(padded.into()))
        }
        _ => usage("pad TEXT BEFORE AFTER"),
    }
}

fn truncate(args: &[Value]) -> Outcome {
    let [text, length] = args else {
        return usage("truncate TEXT LENGTH");
    };
    match (text.text(), count(length)) {
        (Some(text), Some(length)) => {
            let cut: String = text.chars().take(length).collect();
            Ok(Value::Text(cut.into()))
        }
        _ => usage("truncate TEXT LENGTH"),
    }
}

/// A count of characters, up to 10,000.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Int(n) => usize::try_from(*n).ok().filter(|n| *n <= 10_000),
        _ => None,
    }
}

/// `text` with the characters replaced for which there is a replacement.
fn escaped(text: &str, replacement: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match replacement(c) {
            Some(other) => out.push_str(&other),
            None => out.push(c),
        }
    }
    out
}

fn html(c: char) -> Option<String> {
    let entity = match c {
        '"' => "&#34;",
        '\'' => "&#39;",
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\0' => "\u{fffd}",
        _ => return None,
    };
    Some(entity.to_owned())
}

fn js(c: char) -> Option<String> {
    match c {
        '\\' | '\'' | '"' => Some(format!("\\{c}")),
        '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
        c if c.is_control() => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    }
}

fn query(c: char) -> Option<String> {
    match c {
        ' ' => Some("+".to_owned()),
        c if c.is_ascii_alphanumeric() || "-_.~".contains(c) => None,
        c => {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            Some(bytes.map(|byte| format!("%{byte:02X}")).collect())
        }
    }
}
