//! What the statements about acts, elections and rolls do. [`votes`](super::votes) has the others.

use super::session::Session;
use super::statements::Ask;
use super::store::{Key, Table};
use super::values::{Row, Value};
use super::wire::Failure;

/// The rows that a statement returns, and how many it changed.
pub(super) type Done = Result<(Vec<Row>, usize), Failure>;

/// The only row of the table `ledger`: its format, its identity, its version, and its cluster among
/// how many.
pub(super) fn ledger() -> Key {
    (Table::Ledger, vec![true.into()])
}

/// Whether a column has this value.
pub(super) fn is(column: usize, value: &Value) -> impl Fn(&Row) -> bool + use<> {
    let value = value.clone();
    move |row| row[column] == value
}

/// Whether a column has one of these numbers.
pub(super) fn any(column: usize, values: &Value) -> impl Fn(&Row) -> bool + use<> {
    let values = values.ints().to_vec();
    move |row| values.contains(&row[column].int())
}

/// These columns of these rows.
pub(super) fn select(rows: Vec<Row>, columns: &[usize]) -> Vec<Row> {
    let row = |row: Row| columns.iter().map(|column| row[*column].clone()).collect();
    rows.into_iter().map(row).collect()
}

/// The key of a row whose first columns are that.
pub(super) fn first(columns: usize) -> impl Fn(&Row) -> Vec<Value> {
    move |row| row[..columns].to_vec()
}

pub(super) fn found(rows: Vec<Row>) -> Done {
    let count = rows.len();
    Ok((rows, count))
}

pub(super) fn changed(count: usize) -> Done {
    Ok((Vec::new(), count))
}

impl Session {
    /// Does what a statement asks for.
    pub(super) async fn ask(&mut self, ask: Ask, given: &[Value]) -> Done {
        match ask {
            Ask::Settings => found(vec![self.settings()]),
            Ask::IsReplicated => {
                let has_standby = self.shared.borrow().has_standby(self.node);
                found(vec![vec![has_standby.into()]])
            }
            Ask::Replicated => {
                let has_standby = self.shared.borrow().has_standby(self.node);
                found(vec![vec![i64::from(has_standby).into(), 0.into()]])
            }
            Ask::IsComplete => found(vec![vec![self.get(&ledger()).is_some().into()]]),
            Ask::NewLedger => {
                let [format, id, cluster, clusters] = given else { return changed(0) };
                let row = [format, id, &0.into(), cluster, clusters].map(Value::clone);
                changed(usize::from(self.insert(ledger(), row.to_vec()).await?))
            }
            Ask::Format => found(select(self.rows(Table::Ledger, |_| true), &[0])),
            Ask::LedgerPlace => found(select(self.rows(Table::Ledger, |_| true), &[1, 3, 4])),
            Ask::LockVersion => {
                self.lock(&ledger(), true).await?;
                let version = self.get(&ledger()).map(|row| vec![row[2].clone(), true.into()]);
                found(version.into_iter().collect())
            }
            Ask::MoveVersion => {
                let (key, next) = (|_: &Row| vec![true.into()], given[1].clone());
                let change = move |row: &mut Row| row[2] = next.clone();
                changed(self.update(Table::Ledger, key, is(2, &given[0]), change).await?.len())
            }
            Ask::NewAct => self.add(Table::Acts, 1, given.to_vec()).await,
            Ask::ActsAfter => {
                let after = given[0].int();
                found(self.rows(Table::Acts, |row| row[0].int() > after))
            }
            Ask::LastAct => {
                let last = self.rows(Table::Acts, |_| true).pop();
                found(select(last.into_iter().collect(), &[2, 3]))
            }
            Ask::IsActStored => {
                let stored = !self.rows(Table::Acts, is(4, &given[0])).is_empty();
                found(vec![vec![stored.into()]])
            }
            Ask::NewRoll => self.add(Table::Roll, 3, given.to_vec()).await,
            Ask::RollOf => {
                let of = |row: &Row| row[..2] == given[..2];
                found(select(self.rows(Table::Roll, of), &[4]))
            }
            Ask::WholeRoll => found(select(self.rows(Table::Roll, is(0, &given[0])), &[3, 4])),
            Ask::RollRows => {
                let of = |row: &Row| {
                    row[..2] == given[..2]
                        && (given[2].int()..given[3].int()).contains(&row[2].int())
                };
                found(select(self.rows(Table::Roll, of), &[4]))
            }
            Ask::NewElection => {
                let row = vec![given[0].clone(), given[1].clone(), 0.into(), given[2].clone()];
                self.add(Table::Elections, 1, row).await
            }
            Ask::OpenElection => self.move_elections(is(0, &given[0]), Some(1), given.get(1)).await,
            Ask::BeginClosing => self.move_elections(is(0, &given[0]), Some(2), None).await,
            Ask::CloseElection => self.move_elections(is(0, &given[0]), Some(3), None).await,
            Ask::IsClosing => {
                let of = self.rows(Table::Elections, is(0, &given[0])).into_iter();
                found(of.map(|row| vec![(row[2] == 2.into()).into()]).collect())
            }
            Ask::MoveElections => self.move_elections(any(0, &given[0]), None, given.get(1)).await,
            Ask::ShareElection => {
                let (key, version) = ((Table::Elections, vec![given[0].clone()]), given[1].int());
                let is_open = |row: &Row| row[2].int() == 1 && row[3].int() <= version;
                if !self.get(&key).is_some_and(|row| is_open(&row)) {
                    return found(Vec::new());
                }
                self.lock(&key, false).await?;
                let row = self.get(&key).filter(|row| is_open(row));
                found(select(row.into_iter().collect(), &[0]))
            }
            Ask::Settle => {
                let key = (Table::Servers, vec![given[0].clone()]);
                self.lock(&key, true).await?;
                let settled = self.get(&key).map_or(0, |row| row[1].int());
                self.put(&key, Some(vec![given[0].clone(), (settled + 1).into()]));
                changed(1)
            }
            ask => self.ask_about_leases(ask, given).await,
        }
    }

