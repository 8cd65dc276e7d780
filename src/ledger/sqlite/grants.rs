//! The table of grants.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row, Transaction, params};

use super::values::invalid;
use crate::election::{ElectionId, Grant, GrantId, Grants, Role, TokenHash, Uses};

/// Stores a grant.
pub(super) fn insert(transaction: &Transaction<'_>, grant: &Grant) -> rusqlite::Result<()> {
    insert_into(transaction, "grants", grant)
}

/// Stores a grant that has ended.
#[cfg(feature = "postgres")]
pub(super) fn insert_ended(transaction: &Transaction<'_>, grant: &Grant) -> rusqlite::Result<()> {
    insert_into(transaction, "ended", grant)
}

fn insert_into(transaction: &Transaction<'_>, table: &str, grant: &Grant) -> rusqlite::Result<()> {
    let (role, election) = role_columns(&grant.role);
    transaction.execute(
        &format!(
            "INSERT INTO {table} (id, parent, role, election, token, uses)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        ),
        params![
            grant.id.0.cast_signed(),
            grant.parent.map(|parent| parent.0.cast_signed()),
            role,
            election.map(ElectionId::as_str),
            grant.token.as_bytes(),
            stored_uses(grant.uses),
        ],
    )?;
    Ok(())
}

/// Stores that a token is spent.
pub(super) fn spend(transaction: &Transaction<'_>, id: GrantId) -> rusqlite::Result<()> {
    let spent = params![id.0.cast_signed(), stored_uses(Uses::Spent)];
    transaction.execute("UPDATE grants SET uses = ?2 WHERE id = ?1", spent)?;
    Ok(())
}

/// Deletes the grants that are not in force: revoking one grant revokes those derived from it.
/// Stores those that have `ended` and are kept.
pub(super) fn keep_only(
    transaction: &Transaction<'_>,
    in_force: &Grants,
    ended: &[Grant],
) -> rusqlite::Result<()> {
    let in_force = in_force.iter().map(|grant| grant.id).collect();
    delete_others(transaction, "grants", &in_force)?;
    let stored = delete_others(transaction, "ended", &ended.iter().map(|it| it.id).collect())?;
    for grant in ended.iter().filter(|grant| !stored.contains(&grant.id)) {
        insert_into(transaction, "ended", grant)?;
    }
    Ok(())
}

/// Deletes the grants of a table that are not among these. Returns those that it had.
fn delete_others(
    transaction: &Transaction<'_>,
    table: &str,
    kept: &HashSet<GrantId>,
) -> rusqlite::Result<HashSet<GrantId>> {
    let mut select = transaction.prepare(&format!("SELECT id FROM {table}"))?;
    let id = |row: &Row<'_>| Ok(GrantId(row.get::<_, i64>(0)?.cast_unsigned()));
    let stored: HashSet<_> = select.query_map([], id)?.collect::<rusqlite::Result<_>>()?;
    let delete = format!("DELETE FROM {table} WHERE id = ?1");
    for id in stored.difference(kept) {
        transaction.execute(&delete, [id.0.cast_signed()])?;
    }
    Ok(stored)
}

/// The ended grants that are kept.
pub(super) fn read_ended(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    let mut select = connection
        .prepare("SELECT id, parent, role, election, token, uses FROM ended ORDER BY rowid")?;
    select.query_map([], grant)?.collect()
}

/// Every stored grant, each after its parent.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    let mut select =
        connection.prepare("SELECT id, parent, role, election, token, uses FROM grants")?;
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

/// The column `uses`.
fn stored_uses(uses: Uses) -> i64 {
    match uses {
        Uses::Any => 0,
        Uses::Once => 1,
        Uses::Spent => 2,
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
    let uses = match row.get::<_, i64>(5)? {
        0 => Uses::Any,
        1 => Uses::Once,
        2 => Uses::Spent,
        uses => return Err(invalid(format!("a grant has the invalid uses {uses}"))),
    };
    Ok(Grant {
        id: id(0)?.ok_or_else(missing)?,
        parent: id(1)?,
        role,
        token: TokenHash::from(token),
        uses,
    })
}
