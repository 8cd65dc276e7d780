//! A snapshot of a ledger: what capabilities read without asking the store.

use std::sync::Arc;

use crate::election::{ElectionId, Grants, Standing};

/// The public state of every election, and the grants in force, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The elections, in the order of their creation.
    pub elections: Vec<Arc<Standing>>,
    /// The grants in force.
    pub grants: Arc<Grants>,
}

impl Snapshot {
    /// The election with this id, if there is one.
    pub fn election(&self, id: &ElectionId) -> Option<&Arc<Standing>> {
        self.elections.iter().find(|standing| standing.definition.id == *id)
    }
}
