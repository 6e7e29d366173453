//! The flags that say who signs, for the commands that write images; and how passphrases are found.
//!
//! Names and meaning are skopeo's. A key of `--sign-by` with a `/` in its name is a file with the secret key; others are
//! keys of the program `gpg`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::skopeo;
use crate::files::read_whole;
use crate::image::{Reference, parse_reference};
use crate::platform::Echo;
use crate::settings::Secret;
use crate::trust::signing::{
    Gpg, OpenPgpKey, SignFormat, Signer, Signing, SigstoreKey, WrongPassphrase, first_line,
};
use crate::{Error, Kind, Result};

/// Bytes of a key, a passphrase or a parameter file.
const FILE_CAP: u64 = 1 << 20;

/// Who signs what is written, and as what.
#[derive(Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct SigningFlags {
    #[command(flatten)]
    signers: SignerFlags,

    /// Sign as this image, in place of the destination
    #[arg(long, value_name = "NAME:TAG")]
    sign_identity: Option<String>,
}

/// Who signs what is written.
#[derive(Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct SignerFlags {
    /// Sign with this key of gpg, or with the secret key in a file, as in ./key.asc
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,

    /// Sign as the parameters in this YAML file say: privateKeyFile and privateKeyPassphraseFile
    #[arg(long, value_name = "FILE")]
    sign_by_sigstore: Option<PathBuf>,

    /// Sign with the sigstore private key in this file, as `barque generate-sigstore-key` or cosign writes it
    #[arg(long, value_name = "FILE")]
    sign_by_sigstore_private_key: Option<PathBuf>,

    /// The passphrase of the key is the first line of this file
    #[arg(long, value_name = "FILE")]
    sign_passphrase_file: Option<PathBuf>,

    /// Sign with sigstore keys in this form: attachment, as skopeo and cosign 1 and 2 do, or bundle, as cosign 3 does
    #[arg(
        long,
        value_name = "FORM",
        default_value = "attachment",
        hide_default_value = true,
        hide_possible_values = true
    )]
    sign_format: FormName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormName {
    Attachment,
    Bundle,
}

/// The parameters of `--sign-by-sigstore`. Other members would be another way to sign, and are errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Parameters {
    private_key_file: Option<PathBuf>,
    private_key_passphrase_file: Option<PathBuf>,
    fulcio: Option<serde::de::IgnoredAny>,
    #[serde(rename = "rekorURL")]
    rekor: Option<String>,
}

impl SigningFlags {
    /// Whether one name is given to sign as.
    pub(super) fn has_identity(&self) -> bool {
        self.sign_identity.is_some()
    }

    /// The signers that the flags name, with the identity; `None` without any. Asks for a passphrase where one is needed.
    pub(crate) async fn signing(&self) -> Result<Option<Arc<Signing>>> {
        let identity = self.identity()?;
        let signing = self.signers.signing().await?;
        match (signing, &self.sign_identity) {
            (None, Some(_)) => {
                let message = "`--sign-identity` is for images that are signed";
                Err(Error::other(message).hint("add `--sign-by` with a key"))
            }
            (signing, _) => Ok(signing.map(|signing| {
                Arc::new(Signing {
                    identity,
                    ..signing
                })
            })),
        }
    }

    fn identity(&self) -> Result<Option<Reference>> {
        let Some(text) = &self.sign_identity else {
            return Ok(None);
        };
        let reference = parse_reference(text)?;
        if skopeo::is_called() && reference.to_string() != *text {
            return Err(Error::other(
                "Could not parse --sign-identity: repository name must be canonical",
            ));
        }
        if reference.tag.is_none() && reference.digest.is_none() {
            let message = format!("`--sign-identity {text}` has neither tag nor digest");
            return Err(
                Error::other(message).hint(format!("write `--sign-identity {text}:latest`"))
            );
        }
        Ok(Some(reference))
    }
}

impl SignerFlags {
    /// The signers that the flags name; `None` without any. Asks for a passphrase where one is needed.
    pub(crate) async fn signing(&self) -> Result<Option<Signing>> {
        let by_key = self.sign_by.is_some() || self.sign_by_sigstore_private_key.is_some();
        let both = self.sign_by.is_some() && self.sign_by_sigstore_private_key.is_some();
        if self.sign_passphrase_file.is_some() && (!by_key || both) {
            return Err(Error::other(
                "`--sign-passphrase-file` goes with exactly one of `--sign-by` and `--sign-by-sigstore-private-key`",
            ));
        }
        let passphrase = match &self.sign_passphrase_file {
            Some(file) => Some(read_passphrase(file)?),
            None => None,
        };
        let mut signers = Vec::new();
        if let Some(key) = &self.sign_by {
            signers.push(openpgp(key, passphrase.clone())?);
        }
        if let Some(file) = &self.sign_by_sigstore {
            signers.push(by_parameters(file).await?);
        }
        if let Some(file) = &self.sign_by_sigstore_private_key {
            signers.push(sigstore(file, passphrase.as_ref()).await?);
        }
        let format = match self.sign_format {
            FormName::Attachment => SignFormat::Attachment,
            FormName::Bundle => SignFormat::Bundle,
        };
        let signing = Signing {
            signers,
            identity: None,
            format,
        };
        Ok((!signing.signers.is_empty()).then_some(signing))
    }
}

