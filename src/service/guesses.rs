//! Rate limits on guessing voter numbers.
//!
//! Whether a guess is wrong is known only after the lookup, and its answer tells the client. So a
//! lookup is first admitted, and charged afterwards if the guess was wrong: to the connection, to
//! its address and to the whole server.
//!
//! - A connection over its limit is refused.
//! - From an address over its limit, only connections that owe nothing themselves are admitted, and
//!   only at a limited rate: a voter who shares the address with a guesser gets through on a
//!   connection of their own.
//! - While the whole server is over its limit, the same holds for every address that owes anything,
//!   and a second rate limits all of them together.
//! - A vote that is refused gets a puzzle. With its solution it is admitted beside these limits, at
//!   a rate of its own ([`SolvedVotes`]).
//!
//! Where several servers look numbers up, each admits its share of what one would.
//!
//! The limits are GCRAs ([`gcra`](crate::net::gcra)). Wrong guesses that are looked up at the same
//! time may exceed the burst, and are charged all the same.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::solved::SolvedVotes;
use crate::election::{Puzzle, SERVERS_MAX, VoterNumber};
use crate::net::admission::Origin;
use crate::net::gcra::{ArrivalTime, Limit};

/// Wrong guesses of a connection.
const CONNECTION_LIMIT: Limit = Limit { interval: Duration::from_secs(10), burst: 5 };

/// Wrong guesses from an address.
const ADDRESS_LIMIT: Limit = Limit { interval: Duration::from_secs(1), burst: 100 };

/// Wrong guesses at the server.
const SERVER_LIMIT: Limit = Limit { interval: Duration::from_millis(10), burst: 1_000 };

/// Lookups, right or wrong, that are admitted from an address over its limit.
const ADDRESS_EXEMPTIONS: Limit = Limit { interval: Duration::from_millis(100), burst: 10 };

/// Lookups, right or wrong, that are admitted from all addresses that owe anything, while the
/// server is over its limit.
const SERVER_EXEMPTIONS: Limit = Limit { interval: Duration::from_millis(10), burst: 100 };

/// The addresses that are remembered while they owe anything. Wrong guesses from further ones are
/// charged to the server alone.
pub const DEBTORS_MAX: usize = 100_000;

/// The votes of a connection that are looked up at a time. Further ones wait until it is known
/// whether these were wrong guesses.
pub const UNDECIDED_VOTES_MAX: usize = 16;

/// Throttled votes of a connection that are answered at once.
const QUICKLY_THROTTLED: u32 = 4;

/// The wait before each further one is answered. (16 of a connection wait at a time, and the others
/// for them: see [`UNDECIDED_VOTES_MAX`].)
pub const THROTTLED_WAIT_MAX: Duration = Duration::from_secs(1);

/// Throttled votes of a connection. Then it ends.
pub const THROTTLED_VOTES_MAX: u32 = 32;

/// Wrong tokens of a connection. Then it ends.
pub const WRONG_TOKENS_MAX: u32 = 16;

/// The guesses at one server. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Guesses(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether there has been a wrong guess. Until then the mutex is not locked.
    any: AtomicBool,
    charges: Mutex<Charges>,
    solved: SolvedVotes,
}

#[derive(Debug, Default)]
struct Charges {
    server: ArrivalTime,
    exemptions: ArrivalTime,
    addresses: HashMap<Origin, OfAddress>,
}

#[derive(Debug, Default)]
struct OfAddress {
    guesses: ArrivalTime,
    exemptions: ArrivalTime,
}

/// The guesses of one connection.
#[derive(Debug)]
pub(super) struct Guesser {
    guesses: Guesses,
    origin: Origin,
    own: Cell<ArrivalTime>,
    throttled: Cell<u32>,
    wrong_tokens: Cell<u32>,
}

/// The reason why a lookup is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// The limits allow it.
    Freely,
    /// The vote solved a puzzle.
    BySolution,
}

/// A vote that is not looked up, and how it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Throttled {
    pub(super) wait: Duration,
    pub(super) puzzle: Option<Puzzle>,
}

impl Guesser {
    pub(super) fn new(guesses: Guesses, origin: Origin) -> Self {
        let (own, throttled, wrong_tokens) = Default::default();
        Self { guesses, origin, own, throttled, wrong_tokens }
    }

    /// Admits the lookup of a number, which may be a guess. A solution may have to wait.
    ///
    /// # Errors
    /// How it is admitted later.
    pub(super) async fn admit(
        &self,
        number: VoterNumber,
        solution: u64,
    ) -> Result<Admitted, Throttled> {
        let Err(wait) = self.may_guess() else { return Ok(Admitted::Freely) };
        let solved = &self.guesses.0.solved;
        if solution != 0 && solved.admit(self.origin, number, solution).await {
            return Ok(Admitted::BySolution);
        }
        Err(Throttled { wait, puzzle: solved.puzzle(self.origin) })
    }

