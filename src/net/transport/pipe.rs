//! Reads messages from a byte stream, writes messages to it, and applies backpressure.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use capnp::Error;
use capnp_rpc::rpc_twoparty_capnp::Side;
use tokio::time::{Sleep, sleep, timeout};

use super::calls::{Calls, Charge, Sent};
use super::decoder::{self, Decoder};
use super::deferral::{Deferral, Need};
use super::input;
use super::outbox::{self, Outbox};
use super::own;
use super::prices::PROMISE;
use super::promises::Promises;
use super::{FIRST_SEGMENT_WORDS, LONG_CALL_WORDS_MAX, UNWRITTEN_BYTES_MAX};
use crate::batching::{Backlog, Batching};
use crate::net::budget::{self, ConnectionMemory};
use crate::net::stream::Stream;

/// The size from which a batch of output is written without waiting for more.
const BATCHED_BYTES_MAX: usize = 64 * 1024;

/// The slices of one vectored write.
const WRITE_SLICES: usize = 16;

/// The wait for the peer's end of stream after this side's. Closing a socket with unread input
/// resets the connection, and the peer would lose the output that it has not read yet.
pub(super) const LINGER_WAIT_MAX: Duration = Duration::from_secs(1);

/// A byte stream with its decoder, its outbox, and the accounting for both.
pub(super) struct Pipe {
    stream: RefCell<Box<dyn Stream>>,
    decoder: RefCell<Decoder>,
    outbox: RefCell<Outbox>,
    /// `None` if the peer is a server.
    calls: Option<Calls>,
    deferral: Deferral,
    promises: Promises,
    memory: ConnectionMemory,
    /// Messages of our own to capnp-rpc, ahead of the peer's.
    own: RefCell<VecDeque<decoder::Message>>,
    /// The timer for polling the budget, while reading is paused.
    budget_poll: RefCell<Option<Pin<Box<Sleep>>>>,
    /// Whether any byte has arrived since the last check.
    received: Cell<bool>,
    /// Whether the peer has ended its stream.
    ended: Cell<bool>,
    batching: Cell<Batching>,
    /// Whether there are received messages that may be handled.
    backlog: Backlog,
    /// The expected length of the next call, in words.
    call_words: Cell<u32>,
    /// Set when nothing more will be sent: the result to report once everything is written.
    closing: RefCell<Option<Result<(), Error>>>,
    /// Set when nothing can be sent or received: the reason.
    broken: RefCell<Option<Error>>,
    writer: Cell<Option<Waker>>,
    reader: Cell<Option<Waker>>,
    /// A call that waits for room in the outbox.
    answerer: Cell<Option<Waker>>,
}

/// A message for capnp-rpc.
pub(super) enum Received {
    Peer(decoder::Message),
    /// From this transport.
    Own(decoder::Message),
}

impl Pipe {
    pub(super) fn new(stream: Box<dyn Stream>, side: Side) -> Self {
        Self {
            stream: RefCell::new(stream),
            decoder: RefCell::default(),
            outbox: RefCell::default(),
            calls: (side == Side::Server).then(Calls::default),
            deferral: Deferral::default(),
            promises: Promises::default(),
            memory: ConnectionMemory::new(),
            own: RefCell::default(),
            budget_poll: RefCell::default(),
            received: Cell::default(),
            ended: Cell::default(),
            batching: Cell::default(),
            backlog: Backlog::default(),
            call_words: Cell::new(FIRST_SEGMENT_WORDS),
            closing: RefCell::default(),
            broken: RefCell::default(),
            writer: Cell::default(),
            reader: Cell::default(),
            answerer: Cell::default(),
        }
    }

    /// Queues a message. It is written once no other task is runnable.
    pub(super) fn send(&self, message: &Rc<outbox::Message>) {
        if self.broken.borrow().is_some() {
            return;
        }
        let Ok(root) = message.get_root_as_reader() else { return };
        self.promises.sent(root);
        let sent = match &self.calls {
            Some(calls) => calls.sent(root, message.size_in_words() * 8),
            None => Ok(Sent::Whole),
        };
        match sent {
            Ok(Sent::Whole) => self.queue(message, Need::of(root, self.side())),
            Ok(Sent::Called) => self.queue(message, Need::CALLED),
            Ok(Sent::Canceled(question)) => self.send_canceled(question),
            Err(error) => return self.fail(error),
        }
        self.account_memory();
    }

