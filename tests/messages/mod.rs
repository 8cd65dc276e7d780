//! Raw RPC messages, also such as capnp-rpc would never send.

use capnp::message::Builder;
use capnp::serialize;
use capnp::traits::HasTypeId;
use capnp_rpc::rpc_capnp;
use capvote::schema::election_capnp::message_sink;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A serialized message.
pub(crate) fn message(build: impl FnOnce(rpc_capnp::message::Builder<'_>)) -> Vec<u8> {
    let mut message = Builder::new_default();
    build(message.init_root());
    serialize::write_message_to_words(&message)
}

/// A request for the bootstrap capability.
pub(crate) fn bootstrap(question: u32) -> Vec<u8> {
    message(|message| message.init_bootstrap().set_question_id(question))
}

/// A call of `MessageSink.message`; `build` sets the rest.
pub(crate) fn call(question: u32, build: impl FnOnce(rpc_capnp::call::Builder<'_>)) -> Vec<u8> {
    message(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(message_sink::Client::TYPE_ID);
        build(call);
    })
}

/// Reads and drops everything.
pub(crate) async fn discard(mut reads: impl AsyncRead + Unpin) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(1..) = reads.read(&mut buffer).await {}
}
