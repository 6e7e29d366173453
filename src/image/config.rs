//! `ImageConfig`: the config of an image, as far as barque tells about it; and the OCI form of a config.
//!
//! Docker's config is OCI's with further members. What is shown of it and what an OCI config keeps of it is
//! decided by one struct, `Oci`, a copy of Go's `specs.Image` with its order and its rule for empty members.

use std::collections::BTreeMap;

use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::go_read::{self, GoValue, go_struct};
use super::{Digest, Platform, go_json};
use crate::Error;

/// A config cannot be read; the text says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image config is malformed: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// A config of which `what` is wrong.
    pub(crate) fn new(what: &str) -> ConfigError {
        ConfigError(what.to_owned())
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Error {
        Error::corrupt(error.to_string()).because(error)
    }
}

go_struct! {
    /// The config of an OCI or docker image, or the `v1Compatibility` of schema 1.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ImageConfig {
        /// As written; [`rfc3339`] gives the form in which Go prints it.
        "created" => pub created: Option<String>,
        "author" => pub author: String,
        "architecture" => pub architecture: String,
        "variant" => pub variant: Option<String>,
        "os" => pub os: String,
        "os.version" => pub os_version: Option<String>,
        /// Docker's own member.
        "docker_version" => pub docker_version: String,
        "config" => pub config: RunConfig,
        "rootfs" => pub rootfs: RootFs,
        /// Base first; may be missing, and counts layers that changed no file.
        "history" => pub history: Vec<History>,
    }
}

go_struct! {
    /// How a container of the image is run. `None` and empty differ: they are printed differently.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RunConfig {
        "Env" => pub env: Option<Vec<String>>,
        "Labels" => pub labels: Option<BTreeMap<String, String>>,
    }
}

go_struct! {
    /// The uncompressed layers of an image.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RootFs {
        /// Base first.
        "diff_ids" => pub diff_ids: Vec<Digest>,
    }
}

go_struct! {
    /// How a layer came to be.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
    pub struct History {
        /// As Go prints it.
        "created" unless "is_default" => pub created: Option<String>,
        "created_by" unless "is_default" => pub created_by: String,
        "author" unless "is_default" => pub author: String,
        "comment" unless "is_default" => pub comment: String,
        /// The step changed no file and has no layer.
        "empty_layer" unless "is_default" => pub empty_layer: bool,
    }
}

