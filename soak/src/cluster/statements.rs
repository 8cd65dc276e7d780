//! The statements of the ledger on PostgreSQL, by their text. One that is not here ends the
//! simulation: it cannot drift from the ledger.

use super::values::Type::{self, *};

/// A statement that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Settings,
    IsReplicated,
    Replicated,
    IsComplete,
    NewLedger,
    Format,
    LedgerPlace,
    LockVersion,
    MoveVersion,
    Look,
    NewAct,
    ActsAfter,
    IsActStored,
    LastAct,
    NewRoll,
    RollOf,
    WholeRoll,
    RollRows,
    NewElection,
    OpenElection,
    BeginClosing,
    CloseElection,
    IsClosing,
    MoveElections,
    ShareElection,
    Settle,
    IsKnown,
    RenewLease,
    Others,
    Links,
    EndLease,
    SweepLeases,
    SayHolder,
    Holders,
    HoldersOf,
    HoldersAsking,
    PassOn,
    Destroyed,
    IsHeld,
    NewChain,
    TakeUp,
    ClearSheet,
    OpenChains,
    Chains,
    LeaveChains,
    NewEntry,
    NewEnd,
    LastEntry,
    LastWithTally,
    EntriesStored,
    Stored,
    Ends,
    Entries,
    NewTally,
    DropTallies,
    NewBallots,
    BallotsUnder,
    CountBallots,
    Ballots,
    ChainBallots,
    Used,
    NewSheet,
    SheetLines,
    SheetAt,
    SheetFrom,
}

/// A statement: its text, what it takes and what it returns.
pub(super) struct Statement {
    text: &'static str,
    pub(super) ask: Ask,
    pub(super) parameters: &'static [Type],
    pub(super) columns: &'static [Type],
}

/// The statement with this text.
pub(super) fn known(text: &str) -> Option<&'static Statement> {
    let words: Vec<_> = text.split_whitespace().collect();
    ALL.iter().find(|it| it.text.split_whitespace().eq(words.iter().copied()))
}

const fn on(
    ask: Ask,
    text: &'static str,
    parameters: &'static [Type],
    columns: &'static [Type],
) -> Statement {
    Statement { text, ask, parameters, columns }
}

const SETTINGS: &[Type] = &[Int4, Bool, Text, Text, Text, Text, Text, Text, Text, Int8, Text, Text];

