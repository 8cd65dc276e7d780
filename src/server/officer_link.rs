//! The file of the returning officer's link.
//!
//! A start brings its address up to date, unless somebody has edited it: beside it, a file notes
//! what addresses servers have written.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::prepared::{Prepared, finish, pending};
use super::{StartError, secrets};
use crate::election::{Grant, Role, Token, Uses};
use crate::ledger::{Act, Ledger, Location};
use crate::net::link::{Address, DEFAULT_PORT, HostPort, Link};
use crate::private_file::{self, sync_parent};
use crate::service::draw_grant;

/// The name of the file in the data directory.
const FILE_NAME: &str = "officer.link";

/// The file with the last two addresses that were written there, without the token.
pub(super) const WRITTEN: &str = "officer.address";

/// Where a server is reached.
pub(super) struct Reached<'a> {
    pub(super) link: &'a Link,
    /// Whether the operator has said so, and not the listener.
    pub(super) is_told: bool,
}

/// Writes a new link if no returning officer's grant is in force, and returns the act that puts one
/// in force. A link that works keeps its token, and gets the current address of the server.
pub(super) async fn prepare(
    ledger: &dyn Ledger,
    data: &Path,
    reached: &Reached<'_>,
) -> Result<Option<Prepared>, StartError> {
    let file = OfficerFile::of(data);
    let path = &file.path;
    if working_token(ledger, &pending(path)).await?.is_some() {
        finish(path).map_err(|why| StartError::OfficerLink { path: path.clone(), why })?;
    }
    if let Some(token) = working_token(ledger, path).await? {
        file.update(&token, reached)?;
        return Ok(None);
    }
    if has_officer(ledger).await? {
        let reason = file.what_is_wrong()?;
        tracing::warn!(
            file = %path.display(),
            reason,
            "the returning officer's link is not in this file; if nobody and no other server has it, stop the server, \
             move away what is there, and make a new link with capvote-server officer-link DIR"
        );
        return Ok(None);
    }
    check_unused(path)?;
    let grant = file.write_pending(reached.link)?;
    let acts = vec![Act::GrantFirst(grant)];
    let log = |path: &Path| tracing::info!(file = %path.display(), "the returning officer's link was created");
    Ok(Some(Prepared { acts, file: file.path, log }))
}

