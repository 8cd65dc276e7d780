//! The transport under an RPC connection: a two-party vat network over any byte stream.
//!
//! The messages sent in one turn of the event loop leave in one write, and one read may yield many
//! messages. A message is written as soon as no other task is runnable, unless the peer does not
//! wait for it: then it waits for the next one, at most for [`DEFERRED_WAIT_MAX`].
//!
//! Backpressure: a client that does not read is not read from, see [`UNWRITTEN_BYTES_MAX`].

mod caller;
mod calls;
mod checks;
mod decoder;
mod deferral;
pub(super) mod header;
mod input;
mod outbox;
mod own;
mod pipe;
mod prices;
mod promises;
mod window;

use std::future::{pending, poll_fn};
use std::rc::{Rc, Weak};

use capnp::Error;
use capnp::any_pointer;
use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::rpc_capnp::message;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Connection, FlowController, IncomingMessage, OutgoingMessage, VatNetwork};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, Shared};

pub(crate) use self::caller::Caller;
#[cfg(feature = "server")]
pub(crate) use self::caller::Kept;
use self::calls::{Calls, Charge, Received};
pub use self::deferral::DEFERRED_WAIT_MAX;
use self::pipe::Pipe;
use self::window::Window;
use super::stream::Stream;

/// The largest message that is read, in words of 8 bytes. A larger one ends the connection.
pub const MESSAGE_WORDS_MAX: usize = 8 << 20;

/// The unwritten output to a client, in bytes, above which nothing is read from it. (A server is
/// always read from: if both sides paused, neither would continue.)
pub const UNWRITTEN_BYTES_MAX: usize = 16 << 20;

/// The memory for a client's calls in progress, in bytes: their messages, and [`CALL_BYTES`] for
/// each. At the limit, which is about 4,600 calls of 0.5 KiB, nothing is read from the client until
/// a call is answered. A client should have at most a thousand calls unanswered: its answers to the
/// server's own calls come behind them, and may not be read in time. (A server's calls to a client
/// are not counted: the server bounds what they pass.)
pub const CALLS_BYTES_MAX: usize = 16 << 20;

/// The estimated bytes of a call besides its message: its task, its table entries and its answer.
pub const CALL_BYTES: usize = 3 << 10;

/// The unfinished questions of a client that holds a link; one more ends the connection. A question
/// is finished when it is answered and the client has released the answer (`Finish`), if that is
/// required; until then it takes memory here.
pub const UNFINISHED_QUESTIONS_MAX: usize = 10_000;

/// The answered and unfinished questions of a client that has restored no capability; one more ends
/// the connection. While so many of its calls are not answered, nothing is read from it.
pub const ANONYMOUS_QUESTIONS_MAX: usize = 2_000;

/// The calls of a client that wait for the answer to another. While there are so many, nothing is
/// read from it: they are all made, and answered, at once.
pub const QUEUED_CALLS_MAX: usize = 64;

/// The steps from an answer to the part that a call is made on; one more ends the connection.
pub const TRANSFORM_STEPS_MAX: u32 = 16;

/// The calls of the server that a client has not answered, cancelled ones included; one more ends
/// the connection. (Many libraries never answer a cancelled call.)
pub const OWN_QUESTIONS_MAX: usize = 100_000;

/// The length of a chain of pipelined calls, each on the promised answer of the one before; a
/// longer one ends the connection. capnp-rpc polls such calls recursively, on the stack.
pub const CHAINED_CALLS_MAX: usize = 64;

/// The promises passed by a peer and not yet released; one more ends the connection.
pub const PROMISES_MAX: usize = 1_000;

/// The longest answer of a client to a call of the server, in bytes; a longer one ends the
/// connection. It has room for the largest piece of a file that the server reads.
pub const ANSWER_BYTES_MAX: usize = 512 << 10;

/// The capabilities in one call of a client; one more ends the connection. `countLines` takes two,
/// and no method more. In an answer a client may pass none.
pub const MESSAGE_CAPABILITIES_MAX: u32 = 2;

/// The first segment of a call or of results, in words. capnp-rpc does not know their length, and
/// asks for more; but most are short, and a segment is zeroed before use. A vote, its message and
/// its outcome fit: a second segment takes a word for each pointer into it, and so the lengths of
/// the texts in them, a name and its padding, would change their size.
const FIRST_SEGMENT_WORDS: u32 = 128;

