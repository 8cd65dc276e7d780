//! Bytes of a client, sent to a server.
//!
//! The low six bits of the first byte, squared, are the size of the pieces in which the other bytes
//! are sent; 0 sends them whole. There are at most 32 pieces. With bit 6, each piece waits until
//! the server has handled the one before.

use crate::world::{self, Peer};

/// More pieces would cost time and find nothing more.
const PIECES_MAX: usize = 32;

const SIZE: u8 = 0b0011_1111;
pub(crate) const WAIT: u8 = 0b0100_0000;

pub(crate) fn run(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    world::with(false, async |world| {
        let (stream, served) = world.connect();
        let mut peer = Peer::new(stream);
        for piece in pieces(how, bytes) {
            peer.send(piece).await;
            if how & WAIT > 0 {
                world.settle().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        world::turns().await;
        peer.leave(world).await;
        world.ended("the connection", || served.is_finished()).await;
        served.await.expect("the server does not panic");
    });
}

pub(crate) fn pieces(how: u8, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = usize::from(how & SIZE).pow(2);
    let whole = bytes.len().max(1);
    bytes.chunks(if size == 0 { whole } else { size.max(whole.div_ceil(PIECES_MAX)) })
}
