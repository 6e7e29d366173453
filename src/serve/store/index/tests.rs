//! Changes of an index, and what an index of another program keeps.

use proptest::prelude::*;

use super::*;
use crate::image::Algorithm;

fn digest(of: &str) -> Digest {
    Digest::of(Algorithm::Sha256, of.as_bytes())
}

/// What is written of `index` with `change`.
fn json(index: &Index, change: &Change) -> Vec<u8> {
    let mut text = Vec::new();
    index.write_to(change, &mut text).unwrap();
    text
}

/// `index` after `change`. What is applied is what is written.
fn changed(index: &Index, change: Option<Change>) -> Option<Index> {
    let mut next = Index::parse(&json(index, &Change::default())).unwrap();
    let change = change?;
    let written = json(&next, &change);
    next.apply(change);
    assert_eq!(json(&next, &Change::default()), written);
    let read = Index::parse(&written).unwrap();
    assert_eq!(next.tags(), read.tags());
    for tag in read.tags().iter() {
        assert_eq!(tag_of(&next, tag), tag_of(&read, tag));
    }
    for (digest, _) in read.listed() {
        assert!(next.entry(&digest).is_some());
    }
    Some(next)
}

fn with(index: &Index, of: &str, tags: &[&str]) -> Option<Index> {
    let tags: Vec<Tag> = tags.iter().map(|t| t.parse().unwrap()).collect();
    let tags: Vec<&Tag> = tags.iter().collect();
    let change = index.with((&digest(of), MediaType::OCI_MANIFEST, 3), &tags);
    changed(index, change)
}

fn without_tag(index: &Index, tag: &str) -> Option<Index> {
    changed(index, index.without_tag(&tag.parse().unwrap()))
}

fn without_image(index: &Index, of: &str) -> Option<Index> {
    changed(index, index.without_image(&digest(of)))
}

fn tag_of(index: &Index, tag: &str) -> Option<Digest> {
    index.tagged(&tag.parse().unwrap())?.digest.clone()
}

#[test]
fn a_tag_moves_and_its_old_image_stays() {
    let one = with(&Index::empty(), "a", &["x", "y"]).unwrap();
    assert_eq!(
        one.tags().iter().map(|t| &**t).collect::<Vec<_>>(),
        ["x", "y"]
    );
    let two = with(&one, "b", &["x"]).unwrap();
    assert_eq!(
        (tag_of(&two, "x"), tag_of(&two, "y")),
        (Some(digest("b")), Some(digest("a")))
    );
    // The image is still listed by its other tag, so no nameless entry is left.
    assert_eq!(two.listed().len(), 2);
    let three = with(&two, "c", &["y"]).unwrap();
    assert_eq!(three.listed().len(), 3);
    assert!(three.entry(&digest("a")).is_some());
    assert!(with(&three, "c", &["y"]).is_none() && with(&three, "a", &[]).is_none());
    // The nameless entry gets the name again.
    let four = with(&three, "a", &["z"]).unwrap();
    assert_eq!(four.listed().len(), 3);
}

#[test]
fn untagging_keeps_the_image_and_deleting_takes_its_tags() {
    let index = with(&Index::empty(), "a", &["x", "y"]).unwrap();
    let untagged = without_tag(&index, "x").unwrap();
    assert!(without_tag(&untagged, "x").is_none());
    assert_eq!(tag_of(&untagged, "y"), Some(digest("a")));
    let untagged = without_tag(&untagged, "y").unwrap();
    assert!(untagged.tags().is_empty() && untagged.entry(&digest("a")).is_some());
    let gone = without_image(&index, "a").unwrap();
    assert_eq!((gone.listed().len(), gone.tags().len()), (0, 0));
    assert!(without_image(&gone, "a").is_none());
}

