//! The `RemoteFile` that a client implements: a local file that the server reads.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use capnp::Error;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout_at};

use super::line_check::{LineCheck, UNRETURNED_BYTES_MAX};
use crate::schema::lines_capnp::remote_file::{Client, ReadParams, ReadResults, Server};

/// The longest answer to one read, in bytes. A server that asks for more gets this much.
pub const READ_BYTES_MAX: usize = 4 << 20;

/// The size of one read from the file.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces that are read before the server asks for them.
const PIECES_AHEAD_MAX: usize = 16;

/// How long an answer waits to be filled. Lines from a terminal or a slow program are counted as
/// they come.
const GATHER_WAIT_MAX: Duration = Duration::from_millis(50);

type Piece = io::Result<Vec<u8>>;

struct RemoteFile {
    /// Reads queue for this in the order of their arrival.
    state: Mutex<State>,
    check: Rc<RefCell<LineCheck>>,
}

struct State {
    pieces: mpsc::Receiver<Piece>,
    /// The piece with the next byte, and how much of it is consumed.
    piece: Vec<u8>,
    used: usize,
    /// The beginning of the next answer.
    gathered: Vec<u8>,
    /// The bytes answered so far: where the next read has to begin.
    offset: u64,
    /// The file's end was read.
    ended: bool,
    /// The answer to further reads.
    failure: Option<String>,
}

/// A capability to read `file`, which a thread reads ahead. `check` learns what is read.
///
/// An answer may be shorter than requested, and reads have to come in order of offset.
pub(super) fn remote_file(
    file: impl Read + Send + 'static,
    check: Rc<RefCell<LineCheck>>,
) -> io::Result<Client> {
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
    // Not a blocking task of the runtime: a read from a terminal would keep that from shutting
    // down.
    thread::Builder::new().name("file".into()).spawn(move || read_to_end(file, &sender))?;
    Ok(capnp_rpc::new_client(RemoteFile { state: Mutex::new(State::new(pieces)), check }))
}

fn read_to_end(mut file: impl Read, pieces: &mpsc::Sender<Piece>) {
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let read = match file.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map(|length| {
                piece.truncate(length);
                piece
            }),
        };
        let ended = !matches!(&read, Ok(piece) if !piece.is_empty());
        // Without a receiver the count is over.
        if pieces.blocking_send(read).is_err() || ended {
            return;
        }
    }
}

impl Server for RemoteFile {
    async fn read(
        self: Rc<Self>,
        params: ReadParams,
        mut results: ReadResults,
    ) -> capnp::Result<()> {
        let (offset, length) = {
            let params = params.get()?;
            (params.get_offset(), params.get_length())
        };
        let length = READ_BYTES_MAX.min(length as usize);
        let mut state = self.state.lock().await;
        if offset != state.offset {
            let next = state.offset;
            return Err(Error::failed(format!(
                "this file can only be read in order: byte {next} is next, not byte {offset}"
            )));
        }
        if self.check.borrow().is_full() {
            return Err(Error::failed(format!(
                "{UNRETURNED_BYTES_MAX} bytes were read whose lines were not passed back"
            )));
        }
        let data = state.gather(length).await.map_err(Error::failed)?;
        state.offset += data.len() as u64;
        results.get().set_data(&data);
        // Nothing was read if nothing was asked for.
        if length > 0 {
            self.check.borrow_mut().read(data);
        }
        Ok(())
    }
}

