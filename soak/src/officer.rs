//! The returning officer, by the link in a server's data directory.

use std::fs;
use std::path::Path;

use anyhow::Context;
use capvote::client::{Administration, Client, ReturningOfficer};
use capvote::net::link::Link;

/// The link.
pub(crate) fn officers_link(data: &Path) -> anyhow::Result<Link> {
    Ok(fs::read_to_string(data.join("officer.link"))?.trim().parse()?)
}

/// The authority that it opens, over a new connection.
pub(crate) async fn officer(link: &Link) -> anyhow::Result<ReturningOfficer> {
    let client = Client::connect(link).await?;
    let token = link.token.as_deref().context("the officer's link has no token")?;
    Ok(client.restore(token).returning_officer())
}

/// The administration of an election, likewise.
pub(crate) async fn administer(link: &Link, election: &str) -> anyhow::Result<Administration> {
    Ok(officer(link).await?.administer(election))
}
