//! Voiding the unused numbers that were issued under a link.

use std::cell::Cell;
use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use super::acts::{answered, is_stored, store};
use super::catch_up::row_numbers;
use super::chain::Head;
use super::change::{Listed, What};
use super::connection::{Fault, Link};
use super::fence;
use super::lease;
use super::public::{Election, Issued, Phase, Public};
use super::rules::{Planned, not_allowed};
use super::session::{Others, Sessions, begin, settle};
use super::shared::Shared;
use crate::election::{ChangeRefusal, ElectionId, TokenHash, VoterNumber};
use crate::ledger::links::link as find_link;
use crate::ledger::run::Run;
use crate::ledger::{ActRefusal, Authorization, LedgerError};

/// Rows of voter numbers in one step.
const STEP_ROWS: i32 = 64;

/// What is voided: rows of the roll.
#[derive(Debug, Clone, Copy)]
struct Rows {
    election: i32,
    issued: Issued,
    first: i32,
}

/// Ends the grant with this token, and voids the numbers that were issued under it, in steps.
/// Returns how many.
pub(super) async fn void(
    sessions: &mut Sessions,
    id: &ElectionId,
    token: &TokenHash,
    under: Option<&Authorization>,
) -> Result<u64, LedgerError> {
    let Sessions { first: session, others } = sessions;
    let shared = session.shared.clone();
    let attempt = Cell::new(None);
    let (election, issues) = session
        .until_known(async |link| end_link(&shared, link, (id, token), under, &attempt).await)
        .await?;
    let mut voided = 0;
    for issued in issues {
        let mut first = 0;
        loop {
            let rows = Rows { election, issued, first };
            let done = Cell::new(None);
            let step = session
                .until_known(async |link| step(&shared, link, others, rows, &done).await)
                .await;
            let Some(here) = step? else { break };
            voided += here;
            first += STEP_ROWS;
        }
    }
    Ok(voided)
}

/// Ends the grant. Returns what was issued under it, and under those derived from it.
async fn end_link(
    shared: &Shared,
    link: &Link,
    (id, token): (&ElectionId, &TokenHash),
    under: Option<&Authorization>,
    attempt: &Cell<Option<Head>>,
) -> Result<(i32, Vec<Issued>), Fault> {
    let version = begin(shared, link).await?;
    let found = shared.with(|state| {
        let public = &state.public;
        // After a try of unknown outcome the link may have ended by it.
        let again = attempt.get().is_some();
        if !again && under.is_some_and(|under| !under.is_in_force(&public.grants)) {
            return Err(LedgerError::Revoked);
        }
        let election = public.find(id).ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))?;
        let (root, lineage) = find_link(&public.grants, &public.ended, id, token)?;
        check_phase(public, election)?;
        let issues = election.issues.iter().filter(|it| lineage.contains(&it.issuer));
        Ok((election.key, public.grants.holds(root).then_some(root), issues.copied().collect()))
    });
    let found = found.map_err(Fault::Not);
    let (key, root, issues) = answered(shared, link, found).await?;
    let planned = root.map(|root| Planned::only(0, What::Ended(root)));
    store(shared, link, version, planned.into_iter().collect(), attempt).await?;
    Ok((key, issues))
}

/// Refuses to void numbers of a closed election that may still vote in one that shares its roll.
fn check_phase(public: &Public, election: &Election) -> Result<(), ActRefusal> {
    let is_over = !matches!(election.phase, Phase::Draft | Phase::Open);
    let is_shared = public.with_roll(election.key).any(|it| it.phase != Phase::Closed);
    if is_over && is_shared {
        return Err(not_allowed(&election.definition.id, ChangeRefusal::Closed));
    }
    Ok(())
}

