//! The registries.conf of a context, read when the first registry is opened: a broken file is an error of commands that
//! need a registry, and of no others.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::RegistriesConf;
use crate::Result;

/// The configuration of registries that applies. The default is empty: names are taken as they are.
#[derive(Debug, Clone, Default)]
pub struct ConfiguredRegistries {
    of_machine: bool,
    explicit: Option<PathBuf>,
    read: Arc<OnceLock<Arc<RegistriesConf>>>,
}

impl ConfiguredRegistries {
    /// The files of this machine, as [`RegistriesConf::load`] finds them; `explicit` in place of the main file.
    pub fn of_machine(explicit: Option<PathBuf>) -> ConfiguredRegistries {
        ConfiguredRegistries {
            of_machine: true,
            explicit: explicit.filter(|path| !path.as_os_str().is_empty()),
            read: Arc::default(),
        }
    }

    /// What the files say. They are read once.
    ///
    /// # Errors
    /// As [`RegistriesConf::load`].
    pub fn get(&self) -> Result<Arc<RegistriesConf>> {
        if let Some(read) = self.read.get() {
            return Ok(read.clone());
        }
        let conf = match self.of_machine {
            true => RegistriesConf::load(self.explicit.as_deref())?,
            false => RegistriesConf::default(),
        };
        Ok(self.read.get_or_init(|| Arc::new(conf)).clone())
    }
}