/// Creates a new returning officer's link for a ledger that no server uses, and returns its file.
/// With `revoke_others`, revokes earlier links and everything derived from them.
///
/// # Errors
/// [`StartError`]; [`StartError::OfficerLinkKept`] if the file has a link that works, unless
/// `revoke_others` is set.
pub async fn new_officer_link(
    data: &Path,
    location: &Location,
    revoke_others: bool,
) -> Result<PathBuf, StartError> {
    secrets::check_data(data)?;
    let ledger = location.open_existing()?;
    let file = OfficerFile::of(data);
    let path = file.path.clone();
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
    let grant = file.write_pending(&reached_at)?;
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

/// The file, and the one beside it.
struct OfficerFile {
    path: PathBuf,
    written: PathBuf,
}

impl OfficerFile {
    /// The file in a data directory. A symbolic link of its name stays one: its target is written.
    fn of(data: &Path) -> Self {
        let path = data.join(FILE_NAME);
        // Of a link without a target, the place where the target would be.
        let target = path.read_link().map(|target| data.join(target));
        let path = path.canonicalize().ok().filter(|_| path.is_symlink()).or(target.ok());
        let path = path.unwrap_or_else(|| data.join(FILE_NAME));
        Self { path, written: data.join(WRITTEN) }
    }

    /// Draws a token, and writes its link to the pending file. Returns the grant, which is not in
    /// force yet.
    fn write_pending(&self, reached_at: &Link) -> Result<Grant, StartError> {
        let (token, grant) = draw_grant(None, Role::ReturningOfficer, Uses::Any)?;
        self.note(&[reached_at])?;
        write(&pending(&self.path), &with_token(reached_at, &token))?;
        Ok(grant)
    }

    /// Brings the address of a link that works up to date, unless somebody else has written it.
    fn update(&self, token: &Token, reached: &Reached<'_>) -> Result<(), StartError> {
        let Some(found) = self.read(&self.path)?.as_deref().and_then(parsed) else { return Ok(()) };
        let found = Link { token: None, ..found };
        if found == *reached.link {
            return self.note(&[reached.link]);
        }
        if !reached.is_told && self.is_edited(&found)? {
            let path = &self.path;
            tracing::info!(
                file = %path.display(),
                "the officer's link was edited, and is kept; --public would replace its address"
            );
            return Ok(());
        }
        // First, so that a server that is killed in between has not edited the link.
        self.note(&[&found, reached.link])?;
        write(&self.path, &with_token(reached.link, token))
    }

    /// Whether no server has written this address. Without a note, only an address that means this
    /// machine is taken for a server's.
    fn is_edited(&self, found: &Link) -> Result<bool, StartError> {
        if let Some(noted) = self.read(&self.written)? {
            return Ok(!noted.lines().any(|line| parsed(line).as_ref() == Some(found)));
        }
        let at = found.address.at();
        Ok(at.is_some_and(|at| !at.is_this_machine() && !at.is_unspecified()))
    }

    /// Notes addresses that a server has written, or is about to write.
    fn note(&self, addresses: &[&Link]) -> Result<(), StartError> {
        let text: String = addresses.iter().map(|address| format!("{address}\n")).collect();
        if self.read(&self.written)?.is_some_and(|noted| noted == text) {
            return Ok(());
        }
        let written = private_file::write(&self.written, |file| file.write_all(text.as_bytes()));
        written.map_err(|why| StartError::OfficerLink { path: self.written.clone(), why })
    }

    /// Why the file has no link that works.
    fn what_is_wrong(&self) -> Result<&'static str, StartError> {
        let Some(text) = self.read(&self.path)? else { return Ok("there is no such file") };
        Ok(match parsed(&text) {
            _ if text.trim().is_empty() => "it is empty",
            None => "it has no link",
            Some(Link { token: None, .. }) => "its link has no token",
            Some(_) => "its token opens no returning officer's authority in this ledger",
        })
    }

    fn read(&self, path: &Path) -> Result<Option<String>, StartError> {
        read(path).map_err(|why| StartError::OfficerLink { path: path.to_owned(), why })
    }
}

fn with_token(address: &Link, token: &Token) -> Link {
    Link { token: Some(token.as_bytes().to_vec()), ..address.clone() }
}

fn write(path: &Path, link: &Link) -> Result<(), StartError> {
    let written = private_file::write(path, |file| writeln!(file, "{link}"));
    written.map_err(|why| StartError::OfficerLink { path: path.to_owned(), why })
}

async fn has_officer(ledger: &dyn Ledger) -> Result<bool, StartError> {
    let snapshot = ledger.fresh().await?;
    Ok(snapshot.grants.iter().any(|grant| grant.role == Role::ReturningOfficer))
}

/// The token in a file, if a returning officer's grant with it is in force.
async fn working_token(ledger: &dyn Ledger, path: &Path) -> Result<Option<Token>, StartError> {
    let text = read(path).map_err(|why| StartError::OfficerLink { path: path.to_owned(), why })?;
    let token = text.as_deref().and_then(parsed).and_then(|link| link.token);
    let token = token.and_then(|token| Token::try_from(&token[..]).ok());
    let Some(token) = token else { return Ok(None) };
    let grant = ledger.grant(token.hash()).await?;
    let opens = grant.is_some_and(|grant| grant.role == Role::ReturningOfficer);
    Ok(opens.then_some(token))
}

/// The text of a file, if there is one.
fn read(path: &Path) -> io::Result<Option<String>> {
    match private_file::read_text(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

fn parsed(text: &str) -> Option<Link> {
    text.trim().parse().ok()
}
