//! How clients reach the servers of a ledger.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The links of the servers that are alive.
#[derive(Default)]
pub(super) struct Reach {
    own: Mutex<Option<String>>,
    /// Whether the others can know the own link.
    is_told: AtomicBool,
    all: Mutex<Arc<[String]>>,
}

impl Reach {
    /// Sets the own link.
    pub(super) fn announce(&self, link: &str) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(link.to_string());
        self.is_told.store(false, Ordering::Relaxed);
    }

    /// The own link, which the caller tells the others.
    pub(super) fn tell(&self) -> Option<String> {
        self.is_told.store(true, Ordering::Relaxed);
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the others are to be told now.
    pub(super) fn is_new(&self) -> bool {
        !self.is_told.load(Ordering::Relaxed)
    }

    /// Notes the links of all servers that are alive.
    pub(super) fn note(&self, links: Vec<String>) {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alone = matches!(&links[..], [only] if own.as_ref() == Some(only));
        let links = if is_alone { Vec::new() } else { links };
        *self.all.lock().unwrap_or_else(PoisonError::into_inner) = links.into();
    }

    /// The links of all servers that are alive; empty if this is the only one.
    pub(super) fn all(&self) -> Arc<[String]> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
