//! A client's calls in progress and unfinished questions: the memory they need, and their limits.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use capnp::Error;
use capnp_rpc::rpc_capnp::call::send_results_to;
use capnp_rpc::rpc_capnp::{call, cap_descriptor, message, message_target, payload, return_};

use super::{
    ANSWER_BYTES_MAX, CALL_BYTES, CALLS_BYTES_MAX, CHAINED_CALLS_MAX, MESSAGE_CAPABILITIES_MAX,
    UNFINISHED_QUESTIONS_MAX, outbox,
};

/// What a message is charged for while it is in use, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Charge {
    /// As memory in use.
    memory: usize,
    /// As a call in progress: 0 for any other message.
    call: usize,
}

/// The calls of one client.
#[derive(Default)]
pub(super) struct Calls {
    /// The sum of [`Charge::call`].
    in_progress: Cell<usize>,
    /// The sum of [`Charge::memory`].
    memory: Cell<usize>,
    /// The unfinished questions. An answered question is finished by the client's `Finish`, or at
    /// once if none is needed. One that the client finishes before it is answered stays in this
    /// table: capnp-rpc keeps its own entry for it until the connection ends.
    questions: RefCell<HashMap<u32, Question>>,
    /// Whether there was a message, or a call has ended, since the last check.
    active: Cell<bool>,
}

/// A question of the client.
#[derive(Clone, Copy, PartialEq)]
enum Question {
    /// Not answered: the last of a chain of this many pipelined calls.
    Open(usize),
    Answered,
}

impl Calls {
    /// The memory in use for messages and calls, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory.get()
    }

    /// Whether the client must wait before it may call again. A single call may exceed the limit.
    pub(super) fn are_at_limit(&self) -> bool {
        self.in_progress.get() >= CALLS_BYTES_MAX
    }

    /// Whether the client was active since the last check, or waits for an answer below the limit.
    pub(super) fn is_active(&self) -> bool {
        let waits = || self.questions.borrow().values().any(|it| *it != Question::Answered);
        self.active.replace(false) || (waits() && !self.are_at_limit())
    }

    /// Checks a received message of so many bytes, and charges it until [`dropped`](Self::dropped).
    ///
    /// # Errors
    /// Where a limit is exceeded, or the message is one that no client needs.
    pub(super) fn received(
        &self,
        root: message::Reader<'_>,
        bytes: usize,
    ) -> Result<Charge, Error> {
        self.active.set(true);
        let call = self.call_bytes(root, bytes)?;
        let charge = Charge { memory: bytes.max(call), call };
        self.in_progress.set(self.in_progress.get() + charge.call);
        self.memory.set(self.memory.get() + charge.memory);
        Ok(charge)
    }

    /// The bytes that a message is charged as a call in progress: 0 unless it is a call. Answers
    /// must be read for this side's own calls to end, and other messages are handled at once.
    fn call_bytes(&self, root: message::Reader<'_>, bytes: usize) -> Result<usize, Error> {
        match root.which() {
            Ok(message::Bootstrap(bootstrap)) => {
                self.ask(bootstrap?.get_question_id(), 0).map(|()| 0)
            }
            Ok(message::Call(call)) => {
                let call = call?;
                if !matches!(call.get_send_results_to().which(), Ok(send_results_to::Caller(()))) {
                    return Err(Error::failed("results are only sent to the caller".into()));
                }
                check_capabilities(call.get_params()?)?;
                self.ask(call.get_question_id(), self.chain_length(call)?)?;
                Ok(bytes + CALL_BYTES)
            }
            Ok(message::Return(answer)) => {
                if bytes > ANSWER_BYTES_MAX {
                    let why = format!("an answer of {bytes} bytes is not accepted");
                    return Err(Error::failed(why));
                }
                if let Ok(return_::Results(results)) = answer?.which() {
                    check_capabilities(results?)?;
                }
                Ok(0)
            }
            Ok(message::Finish(finish)) => {
                let question = finish?.get_question_id();
                let mut questions = self.questions.borrow_mut();
                match questions.get_mut(&question) {
                    Some(Question::Answered) => drop(questions.remove(&question)),
                    // Finished before it was answered: it waits for nothing, but keeps its entry.
                    Some(open) => *open = Question::Answered,
                    None => {}
                }
                Ok(0)
            }
            _ => Ok(0),
        }
    }

    /// Adds a question.
    fn ask(&self, question: u32, chain_length: usize) -> Result<(), Error> {
        let mut questions = self.questions.borrow_mut();
        if questions.len() >= UNFINISHED_QUESTIONS_MAX {
            return Err(Error::failed(format!(
                "more than {UNFINISHED_QUESTIONS_MAX} unfinished questions"
            )));
        }
        questions.insert(question, Question::Open(chain_length));
        Ok(())
    }

    /// The length of the chain of pipelined calls that ends with this one: its target, and the
    /// capabilities that it passes, may be parts of promised answers.
    fn chain_length(&self, call: call::Reader<'_>) -> Result<usize, Error> {
        let questions = self.questions.borrow();
        let waits = |question: u32| match questions.get(&question) {
            Some(Question::Open(length)) => *length,
            Some(Question::Answered) | None => 0,
        };
        let mut longest = match call.get_target()?.which() {
            Ok(message_target::PromisedAnswer(answer)) => waits(answer?.get_question_id()),
            _ => 0,
        };
        for capability in call.get_params()?.get_cap_table()? {
            if let Ok(cap_descriptor::ReceiverAnswer(answer)) = capability.which() {
                longest = longest.max(waits(answer?.get_question_id()));
            }
        }
        if longest >= CHAINED_CALLS_MAX {
            let why = format!("a chain of more than {CHAINED_CALLS_MAX} pipelined calls");
            return Err(Error::failed(why));
        }
        Ok(longest + 1)
    }

    /// Updates the questions for a message that is sent to the client.
    pub(super) fn sent(&self, message: &outbox::Message) {
        let root = message.get_root_as_reader::<message::Reader<'_>>();
        let Ok(Ok(message::Return(Ok(answer)))) = root.map(|root| root.which()) else { return };
        let mut questions = self.questions.borrow_mut();
        if answer.get_no_finish_needed() {
            questions.remove(&answer.get_answer_id());
        } else if let Some(answered) = questions.get_mut(&answer.get_answer_id()) {
            *answered = Question::Answered;
        }
    }

    /// Releases the charge of a received message that was dropped.
    pub(super) fn dropped(&self, charge: Charge) {
        if charge.call > 0 {
            // The idle timeout starts with the end of a call.
            self.active.set(true);
        }
        self.in_progress.set(self.in_progress.get() - charge.call);
        self.memory.set(self.memory.get() - charge.memory);
    }
}

/// Limits the capabilities in a message: each takes more memory here than in the message.
fn check_capabilities(payload: payload::Reader<'_>) -> Result<(), Error> {
    let count = payload.get_cap_table()?.len();
    if count > MESSAGE_CAPABILITIES_MAX {
        return Err(Error::failed(format!("a message with {count} capabilities is not accepted")));
    }
    Ok(())
}
