//! Takes the last removal back.

use camino::Utf8Path;

use crate::store::salvage::{Restored, Salvage, SalvageError, Target, drop_salvage, list, restore};

/// What became of one part of a removal that is taken back.
#[derive(Debug)]
pub struct Undone {
    /// What was put away.
    pub salvage: Salvage,
    /// What is there again, or what is in the way.
    pub restored: Result<Restored, SalvageError>,
    /// Everything is as it was, so that the salvage is not needed any more and is gone.
    pub is_complete: bool,
}

/// Everything that the last command removed which removed anything; nothing when nothing is put away.
///
/// # Errors
/// Git says no.
pub fn last_removal(root: &Utf8Path) -> Result<Vec<Salvage>, SalvageError> {
    let mut all = list(root)?;
    all.retain(|salvage| salvage.is_removal);
    let Some(last) = all.first().map(|salvage| (salvage.source.at, salvage.source.by.clone()))
    else {
        return Ok(Vec::new());
    };
    all.retain(|salvage| (salvage.source.at, salvage.source.by.clone()) == last);
    Ok(all)
}

/// Brings everything back that a command removed; what is whole again is no longer kept as a salvage.
pub fn undo(root: &Utf8Path, removal: Vec<Salvage>) -> Vec<Undone> {
    let bring_back = |salvage: Salvage| {
        let restored = restore(root, &salvage, Target::Place);
        let is_exact = restored.as_ref().is_ok_and(|restored| restored.is_exact);
        let is_complete = is_exact && drop_salvage(root, &salvage).is_ok();
        Undone { salvage, restored, is_complete }
    };
    removal.into_iter().map(bring_back).collect()
}
