//! The command line. Its options are also the settings of the environment and of a file.

use std::path::PathBuf;
use std::str::FromStr;

use capvote::command_line::{Extra, VERSION};
use capvote::election::ElectionId;
use capvote::ledger::NUMBERS_MAX;
use capvote::net::proxy::TrustedProxy;
use capvote::server::LoopbackAddress;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use tracing_subscriber::EnvFilter;

use crate::database::Database;
use crate::values::{Trimmed, log_filter, trimmed};

const EXAMPLES: &str = "\
Examples:
  capvote-server --election board --candidate Ada --candidate Grace --voters 20
  capvote-server --listen capvotes://vote.example.org:12358 --data /var/lib/capvote
  capvote-server --config capvote.toml --print-config

The file that --config names may set each option under its own name, such as \
listen = [\"capvote://127.0.0.1:12358\"]. The command line takes precedence over the environment, \
and the environment over the file.

Exit status: 0 done, 1 fault, 2 usage, 3 refused.";

const MOVE_EXAMPLES: &str = "\
Examples:
  capvote-server move capvote-data --to database --ledger postgres://capvote@db1,db2/capvote \
--ledger-secret ledger.secret
  capvote-server move capvote-data --to directory --ledger postgres://capvote@db1,db2/capvote \
--ledger-secret ledger.secret";

/// Serves elections, and counts the lines of its clients' files, over Cap'n Proto.
#[derive(Debug, Parser)]
#[command(
    name = "capvote-server",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Address to listen on: capvotes://HOST:PORT (TLS), capvote://HOST:PORT (unencrypted, for
    /// loopback addresses) or capvote+unix:///PATH (a Unix socket). For browsers, with pages:
    /// https://HOST (TLS, port 443), http://HOST:PORT (for loopback addresses), and for a proxy
    /// http+unix:///PATH. Port 0 picks a free port. Repeat it for more addresses.
    #[arg(
        long,
        value_name = "LINK",
        env = "CAPVOTE_SERVER_LISTEN",
        default_values = ["capvote://127.0.0.1:12358", "http://127.0.0.1:12380"]
    )]
    listen: Vec<String>,
    /// Where voters and officers reach the server, if not where it listens: what the links that it
    /// writes say, such as vote.example.org:12358, or https://HOST where browsers open it.
    /// [default: the address of the first LINK]
    #[arg(long, value_name = "HOST:PORT", env = "CAPVOTE_SERVER_PUBLIC")]
    pub(crate) public: Option<String>,
    /// Proxy from which every connection begins with a PROXY protocol header (version 1 or 2),
    /// which is believed: ADDRESS, ADDRESS/PREFIX for a network, or unix for those that connect to
    /// a Unix socket. From others the header is not accepted. Repeat it for more.
    #[arg(long, value_name = "PROXY", env = "CAPVOTE_SERVER_PROXY")]
    proxy: Vec<Proxies>,
    /// Proxy that asks for pages, and whose header field X-Forwarded-For is believed: the last
    /// address in it that is no such proxy is the voter's. ADDRESS, ADDRESS/PREFIX or unix, as for
    /// --proxy. From others the field is ignored. Repeat it for more.
    #[arg(long, value_name = "IP", env = "CAPVOTE_SERVER_FORWARDED_FOR")]
    forwarded_for: Vec<Proxies>,
    /// Data directory, created if it does not exist.
    #[arg(long, value_name = "DIR", env = "CAPVOTE_SERVER_DATA", default_value = "capvote-data")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) database: Database,
    /// Certificate chain for capvotes:// and https:// in PEM, the server's own first. [default: a
    /// self-signed certificate, kept in DIR/tls.pem, whose fingerprint is in the links]
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_CERTIFICATE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_KEY", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Allow capvote:// and http:// on addresses that other machines can reach. Votes and links can
    /// then be read and altered in transit.
    #[arg(
        long,
        env = "CAPVOTE_SERVER_ALLOW_UNENCRYPTED",
        value_parser = Trimmed(BoolishValueParser::new())
    )]
    pub(crate) allow_unencrypted: bool,
    /// Allow a data directory on a network file system (NFS, SMB, FUSE and others), where votes
    /// that were reported as recorded can be lost.
    #[arg(
        long,
        env = "CAPVOTE_SERVER_ALLOW_NETWORK_DISK",
        value_parser = Trimmed(BoolishValueParser::new())
    )]
    pub(crate) allow_network_disk: bool,
    /// The most voter numbers that the rolls of all elections have together, closed ones aside.
    /// Each takes 16 to 26 bytes of memory.
    #[arg(
        long,
        value_name = "N",
        env = "CAPVOTE_SERVER_NUMBERS_MAX",
        default_value_t = NUMBERS_MAX,
        value_parser = trimmed::<usize>
    )]
    pub(crate) numbers_max: usize,
    /// Threads that serve connections. [default: one per processor]
    #[arg(
        long,
        value_name = "N",
        env = "CAPVOTE_SERVER_THREADS",
        value_parser = Trimmed(value_parser!(u16).range(1..=256))
    )]
    pub(crate) threads: Option<u16>,
    /// Loopback address to serve metrics for Prometheus on, such as 127.0.0.1:9358. Port 0 picks a
    /// free port. [default: none]
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "CAPVOTE_SERVER_METRICS",
        value_parser = trimmed::<LoopbackAddress>
    )]
    pub(crate) metrics: Option<LoopbackAddress>,
    /// Log level for stderr (off, error, warn, info, debug, trace), or a filter such as
    /// warn,capvote::ledger=debug.
    #[arg(
        long,
        value_name = "FILTER",
        env = "CAPVOTE_SERVER_LOG",
        default_value = "info",
        value_parser = log_filter
    )]
    pub(crate) log: EnvFilter,
    /// Id of an election to create and open if the data directory has none. Its voter numbers are
    /// written to DIR/NAME.numbers.csv. It is for trying things out: its results are live, in
    /// batches of 10 ballots; those of capvote-client create are sealed until the close.
    #[arg(
        long,
        value_name = "NAME",
        env = "CAPVOTE_SERVER_ELECTION",
        requires_all = ["candidate", "voters"],
        value_parser = trimmed::<ElectionId>
    )]
    pub(crate) election: Option<ElectionId>,
    /// Candidate of that election. Repeat it for each candidate, in the order on the ballot; in the
    /// environment, one per line.
    #[arg(long, value_name = "NAME", env = "CAPVOTE_SERVER_CANDIDATE", requires = "election")]
    candidate: Vec<String>,
    /// Voter numbers to issue for that election.
    #[arg(
        long,
        value_name = "N",
        env = "CAPVOTE_SERVER_VOTERS",
        requires = "election",
        value_parser = Trimmed(value_parser!(u32).range(1..=100_000_000))
    )]
    pub(crate) voters: Option<u32>,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print the settings in effect and their sources, as such a file, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Proxies, separated by white space.
