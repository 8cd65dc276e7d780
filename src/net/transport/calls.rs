//! A client's calls in progress and unfinished questions, and what the RPC layer keeps for the
//! client: the memory they need, and their limits.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use capnp::Error;
use capnp_rpc::rpc_capnp::call::send_results_to;
use capnp_rpc::rpc_capnp::{
    call, cap_descriptor, finish, message, message_target, resolve, return_,
};
use futures::channel::oneshot;

use super::checks::{check_capabilities, check_transform, hosted};
use super::prices::{EXPORT, IMPORT, MESSAGE_BYTES, OWN_QUESTION, QUESTION, Table};
use super::{
    ANONYMOUS_QUESTIONS_MAX, ANSWER_BYTES_MAX, CALL_BYTES, CALLS_BYTES_MAX, CHAINED_CALLS_MAX,
    OWN_QUESTIONS_MAX, QUEUED_CALLS_MAX, UNFINISHED_QUESTIONS_MAX,
};

/// What a message is charged for while it is in use, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Charge {
    /// As memory in use.
    memory: usize,
    /// As a call in progress: 0 for any other message.
    call: usize,
    /// The question, of a call.
    pub(super) question: Option<u32>,
}

/// What becomes of a received message.
pub(super) enum Received {
    /// capnp-rpc handles it.
    Handled(Charge),
    /// It is kept from capnp-rpc.
    Kept,
}

/// What becomes of a message that is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// As it is: an answer on which the client has made calls.
    Called,
    /// It answers a cancelled call, and is replaced by one that says so.
    Canceled(u32),
}

/// The calls of one client.
#[derive(Default)]
pub(super) struct Calls {
    /// The sum of [`Charge::call`].
    in_progress: Cell<usize>,
    /// The sum of [`Charge::memory`].
    messages: Cell<usize>,
    /// The bytes of what capabilities keep for the client.
    kept: Cell<usize>,
    /// The unfinished questions. An answered question is finished by the client's `Finish`, or at
    /// once if none is needed.
    questions: RefCell<HashMap<u32, Question>>,
    /// Their number.
    unfinished: Table,
    /// Those that are not answered.
    open: Cell<usize>,
    /// Those of them that wait for the answer to another.
    queued: Cell<usize>,
    /// The sum of the bytes of [`Question::Answered`].
    answers: Cell<usize>,
    /// The references to capabilities that the client has passed, and that were not released.
    imports: Table,
    /// The references to capabilities that the client holds.
    exports: Table,
    /// The calls of this side that the client has not answered.
    own_questions: Table,
    /// Those of them that this side has cancelled.
    own_cancelled: RefCell<HashSet<u32>>,
    /// For each call that can be cancelled: dropping it cancels the call.
    cancellations: RefCell<HashMap<u32, oneshot::Sender<()>>>,
    /// Whether the client has shown a link.
    holds_link: Cell<bool>,
    /// Whether there was a message, or a call has ended, since the last check.
    active: Cell<bool>,
}

/// A question of the client.
#[derive(Clone, Copy)]
enum Question {
    /// Not answered: the last of a chain of this many pipelined calls, and whether it is called on.
    Open(usize, bool),
    /// Finished before it was answered. capnp-rpc would drop the call and keep its entry until the
    /// connection ends; so it learns of that only when it has answered.
    Cancelled(usize),
    /// Answered: the bytes that are kept for pipelined calls, and the capabilities in the answer.
    Answered { bytes: usize, capabilities: usize },
}

impl Calls {
    /// The memory in use for messages, calls, and all that is kept for the client, in bytes.
    pub(super) fn memory(&self) -> usize {
        let own = self.own_questions.bytes(OWN_QUESTION);
        let cancelled = self.own_cancelled.borrow().len() * OWN_QUESTION.entry;
        self.messages.get()
            + self.kept.get()
            + self.answers.get()
            + self.unfinished.bytes(QUESTION)
            + self.imports.bytes(IMPORT)
            + self.exports.bytes(EXPORT)
            + own.saturating_sub(cancelled)
    }

    /// Whether the client must wait before it may call again. A single call may exceed the limit.
    pub(super) fn are_at_limit(&self) -> bool {
        self.in_progress.get() >= CALLS_BYTES_MAX
            || self.queued.get() >= QUEUED_CALLS_MAX
            || (!self.holds_link.get() && self.open.get() >= ANONYMOUS_QUESTIONS_MAX)
    }

    /// Whether the client was active since the last check, or waits for an answer below the limit.
    pub(super) fn is_active(&self) -> bool {
        self.active.replace(false) || (self.open.get() > 0 && !self.are_at_limit())
    }

    /// Adds the bytes of what a capability keeps for the client.
    pub(super) fn keep(&self, bytes: usize) {
        self.kept.update(|kept| kept + bytes);
    }

    /// Removes them.
    pub(super) fn drop_kept(&self, bytes: usize) {
        self.kept.update(|kept| kept - bytes);
    }

