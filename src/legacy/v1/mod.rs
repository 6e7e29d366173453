//! `V1Image`: the JSON of an image of the first generation, and how a chain of them becomes a modern config.
//!
//! One such document describes one layer and names its parent. It is what Registry V1 serves, what schema 1 carries
//! as text in its history, and what lies beside each layer in an old `docker save` (protocols 1.8, 5.2, 8). The
//! bytes are kept, because unknown members have to survive; what is typed here is what barque works with.

pub mod chain;
mod rewrite;
mod sketch;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::image::config::{is_default, rfc3339};
use crate::image::{Digest, go_json};
use crate::{Error, Kind};

use rewrite::or_default;
pub(crate) use sketch::sketch;

/// Why V1 documents cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum V1Error {
    /// Not JSON, no object, or a member of another type than it has to be.
    #[error("the V1 image document is malformed: {0}")]
    Json(String),
    /// A chain of no image has no config.
    #[error("there is no V1 image to make a config of")]
    Empty,
    /// Not one plain digest for each layer.
    #[error("the V1 images have {layers} layers, but {diff_ids} diff ids are known")]
    DiffIds { layers: usize, diff_ids: usize },
}

impl From<V1Error> for Error {
    fn from(error: V1Error) -> Error {
        let kind = match error {
            V1Error::DiffIds { .. } => Kind::Other,
            V1Error::Json(_) | V1Error::Empty => Kind::Corrupt,
        };
        Error::new(kind, error.to_string()).because(error)
    }
}

/// The JSON of one V1 image: its bytes, and the members that barque knows. Null and absent are equal.
#[derive(Debug, Clone)]
pub struct V1Image {
    raw: Bytes,
    members: Members,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Members {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    parent: String,
    created: Option<String>,
    #[serde(deserialize_with = "or_default")]
    author: String,
    #[serde(deserialize_with = "or_default")]
    comment: String,
    #[serde(deserialize_with = "or_default")]
    docker_version: String,
    #[serde(deserialize_with = "or_default")]
    architecture: String,
    #[serde(deserialize_with = "or_default")]
    os: String,
    #[serde(deserialize_with = "or_default")]
    throwaway: bool,
    config: Option<V1Run>,
    container_config: Option<V1Run>,
}

/// What barque reads of `config` and `container_config`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct V1Run {
    pub env: Option<Vec<String>>,
    pub cmd: Words,
    pub entrypoint: Words,
    pub labels: Option<BTreeMap<String, String>>,
}

/// A command: a list of words, which old documents may also write as one string.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Words(pub Option<Vec<String>>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Many(Vec<String>),
            One(String),
        }
        let form = Option::<Form>::deserialize(deserializer)?;
        Ok(Words(form.map(|form| match form {
            Form::Many(words) => words,
            Form::One(text) => vec![text],
        })))
    }
}

impl V1Image {
    /// Reads the JSON `raw`. The caller limits its size.
    ///
    /// # Errors
    /// [`V1Error::Json`] when it is no object, or a known member has another type.
    pub fn parse(raw: impl Into<Bytes>) -> Result<V1Image, V1Error> {
        let raw = raw.into();
        // Serde would take a list for a struct.
        if !raw.trim_ascii_start().starts_with(b"{") {
            return Err(V1Error::Json("it is no JSON object".to_owned()));
        }
        let members = serde_json::from_slice(&raw).map_err(|e| V1Error::Json(e.to_string()))?;
        Ok(V1Image { raw, members })
    }

    /// The bytes as they were read.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The id as written, not checked; empty where it is missing.
    pub fn id(&self) -> &str {
        &self.members.id
    }

    /// The id of the image below as written; `None` for a base.
    pub fn parent(&self) -> Option<&str> {
        Some(self.members.parent.as_str()).filter(|parent| !parent.is_empty())
    }

    /// The time as written.
    pub fn created(&self) -> Option<&str> {
        self.members.created.as_deref()
    }

