//! Limits on the promised capabilities of a peer, and on what they may resolve to.
//!
//! A promise that resolves to another promise makes a chain, of any length and without a call that
//! could be counted. capnp-rpc follows and drops it recursively: a long chain overflows the stack,
//! which ends the process. A cycle is followed for ever, or never released. Promises that resolve
//! to promises are therefore refused. No peer needs them: it can resolve a promise when it has the
//! capability.

use std::cell::RefCell;
use std::collections::HashSet;

use capnp::Error;
use capnp_rpc::rpc_capnp::{cap_descriptor, message, payload, resolve, return_};

use super::PROMISES_MAX;
use super::prices::{Price, Table};

/// The unreleased promises of a peer, by export ID. A resolved promise keeps its ID, and stays in
/// the set. (A promise in the answer to a cancelled call stays until the connection ends: it is
/// never released.)
#[derive(Default)]
pub(super) struct Promises {
    ids: RefCell<HashSet<u32>>,
    table: Table,
}

impl Promises {
    /// Adds the promises of a received message, or checks what a promise resolves to.
    ///
    /// # Errors
    /// Where there are too many promises, or one resolves to a promise or to a part of an answer.
    pub(super) fn received(&self, root: message::Reader<'_>) -> Result<(), Error> {
        match root.which() {
            Ok(message::Call(call)) => self.add(call?.get_params()?),
            Ok(message::Return(answer)) => match answer?.which() {
                Ok(return_::Results(results)) => self.add(results?),
                _ => Ok(()),
            },
            Ok(message::Resolve(resolve)) => self.check(resolve?),
            _ => Ok(()),
        }
    }

    fn add(&self, payload: payload::Reader<'_>) -> Result<(), Error> {
        for capability in payload.get_cap_table()? {
            if let Ok(cap_descriptor::SenderPromise(promise)) = capability.which() {
                if self.ids.borrow_mut().insert(promise) {
                    self.table.add(1);
                }
                if self.table.len() > PROMISES_MAX {
                    return Err(Error::failed(format!(
                        "more than {PROMISES_MAX} unreleased promises"
                    )));
                }
            }
        }
        Ok(())
    }

    fn check(&self, resolve: resolve::Reader<'_>) -> Result<(), Error> {
        let promised = resolve.get_promise_id();
        let Ok(resolve::Cap(capability)) = resolve.which() else { return Ok(()) };
        let to_promise = match capability?.which() {
            Ok(cap_descriptor::SenderPromise(_) | cap_descriptor::ReceiverAnswer(_)) => true,
            Ok(cap_descriptor::SenderHosted(capability)) => {
                capability == promised || self.ids.borrow().contains(&capability)
            }
            _ => false,
        };
        if to_promise {
            let why = "a promise that resolves to another promise is not accepted";
            return Err(Error::failed(why.into()));
        }
        Ok(())
    }

    /// Removes the promise that a sent message releases.
    pub(super) fn sent(&self, root: message::Reader<'_>) {
        if self.table.len() > 0
            && let Ok(message::Release(Ok(release))) = root.which()
            && self.ids.borrow_mut().remove(&release.get_id())
        {
            self.table.remove(1);
        }
    }

    /// What they cost, in bytes.
    pub(super) fn bytes(&self, price: Price) -> usize {
        self.table.bytes(price)
    }
}