    /// Raises the limits: the client holds a link.
    pub(super) fn trust(&self) {
        self.holds_link.set(true);
    }

    /// Returns when the client cancels a call.
    pub(super) async fn cancelled(&self, question: u32) {
        if matches!(self.questions.borrow().get(&question), Some(Question::Open(..))) {
            let (cancel, cancelled) = oneshot::channel();
            self.cancellations.borrow_mut().insert(question, cancel);
            // Nothing is ever sent: it resolves when the sender is dropped.
            let _ = cancelled.await;
        }
    }

    /// Checks a received message of so many bytes, and charges it until [`dropped`](Self::dropped).
    ///
    /// # Errors
    /// Where a limit is exceeded, or the message is one that no client needs.
    pub(super) fn received(
        &self,
        root: message::Reader<'_>,
        bytes: usize,
    ) -> Result<Received, Error> {
        self.active.set(true);
        let mut charge = Charge { memory: bytes + MESSAGE_BYTES, ..Charge::default() };
        match root.which() {
            // An answer has the bootstrap capability.
            Ok(message::Bootstrap(bootstrap)) => self.ask(bootstrap?.get_question_id(), 0)?,
            Ok(message::Call(call)) => {
                let call = call?;
                self.call(call)?;
                charge.question = Some(call.get_question_id());
                charge.call = bytes + CALL_BYTES;
                charge.memory = charge.call;
            }
            // Answers must be read for this side's own calls to end.
            Ok(message::Return(answer)) => self.answer(answer?, bytes)?,
            Ok(message::Finish(finish)) => {
                let handled = self.finish(finish?);
                if !handled {
                    return Ok(Received::Kept);
                }
            }
            Ok(message::Resolve(resolve)) => {
                if let Ok(resolve::Cap(capability)) = resolve?.which() {
                    self.import([capability?])?;
                }
            }
            Ok(message::Release(release)) => {
                self.exports.remove(release?.get_reference_count() as usize);
            }
            _ => {}
        }
        self.in_progress.set(self.in_progress.get() + charge.call);
        self.messages.set(self.messages.get() + charge.memory);
        Ok(Received::Handled(charge))
    }

    fn call(&self, call: call::Reader<'_>) -> Result<(), Error> {
        if !matches!(call.get_send_results_to().which(), Ok(send_results_to::Caller(()))) {
            return Err(Error::failed("results are only sent to the caller".into()));
        }
        check_capabilities(call.get_params()?)?;
        self.ask(call.get_question_id(), self.chain_length(call)?)?;
        self.import(call.get_params()?.get_cap_table()?)
    }

    /// Checks the client's answer to a call of this side: no call here asks for a capability.
    fn answer(&self, answer: return_::Reader<'_>, bytes: usize) -> Result<(), Error> {
        self.own_questions.remove(1);
        let mut cancelled = self.own_cancelled.borrow_mut();
        if !cancelled.is_empty() {
            cancelled.remove(&answer.get_answer_id());
        }
        if bytes > ANSWER_BYTES_MAX {
            let why = format!("an answer of {bytes} bytes is not accepted");
            return Err(Error::failed(why));
        }
        if let Ok(return_::Results(results)) = answer.which()
            && !results?.get_cap_table()?.is_empty()
        {
            return Err(Error::failed("an answer with capabilities is not accepted".into()));
        }
        Ok(())
    }

    /// Ends a question, and returns whether capnp-rpc may learn of it.
    fn finish(&self, finish: finish::Reader<'_>) -> bool {
        let id = finish.get_question_id();
        let mut questions = self.questions.borrow_mut();
        match questions.get_mut(&id) {
            Some(Question::Answered { bytes, capabilities }) => {
                self.answers.update(|answers| answers - *bytes);
                if finish.get_release_result_caps() {
                    self.exports.remove(*capabilities);
                }
                questions.remove(&id);
                self.unfinished.remove(1);
                true
            }
            Some(question) => {
                if let Question::Open(chain_length, _) = *question {
                    *question = Question::Cancelled(chain_length);
                    drop(self.cancellations.borrow_mut().remove(&id));
                }
                false
            }
            None => true,
        }
    }

