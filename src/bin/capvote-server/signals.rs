//! The signals that stop the server, or let it read its settings again.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGTERM or SIGINT, or SIGHUP because the terminal of the server was closed.
    Stop,
    /// Any other SIGHUP.
    Reload,
}

/// SIGTERM, SIGINT and SIGHUP.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    had_terminal: bool,
}

impl Signals {
    /// Catches the signals, with SIGHUP, which is caught already.
    pub(crate) fn catch(hang_up: Signal) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up,
            had_terminal: io::stderr().is_terminal(),
        })
    }

    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => self.hung_up(),
        }
    }

    /// A terminal that was closed is none from then on.
    fn hung_up(&self) -> Asked {
        if self.had_terminal && !io::stderr().is_terminal() { Asked::Stop } else { Asked::Reload }
    }

    /// Waits for a signal that stops the server.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
