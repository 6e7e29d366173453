//! `ImageConfig`: the config of an image, as far as barque tells about it; and the OCI form of a config.
//!
//! Docker's config is OCI's with further members. What is shown of it and what an OCI config keeps of it is
//! decided by one struct, `Oci`, a copy of Go's `specs.Image` with its order and its rule for empty members.

use std::collections::BTreeMap;

use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::{Digest, Platform, go_json};
use crate::{Error, Kind};

/// A config cannot be read; the text says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image config is malformed: {0}")]
pub struct ConfigError(String);

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Error {
        Error::new(Kind::Corrupt, error.to_string()).because(error)
    }
}

/// The config of an OCI or docker image, or the `v1Compatibility` of schema 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// As written; [`rfc3339`] gives the form in which Go prints it.
    pub created: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub author: String,
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    pub variant: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub os: String,
    #[serde(rename = "os.version")]
    pub os_version: Option<String>,
    /// Docker's own member.
    #[serde(deserialize_with = "or_default")]
    pub docker_version: String,
    #[serde(deserialize_with = "or_default")]
    pub config: RunConfig,
    #[serde(deserialize_with = "or_default")]
    pub rootfs: RootFs,
    /// Base first; may be missing, and counts layers that changed no file.
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// How a container of the image is run. `None` and empty differ: they are printed differently.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RunConfig {
    pub env: Option<Vec<String>>,
    pub labels: Option<BTreeMap<String, String>>,
}

/// The uncompressed layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Base first.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// How a layer came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    #[serde(skip_serializing_if = "is_default", deserialize_with = "time")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub created_by: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub author: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub comment: String,
    /// The step changed no file and has no layer.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads the JSON of a config; members it does not know are passed over.
    pub fn parse(raw: &[u8]) -> Result<ImageConfig, ConfigError> {
        read(raw)
    }

    /// The platform that the image is for, as far as the config says.
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            variant: self.variant.clone(),
            ..Platform::default()
        }
    }
}

/// The members of `raw` that OCI's image struct has, in its order: what `inspect --config` prints.
pub fn oci_struct_json(raw: &[u8]) -> Result<serde_json::Value, ConfigError> {
    serde_json::to_value(read::<Oci>(raw)?).map_err(|e| ConfigError(e.to_string()))
}

/// The config `raw` as an OCI config: docker's own members are dropped.
pub fn to_oci(raw: &[u8]) -> Result<Vec<u8>, ConfigError> {
    go_json::compact(&read::<Oci>(raw)?)
        .map(String::into_bytes)
        .map_err(|e| ConfigError(e.to_string()))
}

fn read<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Result<T, ConfigError> {
    // Serde would take a list for a struct.
    if !raw.trim_ascii_start().starts_with(b"{") {
        return Err(ConfigError("it is no JSON object".to_owned()));
    }
    serde_json::from_slice(raw).map_err(|e| ConfigError(e.to_string()))
}

/// Go's `specs.Image`, member for member (image-spec 1.0.2 and `ArgsEscaped`, as in skopeo 1.9).
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Oci {
    #[serde(skip_serializing_if = "is_default", deserialize_with = "time")]
    created: Option<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    author: String,
    #[serde(deserialize_with = "or_default")]
    architecture: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    variant: String,
    #[serde(deserialize_with = "or_default")]
    os: String,
    #[serde(
        rename = "os.version",
        skip_serializing_if = "is_default",
        deserialize_with = "or_default"
    )]
    os_version: String,
    #[serde(
        rename = "os.features",
        skip_serializing_if = "is_default",
        deserialize_with = "or_default"
    )]
    os_features: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    config: OciRun,
    #[serde(deserialize_with = "or_default")]
    rootfs: OciRootFs,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    history: Vec<History>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OciRun {
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    user: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    exposed_ports: BTreeMap<String, Set>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    cmd: Vec<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    volumes: BTreeMap<String, Set>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    working_dir: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    stop_signal: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    args_escaped: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct OciRootFs {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    /// Written as null where it was missing.
    diff_ids: Option<Vec<String>>,
}

/// The value of a set's member, `{}` in Go; whatever was there is not read.
#[derive(PartialEq, Serialize)]
struct Set {}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Set, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Set {})
    }
}

