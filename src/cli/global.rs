//! The flags of every command, and what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Arg, Args};

use super::authorities::AuthoritiesFlag;
use super::skopeo;
use super::trust_flags::TrustFlags;
use super::values::{duration, header_text, named_host, size, switch};
use crate::image::{ChosenBy, PlatformRequest};
use crate::settings::registries_conf::ConfiguredRegistries;
use crate::settings::registries_d::SignaturePlaces;
use crate::settings::{Access, Context, Login, Timeouts, TokenHosts};
use crate::{Error, Result};

/// The flags that `-h` shows too.
const IN_SHORT_HELP: [&str; 3] = ["override_os_version", "allow_token_host", "max_unpacked"];

/// A flag of the program as one of every command.
fn of_every_command(flag: Arg) -> Arg {
    let is_short = IN_SHORT_HELP.contains(&flag.get_id().as_str());
    // A variable without a value is as none, though the flag has to have one.
    let variable = flag.get_env().and_then(std::env::var_os);
    let flag = match variable.is_some_and(|value| value.is_empty()) {
        true => flag.env(Resettable::Reset),
        false => flag,
    };
    flag.global(true)
        .hide_env_values(true)
        .hide_short_help(!is_short)
        .help_heading("Global options")
}

/// Flags of every command.
#[derive(Args, Clone)]
#[command(mut_args = of_every_command)]
pub(crate) struct Global {
    /// Log each request and each decision to stderr, without secrets
    #[arg(long, env = "BARQUE_DEBUG", value_parser = switch, action = clap::ArgAction::SetTrue)]
    pub(crate) debug: bool,

    /// Choose this operating system of a multi-platform image [default: linux]
    #[arg(long, value_name = "OS", env = "BARQUE_OVERRIDE_OS")]
    pub(crate) override_os: Option<String>,

    /// Choose this architecture of a multi-platform image [default: that of this machine]
    #[arg(long, value_name = "ARCH", env = "BARQUE_OVERRIDE_ARCH")]
    pub(crate) override_arch: Option<String>,

    /// Choose this variant of the architecture
    #[arg(long, value_name = "VARIANT", env = "BARQUE_OVERRIDE_VARIANT")]
    pub(crate) override_variant: Option<String>,

    /// Choose this version of the operating system, as in 10.0.20348 of Windows
    #[arg(long, value_name = "VERSION", env = "BARQUE_OVERRIDE_OS_VERSION")]
    pub(crate) override_os_version: Option<String>,

    /// End the command with an error after this time, as in 90s or 10m [default: none]
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, env = "BARQUE_COMMAND_TIMEOUT")]
    pub(crate) command_timeout: Option<Duration>,

    /// Give up on a connection after this time without a byte [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, env = "BARQUE_STALL_TIMEOUT")]
    pub(crate) stall_timeout: Option<Duration>,

    /// Wait this long before the second try of a request, twice as long before each further one [default: 250ms]
    #[arg(long, hide = true, value_name = "DURATION", value_parser = duration, env = "BARQUE_RETRY_BACKOFF")]
    pub(crate) retry_backoff: Option<Duration>,

    /// Send a registry's credential to the token endpoint on this host too, though it belongs to another domain; can be repeated
    #[arg(long, value_name = "HOST", value_parser = named_host, value_delimiter = ',', env = "BARQUE_ALLOW_TOKEN_HOST")]
    pub(crate) allow_token_host: Vec<String>,

    /// Let a public registry send requests to this host although it is at a private address, as storage within a cloud's network is; can be repeated
    #[arg(long, value_name = "HOST", value_parser = named_host, value_delimiter = ',', env = "BARQUE_ALLOW_PRIVATE_HOST")]
    pub(crate) allow_private_host: Vec<String>,

    #[command(flatten)]
    authorities: AuthoritiesFlag,
    #[command(flatten)]
    pub(crate) trust: TrustFlags,
    /// Begin the user agent of requests with this text
    #[arg(long, value_name = "TEXT", value_parser = header_text, env = "BARQUE_USER_AGENT_PREFIX")]
    pub(crate) user_agent_prefix: Option<String>,

    /// Read this registries.conf in place of the user's or the system's; drop-in files still apply
    #[arg(long, value_name = "FILE", env = "BARQUE_REGISTRIES_CONF")]
    registries_conf: Option<PathBuf>,

    /// Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]
    #[arg(long = "registries.d", value_name = "DIR", id = "registries-d")]
    registries_d: Option<PathBuf>,

    /// Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]
    #[arg(long, value_name = "DIR")]
    pub(crate) tmpdir: Option<PathBuf>,

    /// Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_unpacked: Option<u64>,
}

