//! Reports of `sync`: lines for people, receipts for programs.

use super::failure::{clean, one_line};
use super::table::{Table, human_size};
use crate::sync::outcome::{ItemReport, Outcome, Summary};
use crate::sync::plan::{Action, Plan};
use crate::sync::receipt::Line;
use crate::sync::summary::Joined;

/// The last line of a run; it begins as skopeo's does.
pub(crate) fn summary(summary: &Summary, dry_run: bool) -> String {
    let (done, to_copy, to_delete) = match dry_run {
        true => ("Would have synced", "to copy", "to delete"),
        false => ("Synced", "copied", "deleted"),
    };
    let Summary {
        sources,
        synced,
        copied,
        planned,
        bytes,
        planned_bytes,
        deleted,
        drifted,
        postponed,
        failed,
        ..
    } = summary;
    let mut text = format!("{done} {synced} images from {sources} sources");
    let copied = copied + planned;
    let (moved, unchanged) = (human_size(bytes + planned_bytes), synced - copied);
    text += &format!(": {copied} {to_copy} ({moved}), {unchanged} unchanged");
    for (count, what) in [
        (*deleted, to_delete),
        (*drifted, "drifted"),
        (*postponed, "left for a later run"),
        (*failed, "failed"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

/// The line about one image and target.
pub(crate) fn line(report: &ItemReport) -> String {
    let (source, target) = (&report.source, &report.target);
    match &report.outcome {
        Outcome::Copied { bytes, .. } => {
            format!("copied `{source}` to `{target}` ({})", human_size(*bytes))
        }
        Outcome::Planned(planned) => format!(
            "would copy `{source}` to `{target}` ({})",
            human_size(planned.bytes)
        ),
        Outcome::Present { .. } => format!("`{target}` is unchanged"),
        Outcome::Drifted => {
            format!(
                "`{target}` has another image than `{source}`, or none any more, and is left alone"
            )
        }
        Outcome::Vanished => format!("`{source}` is not there: it vanished, or never was"),
        Outcome::Moved => format!("`{source}` has another image than the plan says"),
        Outcome::Deleted(undo) => format!("deleted `{target}` (`{}`)", undo.digest),
        Outcome::WouldDelete { digest } => format!("would delete `{target}` (`{digest}`)"),
        Outcome::Kept(why) => format!("`{target}` is no longer selected but kept: {why}"),
        Outcome::Postponed(e) => format!("left for a later run: {}", one_line(e)),
        Outcome::Failed(e) => format!("barque: {}", one_line(e)),
    }
}

/// One line of a receipt: JSON and a newline.
pub(crate) fn receipt_line(line: &Line) -> String {
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

/// Tags of one rule that a plan's text names.
const TAGS_NAMED: usize = 10;

/// A plan for people.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for item in &plan.items {
        let (source, target) = (&item.source, &item.target);
        let size = human_size(item.bytes);
        text += &match item.action {
            Action::Copy => format!("copy    {source} to {target} ({size})\n"),
            Action::Update => format!("update  {target} from {source} ({size})\n"),
            Action::Delete => format!("delete  {target}\n"),
            Action::Leave => {
                let why = item.why.as_deref().unwrap_or_default();
                format!("leave   {target}: {why}\n")
            }
        };
    }
    for (from, rules) in &plan.left_out {
        for (rule, tags) in rules {
            let named = tags.iter().take(TAGS_NAMED).cloned().collect::<Vec<_>>();
            let more = match tags.len().checked_sub(TAGS_NAMED) {
                Some(more) if more > 0 => format!(" and {more} more"),
                _ => String::new(),
            };
            text += &format!(
                "left out by `{rule}` of {from}: {}{more}\n",
                named.join(", ")
            );
        }
    }
    let failed = plan.failed.iter().map(|failure| ("failed ", failure));
    let postponed = plan.postponed.iter().map(|left| ("postponed", left));
    for (word, failure) in failed.chain(postponed) {
        text += &format!("{word} {}: {}\n", failure.target, failure.error);
    }
    if !plan.hosts.is_empty() {
        let mut table = Table::new(&["HOST", ">REQUESTS", ">PULLS", ">READ"]);
        for (host, totals) in &plan.hosts {
            table.row([
                host.clone(),
                totals.requests.to_string(),
                totals.pulls.to_string(),
                human_size(totals.bytes),
            ]);
        }
        text += &table.pretty(usize::MAX);
    }
    let count = |action| {
        plan.items
            .iter()
            .filter(|item| item.action == action)
            .count()
    };
    let bytes = plan.items.iter().map(|item| item.bytes).sum::<u64>();
    text += &format!(
        "{} to copy, {} to update ({}), {} to delete, {} to leave, {} unchanged",
        count(Action::Copy),
        count(Action::Update),
        human_size(bytes),
        count(Action::Delete),
        count(Action::Leave),
        plan.unchanged
    );
    for (what, count) in [
        ("left for a later run", plan.postponed.len()),
        ("failed", plan.failed.len()),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text + "\n"
}

/// Joined receipts for people.
pub(crate) fn joined(joined: &Joined) -> String {
    let mut text = String::new();
    for line in &joined.left {
        let why = line.error.as_deref().unwrap_or_default();
        text += &format!(
            "{:9} {} {}\n",
            line.outcome,
            clean(&line.target),
            clean(why)
        );
    }
    for file in &joined.not_receipts {
        text += &format!("`{}` is no receipt\n", clean(file));
    }
    let mut outcomes = String::new();
    for (word, count) in &joined.outcomes {
        let comma = if outcomes.is_empty() { ":" } else { "," };
        outcomes += &format!("{comma} {count} {word}");
    }
    text += &format!(
        "{} images{outcomes}; {} moved, {} mounts, {} requests\n",
        joined.images,
        human_size(joined.bytes),
        joined.mounts,
        joined.requests
    );
    if joined.broken_lines > 0 {
        text += &format!("{} broken lines were left out\n", joined.broken_lines);
    }
    text
}
