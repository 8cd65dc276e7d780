//! The command line.

mod count;
mod create;
mod values;

use std::path::PathBuf;

use capvote::command_line::{Extra, VERSION};
use capvote::net::link::Link;
use capvote::net::loopback::LoopbackAddress;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::people::{People, Reading};
use crate::secret;

pub(crate) use count::CountFile;
pub(crate) use create::Create;
pub(crate) use values::link;
use values::{number_count, output_file};

const EXAMPLES: &str = "\
Examples:
  capvote-client elections
  capvote-client vote \"Ada Lovelace\"
  capvote-client --link capvotes://vote.example.org:12358 result
  capvote-client --json result

Exit status: 0 done, 1 fault, 2 usage, 3 refused.";

/// The display order of the options that every command has: after its own.
const LAST: usize = 100;

/// Vote, show results, run elections, and count the lines of a file, over Cap'n Proto RPC.
#[derive(Debug, Parser)]
#[command(name = "capvote-client", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The server: a link such as capvote://HOST:PORT, or a file that holds one; "-" is standard
    /// input. Others on the machine can list command lines: keep a link with a token in a file.
    #[arg(
        long,
        global = true,
        display_order = LAST,
        value_name = "LINK",
        env = "CAPVOTE_LINK",
        hide_env_values = true,
        default_value = "capvote://127.0.0.1:12358"
    )]
    link: String,
    /// The election. Not needed if the link names one, or the server has only one.
    #[arg(long, global = true, display_order = LAST + 1, value_name = "ID")]
    pub(crate) election: Option<String>,
    /// Print one JSON document.
    #[arg(long, global = true, display_order = LAST + 2)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Voter(VoterCommand),
    #[command(flatten)]
    Sheet(SheetCommand),
    #[command(flatten)]
    Officer(OfficerCommand),
    /// End what a link opens, and everything derived from it, at once.
    #[command(after_help = "Examples:\n  capvote-client revoke registrar.link\n  \
                      capvote-client --link officer.link revoke registrar.link --void-numbers")]
    Revoke {
        /// A file that holds the link, or the link; "-" is standard input.
        revoked: String,
        /// Also take the numbers that were issued under the link off the roll, unless they have
        /// voted, even if it was revoked before. (officer)
        #[arg(long)]
        void_numbers: bool,
    },
    /// Count the lines of a local file through the server, and print each line that it calls back
    /// with.
    #[command(after_help = "Examples:\n  capvote-client count-lines README.md\n  \
                      capvote-client count-lines --quiet README.md")]
    CountLines {
        /// The file; "-" is standard input.
        file: PathBuf,
        /// Print only the count.
        #[arg(long)]
        quiet: bool,
    },
    /// Serve the pages for browsers on this machine, for the server of a link, until Ctrl-C.
    ///
    /// The pages are those of this program and not of the server, and its certificate is checked as
    /// the link says. Only this machine reaches them.
    #[command(
        after_help = "Examples:\n  capvote-client page capvotes://vote.example.org:12358\n  \
                      capvote-client page officer.link --listen 127.0.0.1:8080"
    )]
    Page {
        /// A link, or a file that holds one; "-" is standard input. [default: that of --link]
        #[arg(value_name = "LINK")]
        server: Option<String>,
        /// Loopback address to listen on. Port 0 picks a free port.
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
        listen: LoopbackAddress,
    },
    #[command(flatten)]
    Extra(Extra),
}

/// Commands that anyone may use on a server's elections.
#[derive(Debug, Subcommand)]
pub(crate) enum VoterCommand {
    /// List the elections on the server.
    Elections,
    /// Show an election: its candidates, and whether voting is open.
    Info,
    /// Cast a vote.
    #[command(after_help = "Examples:\n  capvote-client vote Ada\n  \
                      capvote-client vote Ada --receipt mine.json\n  \
                      capvote-client vote --paper")]
    Vote(Vote),
    /// Show the votes of one candidate, or of all.
    #[command(after_help = "Examples:\n  capvote-client result\n  \
                      capvote-client --election board result Ada\n  \
                      capvote-client result --rounds")]
    Result {
        /// The candidate's name, as it is on the slate.
        candidate: Option<String>,
        /// Show how the result of a closed election came about, round by round.
        #[arg(long, conflicts_with = "candidate")]
        rounds: bool,
        /// With --rounds, draw a chart of each round.
        #[arg(long, requires = "rounds")]
        chart: bool,
    },
    /// Show the results as they change, until the election is closed.
    Watch,
}

