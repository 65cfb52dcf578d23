//! Batches of one import in their order: who sends several at once, so that one is read while another
//! is written, does not know in which order they arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// The batches that are being taken in by this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    present: Mutex<BTreeMap<Uuid, BTreeSet<i64>>>,
    left: Notify,
}

/// The place of one batch; it is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    import: Uuid,
    batch: i64,
    /// The same batch twice at once: the first one holds the place.
    is_holder: bool,
}

impl Turns {
    /// Takes a place.
    pub(super) fn enter(&self, import: Uuid, batch: i64) -> Turn {
        let is_holder = self.present(|present| present.entry(import).or_default().insert(batch));
        Turn {
            turns: self.clone(),
            import,
            batch,
            is_holder,
        }
    }

    fn present<T>(&self, look: impl FnOnce(&mut BTreeMap<Uuid, BTreeSet<i64>>) -> T) -> T {
        look(
            &mut self
                .0
                .present
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Turn {
    /// Waits until no earlier batch of the import is here. One that has not come yet is not waited for:
    /// its successor is refused and sent again.
    pub(super) async fn wait(&self) {
        loop {
            let mut left = std::pin::pin!(self.turns.0.left.notified());
            // From here on no leaving is missed.
            left.as_mut().enable();
            let is_first = |batches: &BTreeSet<i64>| batches.first() >= Some(&self.batch);
            if self
                .turns
                .present(|present| present.get(&self.import).is_none_or(is_first))
            {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_holder {
            return;
        }
        self.turns.present(|present| {
            let is_last = present.get_mut(&self.import).is_some_and(|batches| {
                batches.remove(&self.batch);
                batches.is_empty()
            });
            if is_last {
                present.remove(&self.import);
            }
        });
        self.turns.0.left.notify_waiters();
    }
}
