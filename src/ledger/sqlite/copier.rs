//! Copying the log into the ledger's file, on a thread of its own: votes need not wait for it.
//!
//! What is in the log is on the disk. The copy of an act is awaited before its answer, so that an
//! act does not depend on the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, iter, thread};

use rusqlite::Connection;

use super::file::connect;
use super::scrub::Readers;
use super::wal;
use crate::threads::stack;

/// The least time from one copy to the next, unless an act waits for it.
const PAUSE: Duration = Duration::from_millis(250);

/// Requests in the queue. The ledger's thread waits for a slot.
const QUEUE_MAX: usize = 256;

/// The thread. It ends when this is dropped, and with it its connection: SQLite empties the log
/// when the last connection closes.
pub(super) struct Copier {
    /// Until it is dropped.
    requests: Option<SyncSender<Request>>,
    thread: Option<thread::JoinHandle<()>>,
    /// When a copy was requested last.
    requested: Instant,
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
    readers: Arc<Readers>,
    /// Kept open: an error of a sync is reported to each file that was open when it occurred.
    connection: Option<Connection>,
}

impl Copier {
    pub(super) fn start(path: PathBuf, readers: Arc<Readers>) -> io::Result<Self> {
        let (requests, queue) = sync_channel(QUEUE_MAX);
        let log = Log { path, readers, connection: None };
        let thread =
            thread::Builder::new().name("copier".into()).spawn(move || log.work(&queue))?;
        Ok(Self { requests: Some(requests), thread: Some(thread), requested: Instant::now() })
    }

    /// Copies what was committed, not at once.
    pub(super) fn soon(&mut self) {
        if self.requested.elapsed() >= PAUSE {
            self.request(Request::Copy(None));
        }
    }

    /// Copies what was committed, then calls `done`.
    pub(super) fn then(&mut self, done: Done) {
        self.request(Request::Copy(Some(done)));
    }

    /// Forgets what was copied: after a scrub no ballot may be left in memory.
    pub(super) fn forget(&mut self) {
        self.request(Request::Forget);
    }

    fn request(&mut self, request: Request) {
        self.requested = Instant::now();
        if let Some(requests) = &self.requests {
            // The thread ends only after this. If it has panicked, `done` is dropped, which answers
            // that the outcome is not known.
            let _ = requests.send(request);
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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
            self.copy();
            waiting.into_iter().for_each(|done| done());
        }
    }

    fn copy(&mut self) {
        let _reading = self.readers.enter();
        let copied = match &mut self.connection {
            Some(connection) => wal::copy(connection),
            none => connect(&self.path).and_then(|it| wal::copy(none.insert(it))),
        };
        if let Err(error) = copied {
            tracing::warn!(%error, "the ledger's log was not copied into its file");
        }
    }

    /// SQLite overwrites the connection's memory, if it is built as .cargo/config.toml says.
    fn forget(&mut self) {
        self.connection = None;
        stack::clear();
    }
}
