//! A WebSocket (RFC 6455) as a stream of bytes, under the transport of an RPC connection.
//!
//! What arrives in binary messages is one stream, wherever they are cut. What is written is cut at
//! the ends of Cap'n Proto's messages: each is one binary message, as C++'s
//! `WebSocketMessageStream` has it. Frames are taken apart in the buffer of the reader, and none is
//! gathered: a connection over a WebSocket takes no memory that another does not, but for what
//! [`FRAMED_BYTES_MAX`] allows.

mod frame;
#[cfg(feature = "client")]
mod handshake;
mod input;
mod output;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use data_encoding::BASE64;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use self::frame::CONTROL_BYTES_MAX;
#[cfg(feature = "client")]
pub(super) use self::handshake::handshake;
#[cfg(feature = "client")]
pub use self::handshake::{ANSWER_HEAD_BYTES_MAX, ANSWER_HEADERS_MAX};
pub use self::input::EMPTY_FRAMES_MAX;
use self::input::Input;
pub use self::output::FRAMED_BYTES_MAX;
use self::output::Output;
use super::stream::Stream;

/// The path of the WebSocket on a server.
pub const PATH: &str = "/rpc";

/// The version of the protocol.
pub(super) const VERSION: &str = "13";

/// What RFC 6455 appends to a client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The reads without a byte of a message before other tasks have their turn.
const EMPTY_READS: usize = 32;

/// The server's answer to the key of a client's handshake: it has read it as one.
pub(super) fn accept_key(key: &[u8]) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// A WebSocket over a stream, after the handshake.
pub struct WebSocket<S> {
    stream: S,
    /// What was read with the handshake, and how much of it was passed on.
    early: (Vec<u8>, usize),
    input: Input,
    output: Output,
    /// Whether a writer waits for room in the stream. It also writes what answers a ping: the
    /// stream wakes one task.
    writer_waits: bool,
}

/// Without what passes, which may be votes.
impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").finish_non_exhaustive()
    }
}

impl<S: Stream> WebSocket<S> {
    /// The server's side. `early` is what was read behind the client's handshake.
    pub fn server(stream: S, early: Vec<u8>) -> Self {
        Self::new(stream, early, false)
    }

    /// The client's side. `early` is what was read behind the server's handshake.
    #[cfg(feature = "client")]
    pub fn client(stream: S, early: Vec<u8>) -> Self {
        Self::new(stream, early, true)
    }

    fn new(stream: S, early: Vec<u8>, is_client: bool) -> Self {
        let (input, output) = (Input::new(!is_client), Output::new(is_client));
        Self { stream, early: (early, 0), input, output, writer_waits: false }
    }

    /// Reads as the bytes come, with their frames.
    fn poll_raw(
        &mut self,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (early, passed) = &mut self.early;
        let rest = early.get(*passed..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, to);
        }
        let (here, _) = rest.split_at(rest.len().min(to.remaining()));
        to.put_slice(here);
        *passed += here.len();
        if *passed == early.len() {
            self.early = Default::default();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is framed.
    fn poll_framed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let unwritten = self.output.unwritten();
            if unwritten.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, unwritten))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
    }

    /// Answers a ping, or closes with a code, unless a writer waits: then that writes the answer.
    fn answer(&mut self, context: &mut Context<'_>, code: Option<u16>) {
        if self.writer_waits {
            return;
        }
        let framed = match code {
            Some(code) => self.output.close(Some(code)),
            None => self.put_pong(),
        };
        let answers = !self.output.unwritten().is_empty();
        let written = framed.is_ok() && matches!(self.poll_framed(context), Poll::Ready(Ok(())));
        // If it cannot be written, the next read or write says so; and what cannot be flushed leaves
        // with the next message.
        if answers && written {
            let _ = Pin::new(&mut self.stream).poll_flush(context);
        }
    }

    /// Frames the answer to the last ping, once it can go between two messages and nothing is
    /// framed: so pings take no room, however many there are.
    fn put_pong(&mut self) -> io::Result<()> {
        if self.output.unwritten().is_empty()
            && self.output.is_between_messages()
            && let Some(ping) = self.input.take_ping()
        {
            self.output.pong(&ping)?;
        }
        Ok(())
    }

    /// Writes for the writer: notes whether it has to wait.
    fn poll_write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let written = self.poll_framed(context);
            self.writer_waits = written.is_pending();
            ready!(written)?;
            self.put_pong()?;
            if self.output.unwritten().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes the next bytes of a writer. Ready with none only if there are none.
    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.output.is_full() {
            ready!(self.poll_write_out(context))?;
        }
        if let Some(first) = pieces.iter().find(|piece| !piece.is_empty())
            && let length @ FRAMED_BYTES_MAX.. = self.output.plain(first.len())
        {
            let (here, _) = first.split_at(length);
            let written = Pin::new(&mut self.stream).poll_write(context, here);
            self.writer_waits = written.is_pending();
            let written = ready!(written)?;
            self.output.advance_plain(written);
            return Poll::Ready(Ok(written));
        }
        let mut taken = 0;
        for piece in pieces {
            let framed = self.output.frame(piece)?;
            taken += framed;
            if framed < piece.len() {
                break;
            }
        }
        match self.poll_write_out(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What is not written yet is kept, and the next flush writes it.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }
}

impl<S: Stream> AsyncRead for WebSocket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        for _ in 0..EMPTY_READS {
            if this.input.has_ended() || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            // An answer that did not fit into the stream.
            this.answer(context, None);
            let before = buffer.filled().len();
            ready!(this.poll_raw(context, buffer))?;
            let (_, raw) = buffer.filled_mut().split_at_mut(before);
            if raw.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let kept = match this.input.unframe(raw) {
                Ok(kept) => kept,
                Err(violation) => {
                    buffer.set_filled(before);
                    this.answer(context, Some(violation.code()));
                    let error = io::Error::new(io::ErrorKind::InvalidData, violation);
                    return Poll::Ready(Err(error));
                }
            };
            buffer.set_filled(before + kept);
            if this.input.has_ping() {
                this.answer(context, None);
            }
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream> AsyncWrite for WebSocket<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_take(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_take(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(context))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.writer_waits = flushed.is_pending();
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.output.close(None)?;
        ready!(this.poll_write_out(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}
