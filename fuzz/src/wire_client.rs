//! Bytes of a server, sent to a client that votes, asks for results and has lines counted.
//!
//! The first byte says how the others are split, as in [`wire`](crate::wire). Lines are counted
//! only with bit 7: each count starts a thread, which is slow.

use capvote::client::{Ballot, Client};
use tokio::task::spawn_local;

use crate::wire::{WAIT, pieces};
use crate::world::{self, Peer};

pub(crate) const LINES: u8 = 0b1000_0000;

/// The file to count.
pub(crate) const FILE: &[u8] = b"a line\nanother line\nand a last one";

pub(crate) fn run(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    world::with(false, async |world| {
        let (here, there) = world::stream();
        let mut peer = Peer::new(there);
        let calls = spawn_local(call_everything(Client::over(here), how & LINES > 0));
        world::turns().await;
        for piece in pieces(how, bytes) {
            peer.send(piece).await;
            if how & WAIT > 0 {
                world::turns().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        world::turns().await;
        peer.leave(world).await;
        world.ended("the client", || calls.is_finished()).await;
        calls.await.expect("the client does not panic");
    });
}

/// Makes all kinds of calls concurrently, and ignores their results.
pub(crate) async fn call_everything(client: Client, count: bool) {
    let election = client.election("board");
    let nonce = [5; 16].into();
    let ballot = Ballot { candidate: "Ada".into(), marks: None, number: 1.into(), nonce };
    let vote = election.vote(&ballot, |text| assert!(text.len() <= 4_096));
    let counter = client.line_counter();
    let lines = async {
        if count {
            let _ = counter.count_lines(FILE, |_| ()).await;
        }
    };
    let _ = tokio::join!(vote, election.results(), election.info(), client.elections(), lines);
}