    pub fn author(&self) -> &str {
        &self.members.author
    }

    pub fn comment(&self) -> &str {
        &self.members.comment
    }

    pub fn docker_version(&self) -> &str {
        &self.members.docker_version
    }

    /// As written, so `x86_64` too; the oldest documents have none.
    pub fn architecture(&self) -> &str {
        &self.members.architecture
    }

    /// As written; documents before 2014 have none.
    pub fn os(&self) -> &str {
        &self.members.os
    }

    /// Whether the image changed no file: its layer is the empty tar and is left out of modern images.
    pub fn throwaway(&self) -> bool {
        self.members.throwaway
    }

    /// How a container of the image is run: `config`, or where that is missing `container_config`.
    pub fn run_config(&self) -> Option<&V1Run> {
        let members = &self.members;
        members
            .config
            .as_ref()
            .or(members.container_config.as_ref())
    }

    /// The step that made the image: the words of `container_config.Cmd` with blanks between; empty where unknown.
    pub fn created_by(&self) -> String {
        let step = self.members.container_config.as_ref();
        let words = step.and_then(|config| config.cmd.0.as_deref());
        words.unwrap_or_default().join(" ")
    }
}

/// Members of a V1 document that speak of its place in the chain, and have none in a modern config.
const OF_THE_CHAIN: [&str; 6] = ["id", "parent", "parent_id", "layer_id", "throwaway", "Size"];

/// The config of a modern image (docker's schema 2; `config::to_oci` makes OCI's of it) from the V1 images `chain`,
/// base first. `diff_ids` are the digests of the plain layers, base first, one for each image that is no throwaway.
///
/// The members of the top image are taken over byte for byte and sorted by name, as skopeo does. Documents of docker
/// before 1.8.3 are written anew, as that version did. What the oldest documents lack is filled in: `config` from
/// `container_config`, `os` and `architecture` with the only ones there were.
///
/// # Errors
/// [`V1Error::Empty`] and [`V1Error::DiffIds`] when the lists do not fit, [`V1Error::Json`] when the top image has
/// members of unexpected types.
pub fn modern_config(chain: &[V1Image], diff_ids: &[Digest]) -> Result<Vec<u8>, V1Error> {
    let top = chain.last().ok_or(V1Error::Empty)?;
    let layers = chain.iter().filter(|image| !image.throwaway()).count();
    if layers != diff_ids.len() {
        return Err(V1Error::DiffIds {
            layers,
            diff_ids: diff_ids.len(),
        });
    }
    config_of(chain, top, diff_ids).map_err(|e| V1Error::Json(e.to_string()))
}

fn config_of(chain: &[V1Image], top: &V1Image, diff_ids: &[Digest]) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct RootFs<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        diff_ids: &'a [Digest],
    }
    let mut members: BTreeMap<String, Box<RawValue>> = if is_before_1_8_3(top.docker_version()) {
        serde_json::from_str(&rewrite::known_members(&top.raw)?)?
    } else {
        serde_json::from_slice(&top.raw)?
    };
    members.retain(|name, _| !OF_THE_CHAIN.contains(&name.as_str()));
    if top.members.config.is_none() {
        let fallback = members.get("container_config").cloned();
        members.extend(fallback.map(|config| ("config".to_owned(), config)));
    }
    for (name, value, was) in [
        ("os", "linux", top.os()),
        ("architecture", "amd64", top.architecture()),
    ] {
        if was.is_empty() {
            members.insert(name.to_owned(), to_raw_value(value)?);
        }
    }
    if top
        .created()
        .is_some_and(|created| rfc3339(created).is_none())
    {
        // What is no time would make the whole config unreadable elsewhere.
        members.remove("created");
    }
    for value in members.values_mut() {
        *value = RawValue::from_string(go_json::squeezed(value.get()))?;
    }
    if let Some(config) = members.get_mut("config") {
        *config = rewrite::with_lists_of_words(config)?;
    }
    let rootfs = RootFs {
        kind: "layers",
        diff_ids,
    };
    let history: Vec<Step> = chain.iter().map(Step::of).collect();
    members.insert("rootfs".to_owned(), to_raw_value(&rootfs)?);
    members.insert("history".to_owned(), to_raw_value(&history)?);
    go_json::compact(&members).map(String::into_bytes)
}

