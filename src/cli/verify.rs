//! `barque verify`.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::flags::{Global, ImageFlags};
use super::names;
use crate::image::{ImageName, PlatformRequest, parse_reference};
use crate::open::{Admission, choose_image, open_source};
use crate::report::json;
use crate::settings::policy::{
    BundleRule, BundleSigner, Identity, KeySource, Pattern, Policy, Requirement, SignedBy, Signer,
    SigstoreSigned,
};
use crate::transport::{ManifestRef, Source};
use crate::trust::{Gate, Verdict};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  By the signature policy of this machine:
    barque verify docker://registry.example.com/app:1.2

  By a key of cosign, or by an OpenPGP key:
    barque verify --key cosign.pub docker://registry.example.com/app:1.2

  By the workflow that signed without a key, offline with a trusted root that was fetched before:
    barque verify --trusted-root trusted_root.json \\
      --certificate-identity \\
        https://github.com/a/b/.github/workflows/release.yml@refs/heads/main \\
      --certificate-oidc-issuer https://token.actions.githubusercontent.com \\
      docker://ghcr.io/a/b:1.2";

/// Verify the signatures of an image
///
/// Prints what was verified as JSON. Without a signature that holds the exit code is 3, and the JSON says of each
/// signature why it was refused. Nothing but the image's registry is contacted.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The image, as in docker://alpine:3.20; the manifest that the name stands for is verified, be it an index or an image
    #[arg(value_name = "IMAGE")]
    image: String,

    /// Accept signatures by the key in this file: a public key in PEM, or OpenPGP keys; repeatable
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,

    /// Accept signatures with a certificate for this e-mail address or URI
    #[arg(long, value_name = "NAME", conflicts_with_all = ["key", "certificate_identity_regexp"])]
    certificate_identity: Option<String>,

    /// Accept signatures with a certificate for a name in which this regular expression is found
    #[arg(long, value_name = "REGEXP", conflicts_with = "key")]
    certificate_identity_regexp: Option<String>,

    /// The login provider that the certificate has to name
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "certificate_oidc_issuer_regexp"
    )]
    certificate_oidc_issuer: Option<String>,

    /// A regular expression that has to be found in the login provider that the certificate names
    #[arg(long, value_name = "REGEXP")]
    certificate_oidc_issuer_regexp: Option<String>,

    /// Authorities, logs and timestamp authorities that are trusted: a trusted_root.json of sigstore
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// Accept signatures that were made for this name [default: the repository of IMAGE]
    #[arg(long, value_name = "NAME[:TAG]")]
    signed_as: Option<String>,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: VerifyArgs, global: &Global) -> Result<Outcome> {
    let name = names::to_read(&args.image, global)?;
    let mut context = args.from.context(global)?;
    let rules = rules(&args, &name)?;
    let asks_attachments = |rule: &Requirement| matches!(rule, Requirement::SigstoreSigned(_));
    if rules.iter().flatten().any(asks_attachments) {
        // Where the flags name the signer, it is not for registries.d to say what is looked at.
        context.signature_places = context.signature_places.with_attachments();
    }
    let gates = gates(rules, global)?;
    let wish = match !args.from.platform.platform.is_empty() {
        true => Some(global.platform(&args.from.platform)?),
        false => None,
    };
    let doing = |e: Error| e.context(format!("verifying `{}`", args.image));
    let verified = args.from.retry.run(async || {
        let source = open_source(&name, &context).await?;
        verified(&*source, &name, &gates, wish.as_ref()).await
    });
    let verdict = verified.await.map_err(doing)?;
    let document = json::to_go_json(&verdict) + "\n";
    let refused = verdict.enforced().err().map(|e| Err(doing(e)));
    let all = std::iter::once(Ok(document.into())).chain(refused);
    Ok(Outcome::Each(Box::pin(futures_util::stream::iter(all))))
}

/// The first verdict that accepts the image; else that of the gate that tried most signatures.
async fn verified(
    source: &dyn Source,
    name: &ImageName,
    gates: &[Gate],
    wish: Option<&PlatformRequest>,
) -> Result<Verdict> {
    let top = source.manifest(&ManifestRef::Named).await?;
    let manifest = match wish {
        Some(wish) => choose_image(source, &top, wish).await?.manifest,
        None => top.clone(),
    };
    let of = ManifestRef::of(manifest.digest(), top.digest());
    let mut best: Option<Verdict> = None;
    for gate in gates {
        let admission = Admission {
            gate: gate.clone().into(),
            image: name.clone(),
        };
        let verdict = admission.judge(source, &of, &manifest).await?;
        if verdict.accepted {
            return Ok(verdict);
        }
        let tried = |verdict: &Verdict| {
            let counts = verdict.requirements.iter().map(|r| r.signatures.len());
            counts.sum::<usize>()
        };
        if best
            .as_ref()
            .is_none_or(|best| tried(best) < tried(&verdict))
        {
            best = Some(verdict);
        }
    }
    best.ok_or_else(|| Error::other("there is nothing to verify the image by"))
}

