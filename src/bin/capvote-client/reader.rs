//! Noticing that nobody reads what a command prints.

use std::future::pending;
use std::io;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// Carries out a command that changes nothing, and ends it as soon as nobody reads its output.
pub(crate) async fn while_read(
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        done = command => done,
        () = gone() => Err(Failure::Unprinted(io::ErrorKind::BrokenPipe.into())),
    }
}

/// Resolves when the reader of stdout has gone. Files and the like have none that could go.
async fn gone() {
    let (send, has_gone) = oneshot::channel();
    // tokio's `AsyncFd` is for those who may write `unsafe`. The program does not wait for this.
    thread::spawn(move || {
        if wait_until_gone().is_ok() {
            // The command may have ended first.
            let _ = send.send(());
        }
    });
    if has_gone.await.is_err() {
        pending().await
    }
}

fn wait_until_gone() -> Result<(), Errno> {
    let stdout = io::stdout();
    loop {
        // An error, or that the other end is closed, is reported without being asked for.
        let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut polled, None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
