//! Flow control of a stream of calls.

use std::cell::RefCell;
use std::rc::Rc;

use capnp::Error;
use capnp::capability::Promise;
use capnp_rpc::{FlowController, OutgoingMessage};
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::stream::FuturesUnordered;

use crate::net::bdp::{BdpEstimate, SendMark};
use crate::net::budget;

/// A window sized by the bandwidth-delay product. A call is sent at once; its promise resolves when
/// the bytes in flight are less than the window, and the next call may be sent.
pub(super) struct Window {
    state: Rc<RefCell<State>>,
    acks: mpsc::UnboundedSender<Ack>,
}

struct Ack {
    bytes: usize,
    mark: SendMark,
    acked: Promise<(), Error>,
}

#[derive(Default)]
struct State {
    estimate: BdpEstimate,
    /// The bytes that are sent and not acknowledged.
    in_flight: usize,
    /// The largest call so far, which is the smallest window.
    largest: usize,
    failed: Option<Error>,
    /// Senders that wait for the window to open.
    blocked: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Those that wait for everything to be acknowledged.
    draining: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Window {
    /// A window, and the task that receives its acknowledgements, which must be polled.
    pub(super) fn new() -> (Self, Promise<(), Error>) {
        let (acks, sent) = mpsc::unbounded();
        let state = Rc::new(RefCell::new(State::default()));
        let receiving = receive_acks(state.clone(), sent);
        (Self { state, acks }, Promise::from_future(receiving))
    }
}

impl FlowController for Window {
    fn send(
        &mut self,
        message: Box<dyn OutgoingMessage>,
        ack: Promise<(), Error>,
    ) -> Promise<(), Error> {
        let bytes = message.size_in_words() * 8;
        let mut state = self.state.borrow_mut();
        state.largest = state.largest.max(bytes);
        state.in_flight += bytes;
        // Sent whether or not the window is open, to keep the order of calls.
        let _ = message.send();
        // The receiver is gone only when the connection has ended.
        let _ = self.acks.unbounded_send(Ack { bytes, mark: state.estimate.sent(), acked: ack });
        if let Some(error) = &state.failed {
            Promise::err(error.clone())
        } else if state.is_open() {
            Promise::ok(())
        } else {
            wait_in(&mut state.blocked)
        }
    }

    fn wait_all_acked(&mut self) -> Promise<(), Error> {
        let mut state = self.state.borrow_mut();
        match &state.failed {
            Some(error) => Promise::err(error.clone()),
            None if state.in_flight == 0 => Promise::ok(()),
            None => wait_in(&mut state.draining),
        }
    }
}

/// A promise that resolves with the result sent to its entry in the list.
fn wait_in(list: &mut Vec<oneshot::Sender<Result<(), Error>>>) -> Promise<(), Error> {
    let (result, waiting) = oneshot::channel();
    list.push(result);
    Promise::from_future(async move {
        let gone = |_| Err(Error::disconnected("the connection ended".into()));
        waiting.await.unwrap_or_else(gone)
    })
}

impl State {
    fn is_open(&self) -> bool {
        let window = if budget::must_be_frugal() { 0 } else { self.estimate.window() };
        self.in_flight < window.max(self.largest)
    }

    /// Handles the peer's answer to a call of so many bytes.
    fn acknowledged(&mut self, bytes: usize, mark: SendMark, answer: Result<(), Error>) {
        self.in_flight -= bytes;
        self.estimate.delivered(mark, bytes);
        if let Err(error) = answer {
            self.failed.get_or_insert(error);
        }
        let result = self.failed.clone().map_or(Ok(()), Err);
        if result.is_err() || self.is_open() {
            self.blocked.drain(..).for_each(|it| drop(it.send(result.clone())));
        }
        if self.in_flight == 0 {
            self.draining.drain(..).for_each(|it| drop(it.send(result.clone())));
        }
    }
}

async fn receive_acks(
    state: Rc<RefCell<State>>,
    mut sent: mpsc::UnboundedReceiver<Ack>,
) -> Result<(), Error> {
    let mut acks = FuturesUnordered::new();
    let mut sending = true;
    while sending || !acks.is_empty() {
        futures::select_biased! {
            (bytes, mark, answer) = acks.select_next_some() => {
                state.borrow_mut().acknowledged(bytes, mark, answer);
            }
            ack = sent.next() => match ack {
                Some(Ack { bytes, mark, acked }) => {
                    acks.push(async move { (bytes, mark, acked.await) });
                }
                None => sending = false,
            },
        }
    }
    Ok(())
}
