//! What skopeo's library says of an image that the signature policy refuses.

use super::find;
use crate::Error;
use crate::trust::{Judged, Verdict};

/// Why the policy refuses the image; `None` if `error` is about something else.
pub(super) fn refusal(error: &Error) -> Option<String> {
    let verdict: &Verdict = find(error)?;
    let Some(judged) = verdict.requirements.iter().find(|judged| !judged.satisfied) else {
        return Some(format!(
            "No signature verification policy found for image {}",
            verdict.image
        ));
    };
    Some(match judged.kind {
        "reject" => format!("Running image {} is rejected by policy.", verdict.image),
        _ => unsatisfied(judged),
    })
}

fn unsatisfied(judged: &Judged) -> String {
    let refused = judged.signatures.iter();
    let reasons: Vec<String> = refused
        .filter_map(|attempt| attempt.outcome.as_ref().err())
        .map(|why| reason(why))
        .collect();
    match (&judged.reason, &reasons[..]) {
        (Some(why), _) if !why.starts_with("the image has no ") => why.clone(),
        (_, []) => "A signature was required, but no signature exists".into(),
        (_, [one]) => one.clone(),
        (_, all) => format!(
            "None of the signatures were accepted, reasons: {}",
            all.join("; ")
        ),
    }
}

/// Why one signature is refused.
fn reason(why: &str) -> String {
    let signed_as = why.strip_prefix("it is signed as `");
    if let Some(name) = signed_as.and_then(|rest| rest.split('`').next()) {
        return format!("Signature for identity \"{name}\" is not accepted");
    }
    let other = why.strip_prefix("it is of another manifest, `");
    if let Some(digest) = other.and_then(|rest| rest.split('`').next()) {
        return format!("Signature for digest {digest} does not match");
    }
    match why.contains("key") || why.contains("OpenPGP") {
        true => format!("Invalid GPG signature: {why}"),
        false => why.to_owned(),
    }
}