    /// Settles a lookup once it is known whether the number was right. This many servers look
    /// numbers up.
    pub(super) fn settle(&self, admitted: Admitted, is_right: bool, servers: usize) {
        match (admitted, is_right) {
            (Admitted::Freely, true) => {}
            (Admitted::Freely, false) => self.was_wrong(Some(self.origin), servers),
            (Admitted::BySolution, true) => self.guesses.0.solved.was_right(self.origin),
            // The address was charged when the lookup was admitted.
            (Admitted::BySolution, false) => self.was_wrong(None, servers),
        }
    }

    /// The wait before a throttled vote is answered, and whether the connection has to end after
    /// it.
    pub(super) fn was_throttled(&self) -> (Duration, bool) {
        let count = self.throttled.get().saturating_add(1);
        self.throttled.set(count);
        let is_quick = count <= QUICKLY_THROTTLED || count >= THROTTLED_VOTES_MAX;
        let wait = if is_quick { Duration::ZERO } else { THROTTLED_WAIT_MAX };
        (wait, count >= THROTTLED_VOTES_MAX)
    }

    /// Counts a wrong token. Returns whether the connection has to end.
    pub(super) fn token_was_wrong(&self) -> bool {
        let count = self.wrong_tokens.get().saturating_add(1);
        self.wrong_tokens.set(count);
        count >= WRONG_TOKENS_MAX
    }

    /// Admits a lookup without a solution.
    ///
    /// # Errors
    /// The time until it is admitted.
    fn may_guess(&self) -> Result<(), Duration> {
        if !self.guesses.0.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(wait) = self.own.get().wait(&CONNECTION_LIMIT, now) {
            return Err(wait);
        }
        let owes = !self.own.get().is_paid_off(now);
        self.guesses.may_guess(self.origin, owes, now)
    }

    /// Charges a wrong guess to the connection, to the server, and to this address.
    fn was_wrong(&self, origin: Option<Origin>, servers: usize) {
        let now = Instant::now();
        let mut own = self.own.get();
        own.charge(&CONNECTION_LIMIT, now);
        self.own.set(own);
        self.guesses.was_wrong(origin, servers, now);
    }
}

impl Guesses {
    fn may_guess(&self, origin: Origin, owes: bool, now: Instant) -> Result<(), Duration> {
        // Nothing panics while the mutex is locked.
        let mut charges = self.0.charges.lock().unwrap_or_else(PoisonError::into_inner);
        let charges = &mut *charges;
        let Some(address) = charges.addresses.get_mut(&origin) else { return Ok(()) };
        let of_address = address.guesses.wait(&ADDRESS_LIMIT, now);
        let of_server = charges.server.wait(&SERVER_LIMIT, now);
        let of_server = of_server.filter(|_| !address.guesses.is_paid_off(now));
        let Some(wait) = of_address.max(of_server) else { return Ok(()) };
        if owes {
            return Err(wait);
        }
        if let Some(wait) = address.exemptions.wait(&ADDRESS_EXEMPTIONS, now) {
            return Err(wait);
        }
        if of_server.is_some() {
            if let Some(wait) = charges.exemptions.wait(&SERVER_EXEMPTIONS, now) {
                return Err(wait);
            }
            charges.exemptions.charge(&SERVER_EXEMPTIONS, now);
        }
        address.exemptions.charge(&ADDRESS_EXEMPTIONS, now);
        Ok(())
    }

