//! The file of the returning officer's link.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::prepared::Prepared;
use super::{StartError, secrets};
use crate::election::{Grant, Role, Token};
use crate::ledger::{Act, Ledger, Location};
use crate::net::link::{Address, DEFAULT_PORT, HostPort, Link};
use crate::private_file;
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
    if let Some(token) = working_token(ledger, data).await? {
        write(data, &token, reached_at)?;
        return Ok(None);
    }
    // The link was moved elsewhere.
    if has_officer(ledger).await? {
        return Ok(None);
    }
    let grant = write_new(data, reached_at)?;
    let acts = vec![Act::GrantFirst(grant)];
    let log = |path: &Path| tracing::info!(file = %path.display(), "the returning officer's link was created");
    Ok(Some(Prepared { acts, file: data.join(FILE_NAME), log }))
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
    if !revoke_others && working_token(&*ledger, data).await?.is_some() {
        return Err(StartError::OfficerLinkKept(path));
    }
    let grants = ledger.fresh().await?.grants.clone();
    let officers = grants.iter().filter(|grant| grant.role == Role::ReturningOfficer);
    let revoked = officers.filter(|_| revoke_others).map(|officer| Act::RevokeGrant(officer.id));
    // The next start replaces the address.
    let reached_at =
        Link::to(Address::Tcp(HostPort { host: "127.0.0.1".into(), port: DEFAULT_PORT }));
    let grant = write_new(data, &reached_at)?;
    ledger.act(revoked.chain([Act::Grant(grant)]).collect(), None).await?;
    Ok(path)
}

/// Draws a token, and writes its link. Returns the grant, which is not in force yet.
fn write_new(data: &Path, reached_at: &Link) -> Result<Grant, StartError> {
    let (token, grant) = draw_grant(None, Role::ReturningOfficer)?;
    write(data, &token, reached_at)?;
    Ok(grant)
}

fn write(data: &Path, token: &Token, reached_at: &Link) -> Result<(), StartError> {
    let path = data.join(FILE_NAME);
    let link = Link { token: Some(token.as_bytes().to_vec()), ..reached_at.clone() };
    let written = private_file::write(&path, |file| writeln!(file, "{link}"));
    written.map_err(|why| StartError::OfficerLink { path, why })
}

async fn has_officer(ledger: &dyn Ledger) -> Result<bool, StartError> {
    let snapshot = ledger.fresh().await?;
    Ok(snapshot.grants.iter().any(|grant| grant.role == Role::ReturningOfficer))
}

/// The token in the file, if a returning officer's grant with it is in force.
async fn working_token(ledger: &dyn Ledger, data: &Path) -> Result<Option<Token>, StartError> {
    let path = data.join(FILE_NAME);
    let token = read(&path).map_err(|why| StartError::OfficerLink { path, why })?;
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
