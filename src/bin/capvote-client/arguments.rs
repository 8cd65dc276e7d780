//! The command line.

use std::path::{Path, PathBuf};

use capvote::net::link::{LINK_BYTES_MAX, Link};
use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Votes, shows results, and has the lines of a file counted, over Cap'n Proto.
#[derive(Debug, Parser)]
#[command(version, after_help = "Exit status: 0 done, 1 fault, 2 usage, 3 refused.")]
pub(crate) struct Arguments {
    /// The server: a link such as capvote://HOST:PORT, or a file that holds one.
    #[arg(
        long,
        global = true,
        value_name = "LINK",
        env = "CAPVOTE_LINK",
        hide_env_values = true,
        default_value = "capvote://127.0.0.1:12358"
    )]
    link: String,
    /// The election. May be left out where the link names one, and where there is only one.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) election: Option<String>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the elections on the server.
    Elections,
    /// Show an election: its candidates, and whether voting is open.
    Info,
    /// Cast a vote.
    Vote {
        /// Whom to vote for: the name as it is on the slate.
        candidate: String,
        /// Your voter number, with or without separators. Asked for, without echo, where it is not given.
        #[arg(long, value_name = "N", env = "CAPVOTE_VOTER_NUMBER", hide_env_values = true)]
        voter_number: Option<String>,
    },
    /// Show the votes of one candidate, or of all.
    Result {
        /// The candidate's name, as it is on the slate.
        candidate: Option<String>,
    },
    /// Have the server count the lines of a file that stays here, and print each line it calls back with.
    CountLines {
        /// The file; "-" is standard input.
        file: PathBuf,
        /// Print only the count.
        #[arg(long)]
        quiet: bool,
    },
}

impl Arguments {
    /// The link that was given, or that is in the file that was given.
    pub(crate) fn link(&self) -> Result<Link, Failure> {
        // What has a token in it is a link, however wrong, and is not repeated in an error.
        let is_link = self.link.contains("://") || self.link.contains('#');
        let text = if is_link { self.link.clone() } else { read_link(Path::new(&self.link))? };
        text.trim().parse().map_err(|error| Failure::Usage(format!("--link: {error}")))
    }
}

fn read_link(path: &Path) -> Result<String, Failure> {
    use std::io::Read;

    let unreadable =
        |error| Failure::Fault(format!("cannot read a link from {}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(LINK_BYTES_MAX as u64 + 2).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
