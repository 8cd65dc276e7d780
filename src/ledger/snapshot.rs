//! What a ledger holds at one moment, as far as everyone on a server may know.

use std::sync::Arc;

use crate::election::{ElectionId, Grants, Standing};

/// Every election and every grant in force, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The elections, oldest first.
    pub elections: Vec<Arc<Standing>>,
    /// The grants in force.
    pub grants: Arc<Grants>,
}

impl Snapshot {
    /// The election with this id.
    pub fn election(&self, id: &ElectionId) -> Option<&Arc<Standing>> {
        self.elections.iter().find(|standing| standing.definition.id == *id)
    }
}
