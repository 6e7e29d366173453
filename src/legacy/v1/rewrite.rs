//! A V1 document written anew through the members that docker knew.
//!
//! Separate from the reading because it is a copy of Go's structs (`image.V1Image` and `container.Config`), member for
//! member and with their rules for what is left out, so that the config has the digest that docker and skopeo give it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::Words;
use crate::image::config::{is_default, rfc3339};
use crate::image::go_json;

/// The document `raw` with the members that docker 1.8.3 knew, absent ones as Go writes them. Members that speak of
/// the chain are left out.
pub(super) fn known_members(raw: &[u8]) -> serde_json::Result<String> {
    let mut known: Known = serde_json::from_slice(raw)?;
    let created = known.created.as_deref().and_then(rfc3339);
    known.created = created.or_else(|| Some(NO_TIME.to_owned()));
    go_json::compact(&known)
}

/// The run config `raw`, squeezed, with `Cmd` and `Entrypoint` as lists: a modern config has no single strings.
/// `null`, which an image without any has, stays.
pub(super) fn with_lists_of_words(raw: &RawValue) -> serde_json::Result<Box<RawValue>> {
    // A map of serde_json keeps the order, in which the members have to stay.
    let config: Option<serde_json::Map<String, Value>> = serde_json::from_str(raw.get())?;
    let Some(mut config) = config else {
        return Ok(raw.to_owned());
    };
    let mut changed = false;
    for name in ["Cmd", "Entrypoint"] {
        if let Some(word @ Value::String(_)) = config.get_mut(name) {
            *word = Value::Array(vec![word.take()]);
            changed = true;
        }
    }
    match changed {
        true => to_raw_value(&config),
        false => Ok(raw.to_owned()),
    }
}

/// Go writes the year 1 where there is no time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    comment: String,
    created: Option<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    container: String,
    #[serde(deserialize_with = "or_default")]
    container_config: Run,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    docker_version: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Run>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    architecture: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    variant: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    os: String,
}

type Set = BTreeMap<String, Value>;

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Run {
    #[serde(deserialize_with = "or_default")]
    hostname: String,
    #[serde(deserialize_with = "or_default")]
    domainname: String,
    #[serde(deserialize_with = "or_default")]
    user: String,
    #[serde(deserialize_with = "or_default")]
    attach_stdin: bool,
    #[serde(deserialize_with = "or_default")]
    attach_stdout: bool,
    #[serde(deserialize_with = "or_default")]
    attach_stderr: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    exposed_ports: Set,
    #[serde(deserialize_with = "or_default")]
    tty: bool,
    #[serde(deserialize_with = "or_default")]
    open_stdin: bool,
    #[serde(deserialize_with = "or_default")]
    stdin_once: bool,
    env: Option<Vec<String>>,
    cmd: Words,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    args_escaped: bool,
    #[serde(deserialize_with = "or_default")]
    image: String,
    volumes: Option<Set>,
    #[serde(deserialize_with = "or_default")]
    working_dir: String,
    entrypoint: Words,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    network_disabled: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    mac_address: String,
    on_build: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    stop_signal: String,
}

/// Go leaves a member at its zero value when it is null.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_the_order_and_with_the_gaps_of_go() {
        let text =
            known_members(br#"{"id":"x","Size":3,"os":"linux","config":{"Env":["A"],"Dns":null}}"#)
                .unwrap();
        let empty = |env: &str| {
            format!(
                r#"{{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":{env},"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}}"#
            )
        };
        let wanted = format!(
            r#"{{"created":"0001-01-01T00:00:00Z","container_config":{},"config":{},"os":"linux"}}"#,
            empty("null"),
            empty(r#"["A"]"#)
        );
        assert_eq!(text, wanted);
    }
}