#[rustfmt::skip]
const ALL: &[Statement] = &[
    on(Ask::Settings, "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
        current_setting('transaction_read_only'), current_setting('fsync'),
        current_setting('full_page_writes'), current_setting('zero_damaged_pages'),
        current_setting('ignore_checksum_failure'), current_setting('data_checksums'),
        current_setting('synchronous_standby_names'),
        (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
        CASE WHEN pg_is_in_recovery() THEN NULL
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
        current_setting('synchronous_commit')", &[], SETTINGS),
    on(Ask::IsReplicated, "SELECT current_setting('synchronous_standby_names') <> '' AND EXISTS
        (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))", &[], &[Bool]),
    on(Ask::Replicated, "SELECT count(*),
        COALESCE(max(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn)), 0)::bigint
        FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')", &[], &[Int8, Int8]),
    on(Ask::IsComplete, "SELECT to_regclass('ledger') IS NOT NULL AND
        to_regclass('sheet_first') IS NOT NULL", &[], &[Bool]),
    on(Ask::NewLedger, "INSERT INTO ledger (format, id, cluster, clusters, version)
        VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING", &[Int4, Bytes, Int2, Int2], &[]),
    on(Ask::Format, "SELECT format FROM ledger", &[], &[Int4]),
    on(Ask::LedgerPlace, "SELECT id, cluster, clusters FROM ledger", &[], &[Bytes, Int2, Int2]),
    on(Ask::LockVersion, "SELECT version,
        current_setting('synchronous_standby_names') <> '' FROM ledger FOR UPDATE",
        &[], &[Int8, Bool]),
    on(Ask::MoveVersion, "UPDATE ledger SET version = $2 WHERE version = $1", &[Int8, Int8], &[]),
    on(Ask::Look, "SELECT (SELECT version FROM ledger),
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        current_setting('synchronous_standby_names') <> '',
        newer.chain, newer.election, newer.seq, newer.ballots, newer.sealed,
        EXISTS (SELECT FROM holders WHERE wrapped IS NULL AND NOT destroyed), newer.id
        FROM (VALUES (1)) AS one (row) LEFT JOIN
            (SELECT tallies.chain, election, tallies.seq, ballots, sealed, elections.id
            FROM tallies JOIN chains ON chains.chain = tallies.chain
                JOIN elections ON elections.key = election
                LEFT JOIN unnest($1::bigint[], $2::int[]) AS known (chain, seq)
                    ON known.chain = tallies.chain
            WHERE known.seq IS NULL OR tallies.seq > known.seq) AS newer ON true",
        &[Int8s, Int4s], &[Int8, Int8, Bool, Int8, Int4, Int4, Int8, Bytes, Bool, Text]),
    on(Ask::NewAct, "INSERT INTO acts (version, election, kind, what, head, mac)
        VALUES ($1, $2, $3, $4, $5, $6)", &[Int8, Int4, Int2, Bytes, Bytes, Bytes], &[]),
    on(Ask::ActsAfter, "SELECT version, election, kind, what, head, mac FROM acts
        WHERE version > $1 ORDER BY version", &[Int8], &[Int8, Int4, Int2, Bytes, Bytes, Bytes]),
    on(Ask::LastAct, "SELECT kind, what FROM acts ORDER BY version DESC LIMIT 1",
        &[], &[Int2, Bytes]),
    on(Ask::IsActStored, "SELECT count(*) > 0 FROM acts WHERE head = $1", &[Bytes], &[Bool]),
    on(Ask::NewRoll, "INSERT INTO roll (election, version, row, added, numbers)
        VALUES ($1, $2, $3, $4, $5)", &[Int4, Int8, Int4, Bool, Bytes], &[]),
    on(Ask::RollOf, "SELECT numbers FROM roll WHERE election = $1 AND version = $2 ORDER BY row",
        &[Int4, Int8], &[Bytes]),
    on(Ask::WholeRoll, "SELECT added, numbers FROM roll WHERE election = $1 ORDER BY version, row",
        &[Int4], &[Bool, Bytes]),
    on(Ask::RollRows, "SELECT numbers FROM roll WHERE election = $1 AND version = $2
        AND row >= $3 AND row < $4 ORDER BY row", &[Int4, Int8, Int4, Int4], &[Bytes]),
    on(Ask::NewElection, "INSERT INTO elections (key, id, state, version) VALUES ($1, $2, 0, $3)",
        &[Int4, Text, Int8], &[]),
    on(Ask::OpenElection, "UPDATE elections SET state = 1, version = $2 WHERE key = $1",
        &[Int4, Int8], &[]),
    on(Ask::BeginClosing, "UPDATE elections SET state = 2 WHERE key = $1", &[Int4], &[]),
    on(Ask::CloseElection, "UPDATE elections SET state = 3 WHERE key = $1", &[Int4], &[]),
    on(Ask::IsClosing, "SELECT state = 2 FROM elections WHERE key = $1", &[Int4], &[Bool]),
    on(Ask::MoveElections, "UPDATE elections SET version = $2 WHERE key = ANY ($1)",
        &[Int4s, Int8], &[]),
    on(Ask::ShareElection, "SELECT key FROM elections WHERE key = $1 AND state = 1
        AND version <= $2 FOR SHARE", &[Int4, Int8], &[Int4]),
    on(Ask::Settle, "INSERT INTO servers (id, settled) VALUES ($1, 1)
        ON CONFLICT (id) DO UPDATE SET settled = servers.settled + 1", &[Bytes], &[]),
    on(Ask::IsKnown, "SELECT id, (SELECT head FROM acts WHERE version = $1) FROM ledger",
        &[Int8], &[Bytes, Bytes]),
    on(Ask::RenewLease, "INSERT INTO leases (server, timeline, seen, link, mac)
        VALUES ($1, $2, clock_timestamp(), $3, $4) ON CONFLICT (server) DO UPDATE
            SET timeline = excluded.timeline, seen = excluded.seen, link = excluded.link,
                mac = excluded.mac", &[Bytes, Int8, Text, Bytes], &[]),
    on(Ask::Links, "SELECT link, mac FROM leases WHERE mac IS NOT NULL
        AND seen > clock_timestamp() - make_interval(secs => $1) ORDER BY server LIMIT $2",
        &[Float8, Int8], &[Text, Bytes]),
    on(Ask::Others, "SELECT server, timeline FROM leases WHERE server <> $1
        AND seen > clock_timestamp() - make_interval(secs => $2)",
        &[Bytes, Float8], &[Bytes, Int8]),
    on(Ask::EndLease, "DELETE FROM leases WHERE server = $1", &[Bytes], &[]),
    on(Ask::SweepLeases, "WITH dead AS (DELETE FROM leases
            WHERE seen < clock_timestamp() - make_interval(secs => $1) RETURNING server)
        DELETE FROM servers USING dead WHERE id = dead.server", &[Float8], &[]),
    on(Ask::SayHolder, "INSERT INTO holders (election, server, public, mac, wrapped)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (election, server) DO UPDATE SET public = excluded.public, mac = excluded.mac,
            wrapped = excluded.wrapped, destroyed = false",
        &[Int4, Bytes, Bytes, Bytes, Bytes], &[]),
    on(Ask::Holders, "SELECT server, public, mac FROM holders
        WHERE election = $1 AND wrapped IS NOT NULL AND NOT destroyed",
        &[Int4], &[Bytes, Bytes, Bytes]),
    on(Ask::HoldersOf, "SELECT election, public, mac, wrapped FROM holders
        WHERE server = $1 AND election = ANY ($2) AND NOT destroyed",
        &[Bytes, Int4s], &[Int4, Bytes, Bytes, Bytes]),
    on(Ask::HoldersAsking, "SELECT election, server, public, mac FROM holders
        WHERE wrapped IS NULL AND NOT destroyed AND election = ANY ($1)",
        &[Int4s], &[Int4, Bytes, Bytes, Bytes]),
    on(Ask::PassOn, "UPDATE holders SET wrapped = $4
        WHERE election = $1 AND server = $2 AND public = $3 AND wrapped IS NULL",
        &[Int4, Bytes, Bytes, Bytes], &[]),
    on(Ask::Destroyed, "UPDATE holders SET destroyed = true WHERE election = $1 AND server = $2",
        &[Int4, Bytes], &[]),
    on(Ask::IsHeld, "SELECT count(*) = 0 OR NOT bool_and(destroyed) FROM holders
        WHERE election = $1", &[Int4], &[Bool]),
    on(Ask::NewChain, "INSERT INTO chains (election, server, writer, genesis)
        VALUES ($1, $2, $3, $4) RETURNING chain", &[Int4, Bytes, Int2, Bytes], &[Int8]),
    on(Ask::TakeUp, "UPDATE chains AS it SET server = $2, writer = $3
        WHERE chain = (SELECT min(chain) FROM chains AS free WHERE election = $1
            AND (server IS NULL OR server = $2 AND writer = $3 OR server <> $2 AND NOT EXISTS
                (SELECT 1 FROM leases WHERE leases.server = free.server
                    AND seen > clock_timestamp() - make_interval(secs => $4)))
            AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.chain = free.chain AND kind = 5))
        AND (server IS NULL OR server = $2 AND writer = $3 OR server <> $2 AND NOT EXISTS
            (SELECT 1 FROM leases WHERE leases.server = it.server
                AND seen > clock_timestamp() - make_interval(secs => $4)))
        RETURNING chain, genesis", &[Int4, Bytes, Int2, Float8], &[Int8, Bytes]),
    on(Ask::OpenChains, "SELECT chain, election, genesis FROM chains
        WHERE election = ANY ($1) AND NOT EXISTS
            (SELECT 1 FROM entries WHERE entries.chain = chains.chain AND kind = 5)
        ORDER BY chain", &[Int4s], &[Int8, Int4, Bytes]),
    on(Ask::Chains, "SELECT chain, genesis FROM chains WHERE election = $1 ORDER BY chain",
        &[Int4], &[Int8, Bytes]),
    on(Ask::LeaveChains, "UPDATE chains SET server = NULL WHERE server = $1", &[Bytes], &[]),
    on(Ask::NewEntry, "INSERT INTO entries (chain, seq, kind, stored, hashed, head)
        VALUES ($1, $2, $3, $4, $4, $5)", &[Int8, Int4, Int2, Int4, Bytes], &[]),
    on(Ask::NewEnd, "INSERT INTO entries (chain, seq, kind, stored, hashed, head)
        VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT DO NOTHING", &[Int8, Int4, Int2, Bytes], &[]),
    on(Ask::LastEntry, "SELECT seq, head FROM entries WHERE chain = $1 ORDER BY seq DESC LIMIT 1",
        &[Int8], &[Int4, Bytes]),
    on(Ask::LastWithTally, "SELECT last.seq, last.head, tallies.seq, ballots, sealed
        FROM (SELECT seq, head FROM entries WHERE chain = $1 ORDER BY seq DESC LIMIT 1) AS last
            LEFT JOIN tallies ON tallies.chain = $1", &[Int8], &[Int4, Bytes, Int4, Int8, Bytes]),
    on(Ask::EntriesStored, "SELECT entries.head
        FROM unnest($1::bigint[], $2::int[], $3::bytea[]) AS known (chain, seq, head)
            JOIN entries ON entries.chain = known.chain AND entries.seq = known.seq
                AND entries.head = known.head", &[Int8s, Int4s, Blobs], &[Bytes]),
    on(Ask::Stored, "SELECT coalesce(sum(stored), 0) FROM entries JOIN chains
        ON chains.chain = entries.chain WHERE election = $1", &[Int4], &[Int8]),
    on(Ask::Ends, "SELECT entries.chain, seq, head FROM entries JOIN chains
        ON chains.chain = entries.chain WHERE election = $1 AND kind = 5",
        &[Int4], &[Int8, Int4, Bytes]),
    on(Ask::Entries, "SELECT seq, kind, hashed, head FROM entries WHERE chain = $1 ORDER BY seq",
        &[Int8], &[Int4, Int2, Int4, Bytes]),
    on(Ask::NewTally, "INSERT INTO tallies (chain, seq, ballots, sealed) VALUES ($1, $2, $3, $4)
        ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, ballots = excluded.ballots,
            sealed = excluded.sealed", &[Int8, Int4, Int8, Bytes], &[]),
    on(Ask::DropTallies, "DELETE FROM tallies WHERE chain IN
        (SELECT chain FROM chains WHERE election = $1)", &[Int4], &[]),
    on(Ask::NewBallots, "INSERT INTO ballots (election, number, sealed, chain, seq)
        SELECT $1, n, s, $4, $5 FROM unnest($2::bigint[], $3::bytea[]) AS v (n, s)
        ON CONFLICT DO NOTHING", &[Int4, Int8s, Blobs, Int8, Int4], &[]),
    on(Ask::BallotsUnder, "SELECT number, sealed, chain, seq FROM ballots
        WHERE election = $1 AND number = ANY ($2)", &[Int4, Int8s], &[Int8, Bytes, Int8, Int4]),
    on(Ask::CountBallots, "SELECT count(*) FROM ballots WHERE election = $1", &[Int4], &[Int8]),
    on(Ask::Ballots, "SELECT number, sealed FROM ballots WHERE election = $1",
        &[Int4], &[Int8, Bytes]),
    on(Ask::ChainBallots, "SELECT seq, number, sealed FROM ballots WHERE election = $1
        AND chain = $2 ORDER BY seq, number", &[Int4, Int8], &[Int4, Int8, Bytes]),
    on(Ask::Used, "SELECT number FROM ballots WHERE election = ANY ($1) AND number = ANY ($2)",
        &[Int4s, Int8s], &[Int8]),
    on(Ask::ClearSheet, "DELETE FROM sheet WHERE election = $1", &[Int4], &[]),
    on(Ask::NewSheet, "INSERT INTO sheet (election, part, first, lines) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING", &[Int4, Int4, Bytes, Bytes], &[]),
    on(Ask::SheetLines, "SELECT lines FROM sheet WHERE election = $1 ORDER BY part",
        &[Int4], &[Bytes]),
    on(Ask::SheetAt, "SELECT lines FROM sheet WHERE election = $1 AND first <= $2
        ORDER BY first DESC LIMIT 1", &[Int4, Bytes], &[Bytes]),
    on(Ask::SheetFrom, "SELECT lines FROM sheet WHERE election = $1 AND part >= $2
        ORDER BY part LIMIT $3", &[Int4, Int4, Int8], &[Bytes]),
];
