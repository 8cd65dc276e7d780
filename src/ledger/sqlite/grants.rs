//! The table of grants.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row, Transaction, params};

use super::values::invalid;
use crate::election::{ElectionId, Grant, GrantId, Grants, Role, TokenHash};

/// Stores a grant.
pub(super) fn insert(transaction: &Transaction<'_>, grant: &Grant) -> rusqlite::Result<()> {
    let (role, election) = role_columns(&grant.role);
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
    Ok(())
}

/// Deletes the grants that are not in force: revoking one grant revokes those derived from it.
pub(super) fn keep_only(transaction: &Transaction<'_>, in_force: &Grants) -> rusqlite::Result<()> {
    let in_force: HashSet<GrantId> = in_force.iter().map(|grant| grant.id).collect();
    let mut select = transaction.prepare("SELECT id FROM grants")?;
    let stored: Vec<i64> =
        select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for id in stored {
        if !in_force.contains(&GrantId(id.cast_unsigned())) {
            transaction.execute("DELETE FROM grants WHERE id = ?1", [id])?;
        }
    }
    Ok(())
}

/// Every stored grant, each after its parent.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    let mut select = connection.prepare("SELECT id, parent, role, election, token FROM grants")?;
    let mut children: HashMap<Option<GrantId>, Vec<Grant>> = HashMap::new();
    let mut all = 0;
    for grant in select.query_map([], grant)? {
        let grant = grant?;
        children.entry(grant.parent).or_default().push(grant);
        all += 1;
    }
    let mut sorted: Vec<Grant> = children.remove(&None).unwrap_or_default();
    let mut next = 0;
    while let Some(parent) = sorted.get(next).map(|grant| grant.id) {
        sorted.extend(children.remove(&Some(parent)).unwrap_or_default());
        next += 1;
    }
    if sorted.len() < all {
        return Err(invalid("a grant has a parent that is not stored".into()));
    }
    Ok(sorted)
}

/// The columns `role` and `election`.
fn role_columns(role: &Role) -> (i64, Option<&ElectionId>) {
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
            return Err(invalid(format!("a grant has the invalid role {role}")));
        }
    };
    let missing = || invalid("a grant has no id".into());
    let token: [u8; 32] = row.get(4)?;
    Ok(Grant {
        id: id(0)?.ok_or_else(missing)?,
        parent: id(1)?,
        role,
        token: TokenHash::from(token),
    })
}
