//! Calls from the server to a callback. The task that made the request runs the callback, which may
//! therefore borrow from its surroundings, as in a local call. A panic in it is the caller's.

use std::fmt::Display;
use std::future::Future;

use capnp::Error as Exception;
use tokio::sync::{mpsc, oneshot};

use super::Error;

/// What a callback may return: nothing, or a result whose error ends the request.
pub trait CallbackResult {
    /// `Ok`, or the error's text.
    ///
    /// # Errors
    /// If the request is to end.
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

/// The sending end, held by the capability that the server calls.
pub(super) struct CallSender<T>(mpsc::Sender<Call<T>>);

/// The receiving end, held by the requesting task.
pub(super) struct CallReceiver<T>(mpsc::Receiver<Call<T>>);

struct Call<T> {
    argument: T,
    returned: oneshot::Sender<capnp::Result<()>>,
}

/// A channel for one call at a time. Further calls wait unanswered, which slows the server down.
pub(super) fn callback<T>() -> (CallSender<T>, CallReceiver<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (CallSender(sender), CallReceiver(receiver))
}

impl<T> CallSender<T> {
    /// Calls the callback, and waits for its result.
    pub(super) async fn call(&self, argument: T) -> capnp::Result<()> {
        let over = || Exception::failed("the request is over".into());
        let (returned, result) = oneshot::channel();
        self.0.send(Call { argument, returned }).await.map_err(|_| over())?;
        result.await.map_err(|_| over())?
    }
}

impl<T> CallReceiver<T> {
    /// Runs `callback` for each call, until the server answers the request.
    pub(super) async fn run_until<A>(
        mut self,
        answer: impl Future<Output = Result<A, Error>>,
        mut callback: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<A, Error> {
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                biased;
                Some(Call { argument, returned }) = self.0.recv() => {
                    let result = callback(argument);
                    let exception = |error: &Error| Err(Exception::failed(error.to_string()));
                    let returns = result.as_ref().map_or_else(exception, |()| Ok(()));
                    // A server that dropped the call does not wait for its result.
                    let _ = returned.send(returns);
                    // Not left to the server's answer: it may wait for another call of ours first.
                    result?;
                }
                answer = &mut answer => return answer,
            }
        }
    }
}