impl Global {
    /// How long this command waits for others.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let mut timeouts = Timeouts::default();
        if let Some(backoff) = self.retry_backoff {
            timeouts.backoff = backoff;
        }
        // The variable may be there without a value.
        if let Some(stall) = self.stall_timeout.filter(|t| !t.is_zero()) {
            timeouts.stall = stall;
            timeouts.header = timeouts.header.min(stall);
            timeouts.connect = timeouts.connect.min(stall);
            timeouts.commit = stall * 10;
            timeouts.document = stall * 10;
        }
        timeouts
    }

    /// How one side of this command reaches its place, with `access` to a registry.
    pub(crate) fn context(&self, mut access: Access) -> Context {
        let registries = self.registries();
        access.authorities = self.authorities.chosen();
        if let Login::Files(files) = access.login {
            access.login = Login::Files(files.helped_by(&registries));
        }
        Context {
            tmpdir: self.tmpdir.clone(),
            max_unpacked: self.max_unpacked,
            registries,
            signature_places: SignaturePlaces::of_machine(self.registries_d.clone()),
            as_skopeo: skopeo::is_called(),
            ..Context::default()
                .with_access(access)
                .with_timeouts(self.timeouts())
        }
    }

    /// What registries.conf says.
    pub(crate) fn registries(&self) -> ConfiguredRegistries {
        ConfiguredRegistries::of_machine(self.registries_conf.clone())
    }

    /// The registries.conf whose `credential-helpers` keep logins. Docker does not know them, so a file in its format that
    /// was named, `compat`, is used alone, as skopeo does.
    pub(crate) fn login_helpers(&self, compat: Option<&Path>) -> ConfiguredRegistries {
        match compat.is_some_and(|path| !path.as_os_str().is_empty()) {
            true => ConfiguredRegistries::default(),
            false => self.registries(),
        }
    }

    /// Hosts that may see credentials, besides those of a registry's owner.
    pub(crate) fn token_hosts(&self) -> TokenHosts {
        // The variable may be there without a value.
        let given = self.allow_token_host.iter().filter(|host| !host.is_empty());
        TokenHosts::These(given.cloned().collect())
    }

    /// Hosts at private addresses that a public registry may name.
    pub(crate) fn private_hosts(&self) -> Vec<String> {
        let given = self.allow_private_host.iter();
        given.filter(|host| !host.is_empty()).cloned().collect()
    }

    /// How requests call their sender, where that is not the default.
    pub(crate) fn user_agent(&self) -> Option<String> {
        let name = skopeo::user_agent();
        match self.user_agent_prefix.as_deref() {
            None | Some("") => name,
            Some(prefix) => {
                let name = name.unwrap_or_else(|| format!("barque/{}", env!("CARGO_PKG_VERSION")));
                Some(format!("{prefix} {name}"))
            }
        }
    }

    /// The platform wanted: `--platform` where given, the `--override-…` flags over linux and this machine else. Fails
    /// when both are given, or several platforms are: this is for commands that work on one.
    pub(crate) fn platform(&self, flag: &PlatformFlag) -> Result<PlatformRequest> {
        let mut given = flag.platform.clone();
        given.dedup();
        match &given[..] {
            [] => self.overridden(),
            [text] => {
                self.not_overridden()?;
                Ok(PlatformRequest {
                    by: ChosenBy::Platform,
                    ..text.parse::<PlatformRequest>()?
                })
            }
            several => Err(Error::other(format!(
                "one platform can be chosen here, but `--platform` names {}: {}",
                several.len(),
                several.join(", ")
            ))
            .hint("run the command once for each platform")),
        }
    }

    /// What the `--override-…` flags say, over linux and this machine.
    fn overridden(&self) -> Result<PlatformRequest> {
        let [os, arch, variant, os_version] = self.overrides();
        let by = match self.not_overridden() {
            Ok(()) => ChosenBy::Default,
            Err(_) => ChosenBy::Override,
        };
        let default = PlatformRequest::default();
        let mut text = format!(
            "{}/{}",
            os.unwrap_or(&default.os),
            arch.unwrap_or(&default.architecture)
        );
        if let Some(variant) = variant {
            text = format!("{text}/{variant}");
        }
        if let Some(version) = os_version {
            text = format!("{text}:{version}");
        }
        let wish = text.parse::<PlatformRequest>()?;
        Ok(PlatformRequest { by, ..wish })
    }

    /// The values of the `--override-…` flags. An empty one, as of a variable of CI that is not set, is left out.
    fn overrides(&self) -> [Option<&str>; 4] {
        let flags = [
            &self.override_os,
            &self.override_arch,
            &self.override_variant,
            &self.override_os_version,
        ];
        flags.map(|flag| flag.as_deref().filter(|text| !text.is_empty()))
    }

    /// An error when an `--override-…` flag is given where `--platform` is.
    pub(crate) fn not_overridden(&self) -> Result<()> {
        match self.overrides() {
            [None, None, None, None] => Ok(()),
            _ => Err(Error::other(
                "`--platform` and the `--override-` flags say the same thing twice",
            )),
        }
    }
}

/// The platform of commands that work on one image.
#[derive(Args)]
pub(crate) struct PlatformFlag {
    /// Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
}
