//! The returning officer's link, from which all authority on a server comes.

use std::io::{self, Write};
use std::path::Path;

use super::{StartError, private_file};
use crate::election::{Role, Token};
use crate::ledger::{Act, Ledger};
use crate::net::link::Link;
use crate::service::draw_grant;

/// The file in the data directory.
const FILE_NAME: &str = "officer.link";

/// Makes the returning officer's link at the first start, and again whenever no returning officer's grant
/// is in force. A link that is there keeps its secret, and gets the address that the server has this time.
///
/// The file is written before the grant is in the ledger: a server that is killed between the two makes
/// both anew, and never has a returning officer whose link is lost.
pub(super) fn ensure(
    ledger: &mut impl Ledger,
    data: &Path,
    reached_at: Option<&Link>,
) -> Result<(), StartError> {
    let Some(reached_at) = reached_at else { return Ok(()) };
    let path = data.join(FILE_NAME);
    let failed = |source| StartError::OfficerLink { path: path.clone(), source };
    let write = |token: &Token| {
        let link = Link { token: Some(token.as_bytes().to_vec()), ..reached_at.clone() };
        private_file::write(&path, |file| writeln!(file, "{link}")).map_err(failed)
    };
    let grants = ledger.grants();
    let kept = read(&path).map_err(failed)?;
    if let Some(token) = kept.filter(|token| {
        grants.find(token).is_some_and(|grant| grant.role == Role::ReturningOfficer)
    }) {
        return write(&token);
    }
    if grants.iter().any(|grant| grant.role == Role::ReturningOfficer) {
        // The officer keeps the link elsewhere.
        return Ok(());
    }
    let random = |error: getrandom::Error| StartError::Resources(io::Error::other(error));
    let (token, grant) = draw_grant(None, Role::ReturningOfficer).map_err(random)?;
    write(&token)?;
    ledger.administer(&[Act::Grant(grant)])?;
    tracing::info!(link = %path.display(), "the returning officer's link is made");
    Ok(())
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
