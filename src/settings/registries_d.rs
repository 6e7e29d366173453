//! registries.d: where the signatures of images in registries are kept.
//!
//! All `*.yaml` files of one directory say together, for parts of the names of images, which lookaside server or folder
//! has their signatures, and whether they have sigstore attachments. Read here, and the place of an image's signatures
//! found; nothing is requested. The format is that of containers-registries.d(5).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use url::Url;

use super::paths::Environment;
use super::policy::of_reference;
use super::redacted;
use crate::files::read_whole;
use crate::image::Reference;
use crate::{Error, Kind, Result};

/// Larger files are not of registries.d.
const SIZE_CAP: u64 = 8 << 20;
const SYSTEM_LOOKASIDE: &str = "/var/lib/containers/sigstore";

/// Where signatures of images in registries are, as one side of an operation knows it. The default knows of no place.
///
/// The files are read when an image is first asked for.
#[derive(Debug, Clone, Default)]
pub struct SignaturePlaces {
    machine: Option<Arc<OfMachine>>,
    attachments: bool,
}

#[derive(Debug)]
struct OfMachine {
    folder: Option<PathBuf>,
    read: OnceLock<RegistriesD>,
}

impl SignaturePlaces {
    /// What the files of `folder` (`--registries.d`) say, or those of the user or the system.
    pub fn of_machine(folder: Option<PathBuf>) -> SignaturePlaces {
        SignaturePlaces {
            machine: Some(Arc::new(OfMachine {
                folder,
                read: OnceLock::new(),
            })),
            attachments: false,
        }
    }

    /// These places, with sigstore attachments whatever the files say of them.
    #[must_use]
    pub fn with_attachments(self) -> SignaturePlaces {
        SignaturePlaces {
            attachments: true,
            ..self
        }
    }

    /// Where the signatures of `image` are; `None` if no place is known. Blocks the first time.
    ///
    /// # Errors
    /// As [`RegistriesD::load`] and [`RegistriesD::of`].
    pub fn of(&self, image: &Reference) -> Result<Option<SignaturePlace>> {
        let Some(machine) = &self.machine else {
            return Ok(None);
        };
        let read = match machine.read.get() {
            Some(read) => read,
            None => {
                let read = RegistriesD::load(machine.folder.as_deref())?;
                machine.read.get_or_init(|| read)
            }
        };
        let mut place = read.of(image)?;
        place.attachments |= self.attachments;
        Ok(Some(place))
    }
}

/// Where the signatures of one image are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignaturePlace {
    /// The lookaside that they are read from.
    pub read: Option<Lookaside>,
    /// The lookaside that they are written to.
    pub write: Option<Lookaside>,
    /// Whether its repository has sigstore attachments.
    pub attachments: bool,
}

/// The place of the signatures of one repository; those of a manifest are at `@ALGORITHM=HEX/signature-N` behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookaside {
    Folder(PathBuf),
    /// `http` or `https`.
    Server(Url),
}

/// What all files say together.
#[derive(Debug, Clone, Default)]
pub struct RegistriesD {
    /// `default-docker`.
    default: Option<Section>,
    /// `docker`, by part of a name.
    scopes: BTreeMap<String, Section>,
    /// Where signatures are if no section says so.
    usual: Option<PathBuf>,
}

/// A section and the file that has it.
#[derive(Debug, Clone)]
struct Section {
    says: Settings,
    file: PathBuf,
    /// Its key, for messages.
    key: String,
}

/// A file. Unknown keys are ignored, so that newer files can be read.
#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    #[serde(rename = "default-docker")]
    default: Option<Settings>,
    docker: Option<BTreeMap<String, Option<Settings>>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Settings {
    lookaside: Option<String>,
    lookaside_staging: Option<String>,
    sigstore: Option<String>,
    sigstore_staging: Option<String>,
    use_sigstore_attachments: Option<bool>,
}

impl Settings {
    /// The keys had other names at first; the new one counts where both are there.
    fn read(&self) -> Option<&str> {
        said(&self.lookaside).or(said(&self.sigstore))
    }

    /// Where this section has signatures written: its staging place, else the place that it reads from. The staging place of a
    /// less specific section does not count then, because signatures there would not be found.
    fn write(&self) -> Option<&str> {
        let staging = said(&self.lookaside_staging).or(said(&self.sigstore_staging));
        staging.or_else(|| self.read())
    }
}

/// A setting that is there and not empty.
fn said(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().filter(|text| !text.is_empty())
}

impl RegistriesD {
    /// Reads the files of this machine: those of `explicit` (`--registries.d`), else of the user's directory if there is
    /// one, else of the system's. A directory that does not exist has no files.
    ///
    /// # Errors
    /// Name the file, the line and the key. One section in two files is an error.
    pub fn load(explicit: Option<&Path>) -> Result<RegistriesD> {
        RegistriesD::load_in(explicit, &Environment::of_process())
    }

