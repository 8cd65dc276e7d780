//! Saved capabilities, on disk.

use rusqlite::{Connection, Row, Transaction, params};

use super::file::invalid;
use crate::election::{ElectionId, Grant, GrantId, Grants, Role, TokenHash};
use crate::ledger::Act;

/// Stores an act about grants, after which `now` are in force.
pub(super) fn store(
    transaction: &Transaction<'_>,
    act: &Act,
    now: &Grants,
) -> rusqlite::Result<()> {
    match act {
        Act::Grant(grant) => {
            let (role, election) = stored(&grant.role);
            transaction.execute(
                "INSERT INTO grants (id, parent, role, election, token) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    grant.id.0.cast_signed(),
                    grant.parent.map(|parent| parent.0.cast_signed()),
                    role,
                    election.map(ElectionId::as_str),
                    grant.token.as_bytes(),
                ],
            )?;
        }
        // One revocation may end many.
        _ => {
            for grant in read(transaction)? {
                if !now.holds(grant.id) {
                    let id = grant.id.0.cast_signed();
                    transaction.execute("DELETE FROM grants WHERE id = ?1", [id])?;
                }
            }
        }
    }
    Ok(())
}

/// Every stored grant, parents before what was made from them.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    // Rows are not in order of their random ids; the order they were made in is that of parents first.
    let mut select = connection.prepare("SELECT id, parent, role, election, token FROM grants")?;
    let mut unplaced: Vec<Grant> = select.query_map([], grant)?.collect::<rusqlite::Result<_>>()?;
    let mut placed: Vec<Grant> = Vec::with_capacity(unplaced.len());
    while !unplaced.is_empty() {
        let known = |parent| placed.iter().any(|grant| Some(grant.id) == parent);
        let (ready, rest): (Vec<_>, Vec<_>) =
            unplaced.into_iter().partition(|grant| grant.parent.is_none() || known(grant.parent));
        if ready.is_empty() {
            return Err(invalid("a saved capability was made from one that is not there".into()));
        }
        placed.extend(ready);
        unplaced = rest;
    }
    Ok(placed)
}

fn stored(role: &Role) -> (i64, Option<&ElectionId>) {
    match role {
        Role::ReturningOfficer => (1, None),
        Role::Administration(election) => (2, Some(election)),
        Role::Registrar(election) => (3, Some(election)),
        Role::Auditor(election) => (4, Some(election)),
    }
}

fn grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let id = |column| -> rusqlite::Result<Option<GrantId>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(|id| GrantId(id.cast_unsigned())))
    };
    let election: Option<String> = row.get(3)?;
    let election = election.map(|id| id.parse::<ElectionId>());
    let election = election.transpose().map_err(|error| invalid(error.to_string()))?;
    let role = match (row.get::<_, i64>(2)?, election) {
        (1, None) => Role::ReturningOfficer,
        (2, Some(election)) => Role::Administration(election),
        (3, Some(election)) => Role::Registrar(election),
        (4, Some(election)) => Role::Auditor(election),
        (role, _) => {
            return Err(invalid(format!("a saved capability has the impossible role {role}")));
        }
    };
    let missing = || invalid("a saved capability has no id".into());
    let token: [u8; 32] = row.get(4)?;
    Ok(Grant {
        id: id(0)?.ok_or_else(missing)?,
        parent: id(1)?,
        role,
        token: TokenHash::from(token),
    })
}
