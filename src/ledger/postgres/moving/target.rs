//! Making a ledger in a database of steps.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::acts::{create_rows, put, put_act};
use super::super::batch::sealed_tally;
use super::super::chain::{BALLOTS, ChainHead};
use super::super::change::{Change, Closed, Listed, What};
use super::super::check::check_within;
use super::super::close;
use super::super::connection::Fault;
use super::super::public::Election;
use super::super::rules::Planned;
use super::super::schema;
use super::super::session::Others;
use super::super::shared::Shared;
use super::super::sheet::{Counting, PART_LINES, line_bytes};
use super::super::start::refused;
use super::super::state::{Brought, ChainTally, State};
use super::Place;
use crate::election::{Definition, ElectionState, Grant, LIVE_BATCH_BALLOTS, Tally, VoterNumber};
use crate::ledger::keys::BallotKey;
use crate::ledger::moving::{NumberedBallot, Past, STEP_ROWS_MAX, Step, Target};
use crate::ledger::run::Run;
use crate::ledger::{OpenError, Snapshot};

/// What no key commits to: that of an election that was closed elsewhere was destroyed there.
const NO_KEY: [u8; 32] = [0; 32];

/// So many ballots at the end may be unpublished. Each has an entry of its own: the entries keep
/// their order, and one entry does not.
const UNPUBLISHED: u64 = 2 * LIVE_BATCH_BALLOTS as u64 - 1;

const NEW_CHAIN: &str = "INSERT INTO chains (election, genesis) VALUES ($1, $2) RETURNING chain";

const PUT_BALLOTS: &str = "INSERT INTO ballots (election, number, sealed, chain, seq)
    SELECT $1, n, s, $4, $5 FROM unnest($2::bigint[], $3::bytea[]) AS v (n, s)";

const PUT_ENTRY: &str = "INSERT INTO entries (chain, seq, kind, stored, hashed, head)
    VALUES ($1, $2, $3, $4, $4, $5)";

const PUT_TALLY: &str = "INSERT INTO tallies (chain, seq, ballots, sealed) VALUES ($1, $2, $3, $4)";

/// A ledger that is not committed.
pub(in crate::ledger) struct DatabaseTarget {
    place: Place,
    shared: Shared,
    past: Past,
    /// The ballots of elections, by their keys.
    chains: HashMap<i32, Filling>,
    /// The sheet that is made.
    sheet: Option<Sheet>,
}

/// A chain of ballots that is made.
struct Filling {
    last: ChainHead,
    tally: Tally,
    taken: u64,
    /// The next entry: numbers and sealed ballots.
    next: Vec<(i64, Vec<u8>)>,
}

/// A sheet that is made.
struct Sheet {
    counting: Counting,
    lines: Vec<u8>,
    row: i32,
}

impl DatabaseTarget {
    /// Makes the tables, in a database without a ledger.
    pub(in crate::ledger) async fn begin(place: Place, past: Past) -> Result<Self, OpenError> {
        let client = &place.link.client;
        let created = async {
            schema::create_within(client, past.ledger.as_bytes(), place.link.cluster.place())
                .await?;
            // Servers that start wait until the ledger is there.
            client.batch_execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE").await?;
            let id = &past.ledger.as_bytes()[..];
            client.execute("UPDATE ledger SET id = $1", &[&id]).await?;
            Ok(())
        };
        created.await.map_err(refused)?;
        place.check_unused().await?;
        let shared = place.shared(past.ledger)?;
        let (chains, sheet) = (HashMap::new(), None);
        let mut target = Self { place, shared, past, chains, sheet };
        target.begin_acts().await.map_err(refused)?;
        Ok(target)
    }

    /// Where the ledger was, and its grants.
    async fn begin_acts(&mut self) -> Result<(), Fault> {
        self.act(0, What::Moved(Arc::new(self.past.origins.clone())), Run::default()).await?;
        let mut granted: Vec<Grant> = Vec::new();
        for grant in self.past.grants.iter().chain(&self.past.ended) {
            // The parent of an ended one may be forgotten.
            let parent = grant.parent.filter(|it| granted.iter().any(|grant| grant.id == *it));
            granted.push(Grant { parent, ..grant.clone() });
        }
        for grant in granted {
            self.act(0, What::Granted(grant), Run::default()).await?;
        }
        Ok(())
    }

    /// Ends what is open, and verifies what is stored. Returns what is shown of it, and the heads
    /// of its elections.
    pub(in crate::ledger) async fn verified(
        &mut self,
    ) -> Result<(Snapshot, Vec<[u8; 32]>), OpenError> {
        self.finish().await.map_err(refused)
    }

