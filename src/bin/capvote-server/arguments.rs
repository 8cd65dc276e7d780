//! The command line, which is at the same time what a file of settings and the environment may say.

use std::path::PathBuf;

use capvote::command_line::{Extra, VERSION};
use capvote::election::ElectionId;
use capvote::server::LoopbackAddress;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, value_parser};
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  capvote-server --election board --candidate Ada --candidate Grace --voters 20
  capvote-server --listen capvotes://vote.example.org:12358 --data /var/lib/capvote
  capvote-server --config capvote.toml --print-config

Each option may also be in the file that --config names, under its own name (listen = [\"capvote://127.0.0.1:12358\"]), or in \
the environment. The command line comes first, then the environment, then the file.

Exit status: 0 done, 1 fault, 2 usage, 3 refused.";

/// Serves elections, and counts the lines of its clients' files, over Cap'n Proto.
#[derive(Debug, Parser)]
#[command(name = "capvote-server", version = VERSION, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Where to listen: capvotes://HOST:PORT, encrypted; capvote://HOST:PORT, for this machine alone; or
    /// capvote+unix:///PATH, a socket file. Port 0 takes one that is free. Give it again for each further
    /// address.
    #[arg(
        long,
        value_name = "LINK",
        env = "CAPVOTE_SERVER_LISTEN",
        value_delimiter = ' ',
        default_value = "capvote://127.0.0.1:12358"
    )]
    pub(crate) listen: Vec<String>,
    /// The folder of the ledger. It is made where it is missing.
    #[arg(long, value_name = "DIR", env = "CAPVOTE_SERVER_DATA", default_value = "capvote-data")]
    pub(crate) data: PathBuf,
    /// The certificates for capvotes://, in PEM, the server's own first. [default: one that the server makes,
    /// DATA/tls.pem, and that its links name]
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_CERTIFICATE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_KEY", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Listen with capvote:// also where others than this machine reach it: votes and links can then be read,
    /// and altered, on the way.
    #[arg(
        long,
        env = "CAPVOTE_SERVER_ALLOW_UNENCRYPTED",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) allow_unencrypted: bool,
    /// How many threads serve connections. [default: one for each processor]
    #[arg(
        long,
        value_name = "N",
        env = "CAPVOTE_SERVER_THREADS",
        value_parser = value_parser!(u16).range(1..=256)
    )]
    pub(crate) threads: Option<u16>,
    /// Where Prometheus on this machine may fetch figures, such as 127.0.0.1:9358. Port 0 takes one that is
    /// free. [default: nowhere]
    #[arg(long, value_name = "HOST:PORT", env = "CAPVOTE_SERVER_METRICS")]
    pub(crate) metrics: Option<LoopbackAddress>,
    /// What to log on stderr: error, warn, info, debug or trace, or a filter such as capvote::ledger=debug.
    #[arg(long, value_name = "FILTER", env = "CAPVOTE_SERVER_LOG", default_value = "info")]
    pub(crate) log: EnvFilter,
    /// On a data directory with no election: create and open this one, and write its voter numbers to
    /// DIR/NAME.numbers.csv.
    #[arg(
        long,
        value_name = "NAME",
        env = "CAPVOTE_SERVER_ELECTION",
        requires_all = ["candidate", "voters"]
    )]
    pub(crate) election: Option<ElectionId>,
    /// A candidate of that election. Give it again for each, in the order of the ballot paper; in the
    /// environment, one a line.
    #[arg(
        long,
        value_name = "NAME",
        env = "CAPVOTE_SERVER_CANDIDATE",
        value_delimiter = '\n',
        requires = "election"
    )]
    pub(crate) candidate: Vec<String>,
    /// How many voter numbers to issue for that election.
    #[arg(
        long,
        value_name = "N",
        env = "CAPVOTE_SERVER_VOTERS",
        requires = "election",
        value_parser = value_parser!(u32).range(1..=100_000_000)
    )]
    pub(crate) voters: Option<u32>,
    /// Take what is said neither here nor in the environment from this file, in TOML.
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print the settings as they are, with where each comes from, in the form of such a file, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Offline(Offline),
    #[command(flatten)]
    Extra(Extra),
}

/// How a command tells what came of it.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Print what was done, or why it was not, as a JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What needs no server.
#[derive(Debug, Subcommand)]
pub(crate) enum Offline {
    /// Copy the ledger of a data directory to a new file. A server may be using it.
    ///
    /// While an election is open, the copy holds who voted for whom, as the ledger does: keep it as safe,
    /// and destroy it after the close.
    #[command(after_help = "Example:\n  capvote-server backup capvote-data copy.sqlite")]
    Backup {
        /// The data directory.
        directory: PathBuf,
        /// The file to write.
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Put a copy of a ledger into a data directory that has none.
    #[command(after_help = "Example:\n  capvote-server restore copy.sqlite capvote-data")]
    Restore {
        /// The copy.
        file: PathBuf,
        /// The data directory; made where it is missing.
        directory: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Make a new returning officer's link, DIR/officer.link, where the one there was is lost. No server may
    /// be using the data directory.
    #[command(after_help = "Example:\n  capvote-server officer-link capvote-data --end-others")]
    OfficerLink {
        /// The data directory.
        directory: PathBuf,
        /// End every returning officer's link there was, and all that was shared from them.
        #[arg(long)]
        end_others: bool,
        #[command(flatten)]
        output: Output,
    },
}
