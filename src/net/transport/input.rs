//! Reading from a stream into a decoder.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use capnp::Error;
use tokio::io::ReadBuf;

use super::decoder::Decoder;
use crate::net::stream::Stream;

/// The size of the read buffer, which the connections of a thread share.
const READ_BYTES: usize = 64 * 1024;

/// The bytes of one read while memory is scarce. Small messages take several times their size.
const FRUGAL_READ_BYTES: usize = 4 * 1024;

/// The rest of a message of at least this many bytes is read directly, not through the buffer.
const DIRECT_BYTES_MIN: usize = 16 * 1024;

thread_local! {
    /// Empty between two reads, so an idle connection needs no buffer of its own.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Reads once, and returns the number of bytes. It reads little if it `is_frugal`.
pub(super) fn poll_read(
    stream: &mut dyn Stream,
    decoder: &mut Decoder,
    is_frugal: bool,
    context: &mut Context<'_>,
) -> Poll<Result<usize, Error>> {
    if let Some(gap) = decoder.gap(DIRECT_BYTES_MIN) {
        let bytes = ready!(poll_fill(stream, context, gap))?;
        decoder.fill(bytes);
        return Poll::Ready(Ok(bytes));
    }
    decoder.set_frugal(is_frugal);
    READ.with_borrow_mut(|buffer| {
        let most = if is_frugal { FRUGAL_READ_BYTES } else { READ_BYTES };
        let mut buffer = ReadBuf::new(buffer.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
        let taken = decoder.take(buffer.filled());
        // Votes must not be left in it.
        buffer.filled_mut().fill(0);
        taken?;
        Poll::Ready(Ok(buffer.filled().len()))
    })
}

/// Reads and drops input until the peer ends the stream.
pub(super) fn poll_discard(stream: &mut dyn Stream, context: &mut Context<'_>) -> Poll<()> {
    READ.with_borrow_mut(|buffer| {
        while let Ok(1..) = ready!(poll_fill(stream, context, buffer)) {}
        Poll::Ready(())
    })
}

fn poll_fill(
    stream: &mut dyn Stream,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}
