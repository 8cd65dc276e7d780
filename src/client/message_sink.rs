//! The sink for the server's messages, which lives with the voter.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use capnp::Error;

use crate::schema::election_capnp::message_sink::{Client, MessageParams, MessageResults, Server};

/// Messages that may wait to be shown. The server sends one for each vote.
const WAITING_MESSAGES_MAX: usize = 16;

/// The longest message that is taken, in bytes: what the contract allows.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// The messages that came and were not shown yet.
#[derive(Default)]
pub(super) struct Messages {
    waiting: RefCell<VecDeque<String>>,
    reader: Cell<Option<Waker>>,
}

/// Takes messages for whoever reads them.
struct MessageSink(Rc<Messages>);

/// A sink, and the messages that come to it.
pub(super) fn message_sink() -> (Client, Rc<Messages>) {
    let messages = Rc::<Messages>::default();
    (capnp_rpc::new_client(MessageSink(messages.clone())), messages)
}

impl Messages {
    /// The next message that came, if one did.
    pub(super) fn next(&self) -> Option<String> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Waits for a message.
    pub(super) async fn come(&self) -> String {
        poll_fn(|context| match self.next() {
            Some(message) => Poll::Ready(message),
            None => {
                self.reader.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    fn take(&self, params: &MessageParams) -> Result<(), Error> {
        let text = params.get()?.get_text()?;
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Error::failed(format!("a message has at most {MESSAGE_BYTES_MAX} bytes")));
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == WAITING_MESSAGES_MAX {
            return Err(Error::overloaded("the voter takes no more messages".into()));
        }
        waiting.push_back(text.to_string()?);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }
}

impl Server for MessageSink {
    // Not an `async fn`: the message is taken when the call arrives, before the vote's outcome, which
    // comes after it, wakes whoever waits for that.
    fn message(
        self: Rc<Self>,
        params: MessageParams,
        _: MessageResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        std::future::ready(self.0.take(&params))
    }
}
