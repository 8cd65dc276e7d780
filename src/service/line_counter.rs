//! `LineCounter`: reads a file that is somewhere else, and hands its lines to a sink that is there too.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use capnp::Error;
use capnp::capability::{Promise, Response};

use super::lines::LineSplitter;
use super::patience::Patience;
use super::session::{COUNTS_MAX, Session};
use crate::net::budget;
use crate::net::fault;
use crate::net::pace::{self, Departure, Pace};
use crate::schema::lines_capnp::line_counter::{CountLinesParams, CountLinesResults, Server};
use crate::schema::lines_capnp::{line_sink, remote_file};

/// The longest line, in bytes, its newline included. A longer one ends the count with an error.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The bytes asked for at a time.
pub const READ_BYTES_MAX: u32 = 256 * 1024;

/// The reads on their way at a time, on the longest and fastest path.
pub const READ_AHEAD_READS_MAX: usize = pace::WINDOW_BYTES_MAX / READ_BYTES_MAX as usize;

/// The reads on their way when a file begins. Each full answer allows one more, up to what the path needs, so
/// that a small file is not asked for many times over.
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
        // Not among the calls that are answered before the server stops: it may take for ever, and loses
        // nothing.
        let _permit = self.session.may_count().ok_or_else(|| {
            let why = format!("a connection has at most {COUNTS_MAX} counts under way");
            Error::overloaded(why)
        })?;
        if budget::is_spent() {
            return Err(Error::overloaded(
                "too much is being counted here; try again later".into(),
            ));
        }
        let (file, sink) = {
            let params = params.get()?;
            (params.get_file()?, params.get_lines()?)
        };
        // The call's message may be a long one, and this may take for ever.
        drop(params);
        let count = count(file, sink).await.map_err(fault::passed_on)?;
        results.get().set_count(count);
        Ok(())
    }
}

/// How far a count has come.
#[derive(Debug, Default)]
struct Progress {
    lines: u64,
    bytes: u64,
}

/// Hands every line of `file` to `sink`, and returns how many there were.
async fn count(file: remote_file::Client, sink: line_sink::Client) -> Result<u64, Error> {
    let mut file = ReadAhead::new(file);
    let mut splitter = RefCell::new(LineSplitter::default());
    let mut progress = Progress::default();
    let mut patience = Patience::new();
    loop {
        let next = file.next(|piece| splitter.borrow_mut().push(piece));
        if !patience.wait(next, || splitter.borrow_mut().give_back()).await? {
            break;
        }
        let splitter = splitter.get_mut();
        let bytes = splitter.bytes();
        patience.taken.set(bytes);
        while let Some(lines) = splitter.next_batch() {
            progress.add(&lines)?;
            patience.wait(hand_over(&sink, &lines), || bytes).await?;
            patience.went_on = true;
        }
        progress.check_length(splitter.rest())?;
        if splitter.rest().len() > READ_BYTES_MAX as usize && budget::is_spent() {
            return Err(Error::overloaded(format!(
                "line {} is too long to be counted while so much else is; try again later",
                progress.lines + 1
            )));
        }
    }
    let splitter = splitter.into_inner();
    if !splitter.rest().is_empty() {
        let last = [splitter.rest()];
        progress.add(&last)?;
        patience.wait(hand_over(&sink, &last), || splitter.bytes()).await?;
    }
    drop((splitter, patience));
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

    /// Checks the next line, or what there is of it.
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

/// Sends lines to the sink, and returns when there is room for more on the way.
async fn hand_over(sink: &line_sink::Client, lines: &[&[u8]]) -> Result<(), Error> {
    let mut request = sink.lines_request();
    let mut list = request.get().init_lines(lines.len() as u32);
    for (index, line) in lines.iter().enumerate() {
        list.set(index as u32, line);
    }
    request.send().await
}

/// A read on its way.
struct Read {
    departure: Departure,
    answer: Promise<Response<remote_file::read_results::Owned>, Error>,
}

/// Reads a file from its beginning to its end, and asks for the next pieces before it gets the first.
struct ReadAhead {
    file: remote_file::Client,
    /// The reads on their way, in order of offset, each for [`READ_BYTES_MAX`] bytes.
    reads: VecDeque<Read>,
    /// How many reads may be on their way.
    reads_max: usize,
    pace: Pace,
    /// Where the next read begins.
    offset: u64,
}

impl ReadAhead {
    fn new(file: remote_file::Client) -> Self {
        let (reads, pace) = Default::default();
        Self { file, reads, reads_max: READ_AHEAD_READS_FIRST, pace, offset: 0 }
    }

    /// Gives the file's next piece to `take`, or returns `false` at its end.
    async fn next(&mut self, take: impl FnOnce(&[u8])) -> Result<bool, Error> {
        // One in any case: what it takes is bounded by how many counts there are.
        let reads_max = if budget::is_spent() { 1 } else { self.reads_max };
        while self.reads.len() < reads_max {
            self.reads.push_back(self.read());
            self.offset += u64::from(READ_BYTES_MAX);
        }
        let Some(read) = self.reads.pop_front() else {
            return Ok(false);
        };
        let answer = read.answer.await?;
        let piece = answer.get()?.get_data()?;
        self.pace.arrives(read.departure, piece.len());
        let missing = (READ_BYTES_MAX as usize).checked_sub(piece.len()).ok_or_else(|| {
            Error::failed(format!("the file answered a read with more than {READ_BYTES_MAX} bytes"))
        })?;
        if piece.is_empty() {
            self.reads.clear();
            return Ok(false);
        }
        if missing == 0 {
            let needed = self.pace.window() / READ_BYTES_MAX as usize;
            self.reads_max = (self.reads_max + 1).min(needed);
        } else {
            // A pipe that has no more yet, or the end of the file. The reads on their way are for places
            // that are not what follows.
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
        Read { departure: self.pace.departs(), answer: request.send().promise }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::net::budget::{SHARD_BYTES_MAX, Taken};
    use crate::net::connection::MEMORY_WAIT_MAX;
    use crate::schema::lines_capnp::line_sink::LinesParams;
    use crate::schema::lines_capnp::remote_file::{ReadParams, ReadResults};

    /// Has this, and a byte more each time that it is waited for so long, or never.
    struct Begun(&'static [u8], Option<Duration>);

    impl remote_file::Server for Begun {
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
    async fn a_count_that_keeps_memory_ends_while_that_is_scarce() {
        let begun = |data, pause| {
            count(capnp_rpc::new_client(Begun(data, pause)), capnp_rpc::new_client(Sink))
        };
        let wait = MEMORY_WAIT_MAX * 10;
        assert!(timeout(wait, begun(LONG, None)).await.is_err());
        let others = Taken::default();
        others.set(SHARD_BYTES_MAX / 2);
        // What is typed, with pauses, takes little; and lines that were handed over take nothing.
        assert!(timeout(wait, begun(&LONG[..80], None)).await.is_err());
        assert!(timeout(wait, begun(&[b'\n'; PIECE], None)).await.is_err());
        // A byte now and then is no line.
        for pause in [None, Some(MEMORY_WAIT_MAX / 3)] {
            let started = Instant::now();
            let ended = timeout(wait, begun(LONG, pause)).await.unwrap().unwrap_err();
            assert_eq!(ended.kind, capnp::ErrorKind::Overloaded);
            assert_eq!(started.elapsed(), MEMORY_WAIT_MAX);
        }
    }
}