    fn was_wrong(&self, origin: Option<Origin>, servers: usize, now: Instant) {
        // Here, a guess stands for as many as there are servers: so each admits its share of what
        // one would alone.
        let times = servers.clamp(1, SERVERS_MAX);
        self.0.any.store(true, Ordering::Relaxed);
        let mut charges = self.0.charges.lock().unwrap_or_else(PoisonError::into_inner);
        (0..times).for_each(|_| charges.server.charge(&SERVER_LIMIT, now));
        let Some(origin) = origin else { return };
        let addresses = &mut charges.addresses;
        if addresses.len() >= DEBTORS_MAX && !addresses.contains_key(&origin) {
            addresses.retain(|_, address| !address.guesses.is_paid_off(now));
            if addresses.len() >= DEBTORS_MAX {
                return;
            }
        }
        let address = addresses.entry(origin).or_default();
        (0..times).for_each(|_| address.guesses.charge(&ADDRESS_LIMIT, now));
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::time::advance;

    use super::*;

    fn guesser(guesses: &Guesses, last: u8) -> Guesser {
        let address = IpAddr::from([192, 0, 2, last]);
        Guesser::new(guesses.clone(), address.into())
    }

    /// Guesses wrongly until a guess is refused. Returns the number of guesses that were admitted.
    fn guess(guesser: &Guesser) -> u32 {
        let mut admitted = 0;
        while guesser.may_guess().is_ok() {
            guesser.was_wrong(Some(guesser.origin), 1);
            admitted += 1;
        }
        admitted
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_limited_after_its_burst() {
        let guesses = Guesses::default();
        let connection = guesser(&guesses, 1);
        assert_eq!(guess(&connection), CONNECTION_LIMIT.burst);
        let wait = connection.may_guess().unwrap_err();
        assert_eq!(wait, CONNECTION_LIMIT.interval);
        advance(wait.saturating_sub(Duration::from_millis(1))).await;
        assert!(connection.may_guess().is_err());
        advance(Duration::from_millis(1)).await;
        assert_eq!(guess(&connection), 1);
        // Other connections from the address are not limited.
        assert_eq!(guesser(&guesses, 1).may_guess(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_several_servers_admits_its_share_of_guesses() {
        let mut admitted = 0;
        for _ in 0..4 {
            let guesses = Guesses::default();
            for _ in 0..ADDRESS_LIMIT.burst {
                let connection = guesser(&guesses, 1);
                while connection.may_guess().is_ok() {
                    connection.was_wrong(Some(connection.origin), 4);
                    admitted += 1;
                }
            }
        }
        let most = ADDRESS_LIMIT.burst + 4 * ADDRESS_EXEMPTIONS.burst;
        assert!((ADDRESS_LIMIT.burst..=most).contains(&admitted), "{admitted}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_voter_who_shares_an_address_with_a_guesser_gets_through() {
        let guesses = Guesses::default();
        let bad: Vec<_> = (0..ADDRESS_LIMIT.burst).map(|_| guesser(&guesses, 1)).collect();
        let admitted: u32 = bad.iter().map(guess).sum();
        // Once the address is limited, each further connection is admitted once, up to the burst.
        assert!(
            (ADDRESS_LIMIT.burst..=ADDRESS_LIMIT.burst + ADDRESS_EXEMPTIONS.burst)
                .contains(&admitted)
        );
        assert_eq!(bad.iter().map(guess).sum::<u32>(), 0);
        // For a minute, a new connection guesses every 100 ms.
        let (mut guessed, mut honest, mut tries) = (0, 0, 0);
        for _ in 0..600 {
            advance(Duration::from_millis(100)).await;
            // Every 200 ms, a voter comes first, also on a new connection.
            if tries % 2 == 0 {
                honest += u32::from(guesser(&guesses, 1).may_guess().is_ok());
            }
            guessed += guess(&guesser(&guesses, 1));
            tries += 1;
        }
        assert!(honest >= 290, "{honest} of 300 voters were admitted");
        assert!(guessed <= 600 - honest + 60, "{guessed} guesses");
        // Other addresses are not limited.
        assert_eq!(guesser(&guesses, 2).may_guess(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_are_limited_together_and_new_ones_admitted() {
        let guesses = Guesses::default();
        let mut admitted = 0;
        for last in 0..=250 {
            for _ in 0..4 {
                admitted += guess(&guesser(&guesses, last));
            }
        }
        assert!((SERVER_LIMIT.burst..SERVER_LIMIT.burst + 500).contains(&admitted), "{admitted}");
        assert_eq!(guesser(&guesses, 251).may_guess(), Ok(()));
        // The addresses that owe anything are limited together. (Within half a second, none of them
        // has paid off a guess.)
        let mut in_half_a_second = 0;
        for _ in 0..50 {
            advance(Duration::from_millis(10)).await;
            for last in 0..=250 {
                in_half_a_second += guess(&guesser(&guesses, last));
            }
        }
        let most = SERVER_EXEMPTIONS.burst + 50;
        assert!((50..=most).contains(&in_half_a_second), "{in_half_a_second} were admitted");
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_owe_nothing_are_forgotten_when_there_are_too_many() {
        let guesses = Guesses::default();
        for index in 0..DEBTORS_MAX as u32 + 10 {
            let address = IpAddr::from(index.to_be_bytes());
            guesses.was_wrong(Some(Origin::Elsewhere(address)), 1, Instant::now());
        }
        assert_eq!(guesses.0.charges.lock().unwrap().addresses.len(), DEBTORS_MAX);
        advance(ADDRESS_LIMIT.interval).await;
        guesses.was_wrong(Some(guesser(&guesses, 1).origin), 1, Instant::now());
        assert_eq!(guesses.0.charges.lock().unwrap().addresses.len(), 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_solution_is_looked_up_and_a_wrong_one_is_charged_to_the_server() {
        let guesses = Guesses::default();
        let connection = guesser(&guesses, 1);
        guess(&connection);
        let throttled = connection.admit(7.into(), 0).await.unwrap_err();
        let puzzle = throttled.puzzle.unwrap();
        let solution = puzzle.solve(7.into(), 1, || false).unwrap();
        assert_eq!(connection.admit(8.into(), solution).await.unwrap_err().puzzle, Some(puzzle));
        assert_eq!(connection.admit(7.into(), solution).await, Ok(Admitted::BySolution));
        let owed = || guesses.0.charges.lock().unwrap().server;
        let before = owed().wait(&Limit { burst: 1, ..SERVER_LIMIT }, Instant::now());
        connection.settle(Admitted::BySolution, true, 1);
        assert_eq!(owed().wait(&Limit { burst: 1, ..SERVER_LIMIT }, Instant::now()), before);
        connection.settle(Admitted::BySolution, false, 1);
        assert!(owed().wait(&Limit { burst: 1, ..SERVER_LIMIT }, Instant::now()) > before);
        // A connection without wrong guesses needs no solution.
        assert_eq!(guesser(&guesses, 1).admit(9.into(), 1).await, Ok(Admitted::Freely));
    }
}
