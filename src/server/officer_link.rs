//! The returning officer's link, from which all authority on a server comes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StartError;
use crate::election::{Grant, Role, Token};
use crate::ledger::{Act, ActRefusal, Ledger, LedgerError, Location};
use crate::net::link::{Address, DEFAULT_PORT, HostPort, Link};
use crate::private_file;
use crate::service::draw_grant;

/// The file in the data folder.
const FILE_NAME: &str = "officer.link";

/// Writes the link at the first start, and whenever no returning officer's grant is in force. A link
/// that opens one keeps its token, and gets the address that the server has this time.
///
/// The file is written before the grant is in the ledger: a server that is killed between the two
/// makes both anew at the next start, and never leaves a grant without its link.
pub(super) async fn ensure(
    ledger: &dyn Ledger,
    data: &Path,
    reached_at: &Link,
) -> Result<(), StartError> {
    if let Some(token) = working_token(ledger, data).await? {
        return write(data, &token, reached_at);
    }
    // If there is an officer without a link here, the link is kept elsewhere.
    if has_officer(ledger).await? {
        return Ok(());
    }
    let grant = write_new(data, reached_at)?;
    match ledger.act(vec![Act::GrantFirst(grant)], None).await {
        Ok(()) => {
            let path = data.join(FILE_NAME);
            tracing::info!(link = %path.display(), "the returning officer's link is made");
            Ok(())
        }
        // Another server was faster, and has the link that works.
        Err(LedgerError::Refused(ActRefusal::OfficerExists)) => {
            let path = data.join(FILE_NAME);
            std::fs::remove_file(&path).map_err(|why| StartError::OfficerLink { path, why })
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a new returning officer's link for the ledger in the folder `data`, which no server may be
/// using, and returns its file. Earlier links stay in force, unless they are to be ended, with all
/// that was shared from them.
///
/// # Errors
/// [`StartError::OfficerLinkKept`] if there is a link that works and others are not to be ended.
pub async fn new_officer_link(data: &Path, end_others: bool) -> Result<PathBuf, StartError> {
    let ledger = Location::Directory(data.to_owned()).open_existing()?;
    let path = data.join(FILE_NAME);
    if !end_others && working_token(&*ledger, data).await?.is_some() {
        return Err(StartError::OfficerLinkKept(path));
    }
    let grants = ledger.fresh().await?.grants.clone();
    let officers = grants.iter().filter(|grant| grant.role == Role::ReturningOfficer);
    let ended = officers.filter(|_| end_others).map(|officer| Act::RevokeGrant(officer.id));
    // The next start writes the address.
    let reached_at =
        Link::to(Address::Tcp(HostPort { host: "127.0.0.1".into(), port: DEFAULT_PORT }));
    let grant = write_new(data, &reached_at)?;
    ledger.act(ended.chain([Act::Grant(grant)]).collect(), None).await?;
    Ok(path)
}

/// Draws a token, and writes the link. Returns the grant to be put in force.
fn write_new(data: &Path, reached_at: &Link) -> Result<Grant, StartError> {
    let random = |error: getrandom::Error| StartError::Resources(io::Error::other(error));
    let (token, grant) = draw_grant(None, Role::ReturningOfficer).map_err(random)?;
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

/// The token in the file, if it opens a returning officer's authority.
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
