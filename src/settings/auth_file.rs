//! One credential file: podman's `auth.json`, Docker's `config.json`, the legacy `.dockercfg`.
//!
//! What is in the bytes of a file and which of its keys fits; it opens nothing and runs no helper. A member
//! of the wrong type is reported without its value, for the value may be a secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::auth_key::{HUB_KEY, names_registry, registry_of};
use super::{AuthKey, Credential, Secret};
use crate::image::Registry;
use crate::{Error, Result};

/// `auth` fields come padded and unpadded.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The shapes of a credential file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// An object with `auths` and other members.
    Config,
    /// The object that is elsewhere under `auths`, or the two `name = value` lines of 2013.
    Legacy,
}

/// A credential file that has been read. It holds secrets as plain text and so has no `Debug`.
pub(super) struct AuthFile {
    name: String,
    format: Format,
    auths: Map<String, Value>,
    cred_helpers: Vec<(String, String)>,
    creds_store: Option<String>,
    http_headers: Vec<(String, String)>,
}

/// The member of an entry that lists the token endpoints which the login was made with. It is barque's own: others
/// pass over it, and podman and skopeo drop it when they write the file.
pub(super) const TOKEN_HOSTS: &str = "tokenHosts";

/// The members of an entry that hold something that others must not read.
const SECRETS: [&str; 4] = ["auth", "password", "identitytoken", "registrytoken"];

