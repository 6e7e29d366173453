//! How the values of flags are read: durations, sizes, switches, hosts.
//!
//! Names and defaults of the flags are elsewhere.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};
use jiff::SignedDuration;

/// A text that may stand in a header.
pub(super) fn header_text(text: &str) -> Result<String, String> {
    match text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("write it in ASCII, on one line".to_owned()),
    }
}

/// `HOST` or `HOST:PORT`, as it stands in a URL.
pub(super) fn named_host(text: &str) -> Result<String, String> {
    let url = url::Url::parse(&format!("https://{text}/"));
    let host = url.ok().filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        bare && !text.contains(['/', '@', '\\'])
    });
    match (text, host) {
        ("", _) => Ok(String::new()),
        (_, Some(url)) => {
            let port = text.rsplit_once(':').map(|(_, port)| port);
            let port = port.filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            Ok(url.host_str().unwrap_or_default().to_owned() + &port)
        }
        _ => Err("write HOST or HOST:PORT, without a scheme".to_owned()),
    }
}

/// A reader of values that completion scripts offer some of, and that takes others too.
#[derive(Clone)]
pub(super) struct Offered<T>(
    pub(super) &'static [&'static str],
    pub(super) fn(&str) -> Result<T, String>,
);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Offered<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.1.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// A switch by a variable, which may be there without a value.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" | "" => Ok(false),
        _ => Err("write 1 or 0".to_owned()),
    }
}

/// Upper bound, so that adding durations cannot overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Go's durations as far as people write them (`90s`, `1m30s`, `500ms`), and bare seconds; [`YEAR`] at most.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it like 90s or 5m");
    if let Ok(seconds) = text.parse::<f64>() {
        let total = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
        return Ok(total.min(YEAR));
    }
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let read: SignedDuration = text.parse().map_err(|_| wrong())?;
    let total = Duration::try_from(read).map_err(|_| wrong())?;
    Ok(total.min(YEAR))
}

/// A number of bytes, with or without a unit (`500MB`, `64GiB`, `64G`); a unit alone counts in 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write it like 500MiB or 64GiB");
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let (letter, rest) = unit.split_at_checked(1).unwrap_or(("", ""));
    let base: f64 = match rest {
        "" | "ib" => 1024.0,
        "b" => 1000.0,
        _ => return Err(wrong()),
    };
    let power = match letter {
        "" => 0,
        "b" if rest.is_empty() => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(wrong()),
    };
    Ok((number * base.powi(power)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_hosts_are_hosts() {
        for (text, host) in [
            ("Auth.Example.com", "auth.example.com"),
            ("auth.example.com:443", "auth.example.com:443"),
            ("[::1]", "[::1]"),
            ("[::1]:5001", "[::1]:5001"),
            ("", ""),
        ] {
            assert_eq!(named_host(text).as_deref(), Ok(host));
        }
        for wrong in [
            "https://a.io",
            "a.io/token",
            "u@a.io",
            "a b",
            "a.io:x",
            "a?b",
        ] {
            assert!(named_host(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_with_and_without_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17b", 17),
            ("1k", 1 << 10),
            ("2KB", 2000),
            ("1.5MiB", 3 << 19),
            ("64 GiB", 64 << 30),
            ("3t", 3 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "GiB", "-1", "1x", "1GG", "1.2.3", "1 Gi B"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_as_go_writes_them() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(switch(""), Ok(false));
        assert_eq!(duration("10000000000000000000"), Ok(YEAR));
        assert_eq!(duration("10000000h1s"), Ok(YEAR));
        assert!(duration("18446744073709551615s1h").is_err());
        assert!(duration("10000000000000000000s9000000000000000000s").is_err());
        assert!(duration("10x").is_err() && duration("s").is_err() && duration("-1s").is_err());
    }
}
