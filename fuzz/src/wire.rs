//! Bytes of a client for a server.
//!
//! The first byte says how the others are cut: into pieces of the square of its low six bits, or not at all where
//! these are 0, but not into more than 32. With bit 6, what a piece brings about is waited for before the next comes.

use crate::world::{self, Peer};

/// More pieces than this take more time than they show.
const PIECES_MAX: usize = 32;

const CUT: u8 = 0b0011_1111;
pub(crate) const WAIT: u8 = 0b0100_0000;

pub(crate) fn run(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    world::with(false, async |world| {
        let (stream, served) = world.connect();
        let mut peer = Peer::new(stream);
        for piece in pieces(how, bytes) {
            peer.say(piece).await;
            if how & WAIT > 0 {
                world.settle().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        world::turns().await;
        peer.leave(world).await;
        world.ended("the connection", || served.is_finished()).await;
        served.await.expect("a connection ends without a panic");
    });
}

pub(crate) fn pieces(how: u8, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cut = usize::from(how & CUT).pow(2);
    let whole = bytes.len().max(1);
    bytes.chunks(if cut == 0 { whole } else { cut.max(whole.div_ceil(PIECES_MAX)) })
}
