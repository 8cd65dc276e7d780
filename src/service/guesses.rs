//! What it costs to guess voter numbers and tokens.
//!
//! Whether a number is on the roll cannot be told before it is looked up, and whoever is told has learnt it. So it is
//! wrong guesses that are counted, as debts of the connection and of the address that they came from, and of the whole
//! server. A debt is paid by waiting. Who is in debt is not heard, rightly or wrongly, until enough of it is paid:
//!
//! - a connection has a few wrong guesses free, and then pays for each;
//! - an address has more. Where it is in debt, its connections are heard only if they have not guessed wrongly
//!   themselves, and only so many a second: a voter who shares the address with a guesser comes with a connection of
//!   their own, and gets through;
//! - where the whole server is in debt, that holds for every address that has guessed wrongly, and so many a second
//!   are heard of all of them together.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::net::admission::Origin;

/// The wrong guesses that a connection has free, and what each further one costs.
const OF_CONNECTION: Price = Price { each: Duration::from_secs(10), free: 5 };

/// Those of an address.
const OF_ADDRESS: Price = Price { each: Duration::from_secs(1), free: 100 };

/// Those of all addresses together.
const OF_ALL: Price = Price { each: Duration::from_millis(10), free: 1_000 };

/// Connections without a wrong guess that are heard from an address in debt, right or wrong.
const HEARD_OF_ADDRESS: Price = Price { each: Duration::from_millis(100), free: 10 };

/// The same from all addresses in debt, while the server is in debt.
const HEARD_OF_ALL: Price = Price { each: Duration::from_millis(10), free: 100 };

/// The addresses whose debts are remembered. While so many are in debt, further ones only add to the debt of the
/// server.
pub const DEBTORS_MAX: usize = 100_000;

/// The votes of a connection that are looked up at a time, before it is known which of them guessed wrongly. The next
/// wait.
pub const UNDECIDED_VOTES_MAX: usize = 16;

/// What something costs that is free at first: everything that is not free is paid by waiting so long for each.
struct Price {
    each: Duration,
    free: u32,
}

/// When everything will be paid.
#[derive(Debug, Clone, Copy, Default)]
struct Debt(Option<Instant>);

impl Debt {
    fn add(&mut self, price: &Price, now: Instant) {
        self.0 = Some(self.0.map_or(now, |paid| paid.max(now)) + price.each);
    }

    fn is_paid(self, now: Instant) -> bool {
        self.0.is_none_or(|paid| paid <= now)
    }

    /// How long it takes until one more is free, if one is not.
    fn wait(self, price: &Price, now: Instant) -> Option<Duration> {
        let allowed = price.each * (price.free - 1);
        let wait = self.0?.saturating_duration_since(now).checked_sub(allowed)?;
        (!wait.is_zero()).then_some(wait)
    }
}

/// The guesses of everyone. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Guesses(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether anybody has ever guessed wrongly: until then nothing has to be looked up.
    any: AtomicBool,
    debts: Mutex<Debts>,
}

#[derive(Debug, Default)]
struct Debts {
    all: Debt,
    heard_of_all: Debt,
    /// Of each address, what it has guessed wrongly, and what was heard of it all the same.
    addresses: HashMap<Origin, (Debt, Debt)>,
}

/// Guesses of one connection.
#[derive(Debug)]
pub(super) struct Guesser {
    guesses: Guesses,
    origin: Origin,
    debt: Cell<Debt>,
}

impl Guesser {
    pub(super) fn new(guesses: Guesses, origin: Origin) -> Self {
        Self { guesses, origin, debt: Cell::default() }
    }

    /// Whether something that may be a guess is heard.
    ///
    /// # Errors
    /// How long to wait before it is.
    pub(super) fn may_guess(&self) -> Result<(), Duration> {
        if !self.guesses.0.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(wait) = self.debt.get().wait(&OF_CONNECTION, now) {
            return Err(wait);
        }
        let innocent = self.debt.get().is_paid(now);
        self.guesses.may_guess(self.origin, innocent, now)
    }

    /// Takes note of a wrong guess.
    pub(super) fn was_wrong(&self) {
        let now = Instant::now();
        let mut debt = self.debt.get();
        debt.add(&OF_CONNECTION, now);
        self.debt.set(debt);
        self.guesses.was_wrong(self.origin, now);
    }
}

impl Guesses {
    fn may_guess(&self, origin: Origin, innocent: bool, now: Instant) -> Result<(), Duration> {
        // Nothing in here panics.
        let mut debts = self.0.debts.lock().unwrap_or_else(PoisonError::into_inner);
        let debts = &mut *debts;
        let server = debts.all.wait(&OF_ALL, now);
        let Some((address, heard)) = debts.addresses.get_mut(&origin) else { return Ok(()) };
        let of_address = address.wait(&OF_ADDRESS, now);
        let of_server = server.filter(|_| !address.is_paid(now));
        let Some(wait) = of_address.max(of_server) else { return Ok(()) };
        if !innocent {
            return Err(wait);
        }
        if let Some(wait) = heard.wait(&HEARD_OF_ADDRESS, now) {
            return Err(wait);
        }
        if of_server.is_some() {
            if let Some(wait) = debts.heard_of_all.wait(&HEARD_OF_ALL, now) {
                return Err(wait);
            }
            debts.heard_of_all.add(&HEARD_OF_ALL, now);
        }
        heard.add(&HEARD_OF_ADDRESS, now);
        Ok(())
    }

