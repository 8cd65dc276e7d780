//! What a method can learn about the call that it serves, and tell about the caller.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use capnp::Error;
use tokio::time::sleep;

use super::pipe::Pipe;
use crate::net::budget;

thread_local! {
    /// Whether the call whose message is read next is to be noted, and that call.
    static NOTING: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Option<Caller>> = const { RefCell::new(None) };
}

/// A call of a client over this transport.
pub(crate) struct Caller {
    pipe: Rc<Pipe>,
    question: u32,
}

/// Memory that is counted as a client's.
pub(crate) struct Kept {
    pipe: Rc<Pipe>,
    bytes: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(calls) = self.pipe.calls() {
            calls.drop_kept(self.bytes);
        }
        self.pipe.account_memory();
    }
}

impl Caller {
    /// The call whose parameters `read` reads; `None` if they came another way. (capnp-rpc does not
    /// pass on what belongs to the transport, but its parameters read our message.)
    pub(crate) fn of<T>(read: impl FnOnce() -> T) -> Option<Self> {
        NOTED.take();
        NOTING.set(true);
        read();
        NOTING.set(false);
        NOTED.take()
    }

    /// Notes that this question's message is read.
    pub(super) fn note(pipe: &Rc<Pipe>, question: Option<u32>) {
        if NOTING.get() {
            let caller = question.map(|question| Self { pipe: pipe.clone(), question });
            NOTED.set(caller);
        }
    }

    /// Raises the limits of a client that holds a link.
    pub(crate) fn holds_link(&self) {
        if let Some(calls) = self.pipe.calls() {
            calls.trust();
        }
    }

    /// Counts this many bytes as memory of the client, until the guard is dropped.
    pub(crate) fn keep(&self, bytes: usize) -> Kept {
        if let Some(calls) = self.pipe.calls() {
            calls.keep(bytes);
        }
        self.pipe.account_memory();
        Kept { pipe: self.pipe.clone(), bytes }
    }

    /// Waits until the client has read so much that it may be sent a long message, and there is
    /// memory for it, which is counted until the guard is dropped.
    pub(crate) async fn may_be_sent(&self, bytes: usize) -> Kept {
        loop {
            poll_fn(|context| self.pipe.poll_has_room(context)).await;
            if self.pipe.memory().has_room(bytes) {
                return self.keep(bytes);
            }
            sleep(budget::POLL_INTERVAL).await;
        }
    }

    /// Does work until the client cancels the call.
    ///
    /// # Errors
    /// Those of the work, and one for a call that is cancelled.
    pub(crate) async fn unless_cancelled<T>(
        caller: Option<&Self>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let cancelled = async {
            let calls = caller.and_then(|it| Some((it.pipe.calls()?, it.question)));
            match calls {
                Some((calls, question)) => calls.cancelled(question).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            result = pin!(work) => result,
            () = cancelled => Err(Error::failed("the call was cancelled".into())),
        }
    }
}
