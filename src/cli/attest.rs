//! `barque attest`.

use clap::{Args, Subcommand};

use super::flags::{Global, ImageFlags};
use super::{Outcome, names};
use crate::image::attestation::predicate_names;
use crate::open::{attestations, choose_image, open_source, read_statements};
use crate::transport::ManifestRef;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  The SBOM of an image:
    barque attest get --type spdx docker://registry.example.com/app:1.2 \\
      | jq .predicate

  How the image for arm64 was built:
    barque attest get --type slsa --platform linux/arm64 \\
      docker://registry.example.com/app:1.2";

/// Read the attestations of an image
///
/// An attestation is an in-toto statement about an image, such as an SBOM or a record of how it was built.
#[derive(Args)]
#[command(after_long_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct AttestArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Get(GetArgs),
}

/// Print an attestation of an image: an in-toto statement
///
/// Looks in the image's index, among its referrers and at cosign's tag. A statement is taken out of its envelope; no
/// signature is checked. Several statements of the type are printed one after the other.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
struct GetArgs {
    /// An image, as in docker://alpine:3.20 or oci:DIR:REF
    #[arg(value_name = "IMAGE")]
    image: String,

    /// Print statements of this predicate type: spdx, cyclonedx, slsa, vuln, openvex, vsa, or a URI [default: any]
    #[arg(long = "type", value_name = "TYPE")]
    predicate: Option<String>,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: AttestArgs, global: &Global) -> Result<Outcome> {
    let Action::Get(args) = args.action;
    let wanted = args.predicate.as_deref();
    if let Some(odd) = wanted.filter(|w| !w.contains(':') && predicate_names().all(|n| n != *w)) {
        let names: Vec<String> = predicate_names().map(|name| format!("`{name}`")).collect();
        return Err(
            Error::other(format!("`{odd}` is not a type of attestations")).hint(format!(
                "use {} or the URI of a predicate type",
                names.join(", ")
            )),
        );
    }
    let name = names::to_read(&args.image, global)?;
    let (context, wish) = args.from.reach(global)?;
    let read = async || {
        let source = open_source(&name, &context).await?;
        let top = source.manifest(&ManifestRef::Named).await?;
        let image = choose_image(&*source, &top, &wish).await?.manifest;
        let found = attestations(&*source, &top, &image).await?;
        let statements = read_statements(&*source, &found, wanted).await?;
        if !statements.is_empty() {
            return Ok(statements);
        }
        let digest = image.digest();
        let error = Error::not_found(match wanted {
            Some(wanted) => {
                format!("the image `{digest}` has no attestation of type `{wanted}`")
            }
            None => format!("the image `{digest}` has no attestation"),
        });
        let mut types: Vec<&str> = found
            .iter()
            .filter_map(|a| a.predicate_type.as_deref())
            .collect();
        types.dedup();
        Err(match types.is_empty() {
            true => error,
            false => error.hint(format!("it has: {}", types.join(", "))),
        })
    };
    let failed = |e: Error| e.context(format!("reading the attestations of `{}`", args.image));
    let statements = args.from.retry.run(read).await.map_err(failed)?;
    if let [one] = &statements[..] {
        return Ok(Outcome::Bytes(one.clone()));
    }
    let mut all = Vec::new();
    for statement in statements {
        all.extend_from_slice(&statement);
        if !statement.ends_with(b"\n") {
            all.push(b'\n');
        }
    }
    Ok(Outcome::Bytes(all.into()))
}
