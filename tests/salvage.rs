//! Nothing is lost by a removal: whatever a worktree holds, it comes back to the byte.

#[path = "salvage/cases.rs"]
mod cases;
#[path = "salvage/fuzz.rs"]
mod fuzz;
#[path = "salvage/place.rs"]
mod place;
