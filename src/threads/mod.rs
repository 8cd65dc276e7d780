//! What a server's threads leave behind, and which of them come first.

pub(crate) mod background;
pub(crate) mod batch;
pub(crate) mod stack;