/// An entry of a config's history, its members in docker's order.
#[derive(Serialize)]
struct Step {
    #[serde(skip_serializing_if = "is_default")]
    created: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    author: String,
    #[serde(skip_serializing_if = "is_default")]
    created_by: String,
    #[serde(skip_serializing_if = "is_default")]
    comment: String,
    #[serde(skip_serializing_if = "is_default")]
    empty_layer: bool,
}

impl Step {
    fn of(image: &V1Image) -> Step {
        Step {
            created: image.created().and_then(rfc3339),
            author: image.author().to_owned(),
            created_by: image.created_by(),
            comment: image.comment().to_owned(),
            empty_layer: image.throwaway(),
        }
    }
}

/// Whether `version` is one of docker before 1.8.3, compared number by number; no version is not.
fn is_before_1_8_3(version: &str) -> bool {
    let numbers = version.split('.').map(|n| n.parse::<u64>().unwrap_or(0));
    !version.is_empty() && numbers.lt([1, 8, 3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, ImageConfig, config};
    use proptest::prelude::*;

    fn image(json: &str) -> V1Image {
        V1Image::parse(json.to_owned()).unwrap()
    }

    fn diff_id(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    #[test]
    fn members_are_read_whatever_their_form() {
        let raw = r#"{"id":"b","parent":"a","created":"2013-07-14T10:14:17Z","throwaway":true,"x":[1],
            "config":null,"container_config":{"Cmd":["/bin/sh","-c","make"],"Env":null}}"#;
        let top = image(raw);
        assert_eq!(top.raw(), raw.as_bytes());
        assert_eq!((top.id(), top.parent()), ("b", Some("a")));
        assert!(top.throwaway());
        assert_eq!(top.created_by(), "/bin/sh -c make");
        assert_eq!(top.run_config().unwrap().env, None);
        let base = image(
            r#"{"id":"a","parent":null,"config":{"Cmd":"sh -i","Entrypoint":["e"],"Labels":{"l":"1"}}}"#,
        );
        assert_eq!(
            (base.parent(), base.created(), base.throwaway()),
            (None, None, false)
        );
        let run = base.run_config().unwrap();
        assert_eq!(run.cmd, Words(Some(vec!["sh -i".to_owned()])));
        assert_eq!(run.labels.as_ref().unwrap()["l"], "1");
        assert_eq!(base.created_by(), "");
        for wrong in ["", "[]", "{", r#"{"id":1}"#, r#"{"config":{"Cmd":[1]}}"#] {
            assert!(V1Image::parse(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_chain_becomes_one_config() {
        let chain = [
            image(
                r#"{"id":"a","created":"2015-01-01T00:00:00.10Z","comment":"Imported from -","container_config":{"Cmd":null}}"#,
            ),
            image(
                r##"{"id":"b","parent":"a","created":"2015-01-01T00:00:01+02:00","author":"me","throwaway":true,"container_config":{"Cmd":["#(nop) ENV A=<1>"]}}"##,
            ),
            image(
                r#"{"id":"c","parent":"b","parent_id":"x","layer_id":"y","Size":7,"throwaway":false,"docker_version":"1.9.1",
                "os":"linux","architecture":"arm","unknown": [1.0, "\u003c\/"],
                "config":{"Cmd": "run me","Env":["A=<1>"]},"container_config":{"Cmd":["/bin/sh","-c","make"]},"created":"2015-01-01T00:00:02Z"}"#,
            ),
        ];
        let made = modern_config(&chain, &[diff_id("a"), diff_id("c")]).unwrap();
        assert_eq!(
            String::from_utf8(made.clone()).unwrap(),
            format!(
                "{}{}{}",
                r#"{"architecture":"arm","config":{"Cmd":["run me"],"Env":["A=\u003c1\u003e"]},"container_config":{"Cmd":["/bin/sh","-c","make"]},"created":"2015-01-01T00:00:02Z","docker_version":"1.9.1","#,
                r##""history":[{"created":"2015-01-01T00:00:00.1Z","comment":"Imported from -"},{"created":"2015-01-01T00:00:01+02:00","author":"me","created_by":"#(nop) ENV A=\u003c1\u003e","empty_layer":true},{"created":"2015-01-01T00:00:02Z","created_by":"/bin/sh -c make"}],"##,
                format_args!(
                    r#""os":"linux","rootfs":{{"type":"layers","diff_ids":["{}","{}"]}},"unknown":[1.0,"\u003c\/"]}}"#,
                    diff_id("a"),
                    diff_id("c")
                ),
            )
        );
        assert!(config::to_oci(&made).is_ok());
        assert_eq!(
            modern_config(&chain, &[diff_id("a")]).unwrap_err(),
            V1Error::DiffIds {
                layers: 2,
                diff_ids: 1
            }
        );
        assert_eq!(modern_config(&[], &[]).unwrap_err(), V1Error::Empty);
    }

    #[test]
    fn what_the_oldest_documents_lack_is_filled_in() {
        let old = image(
            r#"{"id":"a","docker_version":"0.1.4","Size":9,"checksum":"gone","container_config":{"Memory":0,"Env":["A=1"],"Cmd":"x","Dns":null}}"#,
        );
        let made = modern_config(&[old], &[diff_id("a")]).unwrap();
        let config = ImageConfig::parse(&made).unwrap();
        assert_eq!(
            (config.os.as_str(), config.architecture.as_str()),
            ("linux", "amd64")
        );
        assert_eq!(config.config.env, Some(vec!["A=1".to_owned()]));
        assert_eq!(config.rootfs.diff_ids, [diff_id("a")]);
        let text = String::from_utf8(made).unwrap();
        assert!(
            !text.contains("Memory") && !text.contains("checksum"),
            "{text}"
        );
        assert!(text.contains(r#""Env":["A=1"],"Cmd":["x"]"#), "{text}");
    }

    #[test]
    fn an_image_that_says_nothing_of_a_run_has_a_config_all_the_same() {
        for json in [
            r#"{"id":"a"}"#,
            r#"{"id":"a","config":null}"#,
            r#"{"id":"a","config":null,"container_config":null,"docker_version":"1.9.1"}"#,
        ] {
            let made = modern_config(&[image(json)], &[diff_id("a")]).unwrap();
            let config = ImageConfig::parse(&made).unwrap();
            assert_eq!(config.rootfs.diff_ids, [diff_id("a")], "{json}");
            assert!(config::to_oci(&made).is_ok(), "{json}");
        }
    }

    #[test]
    fn what_is_no_time_is_left_out() {
        let old = image(r#"{"id":"a","created":"2014-13-45","config":{}}"#);
        let made = modern_config(&[old], &[diff_id("a")]).unwrap();
        let text = String::from_utf8(made).unwrap();
        assert!(!text.contains("created"), "{text}");
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for old in [
            "0.4.8",
            "1.8.2",
            "1.8",
            "1.7.10",
            "1",
            "0.9.1-dev",
            "1.8.3-rc1",
        ] {
            assert!(is_before_1_8_3(old), "{old}");
        }
        for new in ["", "1.8.3", "1.8.10", "1.10.0", "17.03.1-ce", "1.8.3.1"] {
            assert!(!is_before_1_8_3(new), "{new}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}|\\{\"(id|config|Cmd|parent)\":[\\[\\]{}\",:0-9a-z]{0,30}\\}") {
            if let Ok(image) = V1Image::parse(text) {
                let _ = modern_config(&[image], &[diff_id("a")]);
            }
        }
    }
}