/// Checks of a tally sheet and counts, without a server.
#[derive(Debug, Subcommand)]
pub(crate) enum SheetCommand {
    /// Find a ballot on a tally sheet by its receipt. Needs no server.
    #[command(after_help = "Example:\n  capvote-client verify mine.json sheet.csv")]
    Verify {
        /// The receipt, or a file that holds it; "-" is standard input.
        receipt: String,
        /// The tally sheet.
        sheet: PathBuf,
    },
    /// Recount a tally sheet, and check every receipt on it. Needs no server.
    #[command(after_help = "Example:\n  capvote-client recount sheet.csv")]
    Recount {
        /// The tally sheet.
        sheet: PathBuf,
    },
    /// Count a file of ballots, and show how the result comes about. Needs no server.
    #[command(
        after_help = "Examples:\n  capvote-client count ballots.blt --method transferable\n  \
                      capvote-client count ballots.blt --method plurality --marks 3 --seats 3"
    )]
    Count(CountFile),
}

/// Commands that take a link with a token.
#[derive(Debug, Subcommand)]
pub(crate) enum OfficerCommand {
    /// Create an election, as a draft. (officer)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link create board --candidate Ada \
                      --candidate Grace --closes 2026-12-24T18:00"
    )]
    Create(Create),
    /// Begin the voting. (officer)
    Open,
    /// End the voting for good. (officer)
    Close,
    /// Let an election take votes again after the server's ledger was restored from a backup.
    /// (officer)
    #[command(after_help = "Example:\n  capvote-client --link officer.link confirm")]
    Confirm,
    /// Put new voter numbers on the roll, and write them to a file. (officer, registrar)
    #[command(after_help = "Examples:\n  \
                      capvote-client --link officer.link issue --roll people.csv --output letters.csv\n  \
                      capvote-client --link officer.link issue --count 20 --output numbers.csv")]
    Issue(Issue),
    /// Take voter numbers off the roll before voting begins, such as one whose letter was lost.
    /// (officer, registrar)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link revoke-numbers lost.csv"
    )]
    RevokeNumbers {
        /// A CSV file with a column voter_number, such as some rows of the file that issue wrote;
        /// "-" is standard input.
        file: PathBuf,
    },
    /// Show how many have voted. (officer, auditor)
    Turnout,
    /// Have the server read the ledger back and recompute its hash chain. (officer, auditor)
    Check,
    /// Write the tally sheet of a closed election. (officer, auditor)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link sheet --output sheet.csv"
    )]
    Sheet {
        /// The file to write: .csv or .json. Of ballots with one name, .csv has the ballots alone,
        /// and .json the title, slate and voters too.
        #[arg(long, value_name = "FILE", value_parser = output_file())]
        output: PathBuf,
        /// Write ranked ballots in BLT, which other counting programs read.
        #[arg(long)]
        blt: bool,
    },
    /// Print a link with a part of the authority over the election, or write it to a file.
    /// (officer)
    #[command(after_help = "Example:\n  capvote-client --link officer.link share registrar \
                            --output registrar.link")]
    Share {
        /// The part.
        role: Delegate,
        /// Make a link that works once: the first program or page that opens it spends it. For a
        /// mail, where others may find it later.
        #[arg(long)]
        once: bool,
        /// The file to write, readable by its owner only. Without this the link is printed.
        #[arg(long, value_name = "FILE", value_parser = output_file())]
        output: Option<PathBuf>,
    },
}

/// A vote to cast.
#[derive(Debug, Args)]
pub(crate) struct Vote {
    /// The candidate's name, as it is on the slate. Several, where a ballot can say more: by ranked
    /// methods in the order of the ranks, and by schulze "A=B" shares a rank.
    #[arg(value_name = "NAME", conflicts_with = "blank")]
    names: Vec<String>,
    /// Cast a blank ballot, if the election allows that.
    #[arg(long)]
    blank: bool,
    /// Fill in a paper: show every open election with the same voter numbers, read what you say in
    /// each, and cast all these votes.
    #[arg(long, conflicts_with_all = ["names", "blank"])]
    pub(crate) paper: bool,
    /// Your voter number, with or without separators, or a file that holds it; "-" is standard
    /// input. Others on the machine can list command lines. Without this you are asked for the
    /// number; what you type is not shown.
    #[arg(long, value_name = "N", env = "CAPVOTE_VOTER_NUMBER", hide_env_values = true)]
    pub(crate) voter_number: Option<String>,
    /// Keep the receipt in this file, which only you can read. Give the file again to send the same
    /// vote again, such as one whose answer was lost.
    #[arg(long, value_name = "FILE", value_parser = output_file())]
    pub(crate) receipt: Option<PathBuf>,
}

