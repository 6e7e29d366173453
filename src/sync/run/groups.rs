//! Entries of which images may get one name: their images wait for each other, and entries that clash are refused.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::items::Item;
use super::{EntryId, Run};
use crate::locked;
use crate::sync::claims::{Claimant, Claims, groups};
use crate::sync::declaration::Entry;

/// The images of a group of entries, while they are listed.
pub(super) struct Group(Mutex<Gathered>);

struct Gathered {
    /// Entries that are not listed yet.
    missing: usize,
    items: Vec<Item>,
}

impl Group {
    /// Adds the images of one entry. The value is all images of the group when this entry was the last one.
    pub(super) fn gather(&self, items: Vec<Item>) -> Option<Vec<Item>> {
        let mut gathered = locked(&self.0);
        gathered.items.extend(items);
        gathered.missing = gathered.missing.saturating_sub(1);
        (gathered.missing == 0).then(|| std::mem::take(&mut gathered.items))
    }
}

/// The groups of `entries`, by entry.
pub(super) fn groups_of(entries: &[Arc<Entry>]) -> HashMap<EntryId, Arc<Group>> {
    let mut by_entry = HashMap::new();
    for members in groups(entries.iter().map(|entry| &**entry)) {
        let group = Arc::new(Group(Mutex::new(Gathered {
            missing: members.len(),
            items: Vec::new(),
        })));
        let members = members.iter().filter_map(|n| entries.get(*n));
        by_entry.extend(members.map(|entry| (EntryId::of(entry), group.clone())));
    }
    by_entry
}

impl Run {
    /// Takes out the images of entries of which two would get one name, and reports these entries as failed.
    pub(super) fn without_clashes(&self, items: Vec<Item>) -> Vec<Item> {
        let mut claims = Claims::default();
        let mut refused: HashMap<EntryId, Arc<Entry>> = HashMap::new();
        let mut by_number: HashMap<usize, &Arc<Entry>> = HashMap::new();
        let mut reported = HashSet::new();
        for item in &items {
            let EntryId(entry) = EntryId::of(&item.entry);
            by_number.insert(entry, &item.entry);
            for (to, goal) in item.targets.iter().enumerate() {
                let by = Claimant { entry, to };
                let Err(clash) = claims.add(&item.source, &goal.name, &item.entry, by) else {
                    continue;
                };
                let both = clash.entries.iter().filter_map(|n| by_number.get(n));
                refused.extend(both.map(|entry| (EntryId::of(entry), (*entry).clone())));
                // Of many images that clash, the first pair says enough.
                if reported.insert(clash.entries) {
                    self.fail(&item.entry, clash.error);
                }
            }
        }
        for entry in refused.values() {
            self.note_incomplete(entry);
        }
        let is_refused = |item: &Item| refused.contains_key(&EntryId::of(&item.entry));
        let mut items: Vec<Item> = items.into_iter().filter(|item| !is_refused(item)).collect();
        // Two entries may have one image: it is copied once.
        let mut seen = HashSet::new();
        items.retain_mut(|item| {
            let source = item.source.to_string();
            let targets = &mut item.targets;
            targets.retain(|goal| seen.insert((source.clone(), goal.name.to_string())));
            !targets.is_empty()
        });
        items
    }
}
