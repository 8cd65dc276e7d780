//! What the statements about chains, ballots and sheets do.

use super::asks::{Done, any, changed, first, found, is, ledger, select};
use super::session::Session;
use super::statements::Ask;
use super::store::Table;
use super::values::{Row, Value};

/// The kind of the last entry of a chain.
const END: i64 = 5;

impl Session {
    pub(super) async fn ask_about_votes(&mut self, ask: Ask, given: &[Value]) -> Done {
        match ask {
            Ask::Look => found(self.look(given)),
            Ask::NewChain => {
                let chain = Value::from(self.next_chain());
                let row = [std::slice::from_ref(&chain), given].concat();
                self.add(Table::Chains, 1, row).await?;
                found(vec![vec![chain]])
            }
            Ask::TakeUp => self.take_up(given).await,
            Ask::OpenChains => found(select(self.chains(any(1, &given[0]), true), &[0, 1, 4])),
            Ask::Chains => found(select(self.chains(is(1, &given[0]), false), &[0, 4])),
            Ask::LeaveChains => {
                let change = |row: &mut Row| row[2] = Value::Null;
                let left = self.update(Table::Chains, first(1), is(2, &given[0]), change);
                changed(left.await?.len())
            }
            Ask::NewEntry => self.add(Table::Entries, 2, given.to_vec()).await,
            Ask::NewEnd => {
                let [chain, seq, kind, head] = given else { return changed(0) };
                let key = (Table::Entries, vec![chain.clone(), seq.clone()]);
                let row = vec![chain.clone(), seq.clone(), kind.clone(), 0.into(), head.clone()];
                changed(usize::from(self.insert(key, row).await?))
            }
            Ask::LastEntry => {
                let last = self.rows(Table::Entries, is(0, &given[0])).pop();
                found(select(last.into_iter().collect(), &[1, 4]))
            }
            Ask::LastWithTally => {
                let Some(last) = self.rows(Table::Entries, is(0, &given[0])).pop() else {
                    return changed(0);
                };
                let tally = self.get(&(Table::Tallies, vec![given[0].clone()]));
                let tally = tally.map_or(vec![Value::Null; 3], |row| row[1..].to_vec());
                found(vec![[&[last[1].clone(), last[4].clone()][..], &tally].concat()])
            }
            Ask::EntriesStored => {
                let known = given[0].ints().iter().zip(given[1].ints()).zip(given[2].blobs());
                let stored = known.filter_map(|((chain, seq), head)| {
                    let entry =
                        self.get(&(Table::Entries, vec![(*chain).into(), (*seq).into()]))?;
                    let head = Value::Bytes(head.clone());
                    (entry[4] == head).then(|| vec![head])
                });
                found(stored.collect())
            }
            Ask::Stored => {
                let stored: i64 = self.entries(&given[0]).iter().map(|row| row[3].int()).sum();
                found(vec![vec![stored.into()]])
            }
            Ask::Ends => {
                let ends = self.entries(&given[0]).into_iter();
                let ends = ends.filter(|row| row[2].int() == END).collect();
                found(select(ends, &[0, 1, 4]))
            }
            Ask::Entries => {
                found(select(self.rows(Table::Entries, is(0, &given[0])), &[1, 2, 3, 4]))
            }
            Ask::NewTally => {
                let key = (Table::Tallies, vec![given[0].clone()]);
                self.lock(&key, true).await?;
                self.put(&key, Some(given.to_vec()));
                changed(1)
            }
            Ask::DropTallies => {
                let chains = self.chains(is(1, &given[0]), false);
                for chain in &chains {
                    let key = (Table::Tallies, vec![chain[0].clone()]);
                    self.lock(&key, true).await?;
                    self.put(&key, None);
                }
                changed(chains.len())
            }
            ask => self.ask_about_ballots(ask, given).await,
        }
    }

