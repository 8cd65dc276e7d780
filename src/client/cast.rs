//! Casting a vote, with retries until its answer arrives.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::solve::{PUZZLE_BITS_MAX, solve};
use super::{Ballot, Client, Error, Servers, VoteOutcome};
use crate::election::Puzzle;
use crate::net::link::Link;

/// How long [`cast`] retries. The last try may begin just before that, and has its own time limits
/// for connecting and for the answer.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);

/// The pause between tries. It doubles with each try.
const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// The outcome of a vote that was cast with retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastOutcome {
    /// The outcome.
    pub outcome: VoteOutcome,
    /// Whether the answer to an earlier try was lost.
    pub retried: bool,
}

/// Connects and casts a vote. Casts it again over a new connection if its answer is lost, if the
/// server is stopping, until it is restarted, and with a solution of the puzzle or after the wait
/// that a throttling server asks for, for up to [`RETRY_WAIT_MAX`]. The vote counts once. A puzzle
/// takes a thread's time, up to some seconds of it.
///
/// `election` is the election's id, or empty for the only one there is. `on_message` gets the
/// server's message about each try that is answered.
///
/// This may take one try longer than [`RETRY_WAIT_MAX`]: 20 s to connect, and
/// [`ANSWER_WAIT_MAX`](super::ANSWER_WAIT_MAX).
///
/// # Errors
/// - [`Error::Uncertain`]: an answer was lost, and no retry revealed the outcome. The same
///   ballot may be cast again.
/// - If no answer was lost, those of [`Client::connect`] and
///   [`Election::vote`](super::Election::vote). Then nothing was recorded, except perhaps after
///   [`Error::Protocol`], or after an [`Error::Remote`] whose text says so.
///
/// # Panics
/// As [`Client::connect`].
pub async fn cast(
    link: &Link,
    election: &str,
    ballot: &Ballot,
    on_message: impl FnMut(&str),
) -> Result<CastOutcome, Error> {
    cast_at(&mut Servers::of(link), election, ballot, on_message).await
}

/// As [`cast`], at the servers of one ledger: what the one does not answer, the next is asked, with
/// the same nonce.
///
/// # Errors
/// As [`cast`], of the last server that was asked.
///
/// # Panics
/// As [`Client::connect`].
pub async fn cast_at(
    servers: &mut Servers,
    election: &str,
    ballot: &Ballot,
    mut on_message: impl FnMut(&str),
) -> Result<CastOutcome, Error> {
    let deadline = Instant::now() + RETRY_WAIT_MAX;
    let mut pause = RETRY_PAUSE_FIRST;
    let mut solved = Solved::default();
    // Whether a vote was sent whose answer did not arrive.
    let mut lost = false;
    // Whether a server has said that it is stopping or busy.
    let mut stopping = false;
    loop {
        let cast = cast_once(servers.link(), election, ballot, solved.solution, &mut on_message);
        let error = match cast.await {
            Ok(VoteOutcome::Throttled { wait, puzzle }) => {
                if solved.solution != 0 {
                    // Others showed more work. A pause, as after any other failure.
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY_PAUSE_MAX);
                }
                // The next try has a new connection, which has no wrong guesses.
                match solve_or_wait(ballot, solved, wait, puzzle, deadline).await {
                    Some(next) => solved = next,
                    // This says nothing about the earlier tries.
                    None if lost => return Err(uncertain(throttled(wait))),
                    None => {
                        let outcome = VoteOutcome::Throttled { wait, puzzle };
                        return Ok(CastOutcome { outcome, retried: false });
                    }
                }
                continue;
            }
            Ok(VoteOutcome::Unknown) if lost => {
                let why = "it was refused for a reason that this client does not know";
                return Err(uncertain(Error::Remote(why.into())));
            }
            Ok(outcome) => return Ok(CastOutcome { outcome, retried: lost }),
            Err(error) => error,
        };
        lost |= matches!(error, Error::Disconnected | Error::NoAnswer(_));
        stopping |= matches!(error, Error::Overloaded(_));
        if is_of_one_server(&error) && Instant::now() < deadline && servers.go_on() {
            continue;
        }
        // After a lost answer any error is worth another try, which may find out the outcome.
        // Before, only a server that is stopping or busy is, and then its restart.
        let again = matches!(error, Error::Overloaded(_))
            || (stopping && matches!(error, Error::Unreachable { .. }));
        if !lost && !again {
            return Err(error);
        }
        if Instant::now() + pause > deadline {
            return Err(if lost { uncertain(error) } else { error });
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_PAUSE_MAX);
    }
}

/// Whether another server may answer where this one did not.
fn is_of_one_server(error: &Error) -> bool {
    matches!(
        error,
        Error::Disconnected | Error::NoAnswer(_) | Error::Overloaded(_) | Error::Unreachable { .. }
    )
}

async fn cast_once(
    link: &Link,
    election: &str,
    ballot: &Ballot,
    solution: u64,
    on_message: impl FnMut(&str),
) -> Result<VoteOutcome, Error> {
    let client = Client::connect(link).await?;
    client.election(election).vote_solved(ballot, solution, on_message).await
}

/// The solution of a try, 0 if there is none, and the bits of its puzzle.
#[derive(Clone, Copy, Default)]
struct Solved {
    solution: u64,
    bits: u8,
}

/// Solves the puzzle of a throttled vote, or waits as long as the server asks for. Returns what the
/// next try takes, or `None` if there is no time for another one.
async fn solve_or_wait(
    ballot: &Ballot,
    last: Solved,
    wait: Duration,
    puzzle: Option<Puzzle>,
    deadline: Instant,
) -> Option<Solved> {
    if let Some(puzzle) = puzzle {
        // After a solution that did not help, one with more work.
        let more = if last.solution == 0 { 0 } else { (last.bits + 1).min(PUZZLE_BITS_MAX) };
        let bits = puzzle.bits.max(more);
        let puzzle = Puzzle { bits, ..puzzle };
        if let Some(solution) = solve(puzzle, ballot.number, last.solution + 1, deadline).await {
            return Some(Solved { solution, bits });
        }
    }
    if Instant::now() + wait >= deadline {
        return None;
    }
    sleep(wait).await;
    Some(Solved::default())
}

fn throttled(wait: Duration) -> Error {
    let seconds = wait.as_millis().div_ceil(1_000);
    Error::Remote(format!("too many wrong numbers came from here; wait {seconds} seconds"))
}

fn uncertain(last: Error) -> Error {
    Error::Uncertain(Box::new(last))
}
