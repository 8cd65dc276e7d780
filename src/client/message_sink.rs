//! The sink for the server's messages, which lives with the voter.

use std::rc::Rc;

use capnp::Error;
use tokio::sync::mpsc;

use crate::schema::election_capnp::message_sink::{Client, MessageParams, MessageResults, Server};

/// Messages that may wait to be shown. The server sends one for each vote.
const WAITING_MESSAGES_MAX: usize = 16;

/// The longest message that is taken, in bytes: what the contract allows.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Takes messages and passes them to whoever waits for them.
struct MessageSink {
    messages: mpsc::Sender<String>,
}

/// A sink, and the messages that come to it.
pub(super) fn message_sink() -> (Client, mpsc::Receiver<String>) {
    let (messages, receiver) = mpsc::channel(WAITING_MESSAGES_MAX);
    (capnp_rpc::new_client(MessageSink { messages }), receiver)
}

impl MessageSink {
    fn take(&self, params: &MessageParams) -> Result<(), Error> {
        let text = params.get()?.get_text()?;
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Error::failed(format!("a message has at most {MESSAGE_BYTES_MAX} bytes")));
        }
        let text = text.to_str()?.to_string();
        self.messages
            .try_send(text)
            .map_err(|_| Error::overloaded("the voter takes no more messages".into()))
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
        std::future::ready(self.take(&params))
    }
}
