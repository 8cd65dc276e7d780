//! Officers: at either server, and at both at once, they issue numbers, give links, revoke and void
//! them, and create, open and close elections.

use std::sync::Arc;
use std::time::Duration;

use capvote::election::{
    Definition, ElectionId, Grant, GrantId, Publication, Role, Token, Uses, VoterNumber,
};
use capvote::ledger::{Act, ActRefusal, Authorization, Ledger, LedgerError};
use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use super::history::IDS;
use super::voters::World;
use super::{DURATION, LATER, NUMBERS};

const NAMES: [&str; super::CANDIDATES] = ["Ada", "Grace", "Edsger"];

/// How often an act is tried.
const TRIES_MAX: usize = 20;

/// How long an officer waits for an answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// The numbers of a link.
const LINK_NUMBERS: u64 = 4;

pub(super) fn id(election: usize) -> ElectionId {
    IDS[election].parse().expect("a good name for an election")
}

pub(super) fn numbers(of: std::ops::Range<u64>) -> Vec<VoterNumber> {
    of.map(VoterNumber::from).collect()
}

/// An election; all but the first share its roll.
pub(super) fn create(election: usize, publication: Publication) -> Act {
    let names = NAMES.map(String::from).to_vec();
    let definition = Definition::new(id(election), String::new(), names).expect("a definition");
    let roll = (election > 0).then(|| id(0));
    Act::Create(Arc::new(definition.with_publication(publication).with_roll(roll)))
}

/// What is known of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Made,
    Refused(LedgerError),
    Unknown,
}

impl World {
    /// Makes acts under a link that is revoked or voided in the end.
    pub(super) async fn give_links(self, mut rng: Rng, first: u64) {
        let begun = Instant::now();
        let mut next = first;
        while begun.elapsed() < DURATION && next + LINK_NUMBERS <= first + NUMBERS / 2 {
            sleep(Duration::from_millis(rng.u64(0..5_000))).await;
            self.give_link(&mut rng, next).await;
            next += LINK_NUMBERS;
        }
    }

    async fn give_link(&self, rng: &mut Rng, first: u64) {
        let (grant, token) = (GrantId(first), Token::from([first as u8; Token::BYTES]).hash());
        let role = Role::Registrar(id(0));
        let link = Grant { id: grant, parent: None, role, token, uses: Uses::Any };
        if self.act(rng, vec![Act::Grant(link)], None, format!("grant {first}")).await
            == Done::Unknown
        {
            return;
        }
        let under = Authorization { grant, revoked: Vec::new() };
        let range = first..first + LINK_NUMBERS;
        self.note_wanted(range.clone(), false, format!("{range:?} are issued under a link"));
        let acts = vec![Act::Issue(id(0), numbers(range.clone()))];
        let done = self.act(rng, acts, Some(under.clone()), format!("issue {range:?}")).await;
        if done == Done::Made {
            self.note_made(range.clone(), false, format!("{range:?} are on the roll"));
        }
        sleep(Duration::from_millis(rng.u64(0..6_000))).await;
        let is_void = rng.bool();
        if is_void {
            self.note_wanted(range.clone(), true, format!("{range:?} are to be voided"));
            if self.void(rng, token).await {
                self.note_made(range.clone(), true, format!("{range:?} are voided"));
            } else {
                return;
            }
        } else {
            let acts = vec![Act::RevokeGrant(grant)];
            if self.act(rng, acts, None, format!("revoke {first}")).await != Done::Made {
                return;
            }
        }
        // From here on the link is good for nothing, wherever.
        for server in 0..self.servers.len() {
            let Some(ledger) = self.servers[server].ledger() else { continue };
            let acts = vec![Act::Issue(id(0), vec![(first + 1_000).into()])];
            let answer = timeout(PATIENCE, ledger.act(acts, Some(under.clone()))).await;
            let mut history = self.history.borrow_mut();
            history.note(format!("under the ended link {first}: {server} says {answer:?}"));
            let (is_made, has_lost) = (matches!(answer, Ok(Ok(()))), history.has_lost);
            history.check(!is_made || has_lost, || {
                format!("{server} makes an act under the link {first}, which is ended")
            });
        }
    }

    fn note_wanted(&self, range: std::ops::Range<u64>, is_void: bool, what: String) {
        let mut history = self.history.borrow_mut();
        let now = history.note(what);
        let all = if is_void { &mut history.voided } else { &mut history.issued };
        range.for_each(|number| _ = all.entry(number).or_default().begun.get_or_insert(now));
    }

    fn note_made(&self, range: std::ops::Range<u64>, is_void: bool, what: String) {
        let mut history = self.history.borrow_mut();
        let now = history.note(what);
        let all = if is_void { &mut history.voided } else { &mut history.issued };
        range.for_each(|number| _ = all.entry(number).or_default().done.get_or_insert(now));
    }

    /// Issues numbers, with nobody's authorization.
    pub(super) async fn issue(self, mut rng: Rng, first: u64) {
        let end = first + NUMBERS / 2;
        let mut next = first;
        while next < end {
            sleep(Duration::from_millis(rng.u64(0..4_000))).await;
            let range = next..end.min(next + rng.u64(1..8));
            next = range.end;
            self.note_wanted(range.clone(), false, format!("{range:?} are to be issued"));
            let acts = vec![Act::Issue(id(0), numbers(range.clone()))];
            if self.act(&mut rng, acts, None, format!("issue {range:?}")).await == Done::Made {
                self.note_made(range.clone(), false, format!("{range:?} are on the roll"));
            }
        }
    }

