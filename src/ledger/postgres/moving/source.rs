//! Reading a ledger in a database as steps.

use std::collections::VecDeque;

use super::super::acts::put;
use super::super::catch_up::{ACTS, act, catch_up, numbers};
use super::super::chain::Head;
use super::super::change::{Change, What};
use super::super::check::check_within;
use super::super::connection::Fault;
use super::super::fence::end_chains;
use super::super::look;
use super::super::public::{Phase, Public};
use super::super::rules::Planned;
use super::super::session::Others;
use super::super::shared::Shared;
use super::super::start::refused;
use super::super::state::{ChainTally, State};
use super::{Holds, Place};
use crate::election::LedgerId;
use crate::ledger::moving::{
    ElectionOrigin, NumberedBallot, Origins, Past, PastElection, STEP_ROWS_MAX, Source, Step,
};
use crate::ledger::run::Run;
use crate::ledger::{OpenError, Snapshot};

/// Nobody writes to it until the transaction ends: not even a server that was taken for dead.
const LOCK: &str = "LOCK TABLE ledger, elections, acts, roll, chains, entries, ballots, sheet
    IN SHARE ROW EXCLUSIVE MODE";

const TALLIES: &str = "SELECT tallies.chain, seq, ballots, sealed
    FROM tallies JOIN chains ON chains.chain = tallies.chain WHERE election = $1";

/// The elections that are open are so elsewhere: nobody makes a chain of ballots here.
const ELSEWHERE: &str = "UPDATE elections SET state = 4 WHERE state = 1";

/// A ledger that no server uses, and that is verified.
pub(in crate::ledger) struct DatabaseSource {
    place: Place,
    shared: Shared,
    /// The acts that are not read yet.
    acts: VecDeque<(i64, Change, Head)>,
    /// The elections and grants as the acts made them.
    public: Public,
    /// Open elections whose ballots follow the acts. `None` before the acts are read.
    open: Option<VecDeque<i32>>,
    /// The election of the rows that the cursor is at, and whether they are lines of its sheet.
    cursor: Option<(i32, bool)>,
    heads: Vec<[u8; 32]>,
}

impl DatabaseSource {
    /// Locks the ledger, and reads and verifies it.
    pub(in crate::ledger) async fn open(place: Place, ledger: LedgerId) -> Result<Self, OpenError> {
        let locked = place.link.client.batch_execute(LOCK).await;
        locked.map_err(|error| refused(error.into()))?;
        place.check_unused().await?;
        let shared = place.shared(ledger)?;
        let acts = VecDeque::new();
        let (public, open, cursor, heads) = (Public::default(), None, None, Vec::new());
        let mut source = Self { place, shared, acts, public, open, cursor, heads };
        source.load().await.map_err(refused)?;
        if let Err(error) = source.check_ready() {
            source.place.leave_locks().await;
            return Err(error);
        }
        Ok(source)
    }

    async fn load(&mut self) -> Result<(), Fault> {
        let (link, shared) = (&self.place.link, &self.shared);
        catch_up(shared, &link.client).await?;
        for row in link.client.query(ACTS, &[&0_i64]).await? {
            self.acts.push_back(act(shared, &row)?);
        }
        let known = shared.with(|state| (state.version, state.head));
        for election in shared.with(|state| state.public.elections.clone()) {
            let others = &mut Others::none();
            self.heads.push(check_within(shared, link, others, known, &election).await?.head);
            if election.phase == Phase::Closed {
                continue;
            }
            let owner = shared.with(|state| state.owner(election.key, &election.definition));
            if let Some(key) = shared.holder.held(&link.client, election.key, &owner).await? {
                shared.with(|state| state.hold(election.key, key));
            }
            for row in link.client.query(TALLIES, &[&election.key]).await? {
                let (chain, seq): (i64, i32) = (row.try_get(0)?, row.try_get(1)?);
                let (ballots, sealed) = (row.try_get::<_, i64>(2)?, row.try_get(3)?);
                shared.with(|state| {
                    let (at, ballots) = ((chain, seq), ballots.unsigned_abs());
                    let tally = look::tally(state, election.key, at, ballots, sealed)?;
                    state.take_tally(election.key, chain, ChainTally { seq, tally });
                    Ok::<_, Fault>(())
                })?;
            }
        }
        Ok(())
    }

