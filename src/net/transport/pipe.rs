//! A stream of bytes as messages that come and go: who reads, who writes, and who waits for whom.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use capnp::Error;
use capnp_rpc::rpc_twoparty_capnp::Side;
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep, timeout};

use super::calls::{Calls, Counted};
use super::decoder::{self, Decoder};
use super::outbox::{self, Outbox};
use super::promises::Promises;
use super::{FIRST_SEGMENT_WORDS, LONG_CALL_WORDS_MAX, UNWRITTEN_BYTES_MAX};
use crate::gathering::{Gathering, Source};
use crate::net::budget::{self, CONNECTION_BYTES_MIN, Taken};
use crate::net::socket::Stream;

/// The bytes that one read takes at most. What is missing of a larger message is read where it belongs.
const READ_BYTES: usize = 64 * 1024;

/// The least that is missing of a message for it to be read where it belongs.
const DIRECT_BYTES_MIN: usize = 16 * 1024;

/// Once there is so much to write, it is not waited for more.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// The pieces that one write takes at most.
const WRITE_PIECES: usize = 16;

/// How long to wait for the peer's end of a stream whose own end was sent. Closing it earlier would make the
/// machine take back what the peer has not read yet, if the peer is sending.
pub(super) const LINGER_WAIT_MAX: Duration = Duration::from_secs(1);