/// capnp-rpc asks for more words than this where it does not know the length.
const KNOWN_LENGTH_WORDS: u32 = 64;

/// The first segment that capnp-rpc asks for, in words, for a call.
const CALL_HINT_WORDS: u32 = 1_024;

/// The first segment of a call is as large as the previous call, up to this many words: a message
/// in one segment is written and read faster.
const LONG_CALL_WORDS_MAX: u32 = 48 * 1024;

/// A two-party vat network over `stream`, as seen from `side`.
///
/// # Panics
/// Outside a [`LocalSet`](tokio::task::LocalSet) and a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub fn network(stream: impl Stream, side: Side) -> Box<dyn VatNetwork<Side>> {
    network_over(Rc::new(Pipe::new(Box::new(stream), side)), side)
}

/// The network of a server, with a monitor of its client.
pub(super) fn monitored(stream: impl Stream) -> (Box<dyn VatNetwork<Side>>, PeerMonitor) {
    let pipe = Rc::new(Pipe::new(Box::new(stream), Side::Server));
    let monitor = PeerMonitor(pipe.clone());
    (network_over(pipe, Side::Server), monitor)
}

/// Tells whether a client makes progress. Each check compares with the previous call of the same
/// method.
pub(super) struct PeerMonitor(Rc<Pipe>);

impl PeerMonitor {
    /// Whether the client has sent a message since the last check, or waits for an answer.
    pub(super) fn is_active(&self) -> bool {
        self.0.calls().is_some_and(Calls::is_active)
    }

    /// Whether a message is incomplete and no further byte of it has arrived since the last check.
    pub(super) fn is_stalled(&self) -> bool {
        self.0.is_stalled()
    }

    /// Returns when the connection has to end, because memory is scarce and the client holds much
    /// of it without progress.
    pub(super) async fn is_cut(&self) {
        self.0.memory().cut().await;
    }
}

fn network_over(pipe: Rc<Pipe>, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (result, written) = oneshot::channel();
    let writer = pipe.clone();
    // A task of its own, so that it runs after the tasks that send messages.
    tokio::task::spawn_local(async move {
        // The receiver may be gone with the network.
        let _ = result.send(writer.write_all().await);
    });
    let gone = |_| Err(Error::disconnected("the connection ended".into()));
    let written = written.map(move |written| written.unwrap_or_else(gone)).boxed_local().shared();
    let (dropped, released) = oneshot::channel();
    let first = Rc::new(InUse { pipe: pipe.clone(), _dropped: dropped });
    let (in_use, released) = (Rc::downgrade(&first), Some(released));
    Box::new(Network { pipe, side, written, in_use, first: Some(first), released })
}

/// Resolves when the writer has finished, with its result.
type Written = Shared<LocalBoxFuture<'static, Result<(), Error>>>;

struct Network {
    pipe: Rc<Pipe>,
    side: Side,
    written: Written,
    /// Alive while the one connection is in use.
    in_use: Weak<InUse>,
    /// The same, until the RPC system accepts the connection.
    first: Option<Rc<InUse>>,
    /// Resolves when `in_use` is dead.
    released: Option<oneshot::Receiver<()>>,
}

/// Shared by all handles of the connection. Dropping the last one closes the pipe.
struct InUse {
    pipe: Rc<Pipe>,
    _dropped: oneshot::Sender<()>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.pipe.abandon();
    }
}

impl Network {
    fn connection(&self, in_use: Option<Rc<InUse>>) -> Box<dyn Connection<Side>> {
        let (pipe, written) = (self.pipe.clone(), self.written.clone());
        Box::new(TwoParty { pipe, side: self.side, written, _in_use: in_use })
    }
}

impl VatNetwork<Side> for Network {
    fn connect(&mut self, host: Side) -> Option<Box<dyn Connection<Side>>> {
        // If it is not in use, the pipe is closed, and every read from it fails.
        (host != self.side).then(|| self.connection(self.in_use.upgrade()))
    }

    fn accept(&mut self) -> Promise<Box<dyn Connection<Side>>, Error> {
        match self.first.take() {
            Some(first) => Promise::ok(self.connection(Some(first))),
            None => Promise::from_future(pending()),
        }
    }

    fn drive_until_shutdown(&mut self) -> Promise<(), Error> {
        let (written, released) = (self.written.clone(), self.released.take());
        Promise::from_future(async move {
            let written = written.await;
            if let Some(released) = released {
                // Nothing is ever sent: it resolves when the sender is dropped.
                let _ = released.await;
            }
            written
        })
    }
}