#[derive(Debug, Clone)]
struct Proxies(Vec<TrustedProxy>);

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match words(text).map(str::parse).collect::<Result<Vec<_>, _>>()? {
            // The error of an empty word.
            none if none.is_empty() => text.parse().map(|proxy| Self(vec![proxy])),
            proxies => Ok(Self(proxies)),
        }
    }
}

impl Arguments {
    pub(crate) fn listen(&self) -> Vec<String> {
        self.listen.iter().flat_map(|links| parts("listen", links)).collect()
    }

    pub(crate) fn proxies(&self) -> Vec<TrustedProxy> {
        self.proxy.iter().flat_map(|proxies| proxies.0.clone()).collect()
    }

    pub(crate) fn forwarded_for(&self) -> Vec<TrustedProxy> {
        self.forwarded_for.iter().flat_map(|proxies| proxies.0.clone()).collect()
    }

    pub(crate) fn candidates(&self) -> Vec<String> {
        self.candidate.iter().flat_map(|names| parts("candidate", names)).collect()
    }
}

/// The values in one value of an option that can be repeated: the environment has them in one
/// variable.
pub(crate) fn parts(option: &str, value: &str) -> Vec<String> {
    let parts: Vec<_> = match option {
        "listen" => links(value),
        "proxy" | "forwarded_for" => words(value).map(str::to_string).collect(),
        "candidate" => value.lines().map(str::to_string).collect(),
        _ => Vec::new(),
    };
    // An empty value is for the option to refuse.
    if parts.is_empty() { vec![value.to_string()] } else { parts }
}

/// The links in a text. White space that no link follows belongs to the path of a socket.
fn links(text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for word in text.trim().split_inclusive(char::is_whitespace) {
        match links.last_mut() {
            Some(last) if !word.contains("://") => last.push_str(word),
            _ => links.push(word.to_string()),
        }
    }
    links.into_iter().map(|link| link.trim_end().to_string()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Offline(Offline),
    #[command(flatten)]
    Extra(Extra),
}

/// The form of a command's result.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Print the result, or the error, as a JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a ledger goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Destination {
    /// The database that --ledger names, which has none.
    Database,
    /// The data directory, from that database.
    Directory,
}

