//! A stream for tests that limits the size of reads and writes, and whose reads can be paused.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Moves at most `limit` bytes at a time, and yields between any two reads or writes. A limit of
/// `usize::MAX` does neither.
pub(crate) struct Choppy<S> {
    stream: S,
    limit: usize,
    moved: Cell<bool>,
    /// The number of writes.
    pub(crate) writes: Rc<Cell<usize>>,
    pub(crate) reads: Rc<Reads>,
}

/// Pauses and resumes the reads of a stream.
#[derive(Default)]
pub(crate) struct Reads {
    paused: Cell<bool>,
    waiting: Cell<Option<Waker>>,
}

impl Reads {
    pub(crate) fn pause(&self) {
        self.paused.set(true);
    }

    pub(crate) fn resume(&self) {
        self.paused.set(false);
        // On a slow machine there may have been no read during the pause.
        self.waiting.take().inspect(Waker::wake_by_ref);
    }
}

impl<S> Choppy<S> {
    pub(crate) fn new(stream: S, limit: usize) -> Self {
        Self { stream, limit, moved: Cell::default(), writes: Rc::default(), reads: Rc::default() }
    }

    fn must_yield(&self, context: &Context<'_>) -> bool {
        let must_yield = self.limit < usize::MAX && self.moved.take();
        if must_yield {
            context.waker().wake_by_ref();
        }
        must_yield
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Choppy<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads.paused.get() {
            self.reads.waiting.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        if self.must_yield(context) {
            return Poll::Pending;
        }
        let mut part = vec![0; self.limit.min(buffer.remaining())];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        buffer.put_slice(part.filled());
        self.moved.set(true);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Choppy<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.must_yield(context) {
            return Poll::Pending;
        }
        let part = &bytes[..self.limit.min(bytes.len())];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, part))?;
        self.writes.set(self.writes.get() + 1);
        self.moved.set(true);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.poll_write(context, &bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