    /// Refuses elections that are being closed, or whose ballots cannot be opened here.
    fn check_ready(&self) -> Result<(), OpenError> {
        self.shared.with(|state| {
            for election in &state.public.elections {
                let id = &election.definition.id;
                if election.phase == Phase::Closing {
                    let why = "it is being closed: start a server, which finishes that";
                    return Err(OpenError::NotMoved(format!("election {id}: {why}")));
                }
                let has_ballots = ballots(state, election.key) > 0;
                let is_open = election.phase == Phase::Open;
                if is_open && has_ballots && !state.keys.contains_key(&election.key) {
                    let why = "this data directory does not have its key: name one of a server \
                               that has";
                    return Err(OpenError::NotMoved(format!("election {id}: {why}")));
                }
            }
            Ok(())
        })
    }

    /// What is shown of it.
    pub(in crate::ledger) fn snapshot(&self) -> Snapshot {
        self.shared.with(|state| state.snapshot())
    }

    /// Whether the ballots of an election have one order.
    pub(in crate::ledger) fn has_one_order(&self, election: &crate::election::ElectionId) -> bool {
        self.shared.with(|state| {
            let key = state.public.find(election).map(|election| election.key);
            let chains = key.and_then(|key| state.tallies.get(&key));
            chains.is_none_or(|chains| chains.len() <= 1)
        })
    }

    /// What comes before the steps.
    pub(in crate::ledger) fn past(&self) -> Past {
        self.shared.with(|state| {
            let public = &state.public;
            let restored = |id| public.origins.find(id).and_then(|it| it.restored);
            let origins = public.elections.iter().zip(&self.heads);
            let origins = origins.map(|(election, head)| ElectionOrigin {
                id: election.definition.id.clone(),
                head: *head,
                restored: restored(&election.definition.id),
            });
            let elections = public.elections.iter().map(|election| PastElection {
                is_closed: election.phase == Phase::Closed,
                ballots: ballots(state, election.key),
            });
            Past {
                ledger: state.ledger,
                origins: Origins {
                    epochs: public.origins.epochs.clone(),
                    elections: origins.collect(),
                },
                elections: elections.collect(),
                grants: public.grants.iter().cloned().collect(),
                ended: public.ended.to_vec(),
            }
        })
    }

    /// Ends the ledger in the database, if that is not done, and commits: from then on no server
    /// uses it. Returns the place, whose transaction is over.
    pub(in crate::ledger) async fn leave(self) -> Result<Place, OpenError> {
        if let Holds::Ledger(_, None) = self.place.holds().await? {
            self.end().await.map_err(refused)?;
        }
        self.place.commit().await?;
        Ok(self.place)
    }

    async fn end(&self) -> Result<(), Fault> {
        let (link, shared) = (&self.place.link, &self.shared);
        let (version, head) = shared.with(|state| (state.version, state.head));
        let open = shared.with(|state| {
            let elections = state.public.elections.iter();
            elections.filter(|it| it.phase == Phase::Open).map(|it| it.key).collect::<Vec<_>>()
        });
        end_chains(link, &open, version + 1).await?;
        link.client.execute(ELSEWHERE, &[]).await?;
        let planned = Planned::only(0, What::Left(shared.holder.id()));
        put(shared, link, version + 1, &head, planned).await?;
        link.client.execute("UPDATE ledger SET version = $1", &[&(version + 1)]).await?;
        Ok(())
    }

    async fn read(&mut self) -> Result<Option<Step>, Fault> {
        loop {
            if let Some((election, is_sheet)) = self.cursor {
                return self.fetch(election, is_sheet).await.map(Some);
            }
            if let Some((version, change, head)) = self.acts.pop_front() {
                if let Some(step) = self.step(version, &head, &change).await? {
                    return Ok(Some(step));
                }
                continue;
            }
            let open = self.open.get_or_insert_with(|| {
                let elections = self.public.elections.iter();
                elections.filter(|it| it.phase == Phase::Open).map(|it| it.key).collect()
            });
            let Some(election) = open.pop_front() else { return Ok(None) };
            self.declare(election, false).await?;
        }
    }