impl ImageConfig {
    /// Reads the JSON of a config as Go's decoder does; members it does not know are passed over.
    ///
    /// # Errors
    /// When `raw` is not a JSON object, or a member that is read has another type.
    pub fn parse(raw: &[u8]) -> Result<ImageConfig, ConfigError> {
        let mut config: ImageConfig = read(raw)?;
        config.created = config.created.filter(|time| !time.is_empty());
        set_times(&mut config.history)?;
        Ok(config)
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
///
/// # Errors
/// When `raw` cannot be read as a config, as for [`ImageConfig::parse`].
pub fn oci_struct_json(raw: &[u8]) -> Result<serde_json::Value, ConfigError> {
    serde_json::to_value(oci(raw)?).map_err(|e| ConfigError(e.to_string()))
}

/// The config `raw` as an OCI config: docker's own members are dropped.
///
/// # Errors
/// When `raw` cannot be read as a config, as for [`ImageConfig::parse`].
pub fn to_oci(raw: &[u8]) -> Result<Vec<u8>, ConfigError> {
    go_json::compact(&oci(raw)?)
        .map(String::into_bytes)
        .map_err(|e| ConfigError(e.to_string()))
}

fn oci(raw: &[u8]) -> Result<Oci, ConfigError> {
    let mut config: Oci = read(raw)?;
    config.created = printed_time(config.created)?;
    set_times(&mut config.history)?;
    Ok(config)
}

/// Most values of a config that are read. Real configs have some hundreds; millions of empty ones fit in the bytes that
/// a config may have, and would take fifty times as many bytes of memory.
const MAX_VALUES: usize = 50_000;

fn read<T: GoValue + Default>(raw: &[u8]) -> Result<T, ConfigError> {
    let text = go_json::readable(raw);
    if go_json::commas(&text) >= MAX_VALUES {
        let message = format!("it holds more than {MAX_VALUES} values");
        return Err(ConfigError(message));
    }
    go_read::from_str(&text).map_err(|e| ConfigError(e.to_string()))
}

/// The time as Go prints it. Some builders write an empty text, which counts as no time.
fn printed_time(time: Option<String>) -> Result<Option<String>, ConfigError> {
    match time.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => rfc3339(&text)
            .map(Some)
            .ok_or_else(|| ConfigError(format!("`{text}` is not a time"))),
    }
}

fn set_times(history: &mut [History]) -> Result<(), ConfigError> {
    for step in history {
        step.created = printed_time(step.created.take())?;
    }
    Ok(())
}

go_struct! {
    /// Go's `specs.Image`, member for member (image-spec 1.1, as in skopeo 1.22).
    #[derive(Default, Serialize)]
    struct Oci {
        "created" unless "is_default" => created: Option<String>,
        "author" unless "is_default" => author: String,
        "architecture" => architecture: String,
        "os" => os: String,
        #[serde(rename = "os.version")]
        "os.version" unless "is_default" => os_version: String,
        #[serde(rename = "os.features")]
        "os.features" unless "is_default" => os_features: Vec<String>,
        "variant" unless "is_default" => variant: String,
        "config" => config: OciRun,
        "rootfs" => rootfs: OciRootFs,
        "history" unless "is_default" => history: Vec<History>,
    }
}

go_struct! {
    #[derive(Default, Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct OciRun {
        "User" unless "is_default" => user: String,
        "ExposedPorts" unless "is_default" => exposed_ports: BTreeMap<String, Set>,
        "Env" unless "is_default" => env: Vec<String>,
        "Entrypoint" unless "is_default" => entrypoint: Vec<String>,
        "Cmd" unless "is_default" => cmd: Vec<String>,
        "Volumes" unless "is_default" => volumes: BTreeMap<String, Set>,
        "WorkingDir" unless "is_default" => working_dir: String,
        "Labels" unless "is_default" => labels: BTreeMap<String, String>,
        "StopSignal" unless "is_default" => stop_signal: String,
        "ArgsEscaped" unless "is_default" => args_escaped: bool,
    }
}

go_struct! {
    #[derive(Default, Serialize)]
    struct OciRootFs {
        #[serde(rename = "type")]
        "type" => kind: String,
        /// Written as null where it was missing.
        "diff_ids" => diff_ids: Option<Vec<String>>,
    }
}

/// The value of a set's member, `{}` in Go; whatever was there is not read.
#[derive(Default, PartialEq, Serialize)]
struct Set {}

impl GoValue for Set {
    fn fill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(from).map(drop)
    }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
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

    /// The text is what skopeo 1.22 made of this config in a copy to `oci:`.
    #[test]
    fn the_oci_form_equals_that_of_skopeo() {
        let docker = br#"{"created":"2020-01-01T00:00:00.100+00:00","author":"","architecture":"arm","variant":"v7","os":"linux","os.version":"1","os.features":["a"],"config":{"User":"u","Labels":{"b":"<x>","a":"\u2028"},"Volumes":{"/b":{"x":1},"/a":{}},"StopSignal":"9","Shell":["sh"],"OnBuild":["x"],"Healthcheck":{"Test":["a"]},"Cmd":[],"Entrypoint":["e"],"ArgsEscaped":true,"WorkingDir":"/w","Memory":5},"history":[{"created":"2020-01-01T00:00:00+02:00","created_by":"x","author":"a","comment":"c","empty_layer":false},{"empty_layer":true}]}"#;
        let oci = r#"{"created":"2020-01-01T00:00:00.1Z","architecture":"arm","os":"linux","os.version":"1","os.features":["a"],"variant":"v7","config":{"User":"u","Entrypoint":["e"],"Volumes":{"/a":{},"/b":{}},"WorkingDir":"/w","Labels":{"a":"\u2028","b":"\u003cx\u003e"},"StopSignal":"9","ArgsEscaped":true},"rootfs":{"type":"","diff_ids":null},"history":[{"created":"2020-01-01T00:00:00+02:00","created_by":"x","author":"a","comment":"c"},{"empty_layer":true}]}"#;
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
