//! Where credential files and certificates live on this machine.
//!
//! The process environment is read here and nowhere else in the room, into an [`Environment`] that is passed
//! on, so that a test can make one up. Nothing here opens a file.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// What the process environment says: its variables, the home folder and the user's number.
#[derive(Clone, Default)]
pub struct Environment {
    vars: HashMap<OsString, OsString>,
    home: Option<PathBuf>,
    uid: Option<u32>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Environment {
        Environment {
            vars: std::env::vars_os().collect(),
            home: dirs::home_dir(),
            uid: crate::platform::user(),
        }
    }

    /// A made-up environment with `home` as its home folder and nothing else.
    pub fn with_home(home: impl Into<PathBuf>) -> Environment {
        Environment {
            home: Some(home.into()),
            ..Environment::default()
        }
    }

    /// This environment with the variable `name` set.
    pub fn set(mut self, name: &str, value: impl Into<OsString>) -> Environment {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// The variable `name`; `None` when it is not set or empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        let value = self.vars.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// The variable `name` as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from)
    }

    /// The home folder.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Whether the user is root.
    pub fn is_root(&self) -> bool {
        self.uid == Some(0)
    }

    /// The user's number, where it is known.
    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The user's folder of containers configuration, below `XDG_CONFIG_HOME` or `~/.config`.
    pub fn containers_config(&self) -> Option<PathBuf> {
        let config = match self.path("XDG_CONFIG_HOME") {
            Some(dir) => dir,
            None => self.home()?.join(".config"),
        };
        Some(config.join("containers"))
    }

    /// `path` as a user writes it, with `~` for the home folder. After that, every system knows `/`.
    pub fn show(&self, path: &Path) -> String {
        let in_home = self.home().and_then(|home| path.strip_prefix(home).ok());
        match in_home {
            Some(rest) => format!("~/{}", rest.display()).replace(MAIN_SEPARATOR, "/"),
            None => path.display().to_string(),
        }
    }

    /// The credential file named by `REGISTRY_AUTH_FILE`.
    pub fn named_auth_file(&self) -> Option<PathBuf> {
        self.path("REGISTRY_AUTH_FILE")
    }

    /// `containers/auth.json` for the time of the session: below `XDG_RUNTIME_DIR`, else below
    /// `/run/containers`; below `~/.config` on systems that have neither.
    pub fn runtime_auth_file(&self) -> Option<PathBuf> {
        if !cfg!(target_os = "linux") {
            return Some(self.home()?.join(".config/containers/auth.json"));
        }
        match self.path("XDG_RUNTIME_DIR") {
            Some(dir) => Some(dir.join("containers/auth.json")),
            None => Some(PathBuf::from(format!(
                "/run/containers/{}/auth.json",
                self.uid?
            ))),
        }
    }

    /// `containers/auth.json` that outlives the session, below `XDG_CONFIG_HOME` or `~/.config`.
    pub fn config_auth_file(&self) -> Option<PathBuf> {
        Some(self.containers_config()?.join("auth.json"))
    }

    /// Docker's `config.json`, below `DOCKER_CONFIG` or `~/.docker`.
    pub fn docker_config_file(&self) -> Option<PathBuf> {
        let dir = match self.path("DOCKER_CONFIG") {
            Some(dir) => dir,
            None => self.home()?.join(".docker"),
        };
        Some(dir.join("config.json"))
    }

    /// Docker's credential file of before 2015.
    pub fn legacy_docker_file(&self) -> Option<PathBuf> {
        Some(self.home()?.join(".dockercfg"))
    }

    /// The certs.d folders, the first to be asked first.
    pub fn certs_d_folders(&self) -> Vec<PathBuf> {
        let own = self
            .home()
            .map(|home| home.join(".config/containers/certs.d"));
        let system = ["containers", "docker"]
            .map(|name| crate::platform::machine_folder(name).join("certs.d"));
        own.into_iter().chain(system).collect()
    }

    /// The program `name` of the folders of `PATH`. Relative folders are passed over: what lies in the working
    /// directory must not be able to become a credential helper.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.in_path(name, is_program)
    }

    /// As [`Environment::program`], for a file that is what `wanted` says.
    pub(super) fn in_path(&self, name: &str, wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(self.var("PATH")?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&name))
            .find(|path| wanted(path))
    }
}

/// The folders of containers configuration for all users of this machine, the first to be asked first.
pub(super) fn machine_containers() -> impl DoubleEndedIterator<Item = PathBuf> {
    let own = crate::platform::machine_folder("containers");
    std::iter::once(own).chain(crate::platform::packaged_folder("containers"))
}

// By hand, because variables hold secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|about| crate::platform::is_program(&about))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_move_the_files() {
        let plain = Environment {
            uid: Some(7),
            ..Environment::with_home("/home/u")
        };
        let config = plain.config_auth_file().unwrap();
        assert_eq!(plain.show(&config), "~/.config/containers/auth.json");
        assert_eq!(
            plain.docker_config_file().unwrap(),
            Path::new("/home/u/.docker/config.json")
        );
        let moved = plain
            .clone()
            .set("XDG_CONFIG_HOME", "/c")
            .set("DOCKER_CONFIG", "/d")
            .set("REGISTRY_AUTH_FILE", "");
        assert_eq!(
            moved.config_auth_file().unwrap(),
            Path::new("/c/containers/auth.json")
        );
        assert_eq!(
            moved.docker_config_file().unwrap(),
            Path::new("/d/config.json")
        );
        assert_eq!(
            moved.named_auth_file(),
            None,
            "an empty variable is not set"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_runtime_folder_the_user_number_names_it() {
        let plain = Environment {
            uid: Some(7),
            ..Environment::default()
        };
        assert_eq!(
            plain.runtime_auth_file().unwrap(),
            Path::new("/run/containers/7/auth.json")
        );
        let set = plain.set("XDG_RUNTIME_DIR", "/r");
        assert_eq!(
            set.runtime_auth_file().unwrap(),
            Path::new("/r/containers/auth.json")
        );
        assert!(Environment::of_process().uid.is_some());
    }

    #[cfg(unix)]
    #[test]
    fn programs_come_from_absolute_folders_only() {
        let path = |p: &str| Environment::default().set("PATH", p).program("sh");
        assert!(path("/nowhere:/bin").is_some());
        assert_eq!(path("bin:.:"), None);
        assert_eq!(Environment::default().program("sh"), None);
    }
}