/// The helper that a file wants asked about a registry, by the suffix of its program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WantedHelper<'a> {
    /// None: the file's own entries hold.
    None,
    /// `credHelpers` names one for this registry; its answer is the file's answer.
    OfRegistry(&'a str),
    /// `credsStore` names one for all; what it does not have may still be an entry of the file.
    OfAll(&'a str),
}

impl AuthFile {
    /// Reads the bytes of the file that messages call `name`.
    pub(super) fn parse(bytes: &[u8], format: Format, name: &str) -> Result<AuthFile> {
        let mut root = match format {
            Format::Config => parse_object(bytes, name)?,
            Format::Legacy => Map::from_iter([("auths".to_owned(), legacy_auths(bytes, name)?)]),
        };
        let wrong = |member: &str, should: &str| {
            Error::other(format!(
                "credential file `{name}`: `{member}` is not {should}"
            ))
        };
        let mut texts = |member: &str| -> Result<Vec<(String, String)>> {
            let Some(value) = root.remove(member).filter(|v| !v.is_null()) else {
                return Ok(Vec::new());
            };
            let Value::Object(object) = value else {
                return Err(wrong(member, "an object"));
            };
            let text = |(key, value): (String, Value)| match value {
                Value::String(text) => Ok((key, text)),
                _ => Err(wrong(&format!("{member}.{key}"), "a text")),
            };
            object.into_iter().map(text).collect()
        };
        let cred_helpers = texts("credHelpers")?;
        let http_headers = texts("HttpHeaders")?;
        let creds_store = match root.remove("credsStore") {
            None | Some(Value::Null) => None,
            Some(Value::String(suffix)) => Some(suffix).filter(|s| !s.is_empty()),
            Some(_) => return Err(wrong("credsStore", "a text")),
        };
        let auths = match root.remove("auths") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(auths)) => auths,
            Some(_) => return Err(wrong("auths", "an object")),
        };
        Ok(AuthFile {
            name: name.to_owned(),
            format,
            auths,
            cred_helpers,
            creds_store,
            http_headers,
        })
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Extra request headers.
    pub(super) fn http_headers(&self) -> &[(String, String)] {
        &self.http_headers
    }

    /// Which helper is to be asked about `registry`.
    pub(super) fn helper(&self, registry: &Registry) -> WantedHelper<'_> {
        let by_key = |fits: &dyn Fn(&str) -> bool| {
            self.cred_helpers
                .iter()
                .find(|(key, _)| fits(key))
                .map(|(_, suffix)| suffix.as_str())
        };
        let of_registry = by_key(&|key| key == registry.as_str())
            .or_else(|| by_key(&|key| names_registry(key, registry, false)));
        match (of_registry, &self.creds_store) {
            // An empty suffix exempts the registry from `credsStore`.
            (Some(""), _) | (None, None) => WantedHelper::None,
            (Some(suffix), _) => WantedHelper::OfRegistry(suffix),
            (None, Some(suffix)) => WantedHelper::OfAll(suffix),
        }
    }

    /// The helper that `credsStore` names for all registries, by the suffix of its program.
    pub(super) fn creds_store(&self) -> Option<&str> {
        self.creds_store.as_deref()
    }

    /// The file's own entry for `key`: exact keys, longest first, then any key that means the registry.
    pub(super) fn entry(&self, key: &AuthKey) -> Result<Option<Credential>> {
        for exact in key.candidates() {
            if let Some(found) = self.credential(&exact)? {
                return Ok(Some(found));
            }
        }
        for alias in self.aliases(&key.registry) {
            if let Some(found) = self.credential(alias)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The hosts that the login for `key` was made with, besides those of the registry's owner.
    pub(super) fn token_hosts(&self, key: &AuthKey) -> Vec<String> {
        let exact = key.candidates();
        let aliases = self.aliases(&key.registry).into_iter().map(str::to_owned);
        let entries: Vec<&Value> = exact
            .into_iter()
            .chain(aliases)
            .filter_map(|key| self.auths.get(&key))
            .collect();
        // Those of the entry that has the credential; a helper's has nothing else.
        let own = entries.iter().find(|entry| has_secret(entry));
        let own = own.or_else(|| entries.iter().find(|entry| entry[TOKEN_HOSTS].is_array()));
        let hosts = own.and_then(|entry| entry[TOKEN_HOSTS].as_array());
        let hosts = hosts.into_iter().flatten().filter_map(Value::as_str);
        hosts.map(str::to_ascii_lowercase).collect()
    }

    /// The keys that mean the whole of `registry`, Docker's own one for its Hub first.
    fn aliases(&self, registry: &Registry) -> Vec<&str> {
        let mut aliases = self.keys_of(registry);
        aliases.sort_by_key(|alias| *alias != HUB_KEY);
        aliases
    }

    /// All keys of entries that mean the whole of `registry`.
    fn keys_of(&self, registry: &Registry) -> Vec<&str> {
        let legacy = self.format == Format::Legacy;
        self.auths
            .keys()
            .map(String::as_str)
            .filter(|key| names_registry(key, registry, legacy))
            .collect()
    }

    /// The keys that hold the credential of exactly `key`, in any spelling.
    pub(super) fn keys_meaning(&self, key: &AuthKey) -> Vec<String> {
        if key.path.is_none() {
            return self
                .keys_of(&key.registry)
                .into_iter()
                .map(str::to_owned)
                .collect();
        }
        let exact = Some(key.to_string());
        exact
            .into_iter()
            .filter(|key| self.auths.contains_key(key))
            .collect()
    }

    /// The registries that the file names, as far as their keys can be read.
    pub(super) fn registries(&self) -> Vec<Registry> {
        let helpers = self.cred_helpers.iter().map(|(key, _)| key);
        let mut registries: Vec<Registry> = self
            .auths
            .keys()
            .chain(helpers)
            .filter_map(|key| registry_of(key))
            .collect();
        registries.sort();
        registries.dedup();
        registries
    }

    /// Whether any entry holds something that others must not read.
    pub(super) fn holds_secrets(&self) -> bool {
        self.auths.values().any(has_secret)
    }

    /// The credential under exactly `key`; `None` for no entry, an empty one, and one without a user.
    fn credential(&self, key: &str) -> Result<Option<Credential>> {
        let Some(entry) = self.auths.get(key).filter(|v| !v.is_null()) else {
            return Ok(None);
        };
        let wrong = |what: &str| {
            Error::other(format!("credential file `{}`: {what}", self.name))
                .hint(format!("log in again with `barque login {key}`"))
        };
        let Value::Object(entry) = entry else {
            return Err(wrong(&format!("the entry of `{key}` is not an object")));
        };
        let text = |member: &str| match entry.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|t| !t.is_empty())),
            Some(_) => Err(wrong(&format!("`{member}` of `{key}` is not a text"))),
        };
        if let Some(token) = text("registrytoken")? {
            return Ok(Some(Credential::RegistryToken(Secret::new(token))));
        }
        let login = match text("auth")? {
            Some(auth) => {
                let login = decode_auth(auth)
                    .map_err(|why| wrong(&format!("`auth` of `{key}` is not {why}")))?;
                if login.is_none() {
                    tracing::warn!(
                        "credential file `{}`: `auth` of `{key}` names no password and is ignored",
                        self.name
                    );
                }
                login
            }
            None => text("username")?
                .map(|user| {
                    Ok::<_, Error>((
                        user.to_owned(),
                        text("password")?.unwrap_or_default().to_owned(),
                    ))
                })
                .transpose()?,
        };
        let identity_token = text("identitytoken")?.map(Secret::new);
        if login.is_none() && identity_token.is_none() {
            return Ok(None);
        }
        let (username, password) = login.unwrap_or_default();
        Ok(Some(Credential::Login {
            username,
            password: Secret::new(password),
            identity_token,
        }))
    }
}

