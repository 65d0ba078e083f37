//! Parts of screens.

pub mod transcript;
