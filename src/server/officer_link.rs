//! The file of the returning officer's link.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::prepared::{Prepared, finish, pending};
use super::{StartError, secrets};
use crate::election::{Grant, Role, Token};
use crate::ledger::{Act, Ledger, Location};
use crate::net::link::{Address, DEFAULT_PORT, HostPort, Link};
use crate::private_file::{self, sync_parent};
use crate::service::draw_grant;

/// The name of the file in the data directory.
const FILE_NAME: &str = "officer.link";

/// Writes a new link if no returning officer's grant is in force, and returns the act that puts one
/// in force. A link that works keeps its token, and gets the current address of the server.
pub(super) async fn prepare(
    ledger: &dyn Ledger,
    data: &Path,
    reached_at: &Link,
) -> Result<Option<Prepared>, StartError> {
    let file = data.join(FILE_NAME);
    if working_token(ledger, &pending(&file)).await?.is_some() {
        finish(&file).map_err(|why| StartError::OfficerLink { path: file.clone(), why })?;
    }
    if let Some(token) = working_token(ledger, &file).await? {
        write(&file, &token, reached_at)?;
        return Ok(None);
    }
    // The link was moved elsewhere.
    if has_officer(ledger).await? {
        return Ok(None);
    }
    check_unused(&file)?;
    let grant = write_new(&pending(&file), reached_at)?;
    let acts = vec![Act::GrantFirst(grant)];
    let log = |path: &Path| tracing::info!(file = %path.display(), "the returning officer's link was created");
    Ok(Some(Prepared { acts, file, log }))
}

/// Creates a new returning officer's link for a ledger that no server uses, and returns its file.
/// With `revoke_others`, revokes earlier links and everything derived from them.
///
/// # Errors
/// [`StartError`]; [`StartError::OfficerLinkKept`] if the file has a link that works, unless
/// `revoke_others` is set.
pub async fn new_officer_link(data: &Path, revoke_others: bool) -> Result<PathBuf, StartError> {
    secrets::check_data(data)?;
    let ledger = Location::Directory(data.to_owned()).open_existing()?;
    let path = data.join(FILE_NAME);
    match working_token(&*ledger, &path).await? {
        None => check_unused(&path)?,
        Some(_) if !revoke_others => return Err(StartError::OfficerLinkKept(path)),
        Some(_) => {}
    }
    let grants = ledger.fresh().await?.grants.clone();
    let officers = grants.iter().filter(|grant| grant.role == Role::ReturningOfficer);
    let revoked = officers.filter(|_| revoke_others).map(|officer| Act::RevokeGrant(officer.id));
    // The next start replaces the address.
    let reached_at =
        Link::to(Address::Tcp(HostPort { host: "127.0.0.1".into(), port: DEFAULT_PORT }));
    let grant = write_new(&pending(&path), &reached_at)?;
    ledger.act(revoked.chain([Act::Grant(grant)]).collect(), None).await?;
    // Replaces only a link that this ledger knows, and that was just revoked.
    let replaced = replace(&path);
    replaced.map_err(|why| StartError::OfficerLink { path: path.clone(), why })?;
    Ok(path)
}

/// Gives the pending link its final name.
fn replace(path: &Path) -> io::Result<()> {
    std::fs::rename(pending(path), path)?;
    sync_parent(path)
}

/// Refuses to replace a link that the ledger does not know: it may be of another ledger.
fn check_unused(path: &Path) -> Result<(), StartError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(StartError::UnknownFile { path: path.to_owned(), what: "a returning officer" })
}

/// Draws a token, and writes its link. Returns the grant, which is not in force yet.
fn write_new(path: &Path, reached_at: &Link) -> Result<Grant, StartError> {
    let (token, grant) = draw_grant(None, Role::ReturningOfficer)?;
    write(path, &token, reached_at)?;
    Ok(grant)
}

fn write(path: &Path, token: &Token, reached_at: &Link) -> Result<(), StartError> {
    let link = Link { token: Some(token.as_bytes().to_vec()), ..reached_at.clone() };
    let written = private_file::write(path, |file| writeln!(file, "{link}"));
    written.map_err(|why| StartError::OfficerLink { path: path.to_owned(), why })
}

async fn has_officer(ledger: &dyn Ledger) -> Result<bool, StartError> {
    let snapshot = ledger.fresh().await?;
    Ok(snapshot.grants.iter().any(|grant| grant.role == Role::ReturningOfficer))
}

/// The token in a file, if a returning officer's grant with it is in force.
async fn working_token(ledger: &dyn Ledger, path: &Path) -> Result<Option<Token>, StartError> {
    let failed = |why| StartError::OfficerLink { path: path.to_owned(), why };
    let token = read(path).map_err(failed)?;
    let Some(token) = token else { return Ok(None) };
    let grant = ledger.grant(token.hash()).await?;
    let opens = grant.is_some_and(|grant| grant.role == Role::ReturningOfficer);
    Ok(opens.then_some(token))
}

/// The token of the link in a file, if there is one.
fn read(path: &Path) -> io::Result<Option<Token>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let link = text.trim().parse::<Link>().ok();
    Ok(link.and_then(|link| link.token).and_then(|token| Token::try_from(&token[..]).ok()))
}