/// Commands that need no server.
#[derive(Debug, Subcommand)]
pub(crate) enum Offline {
    /// Copy the ledger of a data directory to a new file, even while a server uses it.
    ///
    /// While an election is open, whoever reads the copy can vote with the numbers that have not
    /// voted. It does not tell who voted for whom: its ballots are sealed, and it has no keys.
    #[command(after_help = "Example:\n  capvote-server backup capvote-data copy.sqlite")]
    Backup {
        /// Data directory.
        directory: PathBuf,
        /// File to write.
        file: PathBuf,
        /// Write the keys of the elections that are not closed to FILE.keys. Whoever has both files
        /// can read who voted for whom, also after the close.
        #[arg(long)]
        with_keys: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Restore a backup to a data directory without a ledger.
    ///
    /// What happened after the backup was taken is lost: the ledger begins a new epoch, and its
    /// elections that are not closed take no votes until an officer confirms them
    /// (`capvote-client confirm`).
    #[command(after_help = "Example:\n  capvote-server restore copy.sqlite capvote-data")]
    Restore {
        /// Backup to restore.
        file: PathBuf,
        /// Data directory, created if it does not exist.
        directory: PathBuf,
        /// Restore a file that is not a backup, such as a ledger's file that was copied without its
        /// WAL. What was committed last may be missing from it.
        #[arg(long)]
        accept_copy: bool,
        /// Restore elections although the keys of their ballots are missing. Nobody can count
        /// those: they never take votes again.
        #[arg(long)]
        without_keys: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Print the SHA-256 of every file that browsers are served, as sha256sum reads it.
    #[command(after_help = "Example, in the source of the same version:\n  \
                      capvote-server pages > pages.sha256\n  \
                      cd web && sha256sum --check ../pages.sha256")]
    Pages {
        #[command(flatten)]
        output: Output,
    },
    /// Create a new returning officer's link, DIR/officer.link, after the old one was lost. No
    /// server may be using the data directory, unless the ledger is in a database.
    #[command(after_help = "Example:\n  capvote-server officer-link capvote-data --end-others")]
    OfficerLink {
        /// Data directory.
        directory: PathBuf,
        /// Revoke all earlier returning officer's links, and every link shared from them.
        #[arg(long)]
        end_others: bool,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        output: Output,
    },
    /// Create the ledger's tables in a PostgreSQL database, if it has none. Those of another
    /// version of capvote are left as they are.
    #[command(after_help = "Example:\n  \
                      capvote-server migrate --ledger postgres://capvote@db1,db2/capvote")]
    Migrate {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        output: Output,
    },
    /// Move the ledger of a data directory into a PostgreSQL database, or back. No server may be
    /// running.
    ///
    /// Links, receipts, voter numbers, votes and sheets stay good. The directory is that of a
    /// server of the database, before and after. If the move ends before it is done, repeat it.
    #[command(after_help = MOVE_EXAMPLES)]
    Move {
        /// Data directory.
        directory: PathBuf,
        /// Where the ledger goes.
        #[arg(long, value_name = "WHERE")]
        to: Destination,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        output: Output,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_where_its_values_end() {
        let (one, two) = ("capvote://127.0.0.1:1", "capvote+unix:///tmp/sock");
        let table: [(&str, &str, &[&str]); 11] = [
            ("listen", "capvote://127.0.0.1:1 capvote+unix:///tmp/sock", &[one, two]),
            ("listen", " capvote://127.0.0.1:1  capvote+unix:///tmp/sock ", &[one, two]),
            ("listen", "capvote://127.0.0.1:1\ncapvote+unix:///tmp/sock\n", &[one, two]),
            (
                "listen",
                "capvote+unix:///tmp/a b  c capvote://127.0.0.1:1",
                &["capvote+unix:///tmp/a b  c", one],
            ),
            ("listen", "nonsense", &["nonsense"]),
            ("listen", "", &[""]),
            ("proxy", " unix\t192.0.2.0/24 ", &["unix", "192.0.2.0/24"]),
            ("candidate", "Ada\nGrace Hopper\r\n", &["Ada", "Grace Hopper"]),
            // A candidate without a name is refused.
            ("candidate", "Ada\n\nGrace", &["Ada", "", "Grace"]),
            ("candidate", "", &[""]),
            ("data", "a b ", &["a b "]),
        ];
        for (option, value, expected) in table {
            assert_eq!(parts(option, value), expected, "{option}: {value:?}");
        }
        assert_eq!(" unix 192.0.2.7 ".parse::<Proxies>().map(|it| it.0.len()), Ok(2));
        assert!("".parse::<Proxies>().is_err() && "unix,unix".parse::<Proxies>().is_err());
    }
}