/// The signer for the value of `--sign-by`.
pub(super) fn openpgp(key: &str, passphrase: Option<Secret>) -> Result<Signer> {
    if !key.contains('/') {
        return Gpg::new(key, passphrase).map(Signer::Gpg);
    }
    let file = read(Path::new(key))?;
    let read = OpenPgpKey::read(&file, passphrase);
    let read = read.map_err(|e| e.context(format!("reading the key `{key}`")))?;
    Ok(Signer::OpenPgp(Box::new(read)))
}

async fn by_parameters(file: &Path) -> Result<Signer> {
    let shown = file.display();
    let text = read_text(file)?;
    let parameters: Parameters = serde_saphyr::from_str(&text).map_err(|e| {
        Error::other(format!(
            "the signing parameters `{shown}` are not valid: {}",
            e.without_snippet()
        ))
    })?;
    let fulcio = parameters
        .fulcio
        .is_some()
        .then_some("a certificate of Fulcio (`fulcio`)");
    let rekor = parameters
        .rekor
        .is_some()
        .then_some("an entry in a transparency log (`rekorURL`)");
    let unsupported: Vec<&str> = fulcio.into_iter().chain(rekor).collect();
    if !unsupported.is_empty() {
        let message = format!(
            "`{shown}` asks for {}, and barque signs with keys alone",
            unsupported.join(" and for ")
        );
        return Err(Error::other(message).hint(
            "write a file with `privateKeyFile` and `privateKeyPassphraseFile` only, or sign with `cosign sign`",
        ));
    }
    let Some(key) = parameters.private_key_file else {
        let message = format!("the signing parameters `{shown}` name no `privateKeyFile`");
        return Err(Error::other(message));
    };
    let passphrase = match &parameters.private_key_passphrase_file {
        Some(file) => Some(read_passphrase(file)?),
        None => None,
    };
    sigstore(&key, passphrase.as_ref()).await
}

/// The signer for the private key in `file`. Without a passphrase the empty one is tried, and then asked for.
async fn sigstore(file: &Path, passphrase: Option<&Secret>) -> Result<Signer> {
    let shown = file.display();
    let in_file = |e: Error| e.context(format!("reading the private key `{shown}`"));
    let text = read_text(file).map_err(in_file)?;
    let given = passphrase.map_or("", Secret::expose);
    let mut key = SigstoreKey::open(&text, given);
    let is_wrong =
        |e: &Error| std::error::Error::source(e).is_some_and(|e| e.is::<WrongPassphrase>());
    if passphrase.is_none() && key.as_ref().is_err_and(is_wrong) {
        let asked = ask(&format!("Passphrase for key {shown}: ")).await?;
        key = SigstoreKey::open(&text, asked.expose());
    }
    key.map(Signer::Sigstore).map_err(in_file)
}

/// Asks for a passphrase on the terminal.
pub(super) async fn ask(prompt: &str) -> Result<Secret> {
    if !std::io::stdin().is_terminal() {
        let text = "cannot ask for a passphrase: standard input is not a terminal";
        return Err(Error::not_allowed(text).hint("give a file whose first line is the passphrase"));
    }
    let failed = |e: std::io::Error| Error::other("the terminal cannot be read").because(e);
    let _echo = Echo::kept();
    let prompt = prompt.to_owned();
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt));
    let asked = asked.await.map_err(|e| failed(e.into()))?.map_err(failed)?;
    Ok(Secret::new(asked))
}

/// The passphrase in `file`.
pub(super) fn read_passphrase(file: &Path) -> Result<Secret> {
    let shown = file.display();
    let line = read(file).and_then(|text| first_line(&text));
    line.map_err(|e| e.context(format!("reading the passphrase `{shown}`")))
}

/// The bytes of a small file.
pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    read_whole(file, FILE_CAP).map_err(|e| {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::of_file(&e),
        };
        let text = format!("the file `{}` cannot be read", file.display());
        Error::new(kind, text).because(e)
    })
}

fn read_text(file: &Path) -> Result<String> {
    let text = String::from_utf8(read(file)?);
    text.map_err(|e| Error::other(format!("`{}` is not text", file.display())).because(e))
}