/// A handle of the connection.
struct TwoParty {
    pipe: Rc<Pipe>,
    side: Side,
    written: Written,
    _in_use: Option<Rc<InUse>>,
}

impl Connection<Side> for TwoParty {
    fn get_peer_vat_id(&self) -> Side {
        match self.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    fn new_outgoing_message(&mut self, first_segment_words: u32) -> Box<dyn OutgoingMessage> {
        // What a server answers may be kept for long: it takes no more than it needs.
        let unknown_length = match self.side {
            Side::Client => first_segment_words > KNOWN_LENGTH_WORDS,
            Side::Server => first_segment_words >= CALL_HINT_WORDS,
        };
        let words = if unknown_length {
            self.pipe.call_words()
        } else {
            first_segment_words.clamp(1, FIRST_SEGMENT_WORDS)
        };
        let message = Builder::new(HeapAllocator::new().first_segment_words(words));
        Box::new(Outgoing { message, unknown_length, pipe: self.pipe.clone() })
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn IncomingMessage>>, Error> {
        let pipe = self.pipe.clone();
        while let Some(message) = self.pipe.next_received() {
            match incoming(&pipe, message) {
                Ok(Some(incoming)) => return Promise::ok(Some(incoming)),
                Ok(None) => {}
                Err(error) => return Promise::err(error),
            }
        }
        Promise::from_future(async move {
            while let Some(message) = poll_fn(|context| pipe.poll_receive(context)).await? {
                if let Some(incoming) = incoming(&pipe, message)? {
                    return Ok(Some(incoming));
                }
            }
            Ok(None)
        })
    }

    fn new_stream(&mut self) -> (Box<dyn FlowController>, Promise<(), Error>) {
        let (window, work) = Window::new();
        (Box::new(window), work)
    }

    fn shutdown(&mut self, result: Result<(), Error>) -> Promise<(), Error> {
        self.pipe.close(result);
        // The result is reported by the network.
        Promise::from_future(self.written.clone().map(|_| Ok(())))
    }
}

/// A received message. A call is in progress until its message is dropped.
struct Incoming {
    message: decoder::Message,
    charge: Charge,
    pipe: Rc<Pipe>,
}

/// The message for capnp-rpc, unless it is kept from it.
fn incoming(
    pipe: &Rc<Pipe>,
    message: pipe::Received,
) -> Result<Option<Box<dyn IncomingMessage>>, Error> {
    let (message, charge) = match message {
        pipe::Received::Own(message) => (message, Charge::default()),
        pipe::Received::Peer(message) => {
            let root = message.get_root::<message::Reader<'_>>()?;
            pipe.promises().received(root)?;
            pipe.deferral().received(root);
            let received = match pipe.calls() {
                Some(calls) => calls.received(root, message.size_in_words() * 8)?,
                None => Received::Handled(Charge::default()),
            };
            pipe.account_memory();
            let Received::Handled(charge) = received else { return Ok(None) };
            (message, charge)
        }
    };
    Ok(Some(Box::new(Incoming { message, charge, pipe: pipe.clone() })))
}

impl IncomingMessage for Incoming {
    fn get_body(&self) -> Result<any_pointer::Reader<'_>, Error> {
        Caller::note(&self.pipe, self.charge.question);
        self.message.get_root()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.pipe.release(self.charge);
    }
}

struct Outgoing {
    message: outbox::Message,
    /// Whether capnp-rpc did not know its length in advance, as for every call.
    unknown_length: bool,
    pipe: Rc<Pipe>,
}

impl OutgoingMessage for Outgoing {
    fn get_body(&mut self) -> Result<any_pointer::Builder<'_>, Error> {
        self.message.get_root()
    }

    fn get_body_as_reader(&self) -> Result<any_pointer::Reader<'_>, Error> {
        self.message.get_root_as_reader()
    }

    fn send(self: Box<Self>) -> (Promise<(), Error>, Rc<outbox::Message>) {
        let message = Rc::new(self.message);
        if self.unknown_length {
            self.pipe.note_call(message.size_in_words());
        }
        self.pipe.send(&message);
        // Only the end of the connection can prevent the write, and that is reported elsewhere.
        (Promise::ok(()), message)
    }

    fn take(self: Box<Self>) -> outbox::Message {
        self.message
    }

    fn size_in_words(&self) -> usize {
        self.message.size_in_words()
    }
}