    async fn ask_about_leases(&mut self, ask: Ask, given: &[Value]) -> Done {
        match ask {
            Ask::IsKnown => {
                let head = self.get(&(Table::Acts, vec![given[0].clone()]));
                let head = head.map_or(Value::Null, |row| row[4].clone());
                let ids = select(self.rows(Table::Ledger, |_| true), &[1]);
                found(ids.into_iter().map(|id| [id, vec![head.clone()]].concat()).collect())
            }
            Ask::RenewLease => {
                let key = (Table::Leases, vec![given[0].clone()]);
                self.lock(&key, true).await?;
                let row = [given, &[self.milliseconds().into()]].concat();
                self.put(&key, Some(row));
                changed(1)
            }
            Ask::Others => {
                let alive = self.alive(given[1].int());
                let other = |row: &Row| row[0] != given[0] && alive.contains(&row[0]);
                found(select(self.rows(Table::Leases, other), &[0, 1]))
            }
            Ask::Links => {
                let alive = self.alive(given[0].int());
                let told = |row: &Row| row[3] != Value::Null && alive.contains(&row[0]);
                found(select(self.rows(Table::Leases, told), &[2, 3]))
            }
            Ask::EndLease => {
                let key = (Table::Leases, vec![given[0].clone()]);
                self.lock(&key, true).await?;
                self.put(&key, None);
                changed(1)
            }
            Ask::SweepLeases => {
                let alive = self.alive(given[0].int());
                let dead = self.rows(Table::Leases, |row| !alive.contains(&row[0]));
                for row in &dead {
                    for table in [Table::Leases, Table::Servers] {
                        let key = (table, vec![row[0].clone()]);
                        self.lock(&key, true).await?;
                        self.put(&key, None);
                    }
                }
                changed(dead.len())
            }
            ask => self.ask_about_keys(ask, given).await,
        }
    }

    /// The servers whose lease was renewed in the last `milliseconds`.
    pub(super) fn alive(&self, milliseconds: i64) -> Vec<Value> {
        let since = self.milliseconds() - milliseconds;
        select(self.rows(Table::Leases, |row| row[4].int() > since), &[0]).concat()
    }

    /// Stores a row that nobody else may have stored, whose key is its first columns.
    pub(super) async fn add(&self, table: Table, columns: usize, row: Row) -> Done {
        let key = (table, row[..columns].to_vec());
        self.insert_new(key, row).await?;
        changed(1)
    }

    async fn move_elections(
        &self,
        wanted: impl Fn(&Row) -> bool,
        state: Option<i64>,
        version: Option<&Value>,
    ) -> Done {
        let change = |row: &mut Row| {
            if let Some(state) = state {
                row[2] = state.into();
            }
            if let Some(version) = version {
                row[3] = version.clone();
            }
        };
        changed(self.update(Table::Elections, first(1), wanted, change).await?.len())
    }

    fn settings(&self) -> Row {
        let (in_recovery, standbys, timeline) = self.about();
        let timeline = match in_recovery {
            true => Value::Null,
            false => Value::Text(format!("{timeline:08X}")),
        };
        let (on, off) = (Value::from("on"), Value::from("off"));
        let read_only = if in_recovery { on.clone() } else { off.clone() };
        vec![
            150_000.into(),
            in_recovery.into(),
            read_only,
            on.clone(),
            on.clone(),
            off.clone(),
            off,
            on.clone(),
            "ANY 1 (a, b)".into(),
            standbys.into(),
            timeline,
            on,
        ]
    }
}
