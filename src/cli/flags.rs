//! Flag groups that several commands share, and what they mean.
//!
//! Names and meaning are skopeo's (compatibility: "Registry-access flags"); the group of one side of a command
//! exists in three spellings: plain, `--src-…` and `--dest-…`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::skopeo;
use super::trust_flags::TrustFlags;
use super::values::{duration, header_text, named_host, size, switch};
use crate::copy::Schema1Check;
use crate::image::{ChosenBy, PlatformRequest};
use crate::settings::registries_conf::ConfiguredRegistries;
use crate::settings::registries_d::SignaturePlaces;
use crate::settings::{
    Access, AuthFiles, Context, Credential, Found, Login, Secret, Timeouts, TokenHosts, parse_creds,
};
use crate::{Error, Result};

/// Flags of every command.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Log each request and each decision to stderr, without secrets
    #[arg(long, global = true, env = "BARQUE_DEBUG", hide_env_values = true, value_parser = switch, action = clap::ArgAction::SetTrue, help_heading = "Global options", hide_short_help = true)]
    pub(crate) debug: bool,

    /// Choose this operating system of a multi-platform image [default: linux]
    #[arg(
        long,
        global = true,
        value_name = "OS",
        env = "BARQUE_OVERRIDE_OS",
        hide_env_values = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub(crate) override_os: Option<String>,

    /// Choose this architecture of a multi-platform image [default: that of this machine]
    #[arg(
        long,
        global = true,
        value_name = "ARCH",
        env = "BARQUE_OVERRIDE_ARCH",
        hide_env_values = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub(crate) override_arch: Option<String>,

    /// Choose this variant of the architecture
    #[arg(
        long,
        global = true,
        value_name = "VARIANT",
        env = "BARQUE_OVERRIDE_VARIANT",
        hide_env_values = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub(crate) override_variant: Option<String>,

    /// Choose this version of the operating system, as in 10.0.20348 of Windows
    #[arg(
        long,
        global = true,
        value_name = "VERSION",
        env = "BARQUE_OVERRIDE_OS_VERSION",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub(crate) override_os_version: Option<String>,

    /// End the command with an error after this time, as in 90s or 10m [default: none]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, env = "BARQUE_COMMAND_TIMEOUT", hide_env_values = true, help_heading = "Global options", hide_short_help = true)]
    pub(crate) command_timeout: Option<Duration>,

    /// Give up on a connection after this time without a byte [default: 60s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, env = "BARQUE_STALL_TIMEOUT", hide_env_values = true, help_heading = "Global options", hide_short_help = true)]
    pub(crate) stall_timeout: Option<Duration>,

    /// Wait this long before the second try of a request, twice as long before each further one [default: 250ms]
    #[arg(long, global = true, hide = true, value_name = "DURATION", value_parser = duration, env = "BARQUE_RETRY_BACKOFF")]
    pub(crate) retry_backoff: Option<Duration>,

    /// Send a registry's credential to the token endpoint on this host too, though it belongs to another domain; can be repeated
    #[arg(long, global = true, value_name = "HOST", value_parser = named_host, value_delimiter = ',', env = "BARQUE_ALLOW_TOKEN_HOST", hide_env_values = true, help_heading = "Global options")]
    pub(crate) allow_token_host: Vec<String>,

    /// Let a public registry send requests to this host although it is at a private address, as storage within a cloud's network is; can be repeated
    #[arg(long, global = true, value_name = "HOST", value_parser = named_host, value_delimiter = ',', env = "BARQUE_ALLOW_PRIVATE_HOST", hide_env_values = true, help_heading = "Global options", hide_short_help = true)]
    pub(crate) allow_private_host: Vec<String>,

    #[command(flatten)]
    pub(crate) trust: TrustFlags,
    /// Begin the user agent of requests with this text
    #[arg(long, global = true, value_name = "TEXT", value_parser = header_text, env = "BARQUE_USER_AGENT_PREFIX", hide_env_values = true, help_heading = "Global options", hide_short_help = true)]
    pub(crate) user_agent_prefix: Option<String>,

    /// Read this registries.conf in place of the user's or the system's; drop-in files still apply
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BARQUE_REGISTRIES_CONF",
        hide_env_values = true,
        help_heading = "Global options",
        hide_short_help = true
    )]
    registries_conf: Option<PathBuf>,

    /// Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]
    #[arg(
        long = "registries.d",
        global = true,
        value_name = "DIR",
        id = "registries-d",
        help_heading = "Global options",
        hide_short_help = true
    )]
    registries_d: Option<PathBuf>,

    /// Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options",
        hide_short_help = true
    )]
    pub(crate) tmpdir: Option<PathBuf>,

    /// Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Global options")]
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
        if let Login::Files(files) = access.login {
            access.login = Login::Files(files.helped_by(&registries));
        }
        Context {
            tmpdir: self.tmpdir.clone(),
            max_unpacked: self.max_unpacked,
            registries,
            signature_places: SignaturePlaces::of_machine(self.registries_d.clone()),
            ..Context::default()
                .with_access(access)
                .with_timeouts(self.timeouts())
        }
    }

    /// What registries.conf says.
    pub(crate) fn registries(&self) -> ConfiguredRegistries {
        ConfiguredRegistries::of_machine(self.registries_conf.clone())
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

    /// The platform wanted: `--platform` where given, the `--override-…` flags over linux and this machine else.
    ///
    /// # Errors
    /// When both are given, or several platforms are: this is for commands that work on one.
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

/// What is checked of the signatures inside docker schema 1 manifests.
#[derive(Args)]
pub(crate) struct SignatureFlags {
    /// Refuse a schema 1 manifest that was signed as another image, instead of warning
    #[arg(long, conflicts_with = "no_verify_signature")]
    verify_signature: bool,

    /// Take a schema 1 manifest even if its signatures are invalid
    #[arg(long)]
    no_verify_signature: bool,
}

impl SignatureFlags {
    pub(crate) fn check(&self) -> Schema1Check {
        match (self.verify_signature, self.no_verify_signature) {
            (true, _) => Schema1Check::SignaturesAndName,
            (false, true) => Schema1Check::Off,
            (false, false) => Schema1Check::Signatures,
        }
    }
}

/// What the access flags of one side say, whatever their spelling.
pub(crate) struct Side<'a> {
    pub(crate) creds: Option<&'a str>,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) no_creds: bool,
    pub(crate) registry_token: Option<&'a str>,
    /// The credential files that apply when nothing is given.
    pub(crate) files: AuthFiles,
    pub(crate) cert_dir: Option<&'a PathBuf>,
    pub(crate) tls_verify: Option<bool>,
    pub(crate) token_hosts: TokenHosts,
    pub(crate) private_hosts: Vec<String>,
    pub(crate) user_agent: Option<String>,
    /// `""`, `"src-"` or `"dest-"`, for messages.
    pub(crate) prefix: &'static str,
}

