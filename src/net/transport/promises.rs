//! What a peer's promises may come to.
//!
//! A promise that comes to another makes a chain, of any length and with no call to count it by, which capnp-rpc follows
//! and takes apart by recursion: a long one has no room on the stack, and that ends the whole process. One that comes to
//! itself, by whatever way, is followed for ever or never given back. Nobody needs such promises here: where a peer
//! passes a capability before it has it, it has one to pass in the end.

use std::cell::RefCell;
use std::collections::HashSet;

use capnp::Error;
use capnp_rpc::rpc_capnp::{cap_descriptor, message, payload, resolve, return_};

use super::{PROMISES_MAX, outbox};

/// The promises of a peer that were not given back, by their numbers. What a promise has come to is still known by the
/// number of the promise, and as one. (One that comes with the answer to a call which was cancelled meanwhile is kept here
/// until the connection ends: nobody gives it back.)
#[derive(Default)]
pub(super) struct Promises(RefCell<HashSet<u32>>);

impl Promises {
    /// Takes note of the promises that arrive with a message, and checks what a promise comes to, where it tells that.
    ///
    /// # Errors
    /// Where that is a promise again, or a part of an answer, and where there are too many.
    pub(super) fn arrive(&self, arrived: message::Reader<'_>) -> Result<(), Error> {
        match arrived.which() {
            Ok(message::Call(call)) => self.come_with(call?.get_params()?),
            Ok(message::Return(answer)) => match answer?.which() {
                Ok(return_::Results(results)) => self.come_with(results?),
                _ => Ok(()),
            },
            Ok(message::Resolve(resolve)) => self.check(resolve?),
            _ => Ok(()),
        }
    }

    fn come_with(&self, payload: payload::Reader<'_>) -> Result<(), Error> {
        for capability in payload.get_cap_table()? {
            if let Ok(cap_descriptor::SenderPromise(promise)) = capability.which() {
                let mut promises = self.0.borrow_mut();
                promises.insert(promise);
                if promises.len() > PROMISES_MAX {
                    return Err(Error::failed(format!("more than {PROMISES_MAX} promises")));
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
            let why = "a promise that comes to another promise is not taken";
            return Err(Error::failed(why.into()));
        }
        Ok(())
    }

    /// Takes note of a message that is sent to the peer: it may give promises back.
    pub(super) fn send(&self, sent: &outbox::Message) {
        let mut promises = self.0.borrow_mut();
        if promises.is_empty() {
            return;
        }
        let root = sent.get_root_as_reader::<message::Reader<'_>>();
        if let Ok(Ok(message::Release(Ok(release)))) = root.map(|root| root.which()) {
            promises.remove(&release.get_id());
        }
    }
}