    /// Creates and opens an election, and closes it or another.
    pub(super) async fn run_elections(self, mut rng: Rng) {
        sleep(DURATION.mul_f64(rng.f64() / 3.0)).await;
        let publication = if rng.bool() { Publication::Live } else { Publication::Sealed };
        self.act(&mut rng, vec![create(2, publication)], None, "create third".into()).await;
        sleep(DURATION.mul_f64(rng.f64() / 6.0)).await;
        self.open(&mut rng, 2).await;
        sleep(DURATION.mul_f64(rng.f64() / 2.0)).await;
        let election = rng.usize(0..3);
        let mut other = rng.fork();
        // At both servers at once, now and then.
        match rng.u32(0..3) {
            0 => {
                _ = tokio::join!(self.close(&mut rng, election), self.close(&mut other, election));
            }
            _ => self.close(&mut rng, election).await,
        }
    }

    pub(super) async fn open(&self, rng: &mut Rng, election: usize) {
        let name = IDS[election];
        let now = self.history.borrow_mut().note(format!("{name} is to open"));
        self.history.borrow_mut().opened[election].begun.get_or_insert(now);
        if self.act(rng, vec![Act::Open(id(election))], None, format!("open {name}")).await
            == Done::Made
        {
            let now = self.history.borrow_mut().note(format!("{name} is open"));
            self.history.borrow_mut().opened[election].done.get_or_insert(now);
        }
    }

    pub(super) async fn close(&self, rng: &mut Rng, election: usize) {
        let name = IDS[election];
        let now = self.history.borrow_mut().note(format!("{name} is to close"));
        self.history.borrow_mut().closed[election].begun.get_or_insert(now);
        let done =
            self.act(rng, vec![Act::Close(id(election))], None, format!("close {name}")).await;
        if done == Done::Made {
            let now = self.history.borrow_mut().note(format!("{name} is closed"));
            self.history.borrow_mut().closed[election].done.get_or_insert(now);
        }
    }

    /// Asks either server for acts until it is known what became of them, or for a while.
    async fn act(
        &self,
        rng: &mut Rng,
        acts: Vec<Act>,
        under: Option<Authorization>,
        what: String,
    ) -> Done {
        let mut was_unknown = false;
        for _ in 0..TRIES_MAX {
            let server = rng.usize(0..self.servers.len());
            let Some(ledger) = self.servers[server].ledger() else {
                sleep(Duration::from_millis(rng.u64(1..1_000))).await;
                continue;
            };
            let answer = timeout(PATIENCE, ledger.act(acts.clone(), under.clone())).await;
            drop(ledger);
            self.history.borrow_mut().note(format!("{what}: {server} says {answer:?}"));
            match answer {
                Ok(Ok(())) => return Done::Made,
                // It was made, at a call of which that was not known.
                Ok(Err(LedgerError::Refused(refusal)))
                    if was_unknown && is_again(&acts, &refusal) =>
                {
                    return Done::Made;
                }
                // A server that shall hold the key as well does not have it yet.
                Ok(Err(LedgerError::Refused(ActRefusal::OneHolder(_)))) => {}
                Ok(Err(error @ (LedgerError::Refused(_) | LedgerError::Revoked))) => {
                    return Done::Refused(error);
                }
                Ok(Err(LedgerError::Unreadable(why))) => {
                    self.history.borrow_mut().violated(format!("{what} is unreadable: {why}"));
                    return Done::Unknown;
                }
                Ok(Err(error)) => was_unknown |= !error.is_certain(),
                Err(_) => was_unknown = true,
            }
            sleep(Duration::from_millis(rng.u64(1..1_000))).await;
        }
        Done::Unknown
    }

    async fn void(&self, rng: &mut Rng, token: capvote::election::TokenHash) -> bool {
        for _ in 0..TRIES_MAX {
            let server = rng.usize(0..self.servers.len());
            if let Some(ledger) = self.servers[server].ledger() {
                let answer = timeout(PATIENCE, ledger.void(id(0), token, None)).await;
                self.history.borrow_mut().note(format!("void: {server} says {answer:?}"));
                match answer {
                    Ok(Ok(_)) => return true,
                    Ok(Err(LedgerError::Refused(_))) => return false,
                    _ => {}
                }
            }
            sleep(Duration::from_millis(rng.u64(1..1_000))).await;
        }
        false
    }
}

/// Whether this is what an act is told that was made before.
fn is_again(acts: &[Act], refusal: &ActRefusal) -> bool {
    // Numbers can be issued again, until the election is closed.
    let can_be_made_again = matches!(acts, [Act::Issue(..)]);
    !can_be_made_again
        && matches!(
            refusal,
            ActRefusal::NotAllowed { .. }
                | ActRefusal::ElectionExists(_)
                | ActRefusal::GrantRefused
        )
}

/// The first numbers that are issued later: by officers, and under links.
pub(super) fn later() -> [u64; 2] {
    [LATER, LATER + NUMBERS / 2]
}
