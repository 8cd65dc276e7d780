//! Messages that wait for others, and leave with them.
//!
//! A write costs both sides more than the rest of a short message. A message that the peer does not
//! wait for is therefore kept until there is one that it does: a `Finish` or a `Release`, and an
//! answer on which the client has already made calls. Messages keep their order.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use capnp_rpc::rpc_capnp::exception::Type;
use capnp_rpc::rpc_capnp::{message, message_target};
use capnp_rpc::rpc_twoparty_capnp::Side;
use tokio::time::{Sleep, sleep};

/// The longest time that a message waits for another.
// No shorter than `net::tick`, so that setting the timer takes no system call.
pub const DEFERRED_WAIT_MAX: Duration = Duration::from_secs(1);

/// The size from which unwritten output waits for nothing.
const DEFERRED_BYTES_MAX: usize = 4 * 1024;

/// The unwritten answers for which it is noted whether the peer has made calls on them. With more,
/// the output waits for nothing. (The list of a peer that never reads all would grow, and each of its
/// calls looks for its answer there.)
const ANSWERS_MAX: usize = 64;

/// How long the peer can do without a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    wait: Wait,
    /// Whether the end of the stream tells the peer as much.
    pub(super) ends_with_stream: bool,
}

/// Whether the peer waits for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    /// It does for the answer to this question, unless it has made calls on it.
    Answer(u32),
    No,
}

impl Need {
    /// Of an answer on which the peer has made calls.
    pub(super) const CALLED: Self = Self { wait: Wait::No, ends_with_stream: false };

    /// Of a message that this side sends.
    pub(super) fn of(root: message::Reader<'_>, side: Side) -> Self {
        let (wait, ends_with_stream) = match root.which() {
            // The answer is still to come: the call is cancelled.
            Ok(message::Finish(Ok(finish))) if finish.get_release_result_caps() => {
                (Wait::Yes, true)
            }
            Ok(message::Finish(_) | message::Release(_)) => (Wait::No, true),
            // A server makes no use of the answers of a client that has left.
            Ok(message::Return(Ok(answer))) => {
                (Wait::Answer(answer.get_answer_id()), side == Side::Client)
            }
            // Any other reason is told.
            Ok(message::Abort(Ok(why))) => (Wait::Yes, why.get_type() == Ok(Type::Disconnected)),
            _ => (Wait::Yes, false),
        };
        Self { wait, ends_with_stream }
    }
}

/// When unwritten output leaves.
#[derive(Default)]
pub(super) struct Deferral {
    /// Whether the peer waits for something in it that is no answer.
    urgent: Cell<bool>,
    /// The questions whose answers in it the peer waits for.
    answers: RefCell<Vec<u32>>,
    /// Set while something waits.
    timer: RefCell<Option<Pin<Box<Sleep>>>>,
}

impl Deferral {
    /// Notes that there is a message more. Returns whether the writer has to look.
    pub(super) fn note(&self, need: Need, unwritten: usize) -> bool {
        match need.wait {
            Wait::Yes => self.urgent.set(true),
            Wait::Answer(question) => {
                let mut answers = self.answers.borrow_mut();
                if answers.len() < ANSWERS_MAX {
                    answers.push(question);
                } else {
                    self.urgent.set(true);
                }
            }
            Wait::No => {}
        }
        self.is_due(unwritten) || self.timer.borrow().is_none()
    }

    /// Notes a message of the peer: it does not wait for an answer on which it makes a call.
    pub(super) fn received(&self, root: message::Reader<'_>) {
        let mut answers = self.answers.borrow_mut();
        if !answers.is_empty()
            && let Ok(message::Call(Ok(call))) = root.which()
            && let Ok(Ok(message_target::PromisedAnswer(Ok(answer)))) =
                call.get_target().map(|target| target.which())
        {
            let question = answer.get_question_id();
            answers.retain(|answer| *answer != question);
        }
    }

    fn is_due(&self, unwritten: usize) -> bool {
        let is_awaited = self.urgent.get() || !self.answers.borrow().is_empty();
        is_awaited || unwritten >= DEFERRED_BYTES_MAX
    }

    /// Ready when the output has to leave.
    pub(super) fn poll_due(&self, unwritten: usize, context: &mut Context<'_>) -> Poll<()> {
        if self.is_due(unwritten) {
            return Poll::Ready(());
        }
        let mut timer = self.timer.borrow_mut();
        let wait = timer.get_or_insert_with(|| Box::pin(sleep(DEFERRED_WAIT_MAX)));
        ready!(wait.as_mut().poll(context));
        *timer = None;
        self.urgent.set(true);
        Poll::Ready(())
    }

    /// Notes that everything is written. The timer goes on: it is set again once a second at most.
    pub(super) fn written(&self) {
        self.urgent.set(false);
        self.answers.borrow_mut().clear();
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().is_some_and(|timer| timer.is_elapsed()) {
            *timer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_always_leaves_a_rest_to_be_written_makes_no_list_longer() {
        let deferral = Deferral::default();
        for question in 0..100_000 {
            let need = Need { wait: Wait::Answer(question), ends_with_stream: false };
            assert!(deferral.note(need, 100), "it waits for answer {question}");
        }
        let kept = deferral.answers.borrow().capacity();
        assert!(kept <= ANSWERS_MAX, "{kept} answers are kept, and are not part of its memory");
    }
}
