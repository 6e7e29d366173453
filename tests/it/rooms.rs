//! The order of the rooms in `docs/architecture.md` holds in the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::reference::sources;

/// The rooms of the guide's list, each with its place in it; those with a comma between them share one.
fn places() -> BTreeMap<String, usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let (_, list) = guide.split_once("to its right in this list: `").unwrap();
    let (list, _) = list.split_once('`').unwrap();
    let steps = list.split('→').enumerate();
    steps
        .flat_map(|(at, rooms)| rooms.split(',').map(move |r| (r.trim().to_owned(), at)))
        .collect()
}

#[test]
fn a_room_uses_only_rooms_to_its_right() {
    let places = places();
    assert!(places["cli"] < places["legacy"] && places["legacy"] < places["image"]);
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut uses, mut wrong) = (0, Vec::new());
    for file in sources() {
        let Ok(inside) = file.strip_prefix(&src) else {
            continue;
        };
        let room = inside.iter().next().unwrap().to_str().unwrap();
        let Some(own) = places.get(room.trim_end_matches(".rs")) else {
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        for used in code.flat_map(|line| line.split("crate::").skip(1)) {
            let end = used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let Some(other) = places.get(&used[..end.unwrap_or(used.len())]) else {
                continue;
            };
            uses += 1;
            if other < own {
                wrong.push(format!("{}: crate::{used}", inside.display()));
            }
        }
    }
    assert!(uses > 500, "{uses}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