    async fn finish(&mut self) -> Result<(Snapshot, Vec<[u8; 32]>), Fault> {
        for grant in self.past.ended.clone() {
            if self.shared.with(|state| state.public.grants.holds(grant.id)) {
                self.act(0, What::Ended(grant.id), Run::default()).await?;
            }
        }
        let keys: Vec<i32> = self.chains.keys().copied().collect();
        for key in keys {
            self.flush(key).await?;
            self.put_tally(key).await?;
        }
        let (link, shared) = (&self.place.link, &self.shared);
        let known = shared.with(|state| (state.version, state.head));
        link.client.execute("UPDATE ledger SET version = $1", &[&known.0]).await?;
        let mut heads = Vec::new();
        for election in shared.with(|state| state.public.elections.clone()) {
            let others = &mut Others::none();
            heads.push(check_within(shared, link, others, known, &election).await?.head);
        }
        Ok((shared.with(|state| state.snapshot()), heads))
    }

    /// Commits: from then on it is the ledger.
    pub(in crate::ledger) async fn put(self) -> Result<(), OpenError> {
        self.place.commit().await
    }

    async fn step(&mut self, step: Step) -> Result<(), Fault> {
        let key = |election: usize| i32::try_from(election).unwrap_or(i32::MAX).saturating_add(1);
        match step {
            Step::Created(definition) => self.create(definition).await,
            Step::Issued { election, numbers, issuer, by_link: _ } => {
                let what = What::Issued(Listed::of(numbers.blocks()), issuer);
                self.act(key(election), what, numbers).await
            }
            Step::Revoked(election, numbers) => {
                let what = What::Revoked(Listed::of(numbers.blocks()));
                self.act(key(election), what, numbers).await
            }
            Step::Voided(election, numbers, added) => {
                let what = What::Voided(Listed::of(numbers.blocks()), added);
                self.act(key(election), what, numbers).await
            }
            Step::Opened(election) => self.act(key(election), What::Opened, Run::default()).await,
            Step::Ballots(election, ballots) => self.ballots(key(election), ballots).await,
            Step::Lines(election, lines) => self.lines(key(election), &lines).await,
            Step::Closed(election) => self.close(key(election)).await,
        }
    }

    /// Stores and applies a change.
    async fn act(&mut self, election: i32, what: What, run: Run) -> Result<(), Fault> {
        self.make(Planned { run, ..Planned::only(election, what) }).await
    }

    async fn make(&mut self, planned: Planned) -> Result<(), Fault> {
        let (version, head) = self.shared.with(|state| (state.version, state.head));
        let (link, shared) = (&self.place.link, &self.shared);
        let (head, change, brought) = put(shared, link, version + 1, &head, planned).await?;
        self.apply(head, &change, brought)
    }

    fn apply(&self, head: [u8; 32], change: &Change, brought: Brought) -> Result<(), Fault> {
        let applied = self.shared.with(|state| {
            let applied = state.apply(head, change, brought);
            while state.settle_step() {}
            applied
        });
        applied.ok_or_else(|| Fault::damaged("a step breaks a rule"))
    }

    /// The key of an election that is closed is not made.
    async fn create(&mut self, definition: Arc<Definition>) -> Result<(), Fault> {
        let key = self.shared.with(|state| state.public.elections.len() as i32 + 1);
        let past = self.past.elections.get(key as usize - 1);
        if past.is_none_or(|past| !past.is_closed) {
            let drawn = BallotKey::draw();
            let drawn = drawn.map_err(|error| Fault::Failed(None, error.to_string()))?;
            let what = What::Created(definition, drawn.commitment());
            let planned = Planned { key: Some(drawn), ..Planned::only(key, what) };
            return self.make(planned).await;
        }
        let change = Change { election: key, what: What::Created(definition.clone(), NO_KEY) };
        let (version, head) = self.shared.with(|state| (state.version + 1, state.head));
        let head = change.head(&head, version);
        let client = &self.place.link.client;
        create_rows(client, key, version, &definition).await?;
        put_act(&self.shared, client, version, &change, &head).await?;
        self.shared.holder.never_held(client, key).await?;
        self.apply(head, &change, Brought::default())
    }

    fn election(&self, key: i32) -> Result<Election, Fault> {
        let election = self.shared.with(|state| state.public.get(key).cloned());
        election.ok_or_else(|| Fault::damaged("a step is about no election"))
    }

    /// Takes ballots, and seals those that are opened.
    async fn ballots(&mut self, key: i32, ballots: Vec<NumberedBallot>) -> Result<(), Fault> {
        let definition = self.election(key)?.definition;
        let place = usize::try_from(key).unwrap_or_default().saturating_sub(1);
        let all = self.past.elections.get(place).map_or(0, |past| past.ballots);
        if !self.chains.contains_key(&key) {
            let genesis = self.shared.with(|state| state.head);
            let values = (key, &genesis[..]);
            let row = self.place.link.client.query_one(NEW_CHAIN, &[&values.0, &values.1]).await?;
            let last = ChainHead::begin(&genesis, row.try_get(0)?, key);
            let tally = Tally::new(&definition.slate);
            self.chains.insert(key, Filling { last, tally, taken: 0, next: Vec::new() });
        }
        for (number, ballot) in ballots {
            let Some(filling) = self.chains.get_mut(&key) else { continue };
            self.shared.with(|state| filling.add(state, key, &definition, number, ballot))?;
            let is_recent = filling.taken + UNPUBLISHED >= all;
            if is_recent || filling.next.len() >= STEP_ROWS_MAX {
                self.flush(key).await?;
            }
        }
        Ok(())
    }