impl State {
    fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        let (piece, gathered) = (Vec::new(), Vec::new());
        Self { pieces, piece, used: 0, gathered, offset: 0, ended: false, failure: None }
    }

    /// The next bytes of the file, at most `length`; none at its end, or if `length` is 0.
    ///
    /// Cancel safe: bytes stay in the state until the answer is complete.
    async fn gather(&mut self, length: usize) -> Result<Vec<u8>, String> {
        self.take(length);
        let mut deadline = (!self.gathered.is_empty()).then(|| Instant::now() + GATHER_WAIT_MAX);
        while self.gathered.len() < length && !self.ended && self.failure.is_none() {
            let piece = match deadline {
                None => self.pieces.recv().await,
                Some(deadline) => match timeout_at(deadline, self.pieces.recv()).await {
                    Ok(piece) => piece,
                    Err(_) => break,
                },
            };
            match piece {
                Some(Ok(piece)) if piece.is_empty() => self.ended = true,
                Some(Ok(piece)) => {
                    self.piece = piece;
                    self.used = 0;
                    self.take(length);
                    deadline.get_or_insert_with(|| Instant::now() + GATHER_WAIT_MAX);
                }
                Some(Err(error)) => self.failure = Some(format!("cannot read the file: {error}")),
                None => self.failure = Some("the thread that reads the file panicked".into()),
            }
        }
        match &self.failure {
            // The bytes read before the failure are answered first.
            Some(failure) if self.gathered.is_empty() && length > 0 => Err(failure.clone()),
            _ => Ok(std::mem::take(&mut self.gathered)),
        }
    }

    /// Moves bytes from the piece to the answer, until that has `length`.
    fn take(&mut self, length: usize) {
        let missing = length.saturating_sub(self.gathered.len());
        if self.gathered.is_empty() && self.used == 0 && self.piece.len() <= missing {
            // The usual case: a whole piece, not copied.
            self.gathered = std::mem::take(&mut self.piece);
            return;
        }
        let unused = self.piece.get(self.used..).unwrap_or_default();
        let (taken, _) = unused.split_at(missing.min(unused.len()));
        self.gathered.extend_from_slice(taken);
        self.used += taken.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pieces: Vec<Piece>) -> State {
        let (sender, receiver) = mpsc::channel(pieces.len().max(1));
        pieces.into_iter().for_each(|piece| sender.try_send(piece).unwrap());
        State::new(receiver)
    }

    fn ok(piece: &[u8]) -> Piece {
        Ok(piece.to_vec())
    }

    #[tokio::test]
    async fn pieces_are_joined_and_cut_as_the_reader_asks() {
        let mut state = state(vec![ok(b"abc"), ok(b"defgh"), ok(b"i"), ok(b"")]);
        for expected in [&b"ab"[..], b"cd", b"ef", b"gh", b"i", b"", b""] {
            assert_eq!(state.gather(2).await.unwrap(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_trickles_is_answered_in_time() {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            // Without end, each piece arrives before the wait for more is over.
            while sender.send(ok(b"x")).await.is_ok() {
                tokio::time::sleep(GATHER_WAIT_MAX / 5).await;
            }
        });
        let mut state = State::new(receiver);
        let started = Instant::now();
        let gathered = state.gather(1_000).await.unwrap();
        assert!((2..=6).contains(&gathered.len()), "{gathered:?}");
        assert!(started.elapsed() <= GATHER_WAIT_MAX);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_wanted_loses_nothing() {
        let (sender, receiver) = mpsc::channel(1);
        let mut state = State::new(receiver);
        sender.try_send(ok(b"abc")).unwrap();
        {
            let mut gathering = std::pin::pin!(state.gather(10));
            assert!(futures::poll!(&mut gathering).is_pending());
        }
        sender.try_send(ok(b"def")).unwrap();
        assert_eq!(state.gather(6).await.unwrap(), b"abcdef");
    }

    #[tokio::test]
    async fn what_came_before_a_failure_is_not_lost() {
        let mut state = state(vec![ok(b"abc"), Err(io::Error::other("disk on fire"))]);
        assert_eq!(state.gather(10).await.unwrap(), b"abc");
        for _ in 0..2 {
            assert_eq!(state.gather(10).await.unwrap_err(), "cannot read the file: disk on fire");
        }
    }

    #[tokio::test]
    async fn a_reader_that_panics_is_no_end_of_file() {
        let mut state = state(vec![ok(b"abc")]);
        assert_eq!(state.gather(3).await.unwrap(), b"abc");
        assert!(state.gather(3).await.unwrap_err().contains("panicked"));
    }
}
