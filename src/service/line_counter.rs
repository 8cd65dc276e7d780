//! `LineCounter`: reads a client's file, and streams its lines to the client's sink.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use capnp::Error;
use capnp::capability::{Promise, Response};

use super::lines::LineSplitter;
use super::session::Session;
use super::stall_guard::StallGuard;
use crate::net::bdp::{self, BdpEstimate, SendMark};
use crate::net::budget;
use crate::net::fault;
use crate::net::transport::Caller;
use crate::schema::lines_capnp::line_counter::{CountLinesParams, CountLinesResults, Server};
use crate::schema::lines_capnp::{line_sink, remote_file};

/// The longest line, in bytes, including its newline. A longer one ends the count with an error.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The length of one read, in bytes.
pub const READ_BYTES_MAX: u32 = 256 * 1024;

/// The reads in flight, when the window is at its maximum.
pub const READ_AHEAD_READS_MAX: usize = bdp::WINDOW_BYTES_MAX / READ_BYTES_MAX as usize;

/// The reads in flight at the beginning of a file. Each full answer allows one more, up to the
/// window, so a small file takes few reads.
const READ_AHEAD_READS_FIRST: usize = 2;

pub(super) struct LineCounter {
    session: Rc<Session>,
}

impl LineCounter {
    pub(super) fn new(session: Rc<Session>) -> Self {
        Self { session }
    }
}

impl Server for LineCounter {
    async fn count_lines(
        self: Rc<Self>,
        params: CountLinesParams,
        mut results: CountLinesResults,
    ) -> capnp::Result<()> {
        // Not tracked: the server does not wait for counts when it stops. They store nothing.
        let _permit = self.session.count_permit()?;
        if budget::must_be_frugal() {
            return Err(Error::overloaded(
                "the server has no memory left for this count; try again later".into(),
            ));
        }
        let (file, sink) = {
            let params = params.get()?;
            (params.get_file()?, params.get_lines()?)
        };
        let caller = Caller::of(|| params.get().is_ok());
        // Frees the call's message, which may be large, before the count, which may never end.
        drop(params);
        let counting = count(file, sink);
        let counted = Caller::unless_cancelled(caller.as_ref(), counting).await;
        let count = counted.map_err(fault::passed_on)?;
        results.get().set_count(count);
        Ok(())
    }
}

/// The lines and bytes counted so far.
#[derive(Debug, Default)]
struct Progress {
    lines: u64,
    bytes: u64,
}

/// Streams every line of `file` to `sink`, and returns their number.
async fn count(file: remote_file::Client, sink: line_sink::Client) -> Result<u64, Error> {
    let mut file = ReadAhead::new(file);
    let mut splitter = RefCell::new(LineSplitter::default());
    let mut progress = Progress::default();
    let mut guard = StallGuard::new();
    loop {
        let next = file.next(|piece| splitter.borrow_mut().push(piece));
        if !guard.wait(next, || splitter.borrow_mut().shrink()).await? {
            break;
        }
        let splitter = splitter.get_mut();
        let bytes = splitter.bytes();
        guard.memory.set(bytes);
        while let Some(lines) = splitter.next_batch() {
            progress.add(&lines)?;
            guard.wait(send_lines(&sink, &lines), || bytes).await?;
            guard.progressed = true;
        }
        progress.check_length(splitter.rest())?;
        if splitter.rest().len() > READ_BYTES_MAX as usize && budget::is_exhausted() {
            return Err(Error::overloaded(format!(
                "the server has no memory left for line {}, which is long; try again later",
                progress.lines + 1
            )));
        }
    }
    let splitter = splitter.into_inner();
    if !splitter.rest().is_empty() {
        let last = [splitter.rest()];
        progress.add(&last)?;
        guard.wait(send_lines(&sink, &last), || splitter.bytes()).await?;
    }
    drop((splitter, guard));
    sink.done_request().send().promise.await?;
    Ok(progress.lines)
}

impl Progress {
    fn add(&mut self, lines: &[&[u8]]) -> Result<(), Error> {
        for line in lines {
            self.check_length(line)?;
            self.lines += 1;
            self.bytes += line.len() as u64;
        }
        Ok(())
    }

    /// Checks the length of the next line, or of its beginning.
    fn check_length(&self, line: &[u8]) -> Result<(), Error> {
        if line.len() <= LINE_BYTES_MAX {
            return Ok(());
        }
        let (number, start) = (self.lines + 1, self.bytes);
        Err(Error::failed(format!(
            "line {number}, which begins at byte {start}, is longer than {LINE_BYTES_MAX} bytes"
        )))
    }
}

/// Sends lines to the sink, and returns when the stream's window has room for more.
async fn send_lines(sink: &line_sink::Client, lines: &[&[u8]]) -> Result<(), Error> {
    let mut request = sink.lines_request();
    let mut list = request.get().init_lines(lines.len() as u32);
    for (index, line) in lines.iter().enumerate() {
        list.set(index as u32, line);
    }
    request.send().await
}