    fn was_wrong(&self, origin: Origin, now: Instant) {
        self.0.any.store(true, Ordering::Relaxed);
        let mut debts = self.0.debts.lock().unwrap_or_else(PoisonError::into_inner);
        debts.all.add(&OF_ALL, now);
        if debts.addresses.len() >= DEBTORS_MAX && !debts.addresses.contains_key(&origin) {
            debts.addresses.retain(|_, (debt, _)| !debt.is_paid(now));
            if debts.addresses.len() >= DEBTORS_MAX {
                return;
            }
        }
        debts.addresses.entry(origin).or_default().0.add(&OF_ADDRESS, now);
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

    /// Guesses wrongly until it is not heard. Returns how often it was.
    fn guess(guesser: &Guesser) -> u32 {
        let mut heard = 0;
        while guesser.may_guess().is_ok() {
            guesser.was_wrong();
            heard += 1;
        }
        heard
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_pays_for_what_it_guesses() {
        let guesses = Guesses::default();
        let connection = guesser(&guesses, 1);
        assert_eq!(guess(&connection), OF_CONNECTION.free);
        let wait = connection.may_guess().unwrap_err();
        assert_eq!(wait, OF_CONNECTION.each);
        advance(wait.saturating_sub(Duration::from_millis(1))).await;
        assert!(connection.may_guess().is_err());
        advance(Duration::from_millis(1)).await;
        assert_eq!(guess(&connection), 1);
        // Others are not concerned.
        assert_eq!(guesser(&guesses, 1).may_guess(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_shares_an_address_with_a_guesser_gets_through() {
        let guesses = Guesses::default();
        let bad: Vec<_> = (0..OF_ADDRESS.free).map(|_| guesser(&guesses, 1)).collect();
        let heard: u32 = bad.iter().map(guess).sum();
        // Of the connections that come when the address is in debt, each is heard once, while they may be.
        assert!((OF_ADDRESS.free..=OF_ADDRESS.free + HEARD_OF_ADDRESS.free).contains(&heard));
        assert_eq!(bad.iter().map(guess).sum::<u32>(), 0);
        // For a minute, as many new connections guess as are heard.
        let (mut guessed, mut honest, mut tries) = (0, 0, 0);
        for _ in 0..600 {
            advance(Duration::from_millis(100)).await;
            // Somebody else comes in between, as everybody with a new connection.
            if tries % 2 == 0 {
                honest += u32::from(guesser(&guesses, 1).may_guess().is_ok());
            }
            guessed += guess(&guesser(&guesses, 1));
            tries += 1;
        }
        assert!(honest >= 290, "{honest} of 300 honest voters were heard");
        assert!(guessed <= 600 - honest + 60, "{guessed} guesses");
        // Elsewhere nothing is noticed.
        assert_eq!(guesser(&guesses, 2).may_guess(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_together_are_slowed_down_and_new_ones_heard() {
        let guesses = Guesses::default();
        let mut heard = 0;
        for last in 0..=250 {
            for _ in 0..4 {
                heard += guess(&guesser(&guesses, last));
            }
        }
        assert!((OF_ALL.free..OF_ALL.free + 500).contains(&heard), "{heard}");
        assert_eq!(guesser(&guesses, 251).may_guess(), Ok(()));
        // While the server is in debt, all that have guessed before are heard so often together. (After a second,
        // whoever guessed once has paid.)
        let mut in_half_a_second = 0;
        for _ in 0..50 {
            advance(Duration::from_millis(10)).await;
            for last in 0..=250 {
                in_half_a_second += guess(&guesser(&guesses, last));
            }
        }
        let most = HEARD_OF_ALL.free + 50;
        assert!((50..=most).contains(&in_half_a_second), "{in_half_a_second} were heard");
    }

    #[tokio::test(start_paused = true)]
    async fn debts_that_are_paid_are_forgotten_when_there_are_too_many() {
        let guesses = Guesses::default();
        for index in 0..DEBTORS_MAX as u32 + 10 {
            let address = IpAddr::from(index.to_be_bytes());
            Guesser::new(guesses.clone(), Origin::Elsewhere(address)).was_wrong();
        }
        assert_eq!(guesses.0.debts.lock().unwrap().addresses.len(), DEBTORS_MAX);
        advance(OF_ADDRESS.each).await;
        guesser(&guesses, 1).was_wrong();
        assert_eq!(guesses.0.debts.lock().unwrap().addresses.len(), 1);
    }
}
