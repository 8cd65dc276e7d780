//! What a database has to be like for an answer to be a promise.

use std::fmt;

use tokio::time::timeout;
use tokio_postgres::{Client, Error};

use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use crate::ledger::database_metrics::Replicated;

/// Who keeps a second copy of what is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replication {
    /// PostgreSQL's synchronous standbys.
    #[default]
    Standbys,
    /// A service, below PostgreSQL: it shows no standby.
    Storage,
}

impl Replication {
    /// Whether commits are kept twice, where PostgreSQL has standbys or has none.
    pub(super) fn keeps_two(self, has_standbys: bool) -> bool {
        has_standbys || self == Self::Storage
    }
}

/// The settings of a server, as a session sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) version: i32,
    pub(super) in_recovery: bool,
    pub(super) read_only: String,
    pub(super) fsync: String,
    pub(super) full_page_writes: String,
    pub(super) zero_damaged_pages: String,
    pub(super) ignore_checksum_failure: String,
    pub(super) data_checksums: String,
    pub(super) synchronous_standby_names: String,
    /// The standbys that commits wait for.
    pub(super) synchronous: i64,
    /// The timeline, in hexadecimal digits; `None` in recovery.
    pub(super) timeline: Option<String>,
}

/// Why a server is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Version(i32),
    InRecovery,
    ReadOnly,
    NoFsync,
    NoFullPageWrites,
    ZeroDamagedPages,
    IgnoreChecksumFailure,
    NoStandbyNames,
    NoStandby,
    Timeline(u32),
}

/// The oldest version that is used, as `server_version_num` has it.
const OLDEST_VERSION: i32 = 150_000;

const SELECT: &str = "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
    current_setting('transaction_read_only'), current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('zero_damaged_pages'),
    current_setting('ignore_checksum_failure'), current_setting('data_checksums'),
    current_setting('synchronous_standby_names'),
    (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
    CASE WHEN pg_is_in_recovery() THEN NULL
         ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
    current_setting('synchronous_commit')";

/// What the session sets. `remote_apply` waits for more, and is left.
const SET: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '10s';
    SET statement_timeout = 0; SET client_connection_check_interval = '2s';
    SET default_transaction_isolation = 'read committed';
    SET client_min_messages = 'warning'";

/// Names of standbys, and one that is connected.
const IS_REPLICATED: &str = "SELECT current_setting('synchronous_standby_names') <> '' AND EXISTS
    (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))";

/// Whether commits wait for a second copy.
pub(super) async fn is_replicated(
    client: &Client,
    replication: Replication,
) -> Result<bool, Error> {
    let has_standbys = client.query_one(IS_REPLICATED, &[]).await?.try_get(0)?;
    Ok(replication.keeps_two(has_standbys))
}

/// The standbys that commits may wait for, and how far the last of them is behind: 0 where this role
/// may not see it.
const REPLICATED: &str = "SELECT count(*), COALESCE(max(pg_wal_lsn_diff(pg_current_wal_flush_lsn(),
        flush_lsn)), 0)::bigint
    FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";

/// How a primary replicates.
pub(super) async fn replicated(link: &Link) -> Result<Replicated, Fault> {
    let row = timeout(ANSWER_WAIT_MAX, link.client.query_one(REPLICATED, &[])).await??;
    let (standbys, lag_bytes) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Replicated { standbys, lag_bytes, timeline: link.timeline.into() })
}

/// Sets up a session, and reads the settings of its server.
pub(super) async fn set_up(client: &Client) -> Result<Settings, Error> {
    client.batch_execute(SET).await?;
    let row = client.query_one(SELECT, &[]).await?;
    let synchronous_commit: String = row.try_get(11)?;
    if synchronous_commit != "remote_apply" {
        client.batch_execute("SET synchronous_commit = on").await?;
    }
    Ok(Settings {
        version: row.try_get(0)?,
        in_recovery: row.try_get(1)?,
        read_only: row.try_get(2)?,
        fsync: row.try_get(3)?,
        full_page_writes: row.try_get(4)?,
        zero_damaged_pages: row.try_get(5)?,
        ignore_checksum_failure: row.try_get(6)?,
        data_checksums: row.try_get(7)?,
        synchronous_standby_names: row.try_get(8)?,
        synchronous: row.try_get(9)?,
        timeline: row.try_get(10)?,
    })
}

impl Settings {
    /// The timeline; 0 in recovery.
    pub(super) fn timeline(&self) -> u32 {
        let timeline = self.timeline.as_deref().map(|digits| u32::from_str_radix(digits, 16));
        timeline.and_then(Result::ok).unwrap_or(0)
    }

