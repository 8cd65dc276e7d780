//! What the statements about the holders of keys do.

use super::asks::{Done, any, changed, found, is, select};
use super::session::Session;
use super::statements::Ask;
use super::store::Table;
use super::values::{Row, Value};

/// The columns of a holder.
const SERVER: usize = 1;
const PUBLIC: usize = 2;
const WRAPPED: usize = 4;
const DESTROYED: usize = 5;

impl Session {
    pub(super) async fn ask_about_keys(&mut self, ask: Ask, given: &[Value]) -> Done {
        match ask {
            Ask::SayHolder => {
                let key = (Table::Holders, given[..2].to_vec());
                self.lock(&key, true).await?;
                self.put(&key, Some([given, &[false.into()]].concat()));
                changed(1)
            }
            Ask::Holders => {
                let of = is(0, &given[0]);
                let holds = |row: &Row| of(row) && !is_asking(row) && !is_destroyed(row);
                found(select(self.rows(Table::Holders, holds), &[1, 2, 3]))
            }
            Ask::HoldersOf => {
                let (server, of) = (is(SERVER, &given[0]), any(0, &given[1]));
                let mine = |row: &Row| server(row) && of(row) && !is_destroyed(row);
                found(select(self.rows(Table::Holders, mine), &[0, 2, 3, 4]))
            }
            Ask::HoldersAsking => {
                let of = any(0, &given[0]);
                found(select(
                    self.rows(Table::Holders, |row| is_asking(row) && of(row)),
                    &[0, 1, 2, 3],
                ))
            }
            Ask::PassOn => {
                let wanted = |row: &Row| row[..=PUBLIC] == given[..=PUBLIC] && is_asking(row);
                let change = |row: &mut Row| row[WRAPPED] = given[3].clone();
                changed(self.update_holders(wanted, change).await?)
            }
            Ask::Destroyed => {
                let wanted = |row: &Row| row[..=SERVER] == given[..=SERVER];
                let change = |row: &mut Row| row[DESTROYED] = true.into();
                changed(self.update_holders(wanted, change).await?)
            }
            Ask::IsHeld => {
                let holders = self.rows(Table::Holders, is(0, &given[0]));
                let is_held = holders.is_empty() || !holders.iter().all(is_destroyed);
                found(vec![vec![is_held.into()]])
            }
            ask => self.ask_about_votes(ask, given).await,
        }
    }

    /// Whether a server waits for a key.
    pub(super) fn is_key_asked_for(&self) -> bool {
        !self.rows(Table::Holders, is_asking).is_empty()
    }

    async fn update_holders(
        &self,
        wanted: impl Fn(&Row) -> bool,
        change: impl Fn(&mut Row),
    ) -> Result<usize, super::wire::Failure> {
        let key = |row: &Row| row[..=SERVER].to_vec();
        Ok(self.update(Table::Holders, key, wanted, change).await?.len())
    }
}

fn is_asking(row: &Row) -> bool {
    row[WRAPPED] == Value::Null && !is_destroyed(row)
}

fn is_destroyed(row: &Row) -> bool {
    row[DESTROYED] == Value::Bool(true)
}
