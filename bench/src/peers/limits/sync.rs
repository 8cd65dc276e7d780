//! The limit of the disk: appends of 100 bytes to a file, each durable before the next. A server
//! can be faster only if votes share a sync.
//!
//! Measured: appends with `sync_data`. The file is a temporary one in the folder that the
//! environment variable `SCRATCH` names. There is no server, and only the number of votes is used.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;

use crate::peers::{Measured, Serving, Work, unsupported};

/// Appended for each vote.
const RECORD: [u8; 100] = [b'r'; 100];

/// Unsupported: there is no server.
pub(in crate::peers) fn serve(_: Serving, _: u64) -> anyhow::Result<()> {
    unsupported("sync", "server")
}

/// Appends a record for each vote. The address is not used.
pub(in crate::peers) fn drive(_: &str, work: Work) -> anyhow::Result<Measured> {
    let Work::Vote { votes, .. } = work else {
        return unsupported("sync", "lines job");
    };
    let folder = env::var_os("SCRATCH").map(PathBuf::from).context("SCRATCH names no folder")?;
    let mut file = tempfile::tempfile_in(&folder)
        .with_context(|| format!("cannot make a file in {}", folder.display()))?;
    let started = Instant::now();
    for _ in 0..votes {
        file.write_all(&RECORD).context("cannot append")?;
        file.sync_data().context("cannot sync")?;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Measured { count: votes, seconds })
}
