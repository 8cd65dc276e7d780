//! The command line.

use std::path::{Path, PathBuf};

use capvote::command_line::{Extra, VERSION};
use capvote::election::{Definition, ElectionId, Publication, Schedule, Timestamp};
use capvote::net::link::{LINK_BYTES_MAX, Link};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::roll::People;

const EXAMPLES: &str = "\
Examples:
  capvote-client elections
  capvote-client vote \"Ada Lovelace\"
  capvote-client --link capvotes://vote.example.org:12358 result
  capvote-client --json result

Exit status: 0 done, 1 fault, 2 usage, 3 refused.";

/// Where the options that every command has stand in its help: behind its own.
const LAST: usize = 100;

/// Votes, shows results, and has the lines of a file counted, over Cap'n Proto.
#[derive(Debug, Parser)]
#[command(name = "capvote-client", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The server: a link such as capvote://HOST:PORT, or a file that holds one.
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
    /// The election. May be left out where the link names one, and where there is only one.
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
    /// List the elections on the server.
    Elections,
    /// Show an election: its candidates, and whether voting is open.
    Info,
    /// Cast a vote.
    #[command(
        after_help = "Examples:\n  capvote-client vote Ada\n  capvote-client vote Ada --receipt mine.json"
    )]
    Vote {
        /// Whom to vote for: the name as it is on the slate.
        #[arg(conflicts_with = "blank")]
        candidate: Option<String>,
        /// Vote for nobody, where the election allows that.
        #[arg(long)]
        blank: bool,
        /// Your voter number, with or without separators. Asked for, without echo, where it is not given.
        #[arg(long, value_name = "N", env = "CAPVOTE_VOTER_NUMBER", hide_env_values = true)]
        voter_number: Option<String>,
        /// Keep the receipt in this file, for your eyes only. Give it again to send the same vote again, such as
        /// one that was not answered.
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
    },
    /// Show the votes of one candidate, or of all.
    #[command(
        after_help = "Examples:\n  capvote-client result\n  capvote-client --election board result Ada"
    )]
    Result {
        /// The candidate's name, as it is on the slate.
        candidate: Option<String>,
    },
    /// Show the results as they change, until the election is closed.
    Watch,
    /// Find a ballot on a tally sheet, by its receipt. Needs no server.
    #[command(after_help = "Example:\n  capvote-client verify mine.json sheet.csv")]
    Verify {
        /// The receipt, or a file that holds it.
        receipt: String,
        /// The tally sheet.
        sheet: PathBuf,
    },
    /// Count a tally sheet again, and check every receipt on it. Needs no server.
    #[command(after_help = "Example:\n  capvote-client recount sheet.csv")]
    Recount {
        /// The tally sheet.
        sheet: PathBuf,
    },
    /// Create an election, as a draft. (officer)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link create board --candidate Ada --candidate Grace --results sealed --closes 2026-12-24T18:00"
    )]
    Create(Create),
    /// Begin the voting. (officer)
    Open,
    /// End the voting for good. (officer)
    Close,
    /// Put new voter numbers on the roll, and write them to a file. (officer, registrar)
    #[command(
        after_help = "Examples:\n  capvote-client --link officer.link issue --roll people.csv --output letters.csv\n  capvote-client --link officer.link issue --count 20 --output numbers.csv"
    )]
    Issue(Issue),
    /// Take voter numbers off the roll, such as one whose letter was lost, before voting begins. (officer,
    /// registrar)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link revoke-numbers lost.csv"
    )]
    RevokeNumbers {
        /// The numbers: a CSV file with a column voter_number, such as the rows that are concerned of the one
        /// that issue wrote; "-" is standard input.
        file: PathBuf,
    },
    /// Show how many have voted. (officer, auditor)
    Turnout,
    /// Have the ledger read back and its hash chain computed again. (officer, auditor)
    Check,
    /// Write the tally sheet of a closed election. (officer, auditor)
    #[command(
        after_help = "Example:\n  capvote-client --link officer.link sheet --output sheet.csv"
    )]
    Sheet {
        /// The file to write: .csv for the ballots alone, .json for the whole.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print a link that gives someone a part of the authority over the election. (officer)
    #[command(after_help = "Example:\n  capvote-client --link officer.link share registrar")]
    Share {
        /// Whose part.
        role: Delegate,
    },
    /// End what a link opens, and all that was reached through it, at once.
    #[command(after_help = "Example:\n  capvote-client revoke registrar.link")]
    Revoke {
        /// The link, or a file that holds it.
        revoked: String,
    },
    /// Have the server count the lines of a file that stays here, and print each line it calls back with.
    #[command(
        after_help = "Examples:\n  capvote-client count-lines README.md\n  capvote-client count-lines --quiet README.md"
    )]
    CountLines {
        /// The file; "-" is standard input.
        file: PathBuf,
        /// Print only the count.
        #[arg(long)]
        quiet: bool,
    },
    #[command(flatten)]
    Extra(Extra),
}

