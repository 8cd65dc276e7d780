//! Messages of the RPC protocol, as a client of any kind may send them.

use capnp::message::Builder;
use capnp::serialize;
use capnp_rpc::rpc_capnp;

/// A message, as the bytes on the wire.
pub(crate) fn message(build: impl FnOnce(rpc_capnp::message::Builder<'_>)) -> Vec<u8> {
    let mut message = Builder::new_default();
    build(message.init_root());
    serialize::write_message_to_words(&message)
}

/// Asks for the first capability, as the question with this number.
pub(crate) fn bootstrap(question: u32) -> Vec<u8> {
    message(|message| message.init_bootstrap().set_question_id(question))
}
