//! The same as [`accept`](super::accept), with a server that leaves all of it to io_uring: one
//! thread, one system call for all that is to be done and was. The client is the same.

use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::slice::from_ref;

use anyhow::{Context, bail};
use io_uring::IoUring;
use io_uring::cqueue::more;
use io_uring::opcode::{AcceptMulti, Close, Recv, Send};
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use super::accept::{self, MESSAGE_BYTES};
use crate::peers::{Measured, Serving, Work, ready, unsupported};

/// Operations that are queued at a time.
const ENTRIES: u32 = 1 << 12;

/// Linux's `MSG_WAITALL`: all bytes, or an error.
const ALL: i32 = 0x100;

/// What a completed operation was, in its `user_data`. A close has the index of the connection's
/// message and its descriptor.
const ACCEPT: u64 = u64::MAX;
const EXCHANGE: u64 = u64::MAX - 1;

/// Echoes one message on each connection until killed.
pub(in crate::peers) fn serve(job: Serving, _: u64) -> anyhow::Result<()> {
    if job != Serving::Vote {
        return unsupported("accept-uring", "such server");
    }
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun();
    let mut ring = builder.build(ENTRIES).context("there is no io_uring")?;
    ready(listener.local_addr()?)?;
    let accept = AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(ACCEPT);
    let mut messages = Messages::default();
    push(&mut ring, from_ref(&accept))?;
    let mut completed = Vec::new();
    loop {
        ring.submit_and_wait(1)?;
        completed.extend(ring.completion());
        for entry in completed.drain(..) {
            let result = entry.result();
            match entry.user_data() {
                ACCEPT if result < 0 => bail!("cannot accept: error {}", -result),
                ACCEPT => {
                    push(&mut ring, &messages.echo(result))?;
                    if !more(entry.flags()) {
                        push(&mut ring, from_ref(&accept))?;
                    }
                }
                EXCHANGE => {}
                // It was linked to an exchange that failed.
                close if result < 0 => push(&mut ring, &[Messages::close(close)])?,
                close => messages.free.push(close >> 32),
            }
        }
    }
}

/// The messages of the connections. One that is free is used again.
#[derive(Default)]
struct Messages {
    #[expect(clippy::vec_box, reason = "a message stays where it is while others are added")]
    all: Vec<Box<[u8; MESSAGE_BYTES]>>,
    free: Vec<u64>,
}

impl Messages {
    /// What is done with a connection: each after the one before.
    fn echo(&mut self, connection: RawFd) -> [Entry; 3] {
        let index = self.free.pop().unwrap_or_else(|| {
            self.all.push(Box::new([0; MESSAGE_BYTES]));
            self.all.len() as u64 - 1
        });
        let (message, length) = (self.all[index as usize].as_mut_ptr(), MESSAGE_BYTES as u32);
        let receive = Recv::new(Fd(connection), message, length).flags(ALL).build();
        let send = Send::new(Fd(connection), message, length).flags(ALL).build();
        let flags = Flags::IO_LINK | Flags::SKIP_SUCCESS;
        let linked = |entry: Entry| entry.flags(flags).user_data(EXCHANGE);
        let close = index << 32 | u64::from(connection.cast_unsigned());
        [linked(receive), linked(send), Self::close(close)]
    }

    fn close(user_data: u64) -> Entry {
        Close::new(Fd(user_data as u32 as RawFd)).build().user_data(user_data)
    }
}

/// Queues operations, in one submission.
fn push(ring: &mut IoUring, entries: &[Entry]) -> anyhow::Result<()> {
    let room = {
        let queue = ring.submission();
        queue.capacity() - queue.len()
    };
    if room < entries.len() {
        ring.submit()?;
    }
    // SAFETY: A message is read and written by its connection's operations alone: it stays where it
    // is, and is free only when the last of them, the close, has completed.
    unsafe { ring.submission().push_multiple(entries) }.context("the queue is full")
}

/// Opens a connection for each message to the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    accept::drive(address, work)
}