/// What is to be elected, and by which rules.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What names the election on the server: letters, digits, ".", "_" and "-".
    id: ElectionId,
    /// A candidate. Give it again for each, in the order of the ballot paper.
    #[arg(long, value_name = "NAME", required = true)]
    candidate: Vec<String>,
    /// What people call the election.
    #[arg(long, value_name = "TEXT", default_value = "")]
    title: String,
    /// When the count is shown: as the votes come in, or at the close.
    #[arg(long, value_enum, default_value_t = Results::Live)]
    results: Results,
    /// Let a ballot be blank.
    #[arg(long)]
    blank: bool,
    /// Let the server open the election at this time: 2026-12-01T18:00 here, or 2026-12-01T18:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    opens: Option<Timestamp>,
    /// Let the server close the election at this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    closes: Option<Timestamp>,
}

/// Whom to issue numbers to, and where to write them.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// How many numbers.
    #[arg(long, value_name = "N", required_unless_present = "roll", conflicts_with = "roll")]
    count: Option<u32>,
    /// A number for each row of this CSV file with a heading. Names stay here: only numbers are asked for.
    #[arg(long, value_name = "FILE")]
    roll: Option<PathBuf>,
    /// The file to write, for its owner's eyes only: the rows, with a column voter_number.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// When a count is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Results {
    Live,
    Sealed,
}

/// Who can be given a part of the authority over an election.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Delegate {
    /// May do everything for this election, and nothing for others.
    Administration,
    /// May put voter numbers on the roll.
    Registrar,
    /// May check the ledger, see the turnout, and get the tally sheet.
    Auditor,
}

impl Create {
    pub(crate) fn definition(&self) -> Result<Definition, Failure> {
        let publication = match self.results {
            Results::Live => Publication::Live,
            Results::Sealed => Publication::Sealed,
        };
        let schedule = Schedule { opens: self.opens, closes: self.closes };
        Definition::new(self.id.clone(), self.title.clone(), self.candidate.clone())
            .map(|it| it.with_publication(publication).with_blank(self.blank))
            .and_then(|it| it.with_schedule(schedule))
            .map_err(|error| Failure::Usage(error.to_string()))
    }
}

impl Issue {
    pub(crate) fn people(&self) -> Result<People, Failure> {
        match &self.roll {
            Some(roll) => People::read(roll),
            None => Ok(People::count(self.count.unwrap_or_default())),
        }
    }
}

/// Reads a moment: with an offset from UTC, or as clocks here show it.
fn moment(text: &str) -> Result<Timestamp, String> {
    let zoned = text.parse::<jiff::Timestamp>().or_else(|_| {
        let civil = text.parse::<jiff::civil::DateTime>()?;
        Ok::<_, jiff::Error>(civil.to_zoned(jiff::tz::TimeZone::system())?.timestamp())
    });
    let hint = "a time looks like 2026-12-01T18:00 or 2026-12-01T18:00:00Z";
    let seconds = zoned.map_err(|_| hint.to_string())?.as_second();
    u64::try_from(seconds).map(Timestamp).map_err(|_| "a time is after 1970".into())
}

impl Arguments {
    /// The link that was given, or that is in the file that was given.
    pub(crate) fn link(&self) -> Result<Link, Failure> {
        link(&self.link).map_err(|failure| failure.about("--link"))
    }
}

/// The link in a text, or in the file that it names.
pub(crate) fn link(text: &str) -> Result<Link, Failure> {
    // What has a token in it is a link, however wrong, and is not repeated in an error.
    let is_link = text.contains("://") || text.contains('#');
    let text = if is_link { text.to_string() } else { read_link(Path::new(text))? };
    text.trim().parse().map_err(|error| Failure::Usage(format!("{error}")))
}

fn read_link(path: &Path) -> Result<String, Failure> {
    use std::io::Read;

    let unreadable = |error| {
        Failure::Fault(format!(
            "cannot read a link from {}: {error}; nothing was sent",
            path.display()
        ))
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(LINK_BYTES_MAX as u64 + 2).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