/// A read in flight.
struct Read {
    mark: SendMark,
    answer: Promise<Response<remote_file::read_results::Owned>, Error>,
}

/// Reads a file sequentially, with several reads in flight.
struct ReadAhead {
    file: remote_file::Client,
    /// The reads in flight, in order of offset, each of [`READ_BYTES_MAX`] bytes.
    reads: VecDeque<Read>,
    /// The limit of reads in flight.
    reads_max: usize,
    estimate: BdpEstimate,
    /// The offset of the next read.
    offset: u64,
}

impl ReadAhead {
    fn new(file: remote_file::Client) -> Self {
        let (reads, estimate) = Default::default();
        Self { file, reads, reads_max: READ_AHEAD_READS_FIRST, estimate, offset: 0 }
    }

    /// Passes the file's next piece to `take`, or returns `false` at the end of the file.
    async fn next(&mut self, take: impl FnOnce(&[u8])) -> Result<bool, Error> {
        // At least one: the number of counts bounds the memory for it.
        let reads_max = if budget::must_be_frugal() { 1 } else { self.reads_max };
        while self.reads.len() < reads_max {
            self.reads.push_back(self.read());
            self.offset += u64::from(READ_BYTES_MAX);
        }
        let Some(read) = self.reads.pop_front() else {
            return Ok(false);
        };
        let answer = read.answer.await?;
        let piece = answer.get()?.get_data()?;
        self.estimate.delivered(read.mark, piece.len());
        let missing = (READ_BYTES_MAX as usize).checked_sub(piece.len()).ok_or_else(|| {
            Error::failed(format!("the file answered a read with more than {READ_BYTES_MAX} bytes"))
        })?;
        if piece.is_empty() {
            self.reads.clear();
            return Ok(false);
        }
        if missing == 0 {
            let needed = self.estimate.window() / READ_BYTES_MAX as usize;
            self.reads_max = (self.reads_max + 1).min(needed);
        } else {
            // The end of the file, or a pipe that has no more data yet. The reads in flight have
            // the wrong offsets.
            self.offset -= self.reads.len() as u64 * u64::from(READ_BYTES_MAX) + missing as u64;
            self.reads.clear();
            self.reads_max = 1;
        }
        take(piece);
        Ok(true)
    }

    fn read(&self) -> Read {
        let mut request = self.file.read_request();
        request.get().set_offset(self.offset);
        request.get().set_length(READ_BYTES_MAX);
        Read { mark: self.estimate.sent(), answer: request.send().promise }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::net::budget::{MemoryUse, PROCESS_BYTES_MAX, tests::alone};
    use crate::net::connection::MEMORY_WAIT_MAX;
    use crate::schema::lines_capnp::line_sink::LinesParams;
    use crate::schema::lines_capnp::remote_file::{ReadParams, ReadResults};

    /// Answers the first read with the data, and each later one with a byte after the pause, or
    /// never.
    struct SlowFile(&'static [u8], Option<Duration>);

    impl remote_file::Server for SlowFile {
        async fn read(
            self: Rc<Self>,
            read: ReadParams,
            mut results: ReadResults,
        ) -> capnp::Result<()> {
            let data = match (read.get()?.get_offset(), self.1) {
                (0, _) => self.0,
                (_, Some(pause)) => {
                    sleep(pause).await;
                    b"x"
                }
                (_, None) => pending().await,
            };
            results.get().set_data(data);
            Ok(())
        }
    }

    struct Sink;

    impl line_sink::Server for Sink {
        async fn lines(self: Rc<Self>, _: LinesParams) -> capnp::Result<()> {
            Ok(())
        }
    }

    const PIECE: usize = READ_BYTES_MAX as usize;
    const LONG: &[u8] = &[b'x'; PIECE];

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stalled_count_ends_while_memory_is_scarce() {
        let _alone = alone();
        let counted = |data, pause| {
            count(capnp_rpc::new_client(SlowFile(data, pause)), capnp_rpc::new_client(Sink))
        };
        let wait = MEMORY_WAIT_MAX * 10;
        assert!(timeout(wait, counted(LONG, None)).await.is_err());
        let others = MemoryUse::default();
        others.set(PROCESS_BYTES_MAX / 2);
        // A short line is within the allowance, and lines that were sent take nothing.
        assert!(timeout(wait, counted(&LONG[..80], None)).await.is_err());
        assert!(timeout(wait, counted(&[b'\n'; PIECE], None)).await.is_err());
        // A byte now and then is no progress.
        for pause in [None, Some(MEMORY_WAIT_MAX / 3)] {
            let started = Instant::now();
            let ended = timeout(wait, counted(LONG, pause)).await.unwrap().unwrap_err();
            assert_eq!(ended.kind, capnp::ErrorKind::Overloaded);
            assert_eq!(started.elapsed(), MEMORY_WAIT_MAX);
        }
    }
}