    /// Appends a message to the output.
    fn queue(&self, message: &Rc<outbox::Message>, need: Need) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.push(message, need.ends_with_stream);
        if self.deferral.note(need, outbox.len()) {
            wake(&self.writer);
        }
    }

    /// Answers a cancelled call, and has capnp-rpc drop its entry and what it has answered.
    fn send_canceled(&self, question: u32) {
        self.queue(&Rc::new(own::canceled(question)), Need::CALLED);
        self.own.borrow_mut().extend(decoder::received(&own::finish(question)));
        wake(&self.reader);
    }

    /// Ready when the peer may be sent a long message.
    pub(super) fn poll_has_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.broken.borrow().is_some() || self.outbox.borrow().len() <= UNWRITTEN_BYTES_MAX {
            return Poll::Ready(());
        }
        self.answerer.set(Some(context.waker().clone()));
        Poll::Pending
    }

    pub(super) fn call_words(&self) -> u32 {
        self.call_words.get()
    }

    /// Expects the next call to be as long as this one.
    pub(super) fn note_call(&self, words: usize) {
        let words = u32::try_from(words).unwrap_or(u32::MAX);
        self.call_words.set(words.clamp(FIRST_SEGMENT_WORDS, LONG_CALL_WORDS_MAX));
    }

    /// Closes the sending side. The writer ends with `result` once everything is written.
    pub(super) fn close(&self, result: Result<(), Error>) {
        self.closing.borrow_mut().get_or_insert(result);
        self.outbox.borrow_mut().drop_idle();
        self.backlog.set(false);
        wake(&self.writer);
    }

    /// Fails the pipe: nothing more is read or written.
    pub(super) fn abandon(&self) {
        self.fail(Error::disconnected("the connection was dropped".into()));
    }

    /// The next message that has arrived and may be handled.
    pub(super) fn next_received(&self) -> Option<Received> {
        if let Some(own) = self.own.borrow_mut().pop_front() {
            return Some(Received::Own(own));
        }
        let mut decoder = self.decoder.borrow_mut();
        let message = if self.is_paused() { None } else { decoder.next() };
        self.backlog.set(message.is_some() && decoder.has_next());
        message.map(Received::Peer)
    }

    /// Whether a message is incomplete and no further byte of it has arrived since the last check.
    pub(super) fn is_stalled(&self) -> bool {
        let received = self.received.replace(false);
        let paused_for_client = self.calls.as_ref().is_some_and(|calls| self.is_at_limit(calls));
        !received && !paused_for_client && !self.decoder.borrow().is_between_messages()
    }

    /// The memory that the client uses.
    pub(super) fn memory(&self) -> &ConnectionMemory {
        &self.memory
    }

    fn side(&self) -> Side {
        if self.calls.is_some() { Side::Server } else { Side::Client }
    }

    pub(super) fn deferral(&self) -> &Deferral {
        &self.deferral
    }

    pub(super) fn promises(&self) -> &Promises {
        &self.promises
    }

    pub(super) fn calls(&self) -> Option<&Calls> {
        self.calls.as_ref()
    }

    /// Releases the charge of a received message that was dropped.
    pub(super) fn release(&self, charge: Charge) {
        let Some(calls) = &self.calls else { return };
        let was_paused = self.is_paused();
        calls.dropped(charge);
        self.account_memory();
        if was_paused && !self.is_paused() {
            wake(&self.reader);
        }
    }

    /// Whether nothing is read: the client is at a limit, or has to leave memory to others.
    fn is_paused(&self) -> bool {
        let calls = self.calls.as_ref();
        calls.is_some_and(|calls| self.is_at_limit(calls) || self.memory.must_wait())
    }

    /// Whether the client has too many calls in progress, or too much output to read.
    fn is_at_limit(&self, calls: &Calls) -> bool {
        calls.are_at_limit() || self.outbox.borrow().len() > UNWRITTEN_BYTES_MAX
    }

    /// Wakes the task after the poll interval of the budget.
    fn schedule_budget_poll(&self, context: &mut Context<'_>) {
        let mut timer = self.budget_poll.borrow_mut();
        loop {
            let pause = timer.get_or_insert_with(|| Box::pin(sleep(budget::POLL_INTERVAL)));
            if pause.as_mut().poll(context).is_pending() {
                return;
            }
            *timer = None;
        }
    }

    /// Updates the memory in use.
    pub(super) fn account_memory(&self) {
        if let Some(calls) = &self.calls {
            let (received, unwritten) =
                (self.decoder.borrow().bytes(), self.outbox.borrow().bytes());
            let promises = self.promises.bytes(PROMISE);
            self.memory.set(calls.memory() + promises + received + unwritten);
        }
    }

    /// The next message; `None` if the peer ends the stream between two messages.
    pub(super) fn poll_receive(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Received>, Error>> {
        loop {
            if self.closing.borrow().is_some() {
                // The RPC system has ended its side, and handles no further message.
                return Poll::Pending;
            }
            if let Some(message) = self.next_received() {
                return Poll::Ready(Ok(Some(message)));
            }
            self.reader.set(Some(context.waker().clone()));
            if self.is_paused() {
                // Other connections release budget without waking this task. Poll whatever the
                // reason for the pause, which may change meanwhile.
                self.schedule_budget_poll(context);
                let broken = self.broken.borrow().clone();
                return broken.map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
            }
            let bytes = match (self.poll_read(context), &*self.broken.borrow()) {
                (Poll::Ready(bytes), _) => bytes?,
                // Input that arrived before the failure is read first.
                (Poll::Pending, Some(error)) => return Poll::Ready(Err(error.clone())),
                (Poll::Pending, None) => return Poll::Pending,
            };
            self.received.set(bytes > 0);
            self.account_memory();
            if bytes == 0 {
                self.ended.set(true);
                let between = self.decoder.borrow().is_between_messages();
                let cut = || Error::disconnected("the stream ended within a message".into());
                return Poll::Ready(if between { Ok(None) } else { Err(cut()) });
            }
        }
    }

    /// Reads once, and returns the number of bytes.
    fn poll_read(&self, context: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        let is_frugal = self.calls.is_some() && budget::is_scarce();
        let (mut stream, mut decoder) = (self.stream.borrow_mut(), self.decoder.borrow_mut());
        input::poll_read(&mut **stream, &mut decoder, is_frugal, context)
    }

    /// Writes what is sent until the pipe is closed, then shuts the stream down.
    pub(super) async fn write_all(&self) -> Result<(), Error> {
        let written = poll_fn(|context| self.poll_write_all(context)).await;
        written.inspect_err(|error| self.fail(error.clone()))?;
        if !self.ended.get() {
            // The result is the same whether or not the peer ends its side in time.
            let _ = timeout(LINGER_WAIT_MAX, poll_fn(|context| self.poll_discard(context))).await;
        }
        self.closing.borrow().clone().unwrap_or(Ok(()))
    }

    fn poll_write_all(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // `send`, `close` and `fail` wake it.
        self.writer.set(Some(context.waker().clone()));
        loop {
            if let Some(error) = &*self.broken.borrow() {
                return Poll::Ready(Err(error.clone()));
            }
            let unwritten = self.outbox.borrow().len();
            let is_closing = self.closing.borrow().is_some();
            if unwritten > 0 {
                if !is_closing && self.deferral.poll_due(unwritten, context).is_pending() {
                    // What the stream has taken before does not wait with it.
                    ready!(Pin::new(&mut **self.stream.borrow_mut()).poll_flush(context))?;
                    return Poll::Pending;
                }
                let input_pending = self.decoder.borrow().has_next();
                let mut batching = self.batching.get();
                if unwritten < BATCHED_BYTES_MAX && batching.should_yield(unwritten, input_pending)
                {
                    // Runs again after every task that is runnable.
                    self.batching.set(batching);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                ready!(self.poll_write(context))?;
                self.batching.set(Batching::default());
                continue;
            }
            self.deferral.written();
            let mut stream = self.stream.borrow_mut();
            let mut stream = Pin::new(&mut **stream);
            ready!(stream.as_mut().poll_flush(context))?;
            if !is_closing {
                return Poll::Pending;
            }
            return stream.poll_shutdown(context).map_err(Error::from);
        }
    }

    /// Writes once.
    fn poll_write(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let written = {
            let outbox = self.outbox.borrow();
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let filled = outbox.next(&mut slices);
            let mut stream = self.stream.borrow_mut();
            let stream = Pin::new(&mut **stream);
            ready!(stream.poll_write_vectored(context, filled))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
        }
        let was_paused = self.is_paused();
        self.outbox.borrow_mut().advance(written);
        self.account_memory();
        wake(&self.answerer);
        if was_paused && !self.is_paused() {
            wake(&self.reader);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and drops input until the peer ends the stream.
    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<()> {
        input::poll_discard(&mut **self.stream.borrow_mut(), context)
    }

    fn fail(&self, error: Error) {
        self.broken.borrow_mut().get_or_insert(error);
        self.outbox.borrow_mut().clear();
        self.backlog.set(false);
        self.account_memory();
        wake(&self.reader);
        wake(&self.writer);
        wake(&self.answerer);
    }
}

fn wake(waiting: &Cell<Option<Waker>>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}
