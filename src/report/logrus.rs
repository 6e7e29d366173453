//! Lines of a log as skopeo's logger writes them: `time="…" level=fatal msg="…"`, and a short coloured form on a
//! terminal. Scripts read them.

use super::template::quote;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Fatal,
    Error,
    Warning,
    Info,
    Debug,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
            Severity::Debug => "debug",
        }
    }

    fn colour(self) -> u8 {
        match self {
            Severity::Fatal | Severity::Error => 31,
            Severity::Warning => 33,
            Severity::Info => 36,
            Severity::Debug => 37,
        }
    }
}

/// The line for `message`, newline included; `short` is the form for a terminal.
pub(crate) fn line(severity: Severity, message: &str, short: bool) -> String {
    if short {
        let word = severity.name()[..4].to_uppercase();
        let colour = severity.colour();
        return format!("\x1b[{colour}m{word}\x1b[0m[0000] {message:<44} \n");
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let level = severity.name();
    format!("time=\"{now}\" level={level} msg={}\n", value(message))
}

/// As [`line`], with `fields` behind the message.
#[cfg(feature = "sync")]
pub(crate) fn with_fields(
    severity: Severity,
    message: &str,
    fields: &[(&str, &str)],
    short: bool,
) -> String {
    let mut text = line(severity, message, short);
    let end = text.pop();
    for (name, field) in fields {
        text.push_str(&format!(" {name}={}", value(field)));
    }
    text.extend(end);
    text
}

/// A value as it is if it is a plain word, else in quotes.
fn value(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => quote(text, '"', false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_in_go() {
        for (text, wanted) in [
            ("plain-word/1.2@x", "plain-word/1.2@x"),
            ("two words", r#""two words""#),
            ("a \"b\" \\ \n\t\x1b é", r#""a \"b\" \\ \n\t\x1b é""#),
        ] {
            assert_eq!(value(text), wanted);
        }
    }

    #[test]
    fn a_terminal_gets_the_short_form() {
        let text = line(Severity::Fatal, "no", true);
        assert_eq!(
            text,
            format!("\x1b[31mFATA\x1b[0m[0000] no{} \n", " ".repeat(42))
        );
        let text = line(Severity::Warning, "look out", false);
        assert!(
            text.starts_with("time=\"20") && text.ends_with("Z\" level=warning msg=\"look out\"\n")
        );
    }
}