    /// Why this server is not used, if it is not; a server of the timeline `seen` was used before.
    pub(super) fn unfit(&self, replication: Replication, seen: u32) -> Option<Unfit> {
        let is_on = |setting: &str| setting == "on";
        let checks = [
            (self.version < OLDEST_VERSION, Unfit::Version(self.version)),
            (self.in_recovery, Unfit::InRecovery),
            (is_on(&self.read_only), Unfit::ReadOnly),
            (!is_on(&self.fsync), Unfit::NoFsync),
            (!is_on(&self.full_page_writes), Unfit::NoFullPageWrites),
            (is_on(&self.zero_damaged_pages), Unfit::ZeroDamagedPages),
            (is_on(&self.ignore_checksum_failure), Unfit::IgnoreChecksumFailure),
            (self.timeline() < seen, Unfit::Timeline(self.timeline())),
        ];
        let standbys = [
            (self.synchronous_standby_names.trim().is_empty(), Unfit::NoStandbyNames),
            (self.synchronous < 1, Unfit::NoStandby),
        ];
        let standbys = standbys.into_iter().filter(|_| replication == Replication::Standbys);
        checks.into_iter().chain(standbys).find_map(|(is, why)| is.then_some(why))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Version(version) => {
                return write!(f, "it is PostgreSQL {}; 15 or later is used", version / 10_000);
            }
            Self::Timeline(timeline) => {
                return write!(
                    f,
                    "it is on timeline {timeline}, and a later one was used: it may lack votes \
                     that were acknowledged"
                );
            }
            Self::InRecovery => "it is a standby",
            Self::ReadOnly => "it is read-only",
            Self::NoFsync => "fsync is off: a crash would lose votes",
            Self::NoFullPageWrites => "full_page_writes is off: a crash would damage it",
            Self::ZeroDamagedPages => "zero_damaged_pages is on: damage would be hidden",
            Self::IgnoreChecksumFailure => "ignore_checksum_failure is on: damage would be hidden",
            Self::NoStandbyNames => {
                "synchronous_standby_names is empty: it would be on one disk only"
            }
            Self::NoStandby => {
                "no synchronous standby is connected, or this role may not see it: GRANT \
                 pg_read_all_stats"
            }
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> Settings {
        let (on, off) = (String::from("on"), String::from("off"));
        Settings {
            version: 150_020,
            in_recovery: false,
            read_only: off.clone(),
            fsync: on.clone(),
            full_page_writes: on.clone(),
            zero_damaged_pages: off.clone(),
            ignore_checksum_failure: off,
            data_checksums: on,
            synchronous_standby_names: "ANY 1 (b, c)".into(),
            synchronous: 1,
            timeline: Some("0000000A".into()),
        }
    }

    #[test]
    fn every_unfit_setting_is_refused() {
        type Change = fn(&mut Settings);
        let table: [(Change, Option<Unfit>); 12] = [
            (|_| (), None),
            (|it| it.data_checksums = "off".into(), None),
            (|it| it.version = 149_999, Some(Unfit::Version(149_999))),
            (|it| it.in_recovery = true, Some(Unfit::InRecovery)),
            (|it| it.read_only = "on".into(), Some(Unfit::ReadOnly)),
            (|it| it.fsync = "off".into(), Some(Unfit::NoFsync)),
            (|it| it.full_page_writes = "off".into(), Some(Unfit::NoFullPageWrites)),
            (|it| it.zero_damaged_pages = "on".into(), Some(Unfit::ZeroDamagedPages)),
            (|it| it.ignore_checksum_failure = "on".into(), Some(Unfit::IgnoreChecksumFailure)),
            (|it| it.synchronous_standby_names = " ".into(), Some(Unfit::NoStandbyNames)),
            (|it| it.synchronous = 0, Some(Unfit::NoStandby)),
            (|it| it.timeline = Some("00000009".into()), Some(Unfit::Timeline(9))),
        ];
        for (change, unfit) in table {
            let mut settings = fit();
            change(&mut settings);
            assert_eq!(settings.unfit(Replication::Standbys, 10), unfit, "{settings:?}");
            let by_storage =
                unfit.filter(|unfit| !matches!(unfit, Unfit::NoStandbyNames | Unfit::NoStandby));
            assert_eq!(settings.unfit(Replication::Storage, 10), by_storage);
            if let Some(unfit) = unfit {
                assert!(!unfit.to_string().contains('\n'));
            }
        }
    }
}