thread_local! {
    /// Where all connections of a thread read. It holds nothing between two reads: an idle connection takes
    /// no memory for it.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A stream of bytes, with what has arrived in part and what is to be written.
pub(super) struct Pipe {
    stream: RefCell<Box<dyn Stream>>,
    decoder: RefCell<Decoder>,
    outbox: RefCell<Outbox>,
    /// The calls of a client; nothing where the peer is a server.
    calls: Option<Calls>,
    promises: Promises,
    /// What this takes of the memory for all clients of the thread.
    taken: Taken,
    /// How many bytes of memory this has taken since somebody asked, whether or not it has given them back.
    took: Cell<usize>,
    /// When to look again, while nothing is read because all of that is taken.
    look_again: RefCell<Option<Pin<Box<Sleep>>>>,
    /// Whether anything has arrived since somebody asked.
    moved: Cell<bool>,
    gathering: Cell<Gathering>,
    /// Whether messages have arrived that may be looked at.
    source: Source,
    /// The words that the next call is expected to have.
    call_words: Cell<u32>,
    /// What to report when everything is written, once nothing more is to be sent.
    closing: RefCell<Option<Result<(), Error>>>,
    /// Why nothing more can come or go.
    broken: RefCell<Option<Error>>,
    /// Who writes, while there is nothing to write.
    writer: Cell<Option<Waker>>,
    /// Who reads, while nothing arrives or too much waits to be written.
    reader: Cell<Option<Waker>>,
}

impl Pipe {
    pub(super) fn new(stream: Box<dyn Stream>, side: Side) -> Self {
        let (decoder, outbox, gathering, closing, broken) = Default::default();
        let (took, look_again, moved, source, promises) = Default::default();
        let taken = Taken::with(CONNECTION_BYTES_MIN);
        let (writer, reader, call_words) =
            (Cell::default(), Cell::default(), Cell::new(FIRST_SEGMENT_WORDS));
        let stream = RefCell::new(stream);
        let calls = (side == Side::Server).then(Calls::default);
        Self {
            stream,
            decoder,
            outbox,
            calls,
            promises,
            taken,
            took,
            look_again,
            moved,
            gathering,
            source,
            call_words,
            closing,
            broken,
            writer,
            reader,
        }
    }

    /// Sends a message: it is written when the tasks that run at this moment have had their turn.
    pub(super) fn send(&self, message: &Rc<outbox::Message>) {
        if self.broken.borrow().is_some() {
            return;
        }
        self.outbox.borrow_mut().push(message);
        wake(&self.writer);
        self.promises.send(message);
        if let Some(calls) = &self.calls {
            calls.answer(message);
        }
        self.count();
    }

    /// The words that the next call is expected to have.
    pub(super) fn call_words(&self) -> u32 {
        self.call_words.get()
    }

    /// Takes note of how many words a call has.
    pub(super) fn note_call(&self, words: usize) {
        let words = u32::try_from(words).unwrap_or(u32::MAX);
        self.call_words.set(words.clamp(FIRST_SEGMENT_WORDS, LONG_CALL_WORDS_MAX));
    }

    /// Sends nothing more. What was sent is written, and then `result` is what the writing came to.
    pub(super) fn close(&self, result: Result<(), Error>) {
        self.closing.borrow_mut().get_or_insert(result);
        self.source.has_more(false);
        wake(&self.writer);
    }

    /// Nobody has an interest in this any more.
    pub(super) fn abandon(&self) {
        self.fail(Error::disconnected("the connection was given up".into()));
    }

    /// The next message, if it has arrived already and may be looked at.
    pub(super) fn arrived(&self) -> Option<decoder::Message> {
        let mut decoder = self.decoder.borrow_mut();
        let message = if self.is_full() { None } else { decoder.next() };
        self.source.has_more(message.is_some() && decoder.has_next());
        message
    }

    /// Whether a message has begun to arrive, and nothing more of it since this was asked last.
    pub(super) fn is_stuck(&self) -> bool {
        let moved = self.moved.replace(false);
        let waits = self.calls.as_ref().is_some_and(Calls::are_too_many)
            || self.outbox.borrow().len() > UNWRITTEN_BYTES_MAX;
        !moved && !waits && !self.decoder.borrow().is_between_messages()
    }

    /// Whether this keeps memory that is scarce: more than a connection may take in any case, and since before this was asked
    /// last.
    pub(super) fn hoards(&self) -> bool {
        let kept = self.taken.bytes().saturating_sub(self.took.replace(0));
        budget::is_scarce() && kept > CONNECTION_BYTES_MIN
    }

    /// The promises of the peer.
    pub(super) fn promises(&self) -> &Promises {
        &self.promises
    }

    /// The calls of the client, if the peer is one.
    pub(super) fn calls(&self) -> Option<&Calls> {
        self.calls.as_ref()
    }

    /// A message that arrived is not needed any more.
    pub(super) fn release(&self, counted: Counted) {
        let Some(calls) = &self.calls else { return };
        let was_full = self.is_full();
        calls.end(counted);
        self.count();
        if was_full && !self.is_full() {
            wake(&self.reader);
        }
    }

    /// Whether a client has called so much, or has so much still to read, that nothing more is looked at.
    fn is_full(&self) -> bool {
        let too_many = |calls: &Calls| {
            calls.are_too_many()
                || self.outbox.borrow().len() > UNWRITTEN_BYTES_MAX
                || self.must_make_do()
        };
        self.calls.as_ref().is_some_and(too_many)
    }

    /// Whether all clients together take too much, and this one more than each may take all the same.
    fn must_make_do(&self) -> bool {
        budget::is_spent() && self.taken.beyond() > 0
    }

    /// Wakes who reads after a while.
    fn poll_look_again(&self, context: &mut Context<'_>) {
        let mut look_again = self.look_again.borrow_mut();
        loop {
            let pause = look_again.get_or_insert_with(|| Box::pin(sleep(budget::LOOK_AGAIN_AFTER)));
            if pause.as_mut().poll(context).is_pending() {
                return;
            }
            *look_again = None;
        }
    }

    /// Takes note of how much memory a client takes.
    pub(super) fn count(&self) {
        if let Some(calls) = &self.calls {
            let (arrived, waiting) = (self.decoder.borrow().bytes(), self.outbox.borrow().bytes());
            let bytes = calls.held() + arrived + waiting;
            self.took.update(|took| took + bytes.saturating_sub(self.taken.bytes()));
            self.taken.set(bytes);
        }
    }

    /// The next message that arrives; nothing where the peer ends the stream between two of them.
    pub(super) fn poll_receive(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<decoder::Message>, Error>> {
        loop {
            if self.closing.borrow().is_some() {
                // The RPC system has ended its side, and has nowhere to put what comes.
                return Poll::Pending;
            }
            if let Some(message) = self.arrived() {
                return Poll::Ready(Ok(Some(message)));
            }
            self.reader.set(Some(context.waker().clone()));
            if self.is_full() {
                // Others may give something back, or take it: whatever this waits for, it may come to wait for them.
                self.poll_look_again(context);
                let broken = self.broken.borrow().clone();
                return broken.map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
            }
            let bytes = match (self.poll_read(context), &*self.broken.borrow()) {
                (Poll::Ready(bytes), _) => bytes?,
                // What came before it broke was still to be read.
                (Poll::Pending, Some(error)) => return Poll::Ready(Err(error.clone())),
                (Poll::Pending, None) => return Poll::Pending,
            };
            self.moved.set(bytes > 0);
            self.count();
            if bytes == 0 {
                let between = self.decoder.borrow().is_between_messages();
                let cut = || Error::disconnected("the stream ended within a message".into());
                return Poll::Ready(if between { Ok(None) } else { Err(cut()) });
            }
        }
    }

    /// Reads once, and returns how many bytes there were.
    fn poll_read(&self, context: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        let mut stream = self.stream.borrow_mut();
        let mut decoder = self.decoder.borrow_mut();
        if let Some(gap) = decoder.gap(DIRECT_BYTES_MIN) {
            let bytes = ready!(poll_read(&mut **stream, context, gap))?;
            decoder.fill(bytes);
            return Poll::Ready(Ok(bytes));
        }
        READ.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut **stream).poll_read(context, &mut buffer))?;
            decoder.take(buffer.filled())?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }

    /// Writes what is sent, until there is nothing more to come, and ends the stream.
    pub(super) async fn write_all(&self) -> Result<(), Error> {
        let written = poll_fn(|context| self.poll_write_all(context)).await;
        written.inspect_err(|error| self.fail(error.clone()))?;
        // How long it takes the peer to end its side, and what it still says, make no difference.
        let _ = timeout(LINGER_WAIT_MAX, poll_fn(|context| self.poll_discard(context))).await;
        self.closing.borrow().clone().unwrap_or(Ok(()))
    }

    fn poll_write_all(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Whoever sends, closes or gives this up wakes it.
        self.writer.set(Some(context.waker().clone()));
        loop {
            if let Some(error) = &*self.broken.borrow() {
                return Poll::Ready(Err(error.clone()));
            }
            let unwritten = self.outbox.borrow().len();
            if unwritten > 0 {
                let arrived = self.decoder.borrow().has_next();
                let mut gathering = self.gathering.get();
                if unwritten < GATHERED_BYTES_MAX && gathering.goes_on(unwritten, arrived) {
                    // Behind everyone who has something to do.
                    self.gathering.set(gathering);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                ready!(self.poll_write(context))?;
                self.gathering.set(Gathering::default());
                continue;
            }
            let mut stream = self.stream.borrow_mut();
            let mut stream = Pin::new(&mut **stream);
            ready!(stream.as_mut().poll_flush(context))?;
            if self.closing.borrow().is_none() {
                return Poll::Pending;
            }
            return stream.poll_shutdown(context).map_err(Error::from);
        }
    }

    /// Writes once.
    fn poll_write(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let written = {
            let outbox = self.outbox.borrow();
            let mut slices = [IoSlice::new(&[]); WRITE_PIECES];
            let filled = outbox.next(&mut slices);
            let mut stream = self.stream.borrow_mut();
            let stream = Pin::new(&mut **stream);
            ready!(stream.poll_write_vectored(context, filled))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
        }
        let was_full = self.is_full();
        self.outbox.borrow_mut().advance(written);
        self.count();
        if was_full && !self.is_full() {
            wake(&self.reader);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what nobody wants any more, until the peer ends the stream.
    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<()> {
        READ.with_borrow_mut(|buffer| {
            while let Ok(1..) = ready!(poll_read(&mut **self.stream.borrow_mut(), context, buffer))
            {
            }
            Poll::Ready(())
        })
    }

    fn fail(&self, error: Error) {
        self.broken.borrow_mut().get_or_insert(error);
        self.outbox.borrow_mut().clear();
        self.source.has_more(false);
        self.count();
        wake(&self.reader);
        wake(&self.writer);
    }
}

fn poll_read(
    stream: &mut dyn Stream,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

fn wake(waiting: &Cell<Option<Waker>>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}
