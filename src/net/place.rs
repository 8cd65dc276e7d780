//! The place of one connection: what other threads have to know of it, to choose which connection
//! makes room for a new one.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stream::Stream;

/// The state of a place that was given to another connection.
const GIVEN_UP: u32 = 1 << 31;

/// What times are counted from.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A point in time, in milliseconds.
pub(super) fn milliseconds(time: Instant) -> u64 {
    u64::try_from(time.saturating_duration_since(*EPOCH).as_millis()).unwrap_or(u64::MAX)
}

/// The place of a connection.
#[derive(Debug)]
pub(super) struct Place {
    /// How many [`Hold`]s there are, or [`GIVEN_UP`].
    state: AtomicU32,
    /// When bytes last passed, or the last hold ended, in milliseconds.
    active_at: AtomicU64,
    given_up: CancellationToken,
}

impl Place {
    /// The place of a connection whose turn comes then.
    pub(super) fn new(turn: Instant) -> Arc<Self> {
        let active_at = AtomicU64::new(milliseconds(turn));
        let given_up = CancellationToken::new();
        Arc::new(Self { state: AtomicU32::new(0), active_at, given_up })
    }

    /// When the connection was last active, in milliseconds.
    pub(super) fn active_at(&self) -> u64 {
        self.active_at.load(Ordering::Relaxed)
    }

    /// Notes that the connection is active at that time.
    pub(super) fn touch(&self, time: Instant) {
        self.active_at.store(milliseconds(time), Ordering::Relaxed);
    }

    /// Holds the place; `None` if it was given up.
    pub(super) fn hold(self: &Arc<Self>) -> Option<Hold> {
        let held = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state != GIVEN_UP).then_some(state + 1)
        });
        held.ok().map(|_| Hold(self.clone()))
    }

    /// Gives the place up, unless it is held. The connection then ends.
    pub(super) fn give_up(&self) -> bool {
        let given = self.state.compare_exchange(0, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        match given {
            Ok(_) => self.given_up.cancel(),
            Err(state) => return state == GIVEN_UP,
        }
        true
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Returns when the place was given up.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }
}

/// Keeps a connection's place until it is dropped.
#[derive(Debug)]
pub struct Hold(Arc<Place>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.touch(Instant::now());
        self.0.state.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream that notes in a place when bytes pass.
pub(super) struct Observed<S> {
    stream: S,
    place: Arc<Place>,
}

impl<S: Stream> Observed<S> {
    pub(super) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, place }
    }

    fn note(&self, bytes: usize) {
        if bytes > 0 {
            self.place.touch(Instant::now());
        }
    }
}

impl<S: Stream> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.note(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.note(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.note(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_held_or_given_up_and_never_both() {
        let place = Place::new(Instant::now());
        let (one, other) = (place.hold().unwrap(), place.hold().unwrap());
        assert!(!place.give_up());
        drop(one);
        assert!(!place.give_up() && !place.is_given_up());
        drop(other);
        assert!(place.give_up() && place.is_given_up());
        assert!(place.hold().is_none());
        // Two tables may choose the same connection.
        assert!(place.give_up());
    }
}