    /// As [`RegistriesD::load`] in a given environment.
    ///
    /// # Errors
    /// As [`RegistriesD::load`].
    pub fn load_in(explicit: Option<&Path>, environment: &Environment) -> Result<RegistriesD> {
        let user = environment.containers_config();
        let user = user.map(|config| config.join("registries.d"));
        let folder = match (explicit, user) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(user)) if user.is_dir() => user,
            (None, _) => crate::platform::machine_folder("containers").join("registries.d"),
        };
        let mut all = RegistriesD {
            usual: usual(environment),
            ..RegistriesD::default()
        };
        for path in files(&folder)? {
            all.merge(&path)?;
        }
        Ok(all)
    }

    fn merge(&mut self, path: &Path) -> Result<()> {
        let file = parse(path)?;
        let twice = |former: &Section| {
            let key = &former.key;
            let (a, b) = (former.file.display(), path.display());
            Error::other(format!("`{key}` is in `{a}` and in `{b}`"))
        };
        let section = |says, key: String| Section {
            says,
            file: path.to_owned(),
            key,
        };
        if let Some(says) = file.default {
            if let Some(former) = &self.default {
                return Err(twice(former));
            }
            self.default = Some(section(says, "default-docker".to_owned()));
        }
        for (scope, says) in file.docker.into_iter().flatten() {
            if let Some(former) = self.scopes.get(&scope) {
                return Err(twice(former));
            }
            let key = format!("docker.{scope}");
            let section = section(says.unwrap_or_default(), key);
            self.scopes.insert(scope, section);
        }
        Ok(())
    }

    /// Where the signatures of `image` are. Each setting is that of the most specific section that has it.
    ///
    /// # Errors
    /// When the lookaside is no URL of a kind that can be used; they name the file and the section.
    pub fn of(&self, image: &Reference) -> Result<SignaturePlace> {
        let scopes = of_reference(image);
        let sections = || {
            let named = scopes.iter().filter_map(|scope| self.scopes.get(scope));
            named.chain(&self.default)
        };
        let of = |said: fn(&Settings) -> Option<&str>, key: &str| {
            let found = sections().find_map(|section| Some((section, said(&section.says)?)));
            let lookaside = found.map(|(section, url)| {
                Lookaside::parse(url, image).map_err(|e| {
                    let (file, at) = (section.file.display(), &section.key);
                    e.context(format!("`{file}`: `{key}` of `{at}` cannot be used"))
                })
            });
            lookaside.transpose()
        };
        let usual = || {
            let folder = self.usual.as_ref()?;
            Some(Lookaside::Folder(
                folder.join(image.repository.name.as_str()),
            ))
        };
        let read = of(Settings::read, "lookaside")?.or_else(usual);
        let write = of(Settings::write, "lookaside-staging")?.or_else(usual);
        let attachments = sections().find_map(|section| section.says.use_sigstore_attachments);
        Ok(SignaturePlace {
            read,
            write,
            attachments: attachments.unwrap_or(false),
        })
    }
}

impl Lookaside {
    /// The place below `base` of the repository of `image`.
    fn parse(base: &str, image: &Reference) -> Result<Lookaside> {
        let unusable = |why: &str| {
            let base = redacted(base);
            Error::other(format!("`{base}` is no place of signatures: {why}"))
                .hint("write a URL that begins with `file:///`, `https://` or `http://`")
        };
        let mut url = Url::parse(base).map_err(|e| unusable(&e.to_string()))?;
        match url.scheme() {
            "file" => {
                let folder = url.to_file_path();
                let folder = folder.map_err(|()| unusable("it is no file of this machine"))?;
                Ok(Lookaside::Folder(
                    folder.join(image.repository.name.as_str()),
                ))
            }
            "http" | "https" if url.has_host() => {
                let folder = url.path().trim_end_matches('/');
                url.set_path(&format!("{folder}/{}", image.repository.name));
                Ok(Lookaside::Server(url))
            }
            other => Err(unusable(&format!("the scheme `{other}` is not supported"))),
        }
    }
}

/// Where signatures are kept if no file says so.
fn usual(environment: &Environment) -> Option<PathBuf> {
    if environment.is_root() {
        return Some(PathBuf::from(SYSTEM_LOOKASIDE));
    }
    Some(environment.home()?.join(".local/share/containers/sigstore"))
}

/// The files of `folder`, sorted by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        let folder = folder.display();
        let message = format!("cannot read the directory `{folder}` of signature settings");
        Error::new(Kind::of_file(&e), message).because(e)
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "yaml") && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn parse(path: &Path) -> Result<File> {
    let shown = path.display();
    let unreadable = || format!("cannot read the signature settings `{shown}`");
    let bytes = read_whole(path, SIZE_CAP)
        .map_err(|e| Error::new(Kind::of_file(&e), unreadable()).because(e))?;
    let text = String::from_utf8(bytes).map_err(|e| Error::other(unreadable()).because(e))?;
    let file: Option<File> =
        serde_saphyr::from_str(&text).map_err(|e| not_valid(path, &text, e.without_snippet()))?;
    Ok(file.unwrap_or_default())
}

/// The error `e` with the line that it is about, which has the key.
fn not_valid(path: &Path, text: &str, e: &serde_saphyr::Error) -> Error {
    let path = path.display();
    let Some(at) = e.location() else {
        return Error::other(format!("`{path}`: {e}"));
    };
    let line = text.lines().nth((at.line() as usize).saturating_sub(1));
    let line = redacted(line.unwrap_or_default().trim());
    let line: String = line.chars().take(80).collect();
    let e = e.to_string();
    let place = format!(" at line {}, column {}", at.line(), at.column());
    let e = e.strip_suffix(&place).unwrap_or(&e);
    Error::other(format!("`{path}` line {}, `{line}`: {e}", at.line()))
}
