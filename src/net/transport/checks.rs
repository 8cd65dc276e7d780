//! Checks of the capabilities in a message.

use capnp::Error;
use capnp_rpc::rpc_capnp::{cap_descriptor, payload, promised_answer};

use super::{MESSAGE_CAPABILITIES_MAX, TRANSFORM_STEPS_MAX};

/// The capabilities that this side hosts in a message it sends.
pub(super) fn hosted(payload: payload::Reader<'_>) -> Result<usize, Error> {
    let is_hosted = |it: &cap_descriptor::Reader<'_>| {
        matches!(it.which(), Ok(cap_descriptor::SenderHosted(_) | cap_descriptor::SenderPromise(_)))
    };
    Ok(payload.get_cap_table()?.iter().filter(is_hosted).count())
}

/// Limits the capabilities in a message: each takes more memory here than in the message.
pub(super) fn check_capabilities(payload: payload::Reader<'_>) -> Result<(), Error> {
    let count = payload.get_cap_table()?.len();
    if count > MESSAGE_CAPABILITIES_MAX {
        return Err(Error::failed(format!(
            "a call with {count} capabilities is not accepted: no method takes more than \
             {MESSAGE_CAPABILITIES_MAX}"
        )));
    }
    Ok(())
}

/// Limits the path to a part of an answer: each step is copied.
pub(super) fn check_transform(answer: promised_answer::Reader<'_>) -> Result<(), Error> {
    let steps = answer.get_transform()?.len();
    if steps > TRANSFORM_STEPS_MAX {
        return Err(Error::failed(format!("a path of {steps} steps is not accepted")));
    }
    Ok(())
}
