//! The programs of PostgreSQL, and what its servers are asked.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use tokio_postgres::{Error, NoTls, SimpleQueryMessage};

/// Where Debian, and others, put the programs of each version, newest first.
pub fn folders() -> Vec<PathBuf> {
    let versions = (15..=30).rev();
    versions.map(|version| format!("/usr/lib/postgresql/{version}/bin").into()).collect()
}

/// The first of these folders that has the programs that a cluster takes.
pub fn programs(folders: &[PathBuf]) -> Option<PathBuf> {
    let all = ["initdb", "postgres", "pg_basebackup", "pg_isready"];
    let has_all = |folder: &&PathBuf| all.iter().all(|program| folder.join(program).is_file());
    folders.iter().find(has_all).cloned()
}

/// A command as a user that PostgreSQL accepts: it refuses root.
pub fn command(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", program]);
    command
}

/// The first column of what a statement answers, as text.
///
/// # Errors
/// If the server is not reached, or refuses the statement.
pub async fn ask(address: &str, sql: &str) -> Result<Vec<String>, Error> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    let rows = client.simple_query(sql).await?;
    let first = rows.iter().filter_map(|row| match row {
        SimpleQueryMessage::Row(row) => row.get(0).map(String::from),
        _ => None,
    });
    Ok(first.collect())
}

/// Ports that were free a moment ago: PostgreSQL picks none by itself.
///
/// # Errors
/// If there are no free ports.
pub fn free_ports() -> std::io::Result<[u16; 3]> {
    // All are held until the last is known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        let listener = listener.as_ref().map_err(|error| error.kind())?;
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