/// Voter numbers to issue.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// How many numbers.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "roll",
        conflicts_with = "roll",
        value_parser = number_count
    )]
    count: Option<u32>,
    /// Issue a number for each row of this CSV file with a heading, unless the row has one in a
    /// column voter_number. The rows do not leave this machine.
    #[arg(long, value_name = "FILE")]
    roll: Option<PathBuf>,
    /// The file of an earlier issue: who is in it keeps the number there, and gets no other.
    #[arg(long, value_name = "FILE", requires = "roll")]
    letters: Option<PathBuf>,
    /// Add to a roll with numbers that are not in these files. Files that have more numbers than the
    /// roll are refused all the same.
    #[arg(long)]
    pub(crate) more: bool,
    /// Take the first line for a heading, though it looks like a person or a title.
    #[arg(long, requires = "roll")]
    heading: bool,
    /// Issue numbers to rows that look like the same person.
    #[arg(long, requires = "roll")]
    allow_duplicates: bool,
    /// The file to write, readable by its owner only: the rows, with a column voter_number.
    #[arg(long, value_name = "FILE", value_parser = output_file())]
    pub(crate) output: PathBuf,
}

/// A part of the authority over an election.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Delegate {
    /// May do everything for this election, and nothing for others.
    Administration,
    /// May put voter numbers on the roll.
    Registrar,
    /// May check the ledger, see the turnout, and get the tally sheet.
    Auditor,
}

impl Vote {
    /// The names to vote for: none for a blank ballot.
    pub(crate) fn names(&self) -> Result<&[String], Failure> {
        if self.names.is_empty() && !self.blank {
            return Err(Failure::Usage(
                "give a candidate's name, or --blank; capvote-client info shows the candidates"
                    .into(),
            ));
        }
        Ok(&self.names)
    }
}

impl Issue {
    pub(crate) fn people(&self) -> Result<People, Failure> {
        match &self.roll {
            Some(roll) => People::read(Reading {
                roll,
                letters: self.letters.as_deref(),
                heading: self.heading,
                allow_duplicates: self.allow_duplicates,
            }),
            None => Ok(People::count(self.count.unwrap_or_default())),
        }
    }
}

impl Arguments {
    /// Refuses two arguments that would be read from standard input, before one is.
    pub(crate) fn check_standard_input(&self) -> Result<(), Failure> {
        let is_path = |path: &PathBuf| path.as_os_str() == secret::STANDARD_INPUT;
        let is_text = |text: &String| text == secret::STANDARD_INPUT;
        let here = match &self.command {
            Command::Voter(VoterCommand::Vote(vote)) => {
                let here = vote.voter_number.iter().any(is_text);
                if here && vote.paper {
                    return Err(twice());
                }
                // A paper is filled in on standard input.
                here || vote.paper
            }
            Command::Sheet(SheetCommand::Verify { receipt, sheet }) => {
                if is_text(receipt) && is_path(sheet) {
                    return Err(twice());
                }
                false
            }
            Command::Revoke { revoked, .. } => is_text(revoked),
            Command::CountLines { file, .. } => is_path(file),
            // Instead of --link.
            Command::Page { server: Some(_), .. } => return Ok(()),
            Command::Sheet(SheetCommand::Count(count)) => is_path(&count.file),
            Command::Officer(OfficerCommand::RevokeNumbers { file }) => is_path(file),
            Command::Officer(OfficerCommand::Issue(issue)) => {
                let files = issue.roll.iter().chain(&issue.letters);
                if issue.roll.iter().any(is_path) && issue.letters.iter().any(is_path) {
                    return Err(twice());
                }
                files.into_iter().any(is_path)
            }
            _ => false,
        };
        if here && is_text(&self.link) { Err(twice()) } else { Ok(()) }
    }

    /// The server's link.
    pub(crate) fn link(&self) -> Result<Link, Failure> {
        link(&self.link).map_err(|failure| failure.about("--link"))
    }
}

fn twice() -> Failure {
    Failure::Usage(
        "two arguments are \"-\", and one can be read from standard input; nothing was read or sent"
            .into(),
    )
}
