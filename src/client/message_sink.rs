//! The voter's sink for the server's messages, which the server calls.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use capnp::Error;

use crate::schema::election_capnp::message_sink::{Client, MessageParams, MessageResults, Server};
use crate::schema::values::read_text;

/// Messages that may wait to be shown. The server sends one for each vote.
const WAITING_MESSAGES_MAX: usize = 16;

/// The longest message accepted, in bytes: what the schema allows.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// The messages that arrived and are not shown yet.
#[derive(Default)]
pub(super) struct Messages {
    waiting: RefCell<VecDeque<String>>,
    reader: Cell<Option<Waker>>,
}

struct MessageSink(Rc<Messages>);

/// A sink, and the messages that it gets.
pub(super) fn message_sink() -> (Client, Rc<Messages>) {
    let messages = Rc::<Messages>::default();
    (capnp_rpc::new_client(MessageSink(messages.clone())), messages)
}

impl Messages {
    /// Takes the next message that has arrived.
    pub(super) fn take(&self) -> Option<String> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Waits for the next message.
    pub(super) async fn next(&self) -> String {
        poll_fn(|context| match self.take() {
            Some(message) => Poll::Ready(message),
            None => {
                self.reader.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    fn push(&self, params: &MessageParams) -> Result<(), Error> {
        let text = params.get()?.get_text()?;
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Error::failed(format!("a message has at most {MESSAGE_BYTES_MAX} bytes")));
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == WAITING_MESSAGES_MAX {
            return Err(Error::overloaded("too many messages wait to be shown".into()));
        }
        waiting.push_back(read_text(text)?);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }
}

impl Server for MessageSink {
    // Not an `async fn`: the message has to be queued when the call arrives, before the outcome
    // that follows it wakes the voter's task.
    fn message(
        self: Rc<Self>,
        params: MessageParams,
        _: MessageResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        std::future::ready(self.0.push(&params))
    }
}
