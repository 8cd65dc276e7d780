//! What a peer's promises may come to.
//!
//! A promise that comes to another makes a chain, of any length and with no call to count it by, which capnp-rpc follows
//! and takes apart by recursion: a long one has no room on the stack, and that ends the whole process. One that comes to
//! itself, by whatever way, is followed for ever or never given back. Nobody needs such promises here: where a peer
//! passes a capability before it has it, it has one to pass in the end.

use capnp::Error;
use capnp_rpc::rpc_capnp::{cap_descriptor, message, resolve};

/// Checks what a promise comes to, where a message tells that.
///
/// # Errors
/// Where that is a promise again, or a part of an answer.
pub(super) fn check(arrived: message::Reader<'_>) -> Result<(), Error> {
    let Ok(message::Resolve(resolve)) = arrived.which() else {
        return Ok(());
    };
    match resolve?.which() {
        Ok(resolve::Cap(capability)) => match capability?.which() {
            Ok(cap_descriptor::SenderPromise(_) | cap_descriptor::ReceiverAnswer(_)) => {
                Err(Error::failed("a promise that comes to another promise is not taken".into()))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
