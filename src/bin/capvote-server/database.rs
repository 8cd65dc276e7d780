//! The options of a ledger in a database.

use std::path::{Path, PathBuf};

use capvote::ledger::Location;
use capvote::ledger::postgres::{InvalidAddress, Options, Replication, Roots, Secret};
use capvote::private_file;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::values::Trimmed;

/// The variable with the password, as all programs of PostgreSQL read it.
const PASSWORD: &str = "PGPASSWORD";
/// Where the ledger is, if it is not in the data directory.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// PostgreSQL database (version 15 or later) with the ledger, which several servers may share:
    /// postgres://USER@HOST,HOST/DATABASE, with all hosts that may be the primary. The data
    /// directory then has what is this server's own. Given again, it names further clusters, among
    /// which the voter numbers are divided. [default: the ledger is in the data directory]
    #[arg(long, value_name = "URL", env = "CAPVOTE_SERVER_LEDGER", value_delimiter = ' ')]
    ledger: Vec<String>,
    /// File with the password of USER, in one line. [default: the environment variable PGPASSWORD]
    #[arg(
        long,
        value_name = "FILE",
        env = "CAPVOTE_SERVER_LEDGER_PASSWORD_FILE",
        requires = "ledger"
    )]
    ledger_password_file: Option<PathBuf>,
    /// File with the certificates, in PEM, that sign those of the database's hosts. [default: those
    /// that this machine trusts]
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_LEDGER_CA", requires = "ledger")]
    ledger_ca: Option<PathBuf>,
    /// File with the secret that all servers of the ledger are given, and nobody else: with it they
    /// give each other the keys of elections. An election is opened once two servers hold its key.
    #[arg(long, value_name = "FILE", env = "CAPVOTE_SERVER_LEDGER_SECRET", requires = "ledger")]
    ledger_secret: Option<PathBuf>,
    /// Open elections although no other server holds their keys. If the data directory is lost, so
    /// is what everybody voted in the elections that are not closed.
    #[arg(
        long,
        env = "CAPVOTE_SERVER_ALONE",
        requires = "ledger",
        value_parser = Trimmed(BoolishValueParser::new())
    )]
    alone: bool,
    /// Who keeps a second copy of every vote before it is answered: PostgreSQL's synchronous
    /// standbys, without which the server takes no votes, or the storage below a rented database.
    /// [default: standbys]
    #[arg(long, value_name = "WHO", env = "CAPVOTE_SERVER_REPLICATED_BY", requires = "ledger")]
    replicated_by: Option<ReplicatedBy>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReplicatedBy {
    /// Synchronous standbys of PostgreSQL.
    Standbys,
    /// A service below PostgreSQL, such as Amazon RDS Multi-AZ, Aurora or Cloud SQL HA.
    Storage,
}

impl Database {
    /// Whether the address can be used. The error does not repeat it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.clusters(Path::new("")).map(drop)
    }

    fn clusters(&self, data: &Path) -> Result<Option<Options>, String> {
        let invalid = |error: InvalidAddress| format!("--ledger: {error}");
        let Some((first, others)) = self.ledger.split_first() else { return Ok(None) };
        let first = Options::new(first, data).map_err(invalid)?;
        let with = |options: Options, address: &String| options.and_cluster(address);
        others.iter().try_fold(first, with).map(Some).map_err(invalid)
    }

    /// The database, if there is one.
    pub(crate) fn options(&self, data: &Path) -> Result<Option<Box<Options>>, String> {
        let Some(options) = self.clusters(data)? else { return Ok(None) };
        let mut options = options.with_replication(match self.replicated_by {
            None | Some(ReplicatedBy::Standbys) => Replication::Standbys,
            Some(ReplicatedBy::Storage) => Replication::Storage,
        });
        let wrong = |path: &Path, why: String| format!("{}: {why}", path.display());
        if let Some(path) = &self.ledger_password_file {
            if let Ok(Some(mode)) = private_file::exposed(path, private_file::ALL_OTHERS) {
                let why = format!("it has mode {mode:o}, so everybody can read it; say chmod 600");
                return Err(wrong(path, why));
            }
            let text = private_file::read_text(path).map_err(|it| wrong(path, it.to_string()))?;
            options = options.with_password(text.trim_end_matches(['\r', '\n']));
        } else if let Ok(password) = std::env::var(PASSWORD) {
            options = options.with_password(password);
        }
        if let Some(path) = &self.ledger_ca {
            let pem = private_file::read(path).map_err(|it| wrong(path, it.to_string()))?;
            options = options.with_roots(Roots::from_pem(&pem).map_err(|it| wrong(path, it))?);
        }
        if let Some(path) = &self.ledger_secret {
            options = options.with_secret(Secret::read(path).map_err(|it| it.to_string())?);
        }
        if self.alone {
            options = options.alone();
        }
        Ok(Some(Box::new(options)))
    }

    /// Where the ledger is.
    pub(crate) fn location(&self, data: &Path) -> Result<Location, String> {
        let options = self.options(data)?;
        Ok(options.map_or_else(|| Location::Directory(data.to_owned()), Location::Database))
    }
}
