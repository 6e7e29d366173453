//! One file of registries.conf: its text becomes checked tables.
//!
//! Unknown keys are ignored and wrong types are errors, as for the programs that share the file. What is wrong in one
//! table makes the whole file an error: guessing which registries it blocks would be worse.

use std::collections::BTreeMap;
use std::path::Path;

use super::short_names;
use super::toml_file::{Table, Text, Value};
use super::{Mirror, PullFromMirror, RegistryTable, ShortNameMode};
use crate::image::Registry;
use crate::settings::redacted;
use crate::{Error, Result};

/// What one file says. `None` where it does not have the key.
#[derive(Debug, Default)]
pub(super) struct ConfFile {
    pub(super) tables: BTreeMap<String, RegistryTable>,
    pub(super) search: Option<Vec<String>>,
    pub(super) helpers: Option<Vec<String>>,
    pub(super) mode: Option<ShortNameMode>,
    pub(super) aliases: BTreeMap<String, Option<String>>,
}

/// Keys that only version 2 has.
const V2_KEYS: [&str; 6] = [
    "registry",
    "unqualified-search-registries",
    "credential-helpers",
    "short-name-mode",
    "additional-layer-store-auth-helper",
    "aliases",
];

/// Reads `text`, the content of the file `path`.
pub(super) fn parse(path: &Path, text: &str, may_be_v1: bool) -> Result<ConfFile> {
    let text = Text { path, text };
    let parsed = text.parse()?;
    let top = Table::top(text, &parsed);
    if let Some(registries) = top.table("registries")? {
        let lists = V1Lists::read(&registries)?;
        if lists.any() {
            for key in V2_KEYS {
                if top.get(key)?.is_some() {
                    let message = format!(
                        "`[registries]` is of version 1 of the format and `{key}` of version 2; \
                         one file cannot have both"
                    );
                    return Err(registries.error(message));
                }
            }
            if !may_be_v1 {
                let message =
                    "a drop-in file has to be in version 2 of the format, not in version 1";
                return Err(registries.error(message));
            }
            return lists.convert();
        }
    }
    read_v2(&top)
}

fn read_v2(top: &Table<'_>) -> Result<ConfFile> {
    let mut file = ConfFile::default();
    let mut by_location = Conflicts::default();
    for table in top.tables("registry")?.unwrap_or_default() {
        let read = registry(&table)?;
        by_location.check(&table, &read)?;
        // The first of two tables with the same prefix wins inside one file.
        file.tables.entry(read.prefix.clone()).or_insert(read);
    }
    if let Some(search) = top.strings("unqualified-search-registries")? {
        file.search = Some(search.iter().map(search_entry).collect::<Result<_>>()?);
    }
    if let Some(helpers) = top.strings("credential-helpers")? {
        file.helpers = Some(helpers.iter().map(Value::string).collect::<Result<_>>()?);
    }
    if let Some(value) = top.get("short-name-mode")? {
        file.mode = match value.string()?.as_str() {
            "" => None,
            "enforcing" => Some(ShortNameMode::Enforcing),
            "permissive" => Some(ShortNameMode::Permissive),
            "disabled" => Some(ShortNameMode::Disabled),
            other => {
                let message = format!(
                    "`short-name-mode` is `{other}`; expected enforcing, permissive or disabled"
                );
                return Err(value.error(message));
            }
        };
    }
    // Unused here, but a wrong type is an error for the programs that use it.
    top.string("additional-layer-store-auth-helper")?;
    if let Some(aliases) = top.table("aliases")? {
        for (name, value) in aliases.entries() {
            let target = value.string()?;
            let alias = short_names::alias(name, &target).map_err(|e| value.error(e))?;
            file.aliases.insert(name.to_owned(), alias);
        }
    }
    Ok(file)
}

fn registry(table: &Table<'_>) -> Result<RegistryTable> {
    let location = location(table, "location")?;
    let mut prefix = self::location(table, "prefix")?;
    if prefix.is_empty() {
        if location.is_empty() {
            return Err(table.error("the table has neither `prefix` nor `location`"));
        }
        prefix.clone_from(&location);
    }
    let is_wildcard = prefix.starts_with("*.");
    if is_wildcard && prefix.contains(['/', ':', '@']) {
        let message = format!(
            "the prefix `{prefix}` is not valid: a wildcard has the form `*.example.com`, without port and path"
        );
        return Err(table.error(message));
    }
    if location.is_empty() && !is_wildcard {
        let message = format!(
            "the table of the prefix `{prefix}` has no `location`, which only a wildcard such as `*.example.com` may lack"
        );
        return Err(table.error(message));
    }
    if table
        .string("pull-from-mirror")?
        .is_some_and(|v| !v.is_empty())
    {
        let message = format!(
            "`pull-from-mirror` belongs into a `[[registry.mirror]]` table, not into that of `{prefix}`"
        );
        return Err(table.error(message));
    }
    let mirror_by_digest_only = table.boolean("mirror-by-digest-only")?;
    let mirrors = table.tables("mirror")?.unwrap_or_default();
    let mirrors = mirrors
        .iter()
        .map(|m| mirror(m, &prefix, mirror_by_digest_only))
        .collect::<Result<_>>()?;
    Ok(RegistryTable {
        insecure: table.boolean("insecure")?,
        blocked: table.boolean("blocked")?,
        mirror_by_digest_only,
        mirrors,
        prefix,
        location,
    })
}

