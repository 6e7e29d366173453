//! `GoTime`: a moment as Go prints it, in JSON (RFC 3339) and in templates (`2021-01-01 00:00:00 +0000 UTC`).
//!
//! It keeps the text of the config and only makes it canonical, so no precision or offset is lost. It is separate
//! because documents and templates print the same moment in two ways. It reads no clock.

mod layout;

use serde::Serialize;

use crate::image::config::rfc3339;
pub(super) use layout::Parts;

/// A moment in RFC 3339 as Go's `time.Time` marshals it: `T` and `Z` in capitals, at most nine digits of fraction
/// without zeros at the end, no fraction when it is zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct GoTime(String);

impl GoTime {
    /// The time that Go prints where a docker config has none.
    pub(crate) fn zero() -> GoTime {
        GoTime("0001-01-01T00:00:00Z".to_owned())
    }

    /// Reads an RFC 3339 text. `None` when it is not one; builders that cannot tell the time write all sorts.
    pub(crate) fn parse(text: &str) -> Option<GoTime> {
        rfc3339(text).map(GoTime)
    }

    /// Its numbers, in its own offset.
    pub(super) fn parts(&self) -> Parts {
        Parts::of(&self.0)
    }

    /// The same moment with the offset 0.
    pub(super) fn utc(&self) -> GoTime {
        GoTime::parse(
            &self
                .parts()
                .in_utc()
                .format("2006-01-02T15:04:05.999999999Z07:00"),
        )
        .unwrap_or_else(|| self.clone())
    }

    /// The form of Go's `Time.String`, which is what a template prints.
    pub(crate) fn spoken(&self) -> String {
        let Some((date, rest)) = self.0.split_once('T') else {
            return self.0.clone();
        };
        match rest.strip_suffix('Z') {
            Some(time) => format!("{date} {time} +0000 UTC"),
            None => {
                let (time, offset) = rest.split_at(rest.len().saturating_sub(6));
                let offset = offset.replace(':', "");
                format!("{date} {time} {offset} {offset}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        for (text, json, template) in [
            (
                "2021-01-01T00:00:00Z",
                "2021-01-01T00:00:00Z",
                "2021-01-01 00:00:00 +0000 UTC",
            ),
            (
                "2021-09-23T23:47:57.442200Z",
                "2021-09-23T23:47:57.4422Z",
                "2021-09-23 23:47:57.4422 +0000 UTC",
            ),
            (
                "2021-09-23T23:47:57.000+00:00",
                "2021-09-23T23:47:57Z",
                "2021-09-23 23:47:57 +0000 UTC",
            ),
            (
                "2021-09-23T23:47:57.1234567891-02:30",
                "2021-09-23T23:47:57.123456789-02:30",
                "2021-09-23 23:47:57.123456789 -0230 -0230",
            ),
            (
                "0001-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "0001-01-01 00:00:00 +0000 UTC",
            ),
        ] {
            let time = GoTime::parse(text).unwrap();
            assert_eq!((time.0.as_str(), time.spoken().as_str()), (json, template));
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "Z",
            "yesterday",
            "2021-01-01",
            "2021-01-01 00:00:00Z",
            "2021-01-01T00:00:00",
            "2021-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2021-01-01T00:00:00.Z",
            "2021-01-01T00:00:00.5",
            "2021-01-01T00:00:00+2:00",
            "2021-01-01T00:00:00Zé",
            "2021-01-01T00:00:0éZ",
        ] {
            assert_eq!(GoTime::parse(text), None, "{text}");
        }
    }
}
