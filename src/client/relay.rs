//! Passing on what a server sends to the task that asked for it. That task runs the callback, which may therefore borrow
//! from its surroundings, as with a local call; a panic in it is the caller's.

use std::fmt::Display;
use std::future::Future;

use capnp::Error as Exception;
use tokio::sync::{mpsc, oneshot};

use super::Error;

/// What a callback may return: nothing, or a result whose error ends the call.
pub trait CallbackResult {
    /// Nothing, or the error's text.
    ///
    /// # Errors
    /// Where the call is to end.
    fn into_result(self) -> Result<(), String>;
}

impl CallbackResult for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> CallbackResult for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// The end with the capability that the server calls.
pub(super) struct Relay<T>(mpsc::Sender<Passed<T>>);

/// The end with the task that asked.
pub(super) struct Arriving<T>(mpsc::Receiver<Passed<T>>);

struct Passed<T> {
    value: T,
    taken: oneshot::Sender<capnp::Result<()>>,
}

/// The two ends. One value at a time is between them: what comes after waits in its call, unanswered.
pub(super) fn relay<T>() -> (Relay<T>, Arriving<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (Relay(sender), Arriving(receiver))
}

impl<T> Relay<T> {
    /// Passes a value on, and returns when it was taken.
    pub(super) async fn pass_on(&self, value: T) -> capnp::Result<()> {
        let gone = || Exception::failed("the call was given up".into());
        let (taken, done) = oneshot::channel();
        self.0.send(Passed { value, taken }).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }
}

impl<T> Arriving<T> {
    /// Hands to `take` what arrives, until the server answers.
    pub(super) async fn until_answered<A>(
        mut self,
        answer: impl Future<Output = Result<A, Error>>,
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<A, Error> {
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                biased;
                Some(Passed { value, taken }) = self.0.recv() => {
                    let result = take(value);
                    let told = result.as_ref().map_or_else(|error| Err(told(error)), |()| Ok(()));
                    // With the receiver gone the call is over, and its own answer tells why.
                    let _ = taken.send(told);
                    // The server may be waiting for something else of ours before it sees that there is no use.
                    result?;
                }
                answer = &mut answer => return answer,
            }
        }
    }
}

/// An error, as it is told to the server.
fn told(error: &Error) -> Exception {
    Exception::failed(error.to_string())
}