fn has_secret(entry: &Value) -> bool {
    let has = |member| entry[member].as_str().is_some_and(|text| !text.is_empty());
    SECRETS.into_iter().any(has)
}

/// The object in `bytes`; a file without any text is an empty object, as for Docker.
pub(super) fn parse_object(bytes: &[u8], name: &str) -> Result<Map<String, Value>> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    // A parse error of serde_json tells place and expectation, never the text that it met.
    serde_json::from_slice::<Value>(bytes)
        .map_err(|e| {
            let error = Error::other(format!("credential file `{name}` is not valid JSON: {e}"));
            if bytes.starts_with(b"\xef\xbb\xbf") {
                error.hint("save it without a byte order mark")
            } else {
                error.hint("correct the file, or name another with `--authfile`")
            }
        })
        .and_then(|value| match value {
            Value::Object(object) => Ok(object),
            _ => Err(Error::other(format!(
                "credential file `{name}` is not a JSON object"
            ))),
        })
}

/// The entries of a `.dockercfg`: JSON, or in its oldest form the lines `auth = BASE64` and `email = ADDRESS`,
/// which mean Docker Hub.
fn legacy_auths(bytes: &[u8], name: &str) -> Result<Value> {
    let text = str::from_utf8(bytes).unwrap_or_default();
    if let Some(line) = text.lines().next()
        && let Some((member, auth)) = line.split_once('=')
        && member.trim() == "auth"
    {
        let auth = Value::String(auth.trim().to_owned());
        let entry = Value::Object(Map::from_iter([("auth".to_owned(), auth)]));
        return Ok(Value::Object(Map::from_iter([(HUB_KEY.to_owned(), entry)])));
    }
    parse_object(bytes, name).map(Value::Object)
}

