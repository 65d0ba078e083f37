//! The orders of the supervisor, read on from `live.jsonl`.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use crate::agent::live::{Order, OrderKind};
use crate::store::Appended;

/// Reads orders, each once.
#[derive(Debug)]
pub(super) struct Inbox {
    path: Utf8PathBuf,
    read: Appended,
    known: BTreeSet<(String, bool)>,
}

impl Inbox {
    /// The orders in this file, which may not be there yet.
    pub(super) fn new(path: Utf8PathBuf) -> Self {
        Self { path, read: Appended::default(), known: BTreeSet::new() }
    }

    /// Whole lines that were written since the last look; one that is no order is left out.
    ///
    /// The name counts: what was written twice, by two supervisors, is one order.
    pub(super) fn look(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        // What cannot be read now is read at the next look.
        drop(self.read.look(&self.path, u64::MAX, |line| {
            orders.extend(serde_json::from_slice::<Order>(line).ok());
        }));
        orders
            .retain(|order| self.known.insert((order.id.clone(), order.kind == OrderKind::Answer)));
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_read_once_whole_and_by_its_name() {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(guard.path().join("live.jsonl")).unwrap();
        let mut inbox = Inbox::new(path.clone());
        assert_eq!(inbox.look(), [], "it is not there yet");
        let line = |id: &str| format!("{{\"id\":\"{id}\",\"kind\":\"steer\",\"text\":\"x\"}}\n");
        let whole = format!("{}nonsense\n{}{}", line("a"), line("a"), line("b"));
        std::fs::write(&path, format!("{whole}{}", &line("c")[..9])).unwrap();
        let names = |orders: Vec<Order>| -> Vec<String> {
            orders.into_iter().map(|order| order.id).collect()
        };
        assert_eq!(names(inbox.look()), ["a", "b"]);
        assert_eq!(names(inbox.look()), [""; 0]);
        std::fs::write(&path, format!("{whole}{}{}", line("c"), line("a"))).unwrap();
        assert_eq!(names(inbox.look()), ["c"]);
    }
}