impl Side<'_> {
    /// How this side reaches its registry.
    pub(crate) fn access(&self) -> Result<Access> {
        let given = |flag: &str, credential| {
            Login::Given(Found {
                credential,
                origin: format!("`--{}{flag}`", self.prefix),
                token_hosts: Vec::new(),
            })
        };
        let login = if self.no_creds {
            Login::Anonymous
        } else if let Some(token) = self.registry_token {
            given(
                "registry-token",
                Credential::RegistryToken(Secret::new(token)),
            )
        } else if let Some(creds) = self.creds {
            given("creds", parse_creds(creds)?)
        } else if let Some(username) = self.username {
            let password = Secret::new(self.password.unwrap_or_default());
            given(
                "username",
                Credential::Login {
                    username: username.to_owned(),
                    password,
                    identity_token: None,
                },
            )
        } else {
            Login::Files(self.files.clone())
        };
        Ok(Access {
            login,
            tls_verify: self.tls_verify.unwrap_or(true),
            tls_verify_is_given: self.tls_verify.is_some(),
            // skopeo wants to be asked.
            plain_loopback: !skopeo::is_called(),
            cert_dir: self.cert_dir.filter(|dir| !skopeo::ignores(dir)).cloned(),
            token_hosts: self.token_hosts.clone(),
            private_hosts: self.private_hosts.clone(),
            user_agent: self.user_agent.clone(),
        })
    }
}

