//! The limits of the machine, which no system comes near that does more.

pub(super) mod accept;
pub(super) mod echo;
pub(super) mod sync;
pub(super) mod uring;
pub(super) mod vats;
