//! The calls of a peer, and how much memory they are taken to need.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use capnp::Error;
use capnp_rpc::rpc_capnp::message;

use super::{CALL_BYTES, CALLS_BYTES_MAX, UNFINISHED_ANSWERS_MAX, decoder, outbox};

/// The calls of one client.
#[derive(Default)]
pub(super) struct Calls {
    /// The bytes that count for the calls under way.
    bytes: Cell<usize>,
    /// The answers that are kept until the client says that it needs nothing more of them.
    unfinished: RefCell<HashSet<u32>>,
    /// Whether a message has arrived since somebody asked.
    heard: Cell<bool>,
}

impl Calls {
    /// Whether the client has to wait before it may call again. One call may be under way however long it is.
    pub(super) fn are_too_many(&self) -> bool {
        self.bytes.get() >= CALLS_BYTES_MAX
    }

    /// Whether a message has arrived since this was asked last, or is being dealt with.
    pub(super) fn were_heard(&self) -> bool {
        self.heard.replace(false) || self.bytes.get() > 0
    }

    /// Takes note of a message that has arrived. Returns the bytes that it counts for until it is not needed any
    /// more: none, unless it is a call. Of what else a peer says, answers to this side's calls have to be read for
    /// those calls to end, and the rest is dealt with at once.
    pub(super) fn begin(&self, arrived: &decoder::Message) -> Result<usize, Error> {
        self.heard.set(true);
        let message = arrived.get_root::<message::Reader<'_>>()?;
        match message.which() {
            Ok(message::Call(_)) => {
                let bytes = arrived.size_in_words() * 8 + CALL_BYTES;
                self.bytes.set(self.bytes.get() + bytes);
                Ok(bytes)
            }
            Ok(message::Finish(finish)) => {
                self.unfinished.borrow_mut().remove(&finish?.get_question_id());
                Ok(0)
            }
            _ => Ok(0),
        }
    }

    /// Takes note of a message that is sent to the client.
    ///
    /// # Errors
    /// Where the client leaves more answers unfinished than any client that works does.
    pub(super) fn answer(&self, sent: &outbox::Message) -> Result<(), Error> {
        let message = sent.get_root_as_reader::<message::Reader<'_>>()?;
        let Ok(message::Return(answer)) = message.which() else { return Ok(()) };
        let answer = answer?;
        let mut unfinished = self.unfinished.borrow_mut();
        if !answer.get_no_finish_needed() {
            unfinished.insert(answer.get_answer_id());
        }
        if unfinished.len() <= UNFINISHED_ANSWERS_MAX {
            return Ok(());
        }
        let most = UNFINISHED_ANSWERS_MAX;
        Err(Error::failed(format!("a client that leaves {most} answers unfinished is not served")))
    }

    /// A message that counted for so many bytes is not needed any more. Returns whether the client may call again,
    /// and might not before.
    pub(super) fn end(&self, bytes: usize) -> bool {
        // From here on something is expected of the client again.
        self.heard.set(true);
        let were_too_many = self.are_too_many();
        self.bytes.set(self.bytes.get() - bytes);
        were_too_many && !self.are_too_many()
    }
}
