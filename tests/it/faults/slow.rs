//! Large blobs that come slowly over one connection: the rest is fetched in parts, where that is to be had.

use super::{barque, heavy};
use crate::support::fake::{FakeRegistry, Rule, Seen, on};

/// Bytes of the one layer, and how many of them come every 10 ms: more than four seconds for all.
const SIZE: usize = 64 << 20;
const SLOW: usize = 128 << 10;

/// Pulls the layer from a registry that is slow as long as nobody asks for a part of it, under a further rule; the values
/// are the GETs of the layer.
fn pulled(rule: impl Fn(Rule) -> Rule) -> Vec<Seen> {
    let image = heavy(1, SIZE);
    let layer = image.layers()[0].to_string();
    let get = || on("GET").path(&layer);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(get().without_header("range").pace(SLOW))
        .rule(rule(get().with_header("range")));
    let barque = barque();
    let args = ["copy", &registry.docker("a:1"), "dir:out"];
    barque.args(args).run().ok();
    super::super::quirks::assert_pulled(&barque, &image);
    registry.requests("GET", &layer)
}

/// What a request asks for: the first byte and the one after the last, where it says one.
fn range(seen: &Seen) -> Option<(u64, Option<u64>)> {
    let (from, last) = seen
        .header("range")?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    let end = last.parse::<u64>().ok().map(|last| last + 1);
    Some((from.parse().ok()?, end))
}

#[test]
fn the_rest_of_a_slow_blob_is_fetched_over_several_connections() {
    // Still slow, but each part has the pace for itself.
    let seen = pulled(|part| part.pace(SLOW));
    assert_eq!(range(&seen[0]), None);
    let mut parts: Vec<_> = seen[1..].iter().map(|s| range(s).unwrap()).collect();
    parts.sort();
    // One after another to the end of the blob, none twice.
    assert!(parts.len() > 4, "{parts:?}");
    assert!(
        parts.windows(2).all(|w| w[0].1 == Some(w[1].0)),
        "{parts:?}"
    );
    let size = heavy(1, SIZE).blobs.values().map(Vec::len).max().unwrap();
    assert_eq!(parts.last().unwrap().1, Some(size as u64));
    let connections: std::collections::BTreeSet<_> =
        seen[1..].iter().map(|s| s.connection).collect();
    // One is opened more now and then, when a part ends while its connection is still busy.
    assert!(
        (4..parts.len()).contains(&connections.len()),
        "{connections:?}"
    );
}

#[test]
fn parts_that_cannot_be_had_leave_the_blob_to_one_connection() {
    let seen = pulled(|part| {
        part.when(|head| !head.header("range").unwrap().ends_with('-'))
            .ignore_range()
    });
    let last = range(seen.last().unwrap()).unwrap();
    assert_eq!(last.1, None, "{seen:?}");
    let parts = seen[1..].iter().filter(|s| range(s).unwrap().1.is_some());
    // Those of the first moment, and then never again.
    assert!((1..=4).contains(&parts.count()), "{seen:?}");
}

#[test]
fn a_part_that_breaks_is_not_lost() {
    let seen = pulled(|part| part.nth(3).rst_after(1 << 20));
    let broken = range(&seen[3]).unwrap();
    let last = range(seen.last().unwrap()).unwrap();
    assert_eq!(last.1, None, "{seen:?}");
    // What came of it, and of those before, is not asked for again.
    assert!(last.0 > broken.0, "{seen:?}");
}

#[test]
fn parts_that_fail_side_by_side_spend_the_retries_of_the_one_blob() {
    let image = heavy(1, SIZE);
    let layer = image.layers()[0].to_string();
    let get = || on("GET").path(&layer);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(get().without_header("range").pace(SLOW))
        .rule(get().with_header("range").status(503));
    let args = ["copy", &registry.docker("a:1"), "dir:out"];
    barque().args(args).run().code(5);
    let seen = registry.requests("GET", &layer);
    let is_part = |seen: &&Seen| range(seen).is_some_and(|(_, end)| end.is_some());
    let parts = seen.iter().filter(is_part).count();
    // Four at once, each sent five times at most; then the rest over one connection, with what is left of the budget.
    assert!((2..=20).contains(&parts), "{parts}: {seen:?}");
    assert!((21..=25).contains(&seen.len()), "{parts}: {seen:?}");
}

#[test]
fn parts_that_are_no_faster_are_given_up() {
    let seen = pulled(|part| {
        part.when(|head| !head.header("range").unwrap().ends_with('-'))
            .pace(SLOW / 4)
    });
    let last = range(seen.last().unwrap()).unwrap();
    assert_eq!(last.1, None, "{seen:?}");
}

#[test]
fn b12_a_blob_whose_parts_do_not_fit_is_read_once_more_in_one_piece() {
    let seen = pulled(|part| part.flip_byte(5));
    let whole: Vec<_> = (0..seen.len())
        .filter(|n| range(&seen[*n]).is_none())
        .collect();
    assert_eq!(whole, [0, seen.len() - 1], "{seen:?}");
    assert!(seen.len() > 2, "{seen:?}");
}
