//! The calls of a peer, and how much memory they are taken to need.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use capnp::Error;
use capnp_rpc::rpc_capnp::call::send_results_to;
use capnp_rpc::rpc_capnp::{call, cap_descriptor, message, message_target, payload, return_};

use super::{
    ANSWER_BYTES_MAX, CALL_BYTES, CALLS_BYTES_MAX, CHAINED_CALLS_MAX, MESSAGE_CAPABILITIES_MAX,
    UNFINISHED_QUESTIONS_MAX, outbox,
};

/// What a message counts for while it is in use, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    /// As memory.
    held: usize,
    /// Of it, as a call under way.
    call: usize,
}

/// The calls of one client.
#[derive(Default)]
pub(super) struct Calls {
    /// The bytes that count for the calls under way.
    bytes: Cell<usize>,
    /// The bytes of messages that are in use, and what counts for calls beside them.
    held: Cell<usize>,
    /// The questions of the client that are not over. A question that was answered is over when the client has
    /// finished it, or did not have to. One that the client finishes before it is answered is never over: capnp-rpc
    /// keeps its entry until the connection ends.
    questions: RefCell<HashMap<u32, Question>>,
    /// Whether a message has arrived since somebody asked.
    heard: Cell<bool>,
}

/// A question of the client.
#[derive(Clone, Copy, PartialEq)]
enum Question {
    /// With this many calls that wait for one another, itself among them.
    Open(usize),
    Answered,
}

impl Calls {
    /// The bytes of messages that are in use, and what counts for calls beside them.
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// Whether the client has to wait before it may call again. One call may be under way however long it is.
    pub(super) fn are_too_many(&self) -> bool {
        self.bytes.get() >= CALLS_BYTES_MAX
    }

    /// Whether a message has arrived since this was asked last, or calls are under way, and not more than may be.
    pub(super) fn were_heard(&self) -> bool {
        let waits = || self.questions.borrow().values().any(|it| *it != Question::Answered);
        self.heard.replace(false) || (waits() && !self.are_too_many())
    }

    /// Takes note of a message of so many bytes that has arrived, until [`end`](Self::end).
    ///
    /// # Errors
    /// Where the client leaves more questions open than any client that works does, or says what none says.
    pub(super) fn begin(
        &self,
        arrived: message::Reader<'_>,
        bytes: usize,
    ) -> Result<Counted, Error> {
        self.heard.set(true);
        let call = self.call_bytes(arrived, bytes)?;
        let counted = Counted { held: bytes.max(call), call };
        self.bytes.set(self.bytes.get() + counted.call);
        self.held.set(self.held.get() + counted.held);
        Ok(counted)
    }

    /// The bytes that a message counts for as a call under way: none, unless it is one. Of what else a peer says, answers
    /// to this side's calls have to be read for those calls to end, and the rest is dealt with at once.
    fn call_bytes(&self, arrived: message::Reader<'_>, bytes: usize) -> Result<usize, Error> {
        match arrived.which() {
            Ok(message::Bootstrap(bootstrap)) => {
                self.asks(bootstrap?.get_question_id(), 0).map(|()| 0)
            }
            Ok(message::Call(call)) => {
                let call = call?;
                if !matches!(call.get_send_results_to().which(), Ok(send_results_to::Caller(()))) {
                    return Err(Error::failed("results are sent to their caller only".into()));
                }
                check_capabilities(call.get_params()?)?;
                self.asks(call.get_question_id(), self.chained(call)?)?;
                Ok(bytes + CALL_BYTES)
            }
            Ok(message::Return(answer)) => {
                if bytes > ANSWER_BYTES_MAX {
                    let why = format!("an answer of {bytes} bytes is not taken");
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
                    // Nobody waits for the answer any more.
                    Some(open) => *open = Question::Answered,
                    None => {}
                }
                Ok(0)
            }
            _ => Ok(0),
        }
    }

    /// The client asks a question that will be kept until it is over.
    fn asks(&self, question: u32, chained: usize) -> Result<(), Error> {
        let mut questions = self.questions.borrow_mut();
        if questions.len() >= UNFINISHED_QUESTIONS_MAX {
            return Err(Error::failed(format!(
                "a client that leaves {UNFINISHED_QUESTIONS_MAX} questions unfinished is not served"
            )));
        }
        questions.insert(question, Question::Open(chained));
        Ok(())
    }

    /// How many calls wait for one another so that this one, which is the last of them, can be answered. What is
    /// called, and what is passed, may be part of an answer that is still to come.
    fn chained(&self, call: call::Reader<'_>) -> Result<usize, Error> {
        let questions = self.questions.borrow();
        let waits = |question: u32| match questions.get(&question) {
            Some(Question::Open(chained)) => *chained,
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
            let why = format!("more than {CHAINED_CALLS_MAX} calls on one another's answers");
            return Err(Error::failed(why));
        }
        Ok(longest + 1)
    }

    /// Takes note of a message that is sent to the client.
    pub(super) fn answer(&self, sent: &outbox::Message) {
        let root = sent.get_root_as_reader::<message::Reader<'_>>();
        let Ok(Ok(message::Return(Ok(answer)))) = root.map(|root| root.which()) else { return };
        let mut questions = self.questions.borrow_mut();
        if answer.get_no_finish_needed() {
            questions.remove(&answer.get_answer_id());
        } else if let Some(answered) = questions.get_mut(&answer.get_answer_id()) {
            *answered = Question::Answered;
        }
    }

    /// A message is not needed any more.
    pub(super) fn end(&self, counted: Counted) {
        if counted.call > 0 {
            // From here on something is expected of the client again.
            self.heard.set(true);
        }
        self.bytes.set(self.bytes.get() - counted.call);
        self.held.set(self.held.get() - counted.held);
    }
}

/// Checks how many capabilities come with what a client says. Each takes more memory here than there.
fn check_capabilities(payload: payload::Reader<'_>) -> Result<(), Error> {
    let count = payload.get_cap_table()?.len();
    if count > MESSAGE_CAPABILITIES_MAX {
        return Err(Error::failed(format!("a message with {count} capabilities is not taken")));
    }
    Ok(())
}
