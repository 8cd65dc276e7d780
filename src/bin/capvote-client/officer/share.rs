//! The command `share`.

use std::io::{self, Write};
use std::path::Path;

use capvote::client::{Administration, Info};
use capvote::election::Token;
use capvote::net::link::Link;
use capvote::private_file::PrivateFile;
use serde_json::json;

use super::Officer;
use crate::arguments::Delegate;
use crate::failure::Failure;
use crate::secret;
use crate::show;

impl Officer<'_> {
    pub(super) async fn share(
        &self,
        role: Delegate,
        once: bool,
        output: Option<&Path>,
    ) -> Result<(), Failure> {
        let file = output.map(link_file).transpose()?;
        let save = async |administration: Administration| {
            let info = administration.election().info().await?;
            let token: Token = match role {
                Delegate::Administration if once => administration.save_once().await?,
                Delegate::Administration => administration.save().await?,
                // Nobody can issue numbers in an election without a roll of its own.
                Delegate::Registrar if !info.roll.is_empty() => return Ok((info, None)),
                Delegate::Registrar if once => administration.registrar().save_once().await?,
                Delegate::Registrar => administration.registrar().save().await?,
                Delegate::Auditor if once => administration.auditor().save_once().await?,
                Delegate::Auditor => administration.auditor().save().await?,
            };
            Ok((info, Some(token)))
        };
        let (info, token) = self.as_administration(save).await?;
        let Some(token) = token else {
            let Info { id, roll, .. } = info;
            return Err(Failure::Refused(format!(
                "election {id} shares the voter numbers of election {roll}, and none are issued in \
                 it; no link was made: share a registrar's link of election {roll}"
            )));
        };
        let election = info.id.parse().ok();
        let token = Some(token.as_bytes().to_vec());
        let link = Link { election, token, ..self.target.link.clone() };
        secret::warn_if_nowhere(&link);
        let json = self.target.json;
        if let Some((file, path)) = file.zip(output) {
            let path = path.display();
            put(file, &link).map_err(|error| {
                Failure::Fault(format!(
                    "the link was made, and cannot be written to {path}: {error}"
                ))
            })?;
            return match json {
                true => show::json(&json!({ "file": path.to_string() })),
                false => show::say(&format!("The link is in {path}.")),
            };
        }
        if json {
            return show::json(&json!({ "link": link.to_string() }));
        }
        Ok(writeln!(io::stdout(), "{link}")?)
    }
}

/// Begins a file for a link that is made afterwards. An existing file is not overwritten.
fn link_file(path: &Path) -> Result<PrivateFile, Failure> {
    let begun = match path.symlink_metadata() {
        Ok(_) => Err(io::Error::other("the file exists and is not overwritten")),
        Err(_) => PrivateFile::begin(path),
    };
    begun.map_err(|error| {
        Failure::Fault(format!("cannot write {}: {error}; no link was made", path.display()))
    })
}

fn put(mut file: PrivateFile, link: &Link) -> io::Result<()> {
    writeln!(file, "{link}")?;
    file.put()
}
