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

use super::{PROMISES_MAX, outbox};

/// The unreleased promises of a peer, by export ID. A resolved promise keeps its ID, and stays in
/// the set. (A promise in the answer to a cancelled call stays until the connection ends: it is
/// never released.)
#[derive(Default)]
pub(super) struct Promises(RefCell<HashSet<u32>>);

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
                let mut promises = self.0.borrow_mut();
                promises.insert(promise);
                if promises.len() > PROMISES_MAX {
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
                capability == promised || self.0.borrow().contains(&capability)
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
    pub(super) fn sent(&self, message: &outbox::Message) {
        let mut promises = self.0.borrow_mut();
        if promises.is_empty() {
            return;
        }
        let root = message.get_root_as_reader::<message::Reader<'_>>();
        if let Ok(Ok(message::Release(Ok(release)))) = root.map(|root| root.which()) {
            promises.remove(&release.get_id());
        }
    }
}