    /// Adds references to capabilities of the client.
    fn import<'a>(
        &self,
        capabilities: impl IntoIterator<Item = cap_descriptor::Reader<'a>>,
    ) -> Result<(), Error> {
        for capability in capabilities {
            match capability.which()? {
                cap_descriptor::SenderHosted(_) | cap_descriptor::SenderPromise(_) => {
                    self.imports.add(1);
                }
                cap_descriptor::ReceiverAnswer(answer) => check_transform(answer?)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a question.
    fn ask(&self, question: u32, chain_length: usize) -> Result<(), Error> {
        let kept = self.unfinished.len() - self.open.get();
        let (most, who) = if self.holds_link.get() {
            (UNFINISHED_QUESTIONS_MAX, "")
        } else {
            (ANONYMOUS_QUESTIONS_MAX, ", without a link")
        };
        if kept >= most || self.unfinished.len() >= UNFINISHED_QUESTIONS_MAX {
            let why = format!("more than {most} unfinished questions{who}");
            return Err(Error::failed(why));
        }
        if self
            .questions
            .borrow_mut()
            .insert(question, Question::Open(chain_length, false))
            .is_some()
        {
            return Err(Error::failed(format!("question {question} is asked twice")));
        }
        self.unfinished.add(1);
        self.open.update(|open| open + 1);
        self.queued.update(|queued| queued + usize::from(chain_length > 1));
        Ok(())
    }

    /// The length of the chain of pipelined calls that ends with this one: its target, and the
    /// capabilities that it passes, may be parts of promised answers.
    fn chain_length(&self, call: call::Reader<'_>) -> Result<usize, Error> {
        let mut questions = self.questions.borrow_mut();
        let mut waits = |question: u32| match questions.get_mut(&question) {
            Some(Question::Open(length, is_called)) => {
                *is_called = true;
                *length
            }
            Some(Question::Cancelled(length)) => *length,
            Some(Question::Answered { .. }) | None => 0,
        };
        let mut longest = match call.get_target()?.which() {
            Ok(message_target::PromisedAnswer(answer)) => {
                let answer = answer?;
                check_transform(answer)?;
                waits(answer.get_question_id())
            }
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

    /// Updates the tables for a message of so many bytes that is sent to the client.
    ///
    /// # Errors
    /// Where too many calls of this side are not answered.
    pub(super) fn sent(&self, root: message::Reader<'_>, bytes: usize) -> Result<Sent, Error> {
        match root.which() {
            Ok(message::Return(Ok(answer))) => return self.answered(answer, bytes),
            Ok(message::Release(Ok(release))) => {
                self.imports.remove(release.get_reference_count() as usize);
            }
            Ok(message::Call(Ok(call))) => {
                self.own_questions.add(1);
                self.exports.add(hosted(call.get_params()?)?);
                if self.own_questions.len() > OWN_QUESTIONS_MAX {
                    let why = format!("more than {OWN_QUESTIONS_MAX} calls are not answered");
                    return Err(Error::failed(why));
                }
            }
            // What capnp-rpc releases here are the capabilities of an answer that is still to come.
            Ok(message::Finish(Ok(finish))) if finish.get_release_result_caps() => {
                self.own_cancelled.borrow_mut().insert(finish.get_question_id());
            }
            Ok(message::Resolve(Ok(resolve))) => {
                if let Ok(resolve::Cap(_)) = resolve.which() {
                    self.exports.add(1);
                }
            }
            _ => {}
        }
        Ok(Sent::Whole)
    }

    fn answered(&self, answer: return_::Reader<'_>, bytes: usize) -> Result<Sent, Error> {
        let id = answer.get_answer_id();
        let mut questions = self.questions.borrow_mut();
        let Some(question) = questions.get_mut(&id) else { return Ok(Sent::Whole) };
        let (chain_length, is_called, cancelled) = match question {
            Question::Open(chain_length, is_called) => (*chain_length, *is_called, false),
            Question::Cancelled(chain_length) => (*chain_length, false, true),
            Question::Answered { .. } => return Ok(Sent::Whole),
        };
        self.open.update(|open| open - 1);
        self.queued.update(|queued| queued - usize::from(chain_length > 1));
        if !self.cancellations.borrow().is_empty() {
            self.cancellations.borrow_mut().remove(&id);
        }
        if cancelled || answer.get_no_finish_needed() {
            questions.remove(&id);
            self.unfinished.remove(1);
            return Ok(if cancelled { Sent::Canceled(id) } else { Sent::Whole });
        }
        let (bytes, capabilities) = match answer.which() {
            Ok(return_::Results(results)) => (results_bytes(bytes), hosted(results?)?),
            _ => (bytes * EXCEPTION_FACTOR, 0),
        };
        *question = Question::Answered { bytes, capabilities };
        self.answers.update(|answers| answers + bytes);
        self.exports.add(capabilities);
        Ok(if is_called { Sent::Called } else { Sent::Whole })
    }

    /// Releases the charge of a received message that was dropped.
    pub(super) fn dropped(&self, charge: Charge) {
        if charge.call > 0 {
            // The idle timeout starts with the end of a call.
            self.active.set(true);
        }
        self.in_progress.set(self.in_progress.get() - charge.call);
        self.messages.set(self.messages.get() - charge.memory);
    }
}

/// What is kept of results, in bytes: a message's segments may be half empty, and the allocator
/// rounds up.
fn results_bytes(message: usize) -> usize {
    2 * message + message / 4
}

/// capnp-rpc keeps an exception for each of the promises around its answer.
const EXCEPTION_FACTOR: usize = 4;
