//! `barque standalone-sign`, `standalone-verify`, `untrusted-signature-dump-without-verification` and
//! `generate-sigstore-key`: signatures and keys as files, with skopeo's arguments and output.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::Serialize;

use super::signing::{ask, openpgp, read, read_passphrase};
use super::{Outcome, skopeo};
use crate::image::{Algorithm, Digest, Manifest};
use crate::report::json;
use crate::settings::Secret;
use crate::trust::signing::{SigstoreKey, export_public_keys};
use crate::trust::{Leniency, SimpleSigning};
use crate::{Error, Result, platform};

const SIGN_EXAMPLES: &str = "\
Examples:
  Sign a manifest that was saved, with a key of gpg:
    barque inspect --raw docker://registry.example.com/app:1.2 > manifest.json
    barque standalone-sign manifest.json registry.example.com/app:1.2 \\
      me@example.com -o app.signature";

/// Sign a manifest in a file with an OpenPGP key
///
/// Writes a simple signing signature of the manifest as the given name, which is not looked at.
#[derive(Args)]
#[command(after_long_help = SIGN_EXAMPLES)]
pub(crate) struct SignArgs {
    /// The file with the manifest
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// The name to sign it as
    #[arg(value_name = "NAME")]
    reference: String,

    /// The key of gpg (fingerprint, id or part of a user's name), or a file with the secret key, as in ./key.asc
    #[arg(value_name = "KEY")]
    key: String,

    /// Write the signature to this file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The passphrase of the key is the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(crate) fn sign(args: &SignArgs) -> Result<Outcome> {
    if args.reference.is_empty() {
        return Err(Error::other("the name to sign as is empty"));
    }
    let digest = match manifest(&args.manifest) {
        // skopeo signs whatever is in the file.
        Err(_) if skopeo::is_called() => Digest::of(Algorithm::Sha256, &read(&args.manifest)?),
        manifest => manifest?.digest().clone(),
    };
    let passphrase = args.passphrase_file.as_deref().map(read_passphrase);
    let signer = openpgp(&args.key, passphrase.transpose()?)?;
    let signature = signer.sign(&digest, &args.reference)?.to_bytes();
    std::fs::write(&args.output, signature).map_err(|e| unwritable(&args.output, e))?;
    Ok(Outcome::Nothing)
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  Verify a signature with the public keys in a file:
    barque standalone-verify --public-key-file key.asc manifest.json \\
      registry.example.com/app:1.2 any app.signature";

/// Verify the OpenPGP signature of a manifest in a file
///
/// Prints the fingerprint of the key that signed. The keys come from gpg unless a file with them is given.
#[derive(Args)]
#[command(after_long_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The file with the manifest
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// The name that it has to be signed as
    #[arg(value_name = "NAME")]
    reference: String,

    /// Fingerprints of keys that are accepted, with commas between them; any accepts all keys of the file
    #[arg(value_name = "FINGERPRINTS")]
    fingerprints: String,

    /// The file with the signature
    #[arg(value_name = "SIGNATURE")]
    signature: PathBuf,

    /// Public keys, binary or armored
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<PathBuf>,
}

impl VerifyArgs {
    /// The file with the manifest.
    pub(super) fn manifest(&self) -> &str {
        self.manifest.to_str().unwrap_or_default()
    }
}

pub(crate) fn verify(args: &VerifyArgs) -> Result<Outcome> {
    let fingerprints: Vec<String> = args
        .fingerprints
        .split(',')
        .map(|f| f.trim().to_uppercase())
        .collect();
    let any = fingerprints == ["ANY"];
    let manifest = manifest(&args.manifest)?;
    let signature = read(&args.signature)?;
    let keys = match &args.public_key_file {
        Some(file) => read(file)?,
        None if any => {
            let message = "all keys (`any`) can only be accepted from a file";
            return Err(Error::other(message).hint("give the keys with `--public-key-file`"));
        }
        None => export_public_keys(&fingerprints)?.to_vec(),
    };
    let signed = SimpleSigning::verify(&signature, &keys, Leniency::default());
    let signed = signed.map_err(|why| refused(args, &why))?;
    let own = [&signed.fingerprint, &signed.signing_fingerprint];
    let accepted = fingerprints.iter().find(|f| own.contains(f));
    if !any && accepted.is_none() {
        let why = format!(
            "it is signed by the key {}, which is not among those",
            own[0]
        );
        return Err(refused(args, &why));
    }
    signed
        .check(&manifest, &args.reference)
        .map_err(|why| refused(args, &why))?;
    let fingerprint = accepted.unwrap_or(&signed.fingerprint);
    let digest = manifest.digest();
    Ok(format!("Signature verified using fingerprint {fingerprint}, digest {digest}\n").into())
}

