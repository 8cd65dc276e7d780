//! How much of one stream of calls may be on its way.

use std::cell::RefCell;
use std::rc::Rc;

use capnp::Error;
use capnp::capability::Promise;
use capnp_rpc::{FlowController, OutgoingMessage};
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::stream::FuturesUnordered;

use crate::net::budget;
use crate::net::pace::{Departure, Pace};

/// A window as large as the path needs it: a call is sent at once, and the next may come when what is on its
/// way is less than the window.
pub(super) struct Window {
    state: Rc<RefCell<State>>,
    acks: mpsc::UnboundedSender<Ack>,
}

struct Ack {
    bytes: usize,
    departure: Departure,
    came: Promise<(), Error>,
}

#[derive(Default)]
struct State {
    pace: Pace,
    /// The bytes that are sent and not acknowledged.
    on_the_way: usize,
    /// The largest call so far. A window smaller than it would let no second one out.
    largest: usize,
    failed: Option<Error>,
    /// Who waits for the window to open.
    blocked: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Who waits for everything to be acknowledged.
    finishing: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Window {
    /// A window, and the work of it, which has to be polled.
    pub(super) fn new() -> (Self, Promise<(), Error>) {
        let (acks, sent) = mpsc::unbounded();
        let state = Rc::new(RefCell::new(State::default()));
        let work = wait_for_acks(state.clone(), sent);
        (Self { state, acks }, Promise::from_future(work))
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
        state.on_the_way += bytes;
        // The order of calls is that of sending them, whether or not there is room.
        let _ = message.send();
        // Where nobody takes it, the connection has ended, and every ack with it.
        let _ = self.acks.unbounded_send(Ack { bytes, departure: state.pace.departs(), came: ack });
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
            None if state.on_the_way == 0 => Promise::ok(()),
            None => wait_in(&mut state.finishing),
        }
    }
}

/// A promise that is kept by whoever looks through this list.
fn wait_in(list: &mut Vec<oneshot::Sender<Result<(), Error>>>) -> Promise<(), Error> {
    let (told, waiting) = oneshot::channel();
    list.push(told);
    Promise::from_future(async move {
        let gone = |_| Err(Error::disconnected("the connection ended".into()));
        waiting.await.unwrap_or_else(gone)
    })
}

impl State {
    fn is_open(&self) -> bool {
        let window = if budget::is_spent() { 0 } else { self.pace.window() };
        self.on_the_way < window.max(self.largest)
    }

    /// Takes note that the peer has dealt with a call of so many bytes.
    fn acknowledged(&mut self, bytes: usize, departure: Departure, came: Result<(), Error>) {
        self.on_the_way -= bytes;
        self.pace.arrives(departure, bytes);
        if let Err(error) = came {
            self.failed.get_or_insert(error);
        }
        let result = self.failed.clone().map_or(Ok(()), Err);
        if result.is_err() || self.is_open() {
            self.blocked.drain(..).for_each(|it| drop(it.send(result.clone())));
        }
        if self.on_the_way == 0 {
            self.finishing.drain(..).for_each(|it| drop(it.send(result.clone())));
        }
    }
}

async fn wait_for_acks(
    state: Rc<RefCell<State>>,
    mut sent: mpsc::UnboundedReceiver<Ack>,
) -> Result<(), Error> {
    let mut acks = FuturesUnordered::new();
    let mut sending = true;
    while sending || !acks.is_empty() {
        futures::select_biased! {
            (bytes, departure, came) = acks.select_next_some() => {
                state.borrow_mut().acknowledged(bytes, departure, came);
            }
            ack = sent.next() => match ack {
                Some(Ack { bytes, departure, came }) => {
                    acks.push(async move { (bytes, departure, came.await) });
                }
                None => sending = false,
            },
        }
    }
    Ok(())
}
