//! A listening socket from which several threads accept.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A listening socket, which does not block. It is registered with the runtime of the thread that
/// first accepts from it; clones are of the same socket, for other threads. What it accepts is not
/// registered: a shard does that.
#[derive(Debug)]
pub(super) struct Listening<S: AsRawFd> {
    socket: Arc<S>,
    registered: Option<AsyncFd<Arc<S>>>,
}

impl<S: AsRawFd> Clone for Listening<S> {
    fn clone(&self) -> Self {
        Self { socket: self.socket.clone(), registered: None }
    }
}

impl<S: AsRawFd> Listening<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket: Arc::new(socket), registered: None }
    }

    /// The next connection, which `accept` takes from the socket if there is one.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn poll_accept<T>(
        &mut self,
        context: &mut Context<'_>,
        accept: impl Fn(&S) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let registered = match &mut self.registered {
            Some(registered) => registered,
            none => none.insert(register(self.socket.clone())?),
        };
        loop {
            // If there is none, it waits for the next.
            let mut is_ready = ready!(registered.poll_read_ready(context))?;
            if let Ok(accepted) = is_ready.try_io(|socket| accept(socket.get_ref())) {
                return Poll::Ready(accepted);
            }
        }
    }
}

#[expect(deprecated, reason = "unsound only for a descriptor that another owns")]
fn register<S: AsRawFd>(socket: Arc<S>) -> io::Result<AsyncFd<Arc<S>>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}
