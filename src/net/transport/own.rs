//! Messages of the transport itself.

use capnp::message::HeapAllocator;
use capnp_rpc::rpc_capnp::message;

use super::outbox::Message;

/// The words of the longest of them.
const WORDS: u32 = 8;

/// The answer to a cancelled call.
pub(super) fn canceled(question: u32) -> Message {
    built(|message| {
        let mut answer = message.init_return();
        answer.set_answer_id(question);
        answer.set_release_param_caps(false);
        answer.set_canceled(());
    })
}

/// The end of a question, and of the capabilities in its answer.
pub(super) fn finish(question: u32) -> Message {
    built(|message| {
        let mut finish = message.init_finish();
        finish.set_question_id(question);
        finish.set_release_result_caps(true);
    })
}

fn built(build: impl FnOnce(message::Builder<'_>)) -> Message {
    let mut message = Message::new(HeapAllocator::new().first_segment_words(WORDS));
    build(message.init_root());
    message
}