fn mirror(table: &Table<'_>, prefix: &str, by_digest_only: bool) -> Result<Mirror> {
    let location = location(table, "location")?;
    if location.is_empty() {
        return Err(table.error(format!("a mirror of `{prefix}` has no `location`")));
    }
    let shown = redacted(&location);
    let pull = table.string("pull-from-mirror")?.unwrap_or_default();
    if by_digest_only && !pull.is_empty() {
        let message = format!(
            "`pull-from-mirror` of the mirror `{shown}` and `mirror-by-digest-only` of `{prefix}` \
             exclude each other"
        );
        return Err(table.error(message));
    }
    let pull = match pull.as_str() {
        "" | "all" => PullFromMirror::All,
        "digest-only" => PullFromMirror::DigestOnly,
        "tag-only" => PullFromMirror::TagOnly,
        other => {
            let message = format!(
                "`pull-from-mirror` of the mirror `{shown}` is `{other}`; expected all, digest-only or tag-only"
            );
            return Err(table.error(message));
        }
    };
    Ok(Mirror {
        location,
        insecure: table.boolean("insecure")?,
        pull,
    })
}

/// The value of `key` without slashes at its end; empty where it is not there.
fn location(table: &Table<'_>, key: &str) -> Result<String> {
    let value = table.get(key)?;
    value.map_or(Ok(String::new()), |value| trimmed(&value))
}

fn trimmed(value: &Value<'_>) -> Result<String> {
    let text = value.string()?;
    if text.starts_with("http://") || text.starts_with("https://") {
        let text = redacted(&text);
        return Err(value.error(format!(
            "`{text}` has a URI scheme; write the host without it"
        )));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn search_entry(value: &Value<'_>) -> Result<String> {
    let host = trimmed(value)?;
    match host.parse::<Registry>() {
        Ok(_) => Ok(host),
        Err(_) => Err(value.error(format!(
            "`{}` of `unqualified-search-registries` is not valid: expected HOST or HOST:PORT",
            redacted(&host)
        ))),
    }
}

/// Tables with the same location have to agree on what the location is.
#[derive(Default)]
struct Conflicts(BTreeMap<String, (bool, bool)>);

impl Conflicts {
    fn check(&mut self, at: &Table<'_>, table: &RegistryTable) -> Result<()> {
        let key = match table.location.as_str() {
            "" => &table.prefix,
            location => location,
        };
        let now = (table.insecure, table.blocked);
        let former = *self.0.entry(key.to_owned()).or_insert(now);
        let differs = match (former.0 != now.0, former.1 != now.1) {
            (false, false) => return Ok(()),
            (true, _) => "insecure",
            _ => "blocked",
        };
        let key = redacted(key);
        let message = format!("two tables have the location `{key}`, but a different `{differs}`");
        Err(at.error(message))
    }
}

/// The lists of version 1 of the format.
struct V1Lists<'a> {
    search: Option<Vec<Value<'a>>>,
    insecure: Option<Vec<Value<'a>>>,
    block: Option<Vec<Value<'a>>>,
}

impl<'a> V1Lists<'a> {
    fn read(registries: &Table<'a>) -> Result<V1Lists<'a>> {
        let list = |name| match registries.table(name)? {
            Some(table) => table.strings("registries"),
            None => Ok::<_, Error>(None),
        };
        Ok(V1Lists {
            search: list("search")?,
            insecure: list("insecure")?,
            block: list("block")?,
        })
    }

    fn any(&self) -> bool {
        self.search.is_some() || self.insecure.is_some() || self.block.is_some()
    }

    fn convert(self) -> Result<ConfFile> {
        let mut file = ConfFile::default();
        let search = self.search.unwrap_or_default();
        file.search = Some(search.iter().map(search_entry).collect::<Result<_>>()?);
        let mut add = |value: &Value<'_>, set: fn(&mut RegistryTable)| -> Result<()> {
            let location = trimmed(value)?;
            if location.is_empty() {
                return Err(value.error("the name of a registry is empty"));
            }
            let table = file.tables.entry(location.clone());
            set(table.or_insert_with(|| RegistryTable {
                prefix: location.clone(),
                location,
                insecure: false,
                blocked: false,
                mirror_by_digest_only: false,
                mirrors: Vec::new(),
            }));
            Ok(())
        };
        for value in self.insecure.iter().flatten() {
            add(value, |table| table.insecure = true)?;
        }
        for value in self.block.iter().flatten() {
            add(value, |table| table.blocked = true)?;
        }
        Ok(file)
    }
}
