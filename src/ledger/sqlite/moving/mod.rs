//! A ledger in a data directory, as it leaves for a database, and as it comes from one.

mod directory;
mod source;
mod target;

pub(in crate::ledger) use self::directory::{Directory, Holds};
pub(in crate::ledger) use self::source::StoreSource;
pub(in crate::ledger) use self::target::FileTarget;
