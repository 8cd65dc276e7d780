//! Copying the log into the ledger's file, on a thread of its own: votes seldom wait for it.
//!
//! An act is answered after a copy, so that it does not depend on the log. If the sync of a copy
//! fails, nothing more is copied, and the ledger stops. SQLite would take those pages for synced
//! when it copies more, and begin the log anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, iter, thread};

use rusqlite::Connection;

use super::doubt::nothing_was_stored;
use super::file::connect;
use super::wal;
use crate::threads::stack;

/// The least time from one copy to the next, unless an act waits for it.
const PAUSE: Duration = Duration::from_millis(250);

/// Requests in the queue. The ledger's thread waits for a slot.
const REQUESTS_MAX: usize = 256;

/// How long a copy is tried again that a commit or a reader holds up while an act waits for it, and
/// the pause between two tries.
const COPY_WAIT_MAX: Duration = Duration::from_millis(50);
const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// The thread. It ends when this is dropped, and with it its connection: SQLite empties the log
/// when the last connection closes.
pub(super) struct Copier {
    /// Until it is dropped.
    requests: Option<SyncSender<Request>>,
    thread: Option<thread::JoinHandle<()>>,
    /// When a copy was requested last.
    requested: Instant,
    stopped: Arc<AtomicBool>,
}

/// What is called after a copy.
pub(super) type Done = Box<dyn FnOnce() + Send>;

enum Request {
    Copy(Option<Done>),
    /// Forget what was copied.
    Forget,
}

/// The ledger's file, as the thread has it.
struct Log {
    path: PathBuf,
    connection: Option<Connection>,
    /// Whether nothing more is copied.
    stopped: Arc<AtomicBool>,
}

impl Copier {
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let (requests, queue) = sync_channel(REQUESTS_MAX);
        let stopped = Arc::<AtomicBool>::default();
        let log = Log { path, connection: None, stopped: stopped.clone() };
        let thread =
            thread::Builder::new().name("copier".into()).spawn(move || log.work(&queue))?;
        let (requests, thread) = (Some(requests), Some(thread));
        Ok(Self { requests, thread, requested: Instant::now(), stopped })
    }

    /// Whether nothing more is copied: it is not certain what is on the disk.
    pub(super) fn has_failed(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Copies nothing more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Copies what was committed, if the last copy was not just before. What is not copied stays in
    /// the log until the next request.
    pub(super) fn soon(&mut self) {
        if self.requested.elapsed() >= PAUSE {
            self.request(Request::Copy(None));
        }
    }

    /// Copies what was committed, then calls `done`.
    pub(super) fn then(&mut self, done: Done) {
        self.request(Request::Copy(Some(done)));
    }

    /// Forgets what was copied: after a close no voter number may be left in memory.
    pub(super) fn forget(&mut self) {
        self.request(Request::Forget);
    }

    /// Copies what is queued, and ends. Returns whether it is certain what is on the disk.
    pub(super) fn finish(mut self) -> bool {
        self.join() && !self.has_failed()
    }

    /// Returns whether the thread has not panicked.
    fn join(&mut self) -> bool {
        self.requests = None;
        self.thread.take().is_none_or(|thread| thread.join().is_ok())
    }

    fn request(&mut self, request: Request) {
        self.requested = Instant::now();
        if let Some(requests) = &self.requests {
            // The thread ends only after this, unless it has panicked. `done` is dropped then, which
            // answers that the outcome is not known.
            if requests.send(request).is_err() {
                self.stop();
            }
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.join();
    }
}

impl Log {
    fn work(mut self, queue: &Receiver<Request>) {
        self.copy();
        while let Ok(first) = queue.recv() {
            let mut waiting = Vec::new();
            for request in iter::once(first).chain(queue.try_iter()) {
                match request {
                    Request::Copy(done) => waiting.extend(done),
                    Request::Forget => self.forget(),
                }
            }
            let until = Instant::now() + COPY_WAIT_MAX;
            while !self.copy() && !waiting.is_empty() && Instant::now() < until {
                thread::sleep(RETRY_PAUSE);
            }
            waiting.into_iter().for_each(|done| done());
        }
    }

    /// Returns whether all of the log is copied, or cannot be.
    fn copy(&mut self) -> bool {
        if self.stopped.load(Ordering::Acquire) {
            return true;
        }
        let copied = match &mut self.connection {
            Some(connection) => wal::copy(connection),
            none => connect(&self.path).and_then(|it| wal::copy(none.insert(it))),
        };
        copied.unwrap_or_else(|error| {
            tracing::warn!(%error, "the ledger's log was not copied into its file");
            if !nothing_was_stored(&error) {
                self.stopped.store(true, Ordering::Release);
            }
            true
        })
    }

    /// SQLite overwrites the connection's memory, if it is built as .cargo/config.toml says.
    fn forget(&mut self) {
        self.connection = None;
        stack::clear();
    }
}
