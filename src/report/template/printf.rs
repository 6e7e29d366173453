//! `printf` of Go's `fmt`, for the values of templates: verbs, flags, widths, and what it prints for mistakes.

use super::value::Value;

/// Widths and precisions beyond this are mistakes, as in Go.
const WIDEST: usize = 1_000_000;

/// The flags of a verb, its width and its precision.
#[derive(Debug, Clone, Default)]
struct Form {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `value` as `%v` prints it.
pub(super) fn spoken(value: &Value) -> String {
    show('v', &Form::default(), value)
}

/// `format` with its verbs replaced by `arguments`.
pub(super) fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = format;
    let mut next = 0;
    let mut reorders = false;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut reader = Reader {
            rest: after,
            arguments,
            next,
            is_bad: false,
            reorders,
        };
        let form = reader.form();
        let verb = reader.rest.chars().next();
        (rest, next, reorders) = (reader.rest, reader.next, reader.reorders);
        let Some(verb) = verb else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        let value = arguments.get(next);
        let text = match (form, value) {
            _ if verb == '%' => {
                out.push('%');
                continue;
            }
            (Err(mistake), _) => mistake.to_owned(),
            (Ok(_), _) if reader.is_bad => format!("%!{verb}(BADINDEX)"),
            (Ok(_), None) => format!("%!{verb}(MISSING)"),
            (Ok(form), Some(value)) => {
                next += 1;
                show(verb, &form, value)
            }
        };
        out.push_str(&text);
    }
    out.push_str(rest);
    if !reorders && next < arguments.len() {
        let extra: Vec<_> = arguments[next..].iter().map(typed).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// Reads what stands between `%` and the verb.
struct Reader<'a> {
    rest: &'a str,
    arguments: &'a [Value],
    next: usize,
    /// An argument was named that does not exist.
    is_bad: bool,
    reorders: bool,
}

impl Reader<'_> {
    fn form(&mut self) -> Result<Form, &'static str> {
        let mut form = Form::default();
        loop {
            match self.rest.chars().next() {
                Some('+') => form.plus = true,
                Some('-') => form.minus = true,
                Some('#') => form.sharp = true,
                Some(' ') => form.space = true,
                Some('0') => form.zero = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        self.index();
        let (width, is_negative) = self.count("%!(BADWIDTH)")?;
        form.width = width;
        form.minus |= is_negative;
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.index();
            let (precision, is_negative) = self.count("%!(BADPREC)")?;
            form.precision = (!is_negative).then_some(precision.unwrap_or(0));
        }
        self.index();
        form.zero &= !form.minus;
        Ok(form)
    }

    /// `[n]`: the number of the next argument.
    fn index(&mut self) {
        let Some(rest) = self.rest.strip_prefix('[') else {
            return;
        };
        self.reorders = true;
        let Some((number, rest)) = rest.split_once(']') else {
            self.is_bad = true;
            return;
        };
        self.rest = rest;
        match number.parse::<usize>() {
            Ok(n) if (1..=self.arguments.len()).contains(&n) => self.next = n - 1,
            _ => self.is_bad = true,
        }
    }

    /// Digits, or `*` and the next argument; and whether it is negative.
    fn count(&mut self, wrong: &'static str) -> Result<(Option<usize>, bool), &'static str> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            let value = self.arguments.get(self.next);
            self.next += usize::from(value.is_some());
            let Some(Value::Int(n)) = value else {
                return Err(wrong);
            };
            let count = usize::try_from(n.unsigned_abs()).ok();
            let count = count.filter(|c| *c <= WIDEST).ok_or(wrong)?;
            return Ok((Some(count), *n < 0));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if digits.is_empty() {
            return Ok((None, false));
        }
        let count = digits.parse().ok().filter(|count| *count <= WIDEST);
        count.map(|count| (Some(count), false)).ok_or(wrong)
    }
}

/// `type=value`, as mistakes print an argument.
fn typed(value: &Value) -> String {
    match value {
        Value::Nil | Value::Missing => "<nil>".to_owned(),
        value => format!("{}={}", value.type_name(), spoken(value)),
    }
}

fn show(verb: char, form: &Form, value: &Value) -> String {
    if verb == 'T' {
        return pad(form, value.type_name().to_owned());
    }
    let each =
        |open: &str, items: Vec<String>, close: &str| format!("{open}{}{close}", items.join(" "));
    let text = match value {
        Value::List(items) => {
            let items = items.iter().flat_map(|items| items.iter());
            return each("[", items.map(|item| show(verb, form, item)).collect(), "]");
        }
        Value::Map(members, _) => {
            let members = members.iter().flat_map(|members| members.iter());
            let member = |(key, item): (&String, &Value)| {
                let key = show(verb, form, &Value::Text(key.as_str().into()));
                format!("{key}:{}", show(verb, form, item))
            };
            return each("map[", members.map(member).collect(), "]");
        }
        Value::Struct(of) => {
            let field = |(name, item): &(&str, Value)| match verb == 'v' && form.plus {
                true => format!("{name}:{}", show(verb, form, item)),
                false => show(verb, form, item),
            };
            return each("{", of.fields.iter().map(field).collect(), "}");
        }
        Value::Bool(value) if matches!(verb, 'v' | 't') => Some(value.to_string()),
        Value::Int(_) | Value::Float(_) if verb == 'v' && form.plus => {
            // `%+v` is about the names of fields, not about signs.
            let plus = false;
            return show(
                verb,
                &Form {
                    plus,
                    ..form.clone()
                },
                value,
            );
        }
        Value::Int(value) => integer(verb, form, *value),
        Value::Float(value) => float(verb, form, *value),
        Value::Text(text) | Value::Digest(text) => string(verb, form, text),
        Value::Time(time) => string(verb, form, &time.spoken()),
        Value::Nil if verb == 'v' => Some("<nil>".to_owned()),
        Value::Missing if matches!(verb, 'v' | 's') => Some("<no value>".to_owned()),
        Value::Nil | Value::Missing | Value::Bool(_) => None,
    };
    match text {
        Some(text) => pad(form, text),
        None => format!("%!{verb}({})", typed(value)),
    }
}