/// Voids the numbers in some rows that have not voted in any election. Returns how many; `None` if
/// there are no such rows.
async fn step(
    shared: &Shared,
    link: &Link,
    others: &mut Others,
    rows: Rows,
    attempt: &Cell<Option<(Head, u64)>>,
) -> Result<Option<u64>, Fault> {
    lease::wait_for_others(shared, link).await?;
    others.each(async |link| lease::wait_for_others(shared, link).await).await?;
    let version = begin(shared, link).await?;
    if let Some((head, voided)) = attempt.get()
        && is_stored(&link.client, &head).await?
    {
        settle(shared, link).await?;
        link.commit().await?;
        return Ok(Some(voided));
    }
    let Some(issued) = issued_in(link, rows).await? else {
        link.client.batch_execute("ROLLBACK").await?;
        return Ok(None);
    };
    let found = shared.with(|state| {
        let election = state.public.get(rows.election);
        // A close may have begun since the link was ended.
        election.map_or(Ok(()), |election| check_phase(&state.public, election))?;
        let election = election.filter(|it| matches!(it.phase, Phase::Draft | Phase::Open));
        let on_roll = issued
            .into_iter()
            .filter(|number| election.is_some_and(|election| state.is_on_roll(election, *number)));
        let of_roll = |it: &&Arc<Election>| it.roll() == rows.election;
        let sharing = state.public.elections.iter().filter(of_roll).cloned();
        Ok((on_roll.collect::<Vec<_>>(), sharing.collect::<Vec<_>>()))
    });
    let (on_roll, sharing) = answered(shared, link, found).await?;
    if on_roll.is_empty() {
        // Another server may have voided them, on one disk.
        settle(shared, link).await?;
        link.commit().await?;
        return Ok(Some(0));
    }
    let used = fenced_used(link, others, &sharing, version + 1, &on_roll).await?;
    let unused: Vec<_> = on_roll.into_iter().filter(|number| !used.contains(number)).collect();
    let voided = unused.len() as u64;
    let run = Run::sorted(unused).ok_or_else(|| Fault::damaged("a number was issued twice"))?;
    let what = What::Voided(Listed::of(run.blocks()), rows.issued.added);
    let planned = Planned { run, ..Planned::only(rows.election, what) };
    let head = Cell::new(None);
    let stored = store(shared, link, version, vec![planned], &head).await;
    attempt.set(head.get().map(|head| (head, voided)));
    stored.map(|()| Some(voided))
}

/// The numbers in these rows; `None` if there are none.
async fn issued_in(link: &Link, rows: Rows) -> Result<Option<Vec<VoterNumber>>, Fault> {
    let select = "SELECT numbers FROM roll WHERE election = $1 AND version = $2
                  AND row >= $3 AND row < $4 ORDER BY row";
    let Rows { election, issued, first } = rows;
    let last = first + STEP_ROWS;
    let rows = link.client.query(select, &[&election, &issued.version, &first, &last]).await?;
    let mut numbers = Vec::new();
    for row in &rows {
        numbers.extend(row_numbers(row.try_get(0)?)?);
    }
    Ok((!rows.is_empty()).then_some(numbers))
}

/// Ends the chains of these elections for the act that makes `version`. Returns the numbers that
/// have voted in one of them.
async fn fenced_used(
    link: &Link,
    others: &mut Others,
    elections: &[Arc<Election>],
    version: i64,
    numbers: &[VoterNumber],
) -> Result<HashSet<VoterNumber>, Fault> {
    let keys: Vec<i32> = elections.iter().map(|election| election.key).collect();
    fence::end_chains(link, &keys, version).await?;
    let voting = |it: &&Arc<Election>| matches!(it.phase, Phase::Open | Phase::Closing);
    let voting: Vec<_> = elections.iter().filter(voting).cloned().collect();
    others.each(async |link| fence::hold(link, &voting, version).await).await?;
    let numbers: Vec<i64> = numbers.iter().map(|number| number.get().cast_signed()).collect();
    let select = "SELECT number FROM ballots
                  WHERE election = ANY ($1) AND number = ANY ($2)";
    let mut used = HashSet::new();
    for link in iter::once(link).chain(others.links()?) {
        for row in link.client.query(select, &[&keys, &numbers]).await? {
            used.insert(VoterNumber::from(row.try_get::<_, i64>(0)?.cast_unsigned()));
        }
    }
    Ok(used)
}
