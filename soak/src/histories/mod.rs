//! Simulated histories: voters, observers and a returning officer over connections that break, and a server whose disk
//! fails and whose power is cut, in a time that is not that of any clock.
//!
//! What is tried is the real thing: the client, the transport, the capabilities, the clerk and the SQLite ledger. The
//! seed decides everything else: who does what and when, what the wires do, what the disk does. A history with the same
//! seed is the same history. What came of it is held against what an election promises (see [`record`]).

mod people;
pub mod record;
mod server;
mod wire;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use tokio::runtime::{Builder, LocalOptions};

use self::people::People;
pub use self::record::Record;
use self::server::Server;

/// The candidates of every simulated election.
pub const CANDIDATES: [&str; 3] = ["Ada", "Grace", "Edsger"];

/// The numbers on the roll are 1 to this.
pub const VOTERS: u64 = 400;

/// Half the votes are cast under the first of them, so that voters come upon each other's.
const DISPUTED: u64 = 12;

/// How long people do something, in the time of the simulation.
const DURATION: Duration = Duration::from_secs(6);

/// Lets one history happen, with its files in a folder of its own in `scratch`, and returns what was seen in it.
///
/// # Errors
/// Where the simulation itself does not work.
pub fn simulate(seed: u64, scratch: &Path) -> anyhow::Result<Record> {
    let folder = tempfile::tempdir_in(scratch).context("no folder for a history")?;
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true);
    let runtime = runtime.build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let mut rng = Rng::with_seed(seed);
        let server = Server::start(folder.path(), rng.fork())?;
        let people = People::new(&server, &mut rng);
        server.while_it_breaks(people.act(DURATION)).await?;
        server.finish().await
    })
}

/// A place for the files of histories: memory, where the system has a folder for that.
pub fn scratch() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.into() } else { std::env::temp_dir() }
}
