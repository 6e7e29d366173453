//! Flag groups that several commands share, and what they mean.
//!
//! Names and meaning are skopeo's (compatibility: "Registry-access flags"); the group of one side of a command
//! exists in three spellings: plain, `--src-…` and `--dest-…`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

pub(crate) use super::global::{Global, PlatformFlag};
use super::retry::RetryFlags;
use super::skopeo;
use crate::Result;
use crate::copy::Schema1Check;
use crate::image::PlatformRequest;
use crate::settings::{
    Access, AuthFiles, Authorities, Context, Credential, Found, Login, Secret, parse_creds,
};

/// Where indexes of gzip layers are kept.
#[derive(Args)]
pub(crate) struct IndexFlag {
    /// Write an index of each gzip layer that is read into this directory, and read only parts of such layers later
    #[arg(long, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
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
struct Side<'a> {
    creds: Option<&'a str>,
    username: Option<&'a str>,
    password: Option<&'a str>,
    no_creds: bool,
    registry_token: Option<&'a str>,
    /// The credential files that apply when nothing is given.
    files: AuthFiles,
    cert_dir: Option<&'a PathBuf>,
    tls_verify: Option<bool>,
    /// `""`, `"src-"` or `"dest-"`, for messages.
    prefix: &'static str,
}

impl Side<'_> {
    /// How this side reaches its registry.
    fn access(self, global: &Global) -> Result<Access> {
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
            Login::Files(self.files)
        };
        Ok(Access {
            login,
            tls_verify: self.tls_verify.unwrap_or(true),
            tls_verify_is_given: self.tls_verify.is_some(),
            // skopeo wants to be asked.
            plain_loopback: !skopeo::is_called(),
            cert_dir: self.cert_dir.filter(|dir| !skopeo::ignores(dir)).cloned(),
            authorities: Authorities::default(),
            token_hosts: global.token_hosts(),
            private_hosts: global.private_hosts(),
            user_agent: global.user_agent(),
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
            #[arg(id = concat!($prefix, "password"), long = concat!($prefix, "password"), value_name = "PASSWORD", allow_hyphen_values = true,
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
                    (own, _) => skopeo::auth_files(own.clone())?,
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
                    prefix: $prefix,
                }
                .access(global)
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

impl RegistryFlags {
    /// How a command with one registry reaches it.
    pub(crate) fn context(&self, global: &Global) -> Result<Context> {
        Ok(global.context(self.access(global, None, None)?))
    }
}

/// Which image of an index a command reads, where, and how often it tries.
#[derive(Args)]
pub(crate) struct ImageFlags {
    #[command(flatten)]
    pub(crate) platform: PlatformFlag,
    #[command(flatten)]
    place: PlaceFlags,
    #[command(flatten)]
    pub(crate) retry: RetryFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl ImageFlags {
    /// How images are reached.
    pub(crate) fn context(&self, global: &Global) -> Result<Context> {
        let access = self.registry.access(global, None, None)?;
        Ok(self.place.context(global, access, None))
    }

    /// How images are reached, and which platform is wanted.
    pub(crate) fn reach(&self, global: &Global) -> Result<(Context, PlatformRequest)> {
        Ok((self.context(global)?, global.platform(&self.platform)?))
    }
}

/// How a command with a source and a destination reaches them, and how often it tries.
#[derive(Args)]
pub(crate) struct SideFlags {
    #[command(flatten)]
    pub(crate) retry: RetryFlags,
    #[command(flatten)]
    src_place: SourcePlaceFlags,
    #[command(flatten)]
    dest_place: DestinationPlaceFlags,
    #[command(flatten)]
    src: SourceFlags,
    #[command(flatten)]
    dest: DestinationFlags,
}

impl SideFlags {
    /// How source and destination are reached. `files`, `tls_verify` and `shared_blobs` apply to a side without a flag of
    /// its own for them.
    pub(crate) fn contexts(
        &self,
        global: &Global,
        files: &AuthFiles,
        tls_verify: Option<bool>,
        shared_blobs: Option<&PathBuf>,
    ) -> Result<(Context, Context)> {
        let from = self.src.access(global, Some(files), tls_verify)?;
        let to = self.dest.access(global, Some(files), tls_verify)?;
        Ok((
            self.src_place.context(global, from, shared_blobs),
            self.dest_place.context(global, to, shared_blobs),
        ))
    }
}
