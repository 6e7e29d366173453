//! The functions of templates: those of skopeo's report package, and Go's own over the values of `value`.
//!
//! Go's own are the library's; they are given [`plain`] values, for they know no others.

use gtmpl_ng::{Func, FuncError, Value, funcs};

use super::value::{bare, format_time, is_struct, items, plain, shown, to_json};

/// A function that is given [`plain`] values, or others where they are named.
macro_rules! of_plain {
    ($function:expr) => {
        of_plain!($function, plain)
    };
    ($function:expr, $change:expr) => {
        |args| $function(&args.iter().map($change).collect::<Vec<_>>())
    };
}

pub(super) const FUNCTIONS: [(&str, Func); 28] = [
    // The calls that `rewrite` puts in.
    ("_show", |args| one(args, shown)),
    ("_bare", |args| one(args, bare)),
    ("_items", |args| one(args, items)),
    ("_format", format_time),
    // skopeo's.
    ("join", of_plain!(join)),
    ("json", |args| {
        one(args, |value| Value::from(to_json(value)))
    }),
    (
        "lower",
        of_plain!(|args| text("lower TEXT", args, str::to_lowercase)),
    ),
    ("pad", of_plain!(pad)),
    ("split", of_plain!(split)),
    ("title", of_plain!(|args| text("title TEXT", args, title))),
    ("truncate", of_plain!(truncate)),
    (
        "upper",
        of_plain!(|args| text("upper TEXT", args, str::to_uppercase)),
    ),
    // Go's. `and` and `or` are not among them: the evaluator only leaves out arguments of its own.
    ("eq", of_plain!(funcs::eq)),
    ("ge", of_plain!(funcs::ge)),
    ("gt", of_plain!(funcs::gt)),
    ("html", of_plain!(funcs::html)),
    ("index", index),
    ("js", of_plain!(funcs::js)),
    ("le", of_plain!(funcs::le)),
    ("len", |args| funcs::len(&sized("len", args)?)),
    ("lt", of_plain!(funcs::lt)),
    ("ne", of_plain!(funcs::ne)),
    ("not", of_plain!(funcs::not, bare)),
    ("print", of_plain!(funcs::print)),
    ("printf", of_plain!(funcs::printf, shown)),
    ("println", of_plain!(funcs::println)),
    ("slice", |args| {
        funcs::slice(&sized("can't slice item", args)?)
    }),
    ("urlquery", of_plain!(funcs::urlquery)),
];

fn one(args: &[Value], change: impl Fn(&Value) -> Value) -> Result<Value, FuncError> {
    match args {
        [value] => Ok(change(value)),
        _ => Err(FuncError::Generic(format!(
            "wrong number of arguments: want 1 got {}",
            args.len()
        ))),
    }
}

/// [`plain`] values for a function of what has a length, which a struct has not.
fn sized(refused: &str, args: &[Value]) -> Result<Vec<Value>, FuncError> {
    match args.first() {
        Some(first) if is_struct(first) => {
            Err(FuncError::Generic(format!("{refused} of type struct")))
        }
        _ => Ok(args.iter().map(plain).collect()),
    }
}

fn usage(form: &str) -> FuncError {
    FuncError::Generic(format!("wrong arguments, use `{form}`"))
}

fn text(form: &str, args: &[Value], change: impl Fn(&str) -> String) -> Result<Value, FuncError> {
    match args {
        [Value::String(text)] => Ok(Value::from(change(text))),
        _ => Err(usage(form)),
    }
}

/// As Go's, a map gives its zero for a key that it has not: an image without the label prints an empty line.
fn index(args: &[Value]) -> Result<Value, FuncError> {
    let (first, keys) = args.split_first().ok_or_else(|| usage("index VALUE KEY"))?;
    keys.iter()
        .try_fold(bare(first), |value, key| match (&value, plain(key)) {
            (Value::Map(map), Value::String(key)) => {
                Ok(map.get(&key).cloned().unwrap_or_else(|| Value::from("")))
            }
            (Value::Object(_), key) => funcs::index(&sized("can't index item", &[value, key])?),
            (_, key) => funcs::index(&[value, key]),
        })
}

fn join(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::Array(items), Value::String(between)] => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            Ok(Value::from(items.join(between)))
        }
        _ => Err(usage("join LIST SEPARATOR")),
    }
}

fn split(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), Value::String(at)] if at.is_empty() => Ok(Value::Array(
            text.chars().map(|c| Value::from(c.to_string())).collect(),
        )),
        [Value::String(text), Value::String(at)] => Ok(Value::Array(
            text.split(at.as_str()).map(Value::from).collect(),
        )),
        _ => Err(usage("split TEXT SEPARATOR")),
    }
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
fn pad(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), before, after] => match (count(before), count(after)) {
            (Some(_), Some(_)) if text.is_empty() => Ok(Value::from("")),
            (Some(b), Some(a)) => Ok(Value::from(format!(
                "{}{text}{}",
                " ".repeat(b),
                " ".repeat(a)
            ))),
            _ => Err(usage("pad TEXT BEFORE AFTER")),
        },
        _ => Err(usage("pad TEXT BEFORE AFTER")),
    }
}

fn truncate(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), length] => match count(length) {
            Some(length) => Ok(Value::from(text.chars().take(length).collect::<String>())),
            None => Err(usage("truncate TEXT LENGTH")),
        },
        _ => Err(usage("truncate TEXT LENGTH")),
    }
}

/// A count of characters, at most as many as anybody wants.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Number(n) => usize::try_from(n.as_i64()?).ok().filter(|n| *n <= 10_000),
        _ => None,
    }
}