/// Stamps the flag group of one side. clap cannot prefix a flattened struct, so the macro writes it out.
macro_rules! access_flags {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $heading:literal $(, $short:literal)?) => {
        $(#[$doc])*
        #[derive(Args)]
        #[command(next_help_heading = $heading)]
        pub(crate) struct $name {
            /// Log in as this user with this password; without a colon the password is empty
            #[arg(id = concat!($prefix, "creds"), long = concat!($prefix, "creds"), $(alias = $short,)? value_name = "USER[:PASSWORD]",
                  conflicts_with_all = [concat!($prefix, "username"), concat!($prefix, "no-creds"), concat!($prefix, "registry-token")])]
            creds: Option<String>,

            /// User name (with --password)
            #[arg(id = concat!($prefix, "username"), long = concat!($prefix, "username"), value_name = "USER",
                  requires = concat!($prefix, "password"), conflicts_with_all = [concat!($prefix, "no-creds"), concat!($prefix, "registry-token")])]
            username: Option<String>,

            /// Password for --username (visible in the process list)
            #[arg(id = concat!($prefix, "password"), long = concat!($prefix, "password"), value_name = "PASSWORD",
                  requires = concat!($prefix, "username"))]
            password: Option<String>,

            /// Send no credentials, whatever is stored
            #[arg(id = concat!($prefix, "no-creds"), long = concat!($prefix, "no-creds"), conflicts_with = concat!($prefix, "registry-token"))]
            no_creds: bool,

            /// Send this bearer token as it is; no token endpoint is asked
            #[arg(id = concat!($prefix, "registry-token"), long = concat!($prefix, "registry-token"), value_name = "TOKEN")]
            registry_token: Option<String>,

            /// Read credentials from this file only [env: REGISTRY_AUTH_FILE]
            #[arg(id = concat!($prefix, "authfile"), long = concat!($prefix, "authfile"), value_name = "FILE")]
            authfile: Option<PathBuf>,

            /// Take certificates from this directory: *.crt authorities, *.cert with *.key for the client
            #[arg(id = concat!($prefix, "cert-dir"), long = concat!($prefix, "cert-dir"), value_name = "DIR")]
            cert_dir: Option<PathBuf>,

            /// With =false, accept any certificate and permit plain HTTP [default: true]
            #[arg(id = concat!($prefix, "tls-verify"), long = concat!($prefix, "tls-verify"), value_name = "BOOL",
                  num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new())]
            tls_verify: Option<bool>,
        }

        impl $name {
            /// How this side reaches its registry; `files` and `tls_verify` serve where the side has none of its own.
            pub(crate) fn access(&self, global: &Global, files: Option<&AuthFiles>, tls_verify: Option<bool>) -> Result<Access> {
                let files = match (&self.authfile, files) {
                    (None, Some(files)) => files.clone(),
                    (own, _) => AuthFiles::find(own.clone())?,
                };
                Side {
                    creds: self.creds.as_deref(),
                    username: self.username.as_deref(),
                    password: self.password.as_deref(),
                    no_creds: self.no_creds,
                    registry_token: self.registry_token.as_deref(),
                    files,
                    cert_dir: self.cert_dir.as_ref(),
                    tls_verify: self.tls_verify.or(tls_verify),
                    token_hosts: global.token_hosts(),
                    private_hosts: global.private_hosts(),
                    user_agent: global.user_agent(),
                    prefix: $prefix,
                }
                .access()
            }
        }
    };
}

/// Stamps the flags of one side for places on this machine.
macro_rules! place_flags {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Args)]
        #[command(next_help_heading = "Places on this machine")]
        pub(crate) struct $name {
            /// The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]
            #[arg(id = concat!($prefix, "daemon-host"), long = concat!($prefix, "daemon-host"), value_name = "HOST")]
            daemon_host: Option<String>,

            /// The blobs of an oci: layout are in this directory, which several layouts share
            #[arg(id = concat!($prefix, "shared-blob-dir"), long = concat!($prefix, "shared-blob-dir"), value_name = "DIR")]
            shared_blob_dir: Option<PathBuf>,
        }

        impl $name {
            /// How this side reaches its place, with `access` to a registry; `shared_blobs` is the default of both
            /// sides of a copy.
            pub(crate) fn context(&self, global: &Global, access: Access, shared_blobs: Option<&PathBuf>) -> Context {
                Context {
                    daemon_host: self.daemon_host.clone(),
                    shared_blobs: self.shared_blob_dir.as_ref().or(shared_blobs).cloned(),
                    ..global.context(access)
                }
            }
        }
    };
}

place_flags!(
    /// Where a command with one image finds it.
    PlaceFlags, ""
);
place_flags!(
    /// Where a copy finds its source.
    SourcePlaceFlags, "src-"
);
place_flags!(
    /// Where a copy finds its destination.
    DestinationPlaceFlags, "dest-"
);

access_flags!(
    /// Access to the registry of a command with one image.
    RegistryFlags, "", "Registry access"
);
access_flags!(
    /// Access to the registry that a copy reads.
    SourceFlags, "src-", "Access to the source", "screds"
);
access_flags!(
    /// Access to the registry that a copy writes.
    DestinationFlags, "dest-", "Access to the destination", "dcreds"
);