    async fn ask_about_ballots(&mut self, ask: Ask, given: &[Value]) -> Done {
        match ask {
            Ask::NewBallots => {
                let mut stored = 0;
                for (number, sealed) in given[1].ints().iter().zip(given[2].blobs()) {
                    let key = vec![given[0].clone(), (*number).into()];
                    let rest = [Value::Bytes(sealed.clone()), given[3].clone(), given[4].clone()];
                    let row = [&key[..], &rest[..]].concat();
                    stored += usize::from(self.insert((Table::Ballots, key), row).await?);
                }
                changed(stored)
            }
            Ask::BallotsUnder => {
                let under = any(1, &given[1]);
                let of = |row: &Row| row[0] == given[0] && under(row);
                found(select(self.rows(Table::Ballots, of), &[1, 2, 3, 4]))
            }
            Ask::CountBallots => {
                let count = self.rows(Table::Ballots, is(0, &given[0])).len() as i64;
                found(vec![vec![count.into()]])
            }
            Ask::Ballots => found(select(self.rows(Table::Ballots, is(0, &given[0])), &[1, 2])),
            Ask::ChainBallots => {
                let of = |row: &Row| row[0] == given[0] && row[3] == given[1];
                let mut rows = self.rows(Table::Ballots, of);
                rows.sort_by_key(|row| (row[4].clone(), row[1].clone()));
                found(select(rows, &[4, 1, 2]))
            }
            Ask::Used => {
                let (of, under) = (any(0, &given[0]), any(1, &given[1]));
                let used = self.rows(Table::Ballots, |row| of(row) && under(row));
                found(select(used, &[1]))
            }
            Ask::ClearSheet => {
                let rows = self.rows(Table::Sheet, is(0, &given[0]));
                for row in &rows {
                    let key = (Table::Sheet, row[..2].to_vec());
                    self.lock(&key, true).await?;
                    self.put(&key, None);
                }
                changed(rows.len())
            }
            Ask::NewSheet => {
                let key = (Table::Sheet, given[..2].to_vec());
                changed(usize::from(self.insert(key, given.to_vec()).await?))
            }
            Ask::SheetLines => found(select(self.rows(Table::Sheet, is(0, &given[0])), &[3])),
            Ask::SheetAt => {
                let mut rows =
                    self.rows(Table::Sheet, |row| row[0] == given[0] && row[2] <= given[1]);
                rows.sort_by_key(|row| row[2].clone());
                found(select(rows.pop().into_iter().collect(), &[3]))
            }
            Ask::SheetFrom => {
                let mut rows =
                    self.rows(Table::Sheet, |row| row[0] == given[0] && row[1] >= given[1]);
                rows.truncate(given[2].int() as usize);
                found(select(rows, &[3]))
            }
            ask => panic!("{ask:?} does nothing"),
        }
    }

    /// Takes up the oldest chain that is free.
    async fn take_up(&self, given: &[Value]) -> Done {
        let [_, server, writer, _] = given else { return changed(0) };
        let alive = self.alive(given[3].int());
        let is_free = |row: &Row| {
            row[2] == Value::Null
                || row[2] == *server && row[3] == *writer
                || row[2] != *server && !alive.contains(&row[2])
        };
        let free = self.chains(|row| row[1] == given[0] && is_free(row), true);
        let Some(oldest) = free.first() else { return changed(0) };
        let wanted = |row: &Row| row[0] == oldest[0] && is_free(row);
        let change = |row: &mut Row| (row[2], row[3]) = (server.clone(), writer.clone());
        found(select(self.update(Table::Chains, first(1), wanted, change).await?, &[0, 4]))
    }

    /// The chains for which `wanted` holds; with `is_open` only those without an end.
    fn chains(&self, wanted: impl Fn(&Row) -> bool, is_open: bool) -> Vec<Row> {
        let mut chains = self.rows(Table::Chains, wanted);
        if is_open {
            let ends = self.rows(Table::Entries, |row| row[2].int() == END);
            chains.retain(|chain| !ends.iter().any(|end| end[0] == chain[0]));
        }
        chains
    }

    /// The entries of an election's chains.
    fn entries(&self, election: &Value) -> Vec<Row> {
        let chains = self.chains(is(1, election), false);
        self.rows(Table::Entries, |row| chains.iter().any(|chain| chain[0] == row[0]))
    }

    fn look(&self, known: &[Value]) -> Vec<Row> {
        let version = self.get(&ledger()).map_or(Value::Null, |row| row[2].clone());
        let mut now = vec![version, self.milliseconds().into(), true.into()];
        let known: Vec<_> = known[0].ints().iter().zip(known[1].ints()).collect();
        let is_newer = |row: &Row| {
            !known.iter().any(|(chain, seq)| **chain == row[0].int() && **seq >= row[1].int())
        };
        let is_asked = self.is_key_asked_for();
        let mut rows = Vec::new();
        for tally in self.rows(Table::Tallies, is_newer) {
            let of = self.chains(is(0, &tally[0]), false);
            let Some(chain) = of.first() else { continue };
            let election = self.get(&(Table::Elections, vec![chain[1].clone()]));
            let Some(election) = election else { continue };
            let is_asked = is_asked.into();
            let more =
                [&tally[0], &chain[1], &tally[1], &tally[2], &tally[3], &is_asked, &election[1]];
            rows.push(now.iter().chain(more).cloned().collect());
        }
        if rows.is_empty() {
            now.resize(8, Value::Null);
            now.extend([is_asked.into(), Value::Null]);
            rows.push(now);
        }
        rows
    }
}