fn refused(args: &VerifyArgs, why: &str) -> Error {
    let file = args.signature.display();
    Error::not_allowed(format!("the signature `{file}` is not accepted: {why}"))
}

/// Print what a signature claims, without verifying it
///
/// Anyone can have made the signature: do not rely on anything that this prints.
#[derive(Args)]
pub(crate) struct DumpArgs {
    /// The file with the signature
    #[arg(value_name = "SIGNATURE")]
    signature: PathBuf,
}

/// The members by the names that warn of their use.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Untrusted {
    untrusted_docker_manifest_digest: String,
    untrusted_docker_reference: String,
    #[serde(rename = "UntrustedCreatorID")]
    untrusted_creator_id: Option<String>,
    untrusted_timestamp: Option<String>,
    untrusted_short_key_identifier: String,
}

pub(crate) fn dump(args: &DumpArgs) -> Result<Outcome> {
    let shown = args.signature.display();
    let (key, payload) = SimpleSigning::unverified(&read(&args.signature)?)
        .map_err(|why| Error::corrupt(format!("`{shown}` is no signature: {why}")))?;
    let time = payload
        .timestamp
        .and_then(|at| jiff::Timestamp::from_second(at).ok());
    let untrusted = Untrusted {
        untrusted_docker_manifest_digest: payload.digest.to_string(),
        untrusted_docker_reference: payload.reference,
        untrusted_creator_id: payload.creator,
        untrusted_timestamp: time.map(|time| time.to_string()),
        untrusted_short_key_identifier: key,
    };
    Ok((json::to_go_json(&untrusted) + "\n").into())
}

const KEY_EXAMPLES: &str = "\
Examples:
  Make app.private and app.pub, and ask for a passphrase:
    barque generate-sigstore-key --output-prefix app";

/// Make a key pair for sigstore signatures
///
/// The private key is encrypted with a passphrase, in the form of cosign and skopeo.
#[derive(Args)]
#[command(after_long_help = KEY_EXAMPLES)]
pub(crate) struct KeyArgs {
    /// Write the keys to PREFIX.private and PREFIX.pub
    #[arg(long, value_name = "PREFIX")]
    output_prefix: String,

    /// The passphrase is the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(crate) async fn generate_key(args: KeyArgs) -> Result<Outcome> {
    let [private, public] =
        ["private", "pub"].map(|end| PathBuf::from(format!("{}.{end}", args.output_prefix)));
    for file in [&private, &public] {
        if file.symlink_metadata().is_ok() {
            let message = format!("the file `{}` is there already", file.display());
            return Err(Error::refused(message).hint("choose another prefix"));
        }
    }
    let passphrase = match &args.passphrase_file {
        Some(file) => read_passphrase(file)?,
        None => new_passphrase(&private).await?,
    };
    let key = SigstoreKey::generate()?;
    let text = key.private_file(passphrase.expose())?;
    create(&private, platform::private_file, &text)?;
    create(&public, platform::public_file, &key.public_file()?)?;
    let (private, public) = (private.display(), public.display());
    Ok(format!("Key written to \"{private}\" and \"{public}\"\n").into())
}

async fn new_passphrase(private: &Path) -> Result<Secret> {
    let first = ask(&format!("Passphrase for key {}: ", private.display())).await?;
    let again = ask("The same passphrase again: ").await?;
    match first == again {
        true => Ok(first),
        false => Err(Error::other("the two passphrases differ")),
    }
}

/// Writes a file that is not there yet; `readers` says who may read it.
fn create(file: &Path, readers: fn(&mut OpenOptions), text: &str) -> Result<()> {
    let mut options = File::options();
    readers(options.write(true).create_new(true));
    let written = options
        .open(file)
        .and_then(|mut made| made.write_all(text.as_bytes()));
    written.map_err(|e| unwritable(file, e))
}

fn unwritable(file: &Path, e: std::io::Error) -> Error {
    let message = format!("the file `{}` cannot be written", file.display());
    Error::refused(message).because(e)
}

/// The manifest in `file`.
fn manifest(file: &Path) -> Result<Manifest> {
    let raw = Bytes::from(read(file)?);
    let shown = file.display();
    let manifest = Manifest::parse(raw, None);
    manifest.map_err(|e| Error::from(e).context(format!("reading the manifest `{shown}`")))
}
