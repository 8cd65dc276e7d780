//! Solving a server's puzzle.

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::election::{Puzzle, VoterNumber};

/// Bits of the hardest puzzle that [`cast`](super::cast) solves: some seconds of one processor.
/// If a server asks for more, it waits.
pub const PUZZLE_BITS_MAX: u8 = 24;

/// The first solution from `first` on, computed by another thread. `None` if the puzzle is too
/// hard, or not solved by this time.
pub(super) async fn solve(
    puzzle: Puzzle,
    number: VoterNumber,
    first: u64,
    until: Instant,
) -> Option<u64> {
    if puzzle.bits > PUZZLE_BITS_MAX {
        return None;
    }
    // Ends the search if this future is dropped.
    let dropped = CancellationToken::new();
    let _guard = dropped.clone().drop_guard();
    let stop = move || dropped.is_cancelled() || Instant::now() >= until;
    spawn_blocking(move || puzzle.solve(number, first, stop)).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PUZZLE: Puzzle = Puzzle { challenge: [7; 16], bits: PUZZLE_BITS_MAX };

    #[tokio::test]
    async fn what_is_too_hard_or_takes_too_long_is_given_up() {
        let later = Instant::now() + Duration::from_secs(3_600);
        let harder = Puzzle { bits: PUZZLE_BITS_MAX + 1, ..PUZZLE };
        assert_eq!(solve(harder, 1.into(), 1, later).await, None);
        assert_eq!(solve(PUZZLE, 1.into(), 1, Instant::now()).await, None);
        let easier = Puzzle { bits: 8, ..PUZZLE };
        assert_eq!(solve(easier, 1.into(), 1, later).await, easier.solve(1.into(), 1, || false));
    }
}
