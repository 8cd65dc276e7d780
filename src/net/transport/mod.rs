//! The transport under an RPC connection: a network of two vats over any stream of bytes.
//!
//! What one turn of the event loop has to say leaves in one write, and what one read brings is taken apart
//! into all the messages that are in it. There is no timer: a message that is alone leaves at the end of the
//! turn that it was sent in.
//!
//! A peer that does not read is not read from: see [`UNWRITTEN_BYTES_MAX`].

mod calls;
mod decoder;
mod outbox;
mod pipe;
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

use self::calls::{Calls, Counted};
use self::pipe::Pipe;
use self::window::Window;
use super::socket::Stream;

/// The largest message that is read, in words of 8 bytes. A peer that sends a larger one is dropped.
pub const MESSAGE_WORDS_MAX: usize = 8 << 20;

/// The bytes that wait to be written to a client. Nothing more is read from it until it has read enough of
/// them. (A server is read from whatever it does: with two peers that both wait, both would wait for ever.)
pub const UNWRITTEN_BYTES_MAX: usize = 16 << 20;

/// What the calls of a client that are under way may need, in bytes: their messages, and [`CALL_BYTES`] for each.
/// Nothing more is read from the client until some of them are answered. That is about 6,500 votes. A client
/// should have no more than a thousand unanswered: the answers of its message sinks come behind its votes, and with
/// too many of these the server waits for them in vain. (A server's calls to a client are not counted: what they
/// pass is bounded by the server.)
pub const CALLS_BYTES_MAX: usize = 16 << 20;

/// What a call is taken to need beside its message: a task, its entries in tables, and its answer.
pub const CALL_BYTES: usize = 2 << 10;

/// The questions that a client may leave open: its connection ends with one more. A question is over when it is
/// answered and the client has said that it needs nothing more of the answer (`Finish`), where it has to: until then
/// it takes memory here.
pub const UNFINISHED_QUESTIONS_MAX: usize = 10_000;

/// The calls of a client that may wait for one another, each made on the answer to come of the one before: its
/// connection ends with one more. capnp-rpc polls such calls one within the other, on the stack.
pub const CHAINED_CALLS_MAX: usize = 64;

/// The promises that a peer may pass and that are not given back: its connection ends with one more.
pub const PROMISES_MAX: usize = 10_000;

/// The longest answer of a client to a call of the server, in bytes; its connection ends with a longer one. The longest
/// that is asked for is a piece of a file.
pub const ANSWER_BYTES_MAX: usize = 512 << 10;

/// The capabilities in one message of a client; its connection ends with one more.
pub const MESSAGE_CAPABILITIES_MAX: u32 = 64;

/// The first segment of a message, in words. capnp-rpc asks for more where it does not know how long a message
/// will be, which is so for every call. Most are short, and a segment is cleared before it is used.
const FIRST_SEGMENT_WORDS: u32 = 64;

/// A call that follows a long one is expected to be as long, up to this many words: in one segment it is
/// written and read faster.
const LONG_CALL_WORDS_MAX: u32 = 48 * 1024;

/// The network of two vats that a stream of bytes makes, seen from one side.
///
/// # Panics
/// Outside a [`LocalSet`](tokio::task::LocalSet) and a [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub fn network(stream: impl Stream, side: Side) -> Box<dyn VatNetwork<Side>> {
    over(Rc::new(Pipe::new(Box::new(stream), side)), side)
}

/// The network of a server, with an ear for its client.
pub(super) fn attentive(stream: impl Stream) -> (Box<dyn VatNetwork<Side>>, Ear) {
    let pipe = Rc::new(Pipe::new(Box::new(stream), Side::Server));
    let ear = Ear(pipe.clone());
    (over(pipe, Side::Server), ear)
}

/// Hears whether a client says anything.
pub(super) struct Ear(Rc<Pipe>);

impl Ear {
    /// Whether the client has said anything since this was asked last, or waits for an answer.
    pub(super) fn heard(&self) -> bool {
        self.0.calls().is_some_and(Calls::were_heard)
    }

    /// Whether the client has begun to say something, and nothing more of it has arrived since this was asked last.
    pub(super) fn is_stuck(&self) -> bool {
        self.0.is_stuck()
    }

    /// Whether the client is the reason that memory is scarce: what it took before this was asked last, it still keeps. Who
    /// gives back as much meanwhile as it keeps, and takes it again, is none, whichever part of it that is: once no memory is
    /// left, it is not read and cannot.
    pub(super) fn hoards(&self) -> bool {
        self.0.hoards()
    }
}

fn over(pipe: Rc<Pipe>, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (writing, written) = oneshot::channel();
    let writer = pipe.clone();
    // A task of its own: it runs when the tasks that have something to say have said it.
    tokio::task::spawn_local(async move {
        // Nobody wants to know where the network is gone.
        let _ = writing.send(writer.write_all().await);
    });
    let gone = |_| Err(Error::disconnected("the connection ended".into()));
    let written = written.map(move |written| written.unwrap_or_else(gone)).boxed_local().shared();
    let (dropped, release) = oneshot::channel();
    let first = Rc::new(Held { pipe: pipe.clone(), _dropped: dropped });
    let (held, release) = (Rc::downgrade(&first), Some(release));
    Box::new(Network { pipe, side, written, held, first: Some(first), release })
}