/// Go leaves a member at its zero value when it is null.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match rfc3339(&text) {
        Some(time) => Ok(Some(time)),
        None => Err(serde::de::Error::custom(format!("`{text}` is not a time"))),
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A time of RFC 3339 as Go prints it: at most nine digits of a second without trailing zeros, `Z` for an offset
/// of zero. `None` when `text` is no such time.
pub fn rfc3339(text: &str) -> Option<String> {
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let number = |s: &str| digits(s).then(|| s.parse::<u16>().ok()).flatten();
    let (stamp, rest) = text.split_at_checked(19)?;
    let separated = stamp
        .bytes()
        .zip(b"....-..-..T..:..:..")
        .all(|(b, pattern)| *pattern == b'.' || b == *pattern);
    let part = |range| stamp.get(range).and_then(number);
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let date = jiff::civil::Date::new(year as i16, month as i8, day as i8);
    let clock = part(11..13)? < 24 && part(14..16)? < 60 && part(17..19)? < 60;
    if !separated || date.is_err() || !clock {
        return None;
    }
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let fraction = match fraction.strip_prefix(['.', ',']) {
        Some(fraction) if !fraction.is_empty() && digits(fraction) => fraction,
        None if fraction.is_empty() => "",
        _ => return None,
    };
    let fraction = fraction[..fraction.len().min(9)].trim_end_matches('0');
    let zone = match zone {
        "Z" | "+00:00" | "-00:00" => "Z",
        offset => {
            let (hours, minutes) = offset.strip_prefix(['+', '-'])?.split_once(':')?;
            let fits = (hours.len(), minutes.len()) == (2, 2)
                && number(hours)? < 24
                && number(minutes)? < 60;
            fits.then_some(offset)?
        }
    };
    Some(if fraction.is_empty() {
        format!("{stamp}{zone}")
    } else {
        format!("{stamp}.{fraction}{zone}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_printed_as_go_does() {
        let same = "2016-09-23T23:20:45.78976459Z";
        assert_eq!(rfc3339(same).unwrap(), same);
        for (text, printed) in [
            ("2020-01-01T00:00:00.100+00:00", "2020-01-01T00:00:00.1Z"),
            ("2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00Z"),
            (
                "2020-01-01T00:00:00.1234567891-07:30",
                "2020-01-01T00:00:00.123456789-07:30",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(text).as_deref(), Some(printed));
        }
        for wrong in [
            "",
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-02-30T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00.1+1:00",
            "2020-01-01 00:00:00Z",
            "2020-01-01T00:00:00Zx",
            "2020-01-01T00:00:00Z01:30",
            "+020-01-01T00:00:00Z",
            "2020-01-01T00:00:00+é",
        ] {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
    }

    /// The text is what skopeo 1.9.3 made of this config in a copy to `oci:`.
    #[test]
    fn the_oci_form_equals_that_of_skopeo() {
        let docker = br#"{"created":"2020-01-01T00:00:00.100+00:00","author":"","architecture":"arm","variant":"v7","os":"linux","os.version":"1","os.features":["a"],"config":{"User":"u","Labels":{"b":"<x>","a":"\u2028"},"Volumes":{"/b":{"x":1},"/a":{}},"StopSignal":"9","Shell":["sh"],"OnBuild":["x"],"Healthcheck":{"Test":["a"]},"Cmd":[],"Entrypoint":["e"],"ArgsEscaped":true,"WorkingDir":"/w","Memory":5},"history":[{"created":"2020-01-01T00:00:00+02:00","created_by":"x","author":"a","comment":"c","empty_layer":false},{"empty_layer":true}]}"#;
        let oci = r#"{"created":"2020-01-01T00:00:00.1Z","architecture":"arm","variant":"v7","os":"linux","os.version":"1","os.features":["a"],"config":{"User":"u","Entrypoint":["e"],"Volumes":{"/a":{},"/b":{}},"WorkingDir":"/w","Labels":{"a":"\u2028","b":"\u003cx\u003e"},"StopSignal":"9","ArgsEscaped":true},"rootfs":{"type":"","diff_ids":null},"history":[{"created":"2020-01-01T00:00:00+02:00","created_by":"x","author":"a","comment":"c"},{"empty_layer":true}]}"#;
        assert_eq!(String::from_utf8(to_oci(docker).unwrap()).unwrap(), oci);
        let value = oci_struct_json(docker).unwrap();
        assert_eq!(go_json::compact(&value).unwrap(), oci);
    }

    #[test]
    fn null_and_empty_stay_apart() {
        let run = |json: &str| ImageConfig::parse(json.as_bytes()).unwrap().config;
        assert_eq!(run(r#"{"config":null}"#), RunConfig::default());
        let some = run(r#"{"config":{"Env":[],"Labels":{}}}"#);
        assert_eq!(
            (some.env, some.labels),
            (Some(vec![]), Some(BTreeMap::new()))
        );
    }

    #[test]
    fn a_config_of_wrong_shape_is_an_error() {
        for wrong in [
            "",
            "[]",
            r#"{"config":7}"#,
            r#"{"rootfs":{"diff_ids":["x"]}}"#,
        ] {
            assert!(ImageConfig::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(oci_struct_json(br#"{"created":"yesterday"}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_for_a_time(text in "\\PC{0,40}|[0-9T:.+Z-]{0,40}") {
            if let Some(time) = rfc3339(&text) {
                prop_assert_eq!(rfc3339(&time), Some(time.clone()));
            }
        }
    }
}