    /// Stores the next entry of a chain.
    async fn flush(&mut self, key: i32) -> Result<(), Fault> {
        let Some(filling) = self.chains.get_mut(&key) else { return Ok(()) };
        if filling.next.is_empty() {
            return Ok(());
        }
        let mut next = std::mem::take(&mut filling.next);
        next.sort_unstable();
        let mut entry = filling.last.next(BALLOTS);
        for (number, sealed) in &next {
            entry.ballot(number.cast_unsigned().into(), sealed);
        }
        let (stored, last) = (entry.ballots, entry.finish());
        filling.last = last;
        let (numbers, sealed): (Vec<i64>, Vec<Vec<u8>>) = next.into_iter().unzip();
        let client = &self.place.link.client;
        let ChainHead { chain, seq, head } = last;
        client.execute(PUT_BALLOTS, &[&key, &numbers, &sealed, &chain, &seq]).await?;
        let head = &head[..];
        client.execute(PUT_ENTRY, &[&chain, &seq, &BALLOTS, &stored, &head]).await?;
        Ok(())
    }

    /// Stores the tally of the chain of an election that is not closed.
    async fn put_tally(&mut self, key: i32) -> Result<(), Fault> {
        let definition = self.election(key)?.definition;
        let Some(Filling { last, tally, .. }) = self.chains.remove(&key) else { return Ok(()) };
        let sealed =
            self.shared.with(|state| sealed_tally(state, key, &last, &tally, &definition))?;
        let ballots = tally.ballots() as i64;
        let client = &self.place.link.client;
        client.execute(PUT_TALLY, &[&last.chain, &last.seq, &ballots, &sealed]).await?;
        let tally = ChainTally { seq: last.seq, tally };
        self.shared.with(|state| state.take_tally(key, last.chain, tally));
        Ok(())
    }

    /// Takes lines of a sheet.
    async fn lines(&mut self, key: i32, lines: &[u8]) -> Result<(), Fault> {
        let election = self.election(key)?;
        let bytes = line_bytes(&election.definition);
        let begin =
            || Sheet { counting: Counting::new(&election.definition), lines: Vec::new(), row: 0 };
        let sheet = self.sheet.get_or_insert_with(begin);
        for line in lines.chunks(bytes) {
            sheet.counting.add(line)?;
            sheet.lines.extend(line);
            if sheet.lines.len() == PART_LINES * bytes {
                let row = std::mem::take(&mut sheet.lines);
                close::put(&self.place.link, &election, sheet.row, row).await?;
                sheet.row += 1;
            }
        }
        Ok(())
    }

    /// Closes an election, whose ballots and lines were taken.
    async fn close(&mut self, key: i32) -> Result<(), Fault> {
        self.flush(key).await?;
        self.chains.remove(&key);
        self.act(key, What::Closing, Run::default()).await?;
        let election = self.election(key)?;
        let (link, definition) = (&self.place.link, &election.definition);
        let mut counting = Counting::new(definition);
        if let Some(sheet) = self.sheet.take() {
            counting = sheet.counting;
            if !sheet.lines.is_empty() {
                close::put(link, &election, sheet.row, sheet.lines).await?;
            }
        }
        let (tally, count, sheet) = counting.finish(election.voters);
        let chains = close::heads(&[link], key).await?;
        let what = What::Closed(Closed { chains, ballots: tally.ballots(), sheet });
        let counted = Some((tally, count));
        self.make(Planned { counted, ..Planned::only(key, what) }).await
    }
}

impl Filling {
    /// Adds a ballot, which is sealed if its election has a key.
    fn add(
        &mut self,
        state: &mut State,
        key: i32,
        definition: &Definition,
        number: VoterNumber,
        mut ballot: Vec<u8>,
    ) -> Result<(), Fault> {
        self.taken += 1;
        match state.keys.get_mut(&key) {
            Some(held) => {
                if State::is_counted(definition) {
                    let (ballot, nonce) = super::super::sheet::line(definition, &ballot)?;
                    self.tally.add(ballot, nonce);
                    self.tally.publish(definition.publication, ElectionState::Open);
                } else {
                    self.tally.add_unread(1);
                }
                let sealed = held.seal(number, &mut ballot);
                sealed.map_err(|error| Fault::Failed(None, error.to_string()))?;
            }
            None => self.tally.add_unread(1),
        }
        self.next.push((number.get().cast_signed(), ballot));
        Ok(())
    }
}

impl Target for DatabaseTarget {
    async fn take(&mut self, step: Step) -> Result<(), OpenError> {
        self.step(step).await.map_err(refused)
    }
}
