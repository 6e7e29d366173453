//! `Kept`: what a process keeps from one operation to the next, such as connections and tokens.
//!
//! The store is opaque here: the room that puts something in is the only one that knows its type.

use crate::locked;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// A store by name. The default keeps nothing; clones share what they keep.
#[derive(Clone, Default)]
pub struct Kept(Option<Arc<Store>>);

type Store = Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>;

impl Kept {
    /// An empty store that keeps what it is given.
    pub fn new() -> Kept {
        Kept(Some(Arc::default()))
    }

    /// Whether the store keeps anything.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// What is kept as `name`, made by `make` if it is not there; `None` for a store that keeps nothing.
    pub(crate) fn get_or_make<T: Any + Send + Sync>(
        &self,
        name: String,
        make: impl FnOnce() -> T,
    ) -> Option<Arc<T>> {
        let store = self.0.as_ref()?;
        let mut store = locked(store);
        if let Some(kept) = store.get(&name) {
            return kept.clone().downcast().ok();
        }
        let made = Arc::new(make());
        store.insert(name, made.clone());
        Some(made)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.is_some()).finish()
    }
}