/// `base64(user:password)`; `None` when there is no colon. The error says what it is not.
fn decode_auth(auth: &str) -> Result<Option<(String, String)>, &'static str> {
    let auth: String = auth.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(auth).map_err(|_| "valid base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "UTF-8 text")?;
    // Docker once encrypted nothing but padded: its passwords may end in NUL bytes.
    Ok(text
        .split_once(':')
        .map(|(user, password)| (user.to_owned(), password.trim_matches('\0').to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<AuthFile> {
        AuthFile::parse(text.as_bytes(), Format::Config, "f.json")
    }

    fn entry(text: &str, key: &str) -> Result<Option<Credential>> {
        parse(text).unwrap().entry(&key.parse().unwrap())
    }

    #[test]
    fn mistakes_name_the_file_and_show_no_value() {
        let message = |text| parse(text).err().unwrap().to_string();
        let syntax = " is not valid JSON: key must be a string at line 2 column 3";
        for (text, wrong) in [
            ("{\"auths\": {\n  oops}}", syntax),
            ("[]", " is not a JSON object"),
            (r#"{"auths": "SECRET"}"#, ": `auths` is not an object"),
            (
                r#"{"credHelpers": {"a": 1}}"#,
                ": `credHelpers.a` is not a text",
            ),
        ] {
            assert_eq!(message(text), format!("credential file `f.json`{wrong}"));
        }
        let bom = parse("\u{feff}{}").err().unwrap();
        assert_eq!(bom.advice(), Some("save it without a byte order mark"));
        assert!(entry(" \n", "r.io").unwrap().is_none());
    }

    #[test]
    fn a_bad_entry_is_an_error_for_its_own_registry_only() {
        let text = r#"{"auths": {"bad.io": {"auth": "user:SECRET"}, "odd.io": 3, "num.io": {"auth": 1},
            "ok.io": {"auth": "dTpw"}, "bin.io": {"auth": "/////w"}}}"#;
        assert!(entry(text, "ok.io").unwrap().is_some());
        for (key, what) in [
            ("bad.io", "`auth` of `bad.io` is not valid base64"),
            ("odd.io", "the entry of `odd.io` is not an object"),
            ("num.io", "`auth` of `num.io` is not a text"),
            ("bin.io", "`auth` of `bin.io` is not UTF-8 text"),
        ] {
            let error = entry(text, key).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("credential file `f.json`: {what}")
            );
        }
    }

    #[test]
    fn username_and_password_stand_in_for_auth() {
        let text = r#"{"auths": {"a.io": {"username": "u", "password": "p"},
            "b.io": {"username": "no", "auth": "dTpw"}, "c.io": {"identitytoken": "t"}}}"#;
        for key in ["a.io", "b.io"] {
            match entry(text, key).unwrap() {
                Some(Credential::Login {
                    username,
                    password,
                    identity_token: None,
                }) => {
                    assert_eq!((username.as_str(), password.expose()), ("u", "p"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            entry(text, "c.io").unwrap(),
            Some(Credential::Login { identity_token: Some(token), .. }) if token.expose() == "t"
        ));
    }

    #[test]
    fn token_hosts_belong_to_the_entry_with_the_credential() {
        let text = r#"{"auths": {"a.io": {"auth": "dTpw", "tokenHosts": ["Auth.net", 7]},
            "a.io/team": {"auth": "dTpw"}, "b.io": {"tokenHosts": ["auth.org"]}, "c.io": {"tokenHosts": "x"}}}"#;
        let file = parse(text).unwrap();
        let hosts = |key: &str| file.token_hosts(&key.parse().unwrap());
        assert_eq!(hosts("a.io"), ["auth.net"]);
        assert_eq!(hosts("a.io/other"), ["auth.net"]);
        assert!(hosts("a.io/team").is_empty());
        assert_eq!(hosts("b.io"), ["auth.org"], "a helper has the credential");
        assert!(hosts("c.io").is_empty() && hosts("d.io").is_empty());
    }

    #[test]
    fn helpers_are_chosen_by_registry_then_by_store() {
        let text = r#"{"credsStore": "all", "credHelpers": {"a.io": "one", "b.io": "",
            "https://index.docker.io/v1/": "hub"}}"#;
        let file = parse(text).unwrap();
        let helper = |host: &str| file.helper(&host.parse().unwrap());
        assert_eq!(helper("a.io"), WantedHelper::OfRegistry("one"));
        assert_eq!(helper("b.io"), WantedHelper::None);
        assert_eq!(helper("c.io"), WantedHelper::OfAll("all"));
        assert_eq!(helper("docker.io"), WantedHelper::OfRegistry("hub"));
    }

    #[test]
    fn padding_and_line_breaks_in_auth_do_not_matter() {
        let pair = Some(("u".to_owned(), "pw".to_owned()));
        for auth in ["dTpwdw==", "dTpwdw", "dTpw\ndw==", "dTpwdwAAAA=="] {
            assert_eq!(decode_auth(auth).unwrap(), pair, "{auth}");
        }
        assert_eq!(decode_auth("dXNlcg").unwrap(), None);
    }
}
