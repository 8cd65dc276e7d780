//! A client's WebSocket frames: what is read of them is what a reader of the whole input finds.
//!
//! The first byte says in what pieces the input arrives, the second how much room the reader has,
//! and the third how much of the input was read with the handshake.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use capvote::net::websocket::{CONTROL_BYTES_MAX, EMPTY_FRAMES_MAX, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) fn run(input: &[u8]) {
    let Some((&[piece, room, early], bytes)) = input.split_first_chunk() else { return };
    let (early, rest) = bytes.split_at(usize::from(early).min(bytes.len()));
    let pieces = Pieces { bytes: rest.to_vec(), read: 0, most: usize::from(piece) + 1 };
    let mut socket = WebSocket::server(pieces, early.to_vec());
    let mut context = Context::from_waker(Waker::noop());
    let mut room = vec![0; usize::from(room) + 1];
    let mut found = Vec::new();
    let failed = loop {
        let mut buffer = ReadBuf::new(&mut room);
        match Pin::new(&mut socket).poll_read(&mut context, &mut buffer) {
            // Other tasks have their turn.
            Poll::Pending => {}
            Poll::Ready(Err(_)) => break true,
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => break false,
            Poll::Ready(Ok(())) => found.extend_from_slice(buffer.filled()),
        }
    };
    let (expected, violated) = expected(bytes);
    assert_eq!(failed, violated, "of {bytes:02x?}");
    // A violation may be found before what precedes it was passed on.
    let same = if failed { expected.starts_with(&found) } else { expected == found };
    assert!(same, "{found:02x?} is not {expected:02x?}");
}

/// The bytes of all messages, and whether a rule was broken behind them.
fn expected(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut payload, mut in_message, mut empty) = (Vec::new(), false, 0);
    while let [first, rest @ ..] = bytes {
        let [second, rest @ ..] = rest else { break };
        let (is_last, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        let short = usize::from(second & 0x7f);
        let is_control = matches!(opcode, 8..=10);
        let is_allowed = reserved == 0
            && second & 0x80 != 0
            && match opcode {
                0 => in_message,
                2 => !in_message,
                _ => is_control && is_last && short <= CONTROL_BYTES_MAX,
            };
        if !is_allowed {
            return (payload, true);
        }
        let (length, rest) = match short {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => break,
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => break,
            },
            short => (short as u64, rest),
        };
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else { break };
        empty += 1;
        if length >> 63 != 0 || empty > EMPTY_FRAMES_MAX {
            return (payload, true);
        }
        let here = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        let (here, rest) = rest.split_at(here);
        if !is_control {
            if !here.is_empty() {
                empty = 0;
            }
            payload.extend(here.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
            in_message = !is_last;
        }
        if (here.len() as u64) < length || opcode == 8 {
            break;
        }
        bytes = rest;
    }
    (payload, false)
}

/// A stream that arrives in pieces, and to which everything can be written.
#[derive(Debug)]
struct Pieces {
    bytes: Vec<u8>,
    read: usize,
    most: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.bytes[self.read..];
        let length = rest.len().min(self.most).min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.read += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