/// The rules that the flags make, one of which the image has to satisfy; `None` where the flags say nothing.
fn rules(args: &VerifyArgs, image: &ImageName) -> Result<Option<Vec<Requirement>>> {
    match certificate(args)? {
        Some((subject, issuer)) => by_certificate(args, subject, issuer).map(Some),
        None if !args.key.is_empty() => by_keys(args, image).map(Some),
        None if args.signed_as.is_some() || args.trusted_root.is_some() => Err(Error::other(
            "`--signed-as` and `--trusted-root` go with `--key` or a certificate's identity; a policy has its own",
        )),
        None => Ok(None),
    }
}

/// What the image may pass one of: `rules`, or else the policy.
fn gates(rules: Option<Vec<Requirement>>, global: &Global) -> Result<Vec<Gate>> {
    let Some(rules) = rules else {
        let gate = global.trust.gate()?;
        return Ok(vec![gate.requiring_signatures(true)]);
    };
    let leniency = global.trust.leniency();
    let gate = |rule| Gate::new(Some(Policy::of(rule))).with_leniency(leniency);
    Ok(rules.into_iter().map(gate).collect())
}

/// The identity and the login provider of the certificates that are accepted.
fn certificate(args: &VerifyArgs) -> Result<Option<(Pattern, Pattern)>> {
    let one = |exact: &Option<String>, regexp: &Option<String>| {
        let exact = exact.clone().map(Pattern::Exact);
        exact.or_else(|| regexp.clone().map(Pattern::Regexp))
    };
    let identity = one(
        &args.certificate_identity,
        &args.certificate_identity_regexp,
    );
    let issuer = one(
        &args.certificate_oidc_issuer,
        &args.certificate_oidc_issuer_regexp,
    );
    match (identity, issuer) {
        (Some(identity), Some(issuer)) => Ok(Some((identity, issuer))),
        (None, None) => Ok(None),
        _ => Err(Error::other(
            "`--certificate-identity` and `--certificate-oidc-issuer` go together: anybody can have the same name at another provider",
        )),
    }
}

fn by_certificate(
    args: &VerifyArgs,
    subject: Pattern,
    issuer: Pattern,
) -> Result<Vec<Requirement>> {
    let Some(root) = &args.trusted_root else {
        return Err(
            Error::other("certificates need `--trusted-root FILE`").hint(
                "fetch sigstore's public one with `cosign trusted-root create` or from https://github.com/sigstore/root-signing",
            ),
        );
    };
    let signer = BundleSigner::Certificate {
        identity: subject,
        issuer,
    };
    let rule = bundle_rule(signer, Some(root));
    let attached = SigstoreSigned {
        signer: Signer::TrustedRoot(Box::new(rule.clone())),
        rekor: None,
        identity: signed_as(args)?,
    };
    Ok(vec![
        Requirement::SigstoreBundleSigned(Box::new(rule)),
        Requirement::SigstoreSigned(Box::new(attached)),
    ])
}

/// The names that are accepted in signatures that have one.
fn signed_as(args: &VerifyArgs) -> Result<Identity> {
    let Some(text) = &args.signed_as else {
        return Ok(Identity::Repository);
    };
    let reference = parse_reference(text)?;
    Ok(
        match reference.tag.is_some() || reference.digest.is_some() {
            true => Identity::ExactReference(reference),
            false => Identity::ExactRepository(reference.repository),
        },
    )
}

fn by_keys(args: &VerifyArgs, image: &ImageName) -> Result<Vec<Requirement>> {
    let identity = signed_as(args)?;
    let (mut pem, mut openpgp) = (Vec::new(), Vec::new());
    for file in &args.key {
        let source = KeySource::Files(vec![file.clone()]);
        let bytes = source.load()?;
        // The header of a public key in PEM, whatever its algorithm; OpenPGP's armor has another one.
        let is_pem = bytes.iter().any(|(_, bytes)| {
            let mark = b"PUBLIC KEY-----";
            bytes.windows(mark.len()).any(|w| w == mark)
        });
        match is_pem {
            true => pem.push(file.clone()),
            false => openpgp.push(file.clone()),
        }
    }
    let mut rules = Vec::new();
    if !openpgp.is_empty() {
        rules.push(Requirement::SignedBy(SignedBy {
            key_type: "GPGKeys".to_owned(),
            keys: KeySource::Files(openpgp),
            identity: identity.clone(),
        }));
    }
    if !pem.is_empty() {
        let keys = KeySource::Files(pem);
        let rule = bundle_rule(BundleSigner::Keys(keys.clone()), args.trusted_root.as_ref());
        let signer = match args.trusted_root {
            Some(_) => Signer::TrustedRoot(Box::new(rule.clone())),
            None => Signer::Keys(keys),
        };
        rules.push(Requirement::SigstoreSigned(Box::new(SigstoreSigned {
            signer,
            rekor: None,
            identity,
        })));
        let has_referrers = matches!(
            image,
            ImageName::Docker(_) | ImageName::Oci { .. } | ImageName::OciArchive { .. }
        );
        if has_referrers {
            rules.push(Requirement::SigstoreBundleSigned(Box::new(rule)));
        }
    }
    Ok(rules)
}

/// A bundle signs a digest and names no image.
fn bundle_rule(signer: BundleSigner, root: Option<&PathBuf>) -> BundleRule {
    BundleRule {
        signer,
        trusted_root: root.map(|file| KeySource::Files(vec![file.clone()])),
        predicate_type: BundleRule::SIGNATURE.to_owned(),
        identity: Identity::Digest,
    }
}
