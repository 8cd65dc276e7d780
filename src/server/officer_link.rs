//! The returning officer's link, from which all authority on a server comes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StartError;
use crate::election::{Role, Token};
use crate::ledger::{Act, Ledger, SqliteLedger};
use crate::net::link::{Address, DEFAULT_PORT, HostPort, Link};
use crate::private_file;
use crate::service::draw_grant;

/// The file in the data directory.
pub(super) const FILE_NAME: &str = "officer.link";

/// Writes the returning officer's link at the first start, and again whenever no returning officer's grant
/// is in force, and returns what puts that in force. A link that is there keeps its secret, and gets the address
/// that the server has this time.
///
/// The file is written before the grant is in the ledger: a server that is killed between the two makes
/// both anew, and never has a returning officer whose link is lost.
pub(super) fn act(
    ledger: &impl Ledger,
    data: &Path,
    reached_at: Option<&Link>,
) -> Result<Option<Act>, StartError> {
    let Some(reached_at) = reached_at else { return Ok(None) };
    if let Some(token) = kept(ledger, data)? {
        write(data, &token, reached_at)?;
        return Ok(None);
    }
    if ledger.grants().iter().any(|grant| grant.role == Role::ReturningOfficer) {
        // The officer keeps the link elsewhere.
        return Ok(None);
    }
    Ok(Some(make(data, reached_at)?))
}

/// Makes a new returning officer's link for the ledger in the folder `data`, which no server may be using,
/// and returns the file that it is in. Links from before go on, unless they are to be ended; with them goes
/// all that was shared from them.
///
/// # Errors
/// [`StartError::OfficerLinkKept`] where there is a link that works and the others are not to be ended.
pub fn new_officer_link(data: &Path, end_others: bool) -> Result<PathBuf, StartError> {
    let mut ledger = SqliteLedger::open_existing(data)?;
    let path = data.join(FILE_NAME);
    if !end_others && kept(&ledger, data)?.is_some() {
        return Err(StartError::OfficerLinkKept(path));
    }
    let grants = ledger.grants();
    let officers = grants.iter().filter(|grant| grant.role == Role::ReturningOfficer);
    let ended = officers.filter(|_| end_others).map(|officer| Act::RevokeGrant(officer.id));
    // The next start writes where the server is reached.
    let reached_at =
        Link::to(Address::Tcp(HostPort { host: "127.0.0.1".into(), port: DEFAULT_PORT }));
    let acts: Vec<_> = ended.chain([make(data, &reached_at)?]).collect();
    ledger.administer(&acts)?;
    Ok(path)
}

/// Makes a link and writes it to its file. Returns what puts its grant in force.
fn make(data: &Path, reached_at: &Link) -> Result<Act, StartError> {
    let random = |error: getrandom::Error| StartError::Resources(io::Error::other(error));
    let (token, grant) = draw_grant(None, Role::ReturningOfficer).map_err(random)?;
    write(data, &token, reached_at)?;
    Ok(Act::Grant(grant))
}

fn write(data: &Path, token: &Token, reached_at: &Link) -> Result<(), StartError> {
    let path = data.join(FILE_NAME);
    let link = Link { token: Some(token.as_bytes().to_vec()), ..reached_at.clone() };
    let written = private_file::write(&path, |file| writeln!(file, "{link}"));
    written.map_err(|why| StartError::OfficerLink { path, why })
}

/// The token in the file, if it opens a returning officer's authority.
fn kept(ledger: &impl Ledger, data: &Path) -> Result<Option<Token>, StartError> {
    let path = data.join(FILE_NAME);
    let token = read(&path).map_err(|why| StartError::OfficerLink { path, why })?;
    let grants = ledger.grants();
    let opens = |token: &Token| Some(&grants.find(token)?.role);
    Ok(token.filter(|token| opens(token) == Some(&Role::ReturningOfficer)))
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
