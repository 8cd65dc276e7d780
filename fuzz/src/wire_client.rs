//! Bytes of a server for a client that votes, asks for the results, and has the lines of a file counted.
//!
//! The first byte says how the others are cut, as in [`wire`](crate::wire). Only with bit 7 are lines counted: that
//! takes a thread each time, whose end is waited for.

use capvote::client::{Ballot, Client};
use tokio::task::spawn_local;

use crate::wire::{WAIT, pieces};
use crate::world::{self, Peer};

pub(crate) const LINES: u8 = 0b1000_0000;

/// What is counted.
pub(crate) const FILE: &[u8] = b"a line\nanother line\nand a last one";

pub(crate) fn run(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    world::with(false, async |world| {
        let (here, there) = world::stream();
        let mut peer = Peer::new(there);
        let used = spawn_local(use_it(Client::over(here), how & LINES > 0));
        world::turns().await;
        for piece in pieces(how, bytes) {
            peer.say(piece).await;
            if how & WAIT > 0 {
                world::turns().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        world::turns().await;
        peer.leave(world).await;
        world.ended("what the client does", || used.is_finished()).await;
        used.await.expect("a client does not panic");
    });
}

/// Does what a client does, all at once. What comes of it is the server's affair.
pub(crate) async fn use_it(client: Client, count: bool) {
    let election = client.election("board");
    let nonce = [5; 16].into();
    let ballot = Ballot { candidate: "Ada".into(), number: 1.into(), nonce };
    let vote = election.vote(&ballot, |text| assert!(text.len() <= 4_096));
    let counter = client.line_counter();
    let lines = async {
        if count {
            let _ = counter.count_lines(FILE, |_| ()).await;
        }
    };
    let _ = tokio::join!(vote, election.results(), election.info(), client.elections(), lines);
}