    /// The step of an act, if it is one.
    async fn step(
        &mut self,
        version: i64,
        head: &Head,
        change: &Change,
    ) -> Result<Option<Step>, Fault> {
        let key = change.election;
        let election = usize::try_from(key).unwrap_or_default().saturating_sub(1);
        let by_links = |public: &Public| public.get(key).map(|it| it.link_numbers);
        let before = by_links(&self.public);
        let changed = self.public.change(version, head, change);
        changed.ok_or_else(|| Fault::damaged(format!("act {version} breaks a rule")))?;
        let by_link = by_links(&self.public) != before;
        let run = match change.what.listed() {
            Some(listed) => numbers(&self.place.link.client, key, version, &listed).await?,
            None => Run::default(),
        };
        Ok(match &change.what {
            What::Created(definition, _) => Some(Step::Created(definition.clone())),
            What::Issued(_, issuer) => {
                Some(Step::Issued { election, numbers: run, issuer: *issuer, by_link })
            }
            What::Revoked(_) => Some(Step::Revoked(election, run)),
            What::Voided(_, added) => Some(Step::Voided(election, run, *added)),
            What::Opened => Some(Step::Opened(election)),
            What::Closing => {
                self.declare(key, false).await?;
                None
            }
            What::Closed(_) => {
                self.declare(key, true).await?;
                None
            }
            What::Granted(_) | What::Spent(_) | What::Ended(_) => None,
            What::Moved(_) | What::Left(_) => None,
        })
    }

    /// Opens the cursor: of ballots, those first that a live count has published, by any chain. So
    /// a count of all in this order has published those too.
    async fn declare(&mut self, election: i32, is_sheet: bool) -> Result<(), Fault> {
        let settled = self.shared.with(|state| {
            let chains = state.tallies.get(&election).into_iter().flatten();
            let chains = chains.map(|(chain, it)| format!("({chain}, {})", it.tally.settled()));
            chains.chain(["(0, 0)".into()]).collect::<Vec<_>>().join(", ")
        });
        let select = match is_sheet {
            true => format!("SELECT lines FROM sheet WHERE election = {election} ORDER BY part"),
            false => format!(
                "SELECT number, sealed FROM (SELECT *, row_number() OVER
                         (PARTITION BY chain ORDER BY seq, number) AS place
                     FROM ballots WHERE election = {election}) AS placed
                 LEFT JOIN (VALUES {settled}) AS known (chain, settled)
                     ON known.chain = placed.chain
                 ORDER BY place > coalesce(settled, 0), placed.chain, place"
            ),
        };
        let declare = format!("DECLARE moving NO SCROLL CURSOR FOR {select}");
        self.place.link.client.batch_execute(&declare).await?;
        self.cursor = Some((election, is_sheet));
        Ok(())
    }

    /// The next rows of the cursor. After the last lines comes the close.
    async fn fetch(&mut self, key: i32, is_sheet: bool) -> Result<Step, Fault> {
        let client = &self.place.link.client;
        let rows = if is_sheet { 1 } else { STEP_ROWS_MAX };
        let rows = client.query(&format!("FETCH {rows} FROM moving"), &[]).await?;
        let election = key as usize - 1;
        if is_sheet {
            if let Some(row) = rows.first() {
                return Ok(Step::Lines(election, row.try_get(0)?));
            }
            client.batch_execute("CLOSE moving").await?;
            self.cursor = None;
            return Ok(Step::Closed(election));
        }
        if rows.len() < STEP_ROWS_MAX {
            client.batch_execute("CLOSE moving").await?;
            self.cursor = None;
        }
        let mut ballots: Vec<NumberedBallot> = Vec::with_capacity(rows.len());
        for row in rows {
            let number = row.try_get::<_, i64>(0)?.cast_unsigned();
            ballots.push((number.into(), row.try_get(1)?));
        }
        let opened = self.shared.with(|state| {
            let mut held = state.keys.get_mut(&key);
            let mut opened = |(number, sealed): &mut NumberedBallot| {
                held.as_mut().is_none_or(|held| held.open(*number, sealed))
            };
            ballots.iter_mut().all(&mut opened)
        });
        if !opened {
            return Err(Fault::damaged("a ballot was not sealed with the key of its election"));
        }
        Ok(Step::Ballots(election, ballots))
    }
}

impl Source for DatabaseSource {
    async fn next(&mut self) -> Result<Option<Step>, OpenError> {
        self.read().await.map_err(refused)
    }
}

/// How many ballots an election has.
fn ballots(state: &State, election: i32) -> u64 {
    let chains = state.tallies.get(&election).into_iter().flatten();
    chains.map(|(_, chain)| chain.tally.ballots()).sum()
}