#[test]
fn tags_that_move_together_leave_one_entry_of_their_image() {
    let index = with(&Index::empty(), "a", &["x", "y"]).unwrap();
    let moved = with(&index, "b", &["x", "y", "x"]).unwrap();
    assert!(moved.entry(&digest("a")).is_some());
    assert_eq!(moved.listed().len(), 3);
    // Two entries of one name: the first counts, and neither keeps it.
    let twice = document(&with(&index, "b", &["z"]).unwrap());
    let twice = twice.replace(r#""y""#, r#""z""#);
    let twice = Index::parse(twice.as_bytes()).unwrap();
    assert_eq!(tag_of(&twice, "z"), Some(digest("a")));
    let moved = with(&twice, "b", &["z"]).unwrap();
    assert_eq!(tag_of(&moved, "z"), Some(digest("b")));
    assert_eq!((moved.listed().len(), moved.tags().len()), (2, 2));
}

#[test]
fn digests_that_begin_alike_are_told_apart() {
    let text = |end: &str| format!("sha256:{}{end}", "0".repeat(56));
    let one: Digest = text("00000001").parse().unwrap();
    let two: Digest = text("00000002").parse().unwrap();
    let three: Digest = text("00000003").parse().unwrap();
    let mut index = Index::empty();
    for (digest, tag) in [(&one, "a"), (&two, "b")] {
        let tag = tag.parse().unwrap();
        let change = index.with((digest, "q", 1), &[&tag]);
        index = changed(&index, change).unwrap();
    }
    for digest in [&one, &two] {
        let found = index.entry(digest).unwrap();
        assert_eq!(found.digest.as_ref(), Some(digest));
    }
    assert!(index.entry(&three).is_none() && index.without_image(&three).is_none());
}

fn document(index: &Index) -> String {
    String::from_utf8(json(index, &Change::default())).unwrap()
}

#[test]
fn unknown_members_and_entries_survive() {
    let text = r#"{"schemaVersion":2,"x":{"b":1},"manifests":[{"mediaType":"q","size":1,"digest":"md5:1","y":null},{"mediaType":"q","digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":1,"annotations":{"k":"v","org.opencontainers.image.ref.name":"x"}}],"z":"<&>"}"#;
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(document(&index), text);
    let next = document(&with(&index, "a", &["x"]).unwrap());
    assert!(next.starts_with(r#"{"schemaVersion":2,"x":{"b":1},"manifests":[{"mediaType":"q","size":1,"digest":"md5:1","y":null},"#));
    assert!(
        next.contains(r#""annotations":{"k":"v"}}"#) && next.ends_with(r#"}}],"z":"<&>"}"#),
        "{next}"
    );
    assert!(Index::parse(b"[]").is_err() && Index::parse(b"{\"manifests\":{}}").is_err());
    let empty = Index::parse(b"{}").unwrap();
    assert_eq!(document(&empty), r#"{"manifests":[]}"#);
}

#[test]
fn a_tag_that_moves_back_is_found() {
    let index = with(&Index::empty(), "a", &["t"]).unwrap();
    let index = with(&index, "b", &["t"]).unwrap();
    let index = with(&index, "a", &["t"]).unwrap();
    assert_eq!(tag_of(&index, "t"), Some(digest("a")));
}

proptest! {
    /// What is kept in memory is what a reader of the file would find, after any changes: `changed` compares both.
    #[test]
    fn an_index_in_memory_is_the_one_in_the_file(
        changes in prop::collection::vec((0..5_u8, 0..4_usize, prop::collection::vec(0..4_usize, 0..3)), 1..30),
    ) {
        let images = ["a", "b", "c", "d"];
        let names = ["w", "x", "y", "z"];
        let mut index = Index::empty();
        for (what, image, tags) in changes {
            let change = match what {
                0 => tags.first().map(|tag| index.without_tag(&names[*tag].parse().unwrap())),
                1 => Some(index.without_image(&digest(images[image]))),
                _ => {
                    let tags: Vec<&str> = tags.iter().map(|tag| names[*tag]).collect();
                    index = with(&index, images[image], &tags).unwrap_or(index);
                    continue;
                }
            };
            index = changed(&index, change.flatten()).unwrap_or(index);
        }
    }
}