/// What the writing of a connection came to.
type Written = Shared<LocalBoxFuture<'static, Result<(), Error>>>;

struct Network {
    pipe: Rc<Pipe>,
    side: Side,
    written: Written,
    /// The one connection that there is, if somebody uses it.
    held: Weak<Held>,
    /// The same, until the RPC system accepts it.
    first: Option<Rc<Held>>,
    release: Option<oneshot::Receiver<()>>,
}

/// For as long as this is held, somebody uses the connection.
struct Held {
    pipe: Rc<Pipe>,
    _dropped: oneshot::Sender<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pipe.abandon();
    }
}

impl Network {
    fn connection(&self, held: Option<Rc<Held>>) -> Box<dyn Connection<Side>> {
        let (pipe, written) = (self.pipe.clone(), self.written.clone());
        Box::new(TwoParty { pipe, side: self.side, written, _held: held })
    }
}

impl VatNetwork<Side> for Network {
    fn connect(&mut self, host: Side) -> Option<Box<dyn Connection<Side>>> {
        // Once it is not held any more, it is broken, and says so.
        (host != self.side).then(|| self.connection(self.held.upgrade()))
    }

    fn accept(&mut self) -> Promise<Box<dyn Connection<Side>>, Error> {
        match self.first.take() {
            Some(first) => Promise::ok(self.connection(Some(first))),
            None => Promise::from_future(pending()),
        }
    }

    fn drive_until_shutdown(&mut self) -> Promise<(), Error> {
        let (written, release) = (self.written.clone(), self.release.take());
        Promise::from_future(async move {
            let written = written.await;
            if let Some(release) = release {
                // It is never sent: what is waited for is that nobody can send it any more.
                let _ = release.await;
            }
            written
        })
    }
}

/// The connection, for one of those who use it.
struct TwoParty {
    pipe: Rc<Pipe>,
    side: Side,
    written: Written,
    _held: Option<Rc<Held>>,
}

impl Connection<Side> for TwoParty {
    fn get_peer_vat_id(&self) -> Side {
        match self.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    fn new_outgoing_message(&mut self, first_segment_words: u32) -> Box<dyn OutgoingMessage> {
        let unknown = first_segment_words > FIRST_SEGMENT_WORDS;
        let words = if unknown { self.pipe.call_words() } else { first_segment_words.max(1) };
        let message = Builder::new(HeapAllocator::new().first_segment_words(words));
        Box::new(Outgoing { message, unknown, pipe: self.pipe.clone() })
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn IncomingMessage>>, Error> {
        let pipe = self.pipe.clone();
        match self.pipe.arrived() {
            Some(message) => match incoming(pipe, message) {
                Ok(incoming) => Promise::ok(Some(incoming)),
                Err(error) => Promise::err(error),
            },
            None => Promise::from_future(async move {
                let message = poll_fn(|context| pipe.poll_receive(context)).await?;
                message.map(|message| incoming(pipe, message)).transpose()
            }),
        }
    }

    fn new_stream(&mut self) -> (Box<dyn FlowController>, Promise<(), Error>) {
        let (window, work) = Window::new();
        (Box::new(window), work)
    }

    fn shutdown(&mut self, result: Result<(), Error>) -> Promise<(), Error> {
        self.pipe.close(result);
        // What it came to is told by the network.
        Promise::from_future(self.written.clone().map(|_| Ok(())))
    }
}

/// A message that arrived. A call is under way for as long as this is kept.
struct Incoming {
    message: decoder::Message,
    /// What it counts for, and where.
    counted: Counted,
    pipe: Rc<Pipe>,
}

fn incoming(pipe: Rc<Pipe>, message: decoder::Message) -> Result<Box<dyn IncomingMessage>, Error> {
    let said = message.get_root::<message::Reader<'_>>()?;
    pipe.promises().arrive(said)?;
    let counted = match pipe.calls() {
        Some(calls) => calls.begin(said, message.size_in_words() * 8)?,
        None => Counted::default(),
    };
    pipe.count();
    Ok(Box::new(Incoming { message, counted, pipe }))
}

impl IncomingMessage for Incoming {
    fn get_body(&self) -> Result<any_pointer::Reader<'_>, Error> {
        self.message.get_root()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.pipe.release(self.counted);
    }
}

struct Outgoing {
    message: outbox::Message,
    /// Whether its length was not known when it was begun.
    unknown: bool,
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
        if self.unknown {
            self.pipe.note_call(message.size_in_words());
        }
        self.pipe.send(&message);
        // It is sent in so far as nothing can keep it from being written but the end of the connection, of
        // which everyone is told.
        (Promise::ok(()), message)
    }

    fn take(self: Box<Self>) -> outbox::Message {
        self.message
    }

    fn size_in_words(&self) -> usize {
        self.message.size_in_words()
    }
}