/// `text` in the width of `form`.
fn pad(form: &Form, text: String) -> String {
    let length = text.chars().count();
    let blanks = form.width.unwrap_or(0).saturating_sub(length);
    match form.minus {
        true => text + &" ".repeat(blanks),
        false => (if form.zero { "0" } else { " " }).repeat(blanks) + &text,
    }
}

fn integer(verb: char, form: &Form, value: i64) -> Option<String> {
    let magnitude = value.unsigned_abs();
    let prefix = |text: &'static str| if form.sharp { text } else { "" };
    let character = || {
        u32::try_from(value)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or('\u{fffd}')
    };
    let (prefix, mut digits) = match verb {
        'v' | 'd' => ("", magnitude.to_string()),
        'b' => (prefix("0b"), format!("{magnitude:b}")),
        'o' => (prefix("0"), format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => (prefix("0x"), format!("{magnitude:x}")),
        'X' => (prefix("0X"), format!("{magnitude:X}")),
        'c' => return Some(character().to_string()),
        'q' => return Some(quote(&character().to_string(), '\'', form.plus)),
        'U' => return Some(format!("U+{magnitude:04X}")),
        _ => return None,
    };
    let sign = sign(form, value < 0);
    let taken = sign.len() + prefix.len();
    let wanted = form.precision.or(form
        .width
        .filter(|_| form.zero)
        .map(|w| w.saturating_sub(taken)));
    let zeros = wanted.unwrap_or(0).saturating_sub(digits.len());
    digits.insert_str(0, &"0".repeat(zeros));
    Some(format!("{sign}{prefix}{digits}"))
}

fn sign(form: &Form, is_negative: bool) -> &'static str {
    match (is_negative, form.plus, form.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn float(verb: char, form: &Form, value: f64) -> Option<String> {
    let magnitude = value.abs();
    let text = match verb {
        'f' | 'F' => format!("{magnitude:.*}", form.precision.unwrap_or(6)),
        'e' | 'E' => exponent(&format!("{magnitude:.*e}", form.precision.unwrap_or(6))),
        'v' | 'g' | 'G' => general(magnitude, form.precision),
        _ => return None,
    };
    let text = if verb.is_uppercase() {
        text.to_uppercase()
    } else {
        text
    };
    let sign = sign(form, value.is_sign_negative());
    let width = form.width.filter(|_| form.zero).unwrap_or(0);
    let zeros = width.saturating_sub(sign.len() + text.len());
    Some(format!("{sign}{}{text}", "0".repeat(zeros)))
}

/// `1.5e0` as C and Go write it: `1.5e+00`.
fn exponent(text: &str) -> String {
    let Some((digits, power)) = text.split_once('e') else {
        return text.to_owned();
    };
    match power.strip_prefix('-') {
        Some(power) => format!("{digits}e-{power:0>2}"),
        None => format!("{digits}e+{power:0>2}"),
    }
}

/// `%g`: the shorter of the two forms, with as many digits as the number needs or as are asked for.
fn general(value: f64, precision: Option<usize>) -> String {
    let scientific = match precision {
        Some(precision) => format!("{value:.*e}", precision.saturating_sub(1)),
        None => format!("{value:e}"),
    };
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    let trimmed = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    let most = precision.map_or(6, |p| i64::try_from(p.max(1)).unwrap_or(i64::MAX));
    if power < -4 || power >= most {
        return exponent(&format!("{trimmed}e{power}"));
    }
    let count = i64::try_from(trimmed.len().saturating_sub(2)).unwrap_or(0);
    let decimals = usize::try_from((count - power).max(0)).unwrap_or(0);
    format!("{value:.decimals$}")
}

fn string(verb: char, form: &Form, text: &str) -> Option<String> {
    let cut = || match form.precision {
        Some(length) => text.chars().take(length).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if form.sharp => Some(quote(text, '"', false)),
        'v' | 's' => Some(cut()),
        'q' if form.sharp && !text.contains(['`', '\n', '\r']) => Some(format!("`{}`", cut())),
        'q' => Some(quote(&cut(), '"', form.plus)),
        'x' => Some(hex::encode(cut())),
        'X' => Some(hex::encode_upper(cut())),
        _ => None,
    }
}

/// `text` in quotes as `strconv.Quote` writes it.
pub(in crate::report) fn quote(text: &str, mark: char, is_ascii: bool) -> String {
    let mut out = String::from(mark);
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == mark || c == '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || is_ascii && !c.is_ascii() => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}
