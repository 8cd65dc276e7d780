//! Browsers that are none: what they send harms nobody, and takes no more memory than is counted.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::budget::{CONNECTION_BYTES_MIN, PROCESS_BYTES_MAX};
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::{ANY_PORT, address, board, handshake, upgraded, voter};
use crate::process::{BOARD, Server, numbers};

/// Connections of each kind at a time.
const EACH: usize = 20;

/// The resident memory of a connection that does nothing, at most, in bytes: that of a shard, and
/// what is framed or read of a request's head.
const IDLE_BYTES: usize = 48 << 10;

const MIB: f64 = (1 << 20) as f64;

/// The timeout for what must happen. Reached only if a test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take to make room: less than one may wait with a request.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(10);

/// What a connection sends again and again.
#[derive(Debug, Clone, Copy)]
enum Attack {
    /// A long message, a byte at a time, each a fragment with its own head.
    Fragments,
    /// One frame without end, of a message of 64 MiB.
    HugeFrame,
    /// Pings, and nothing is read.
    Pings,
    /// Empty fragments.
    EmptyFragments,
    Text,
    NoMask,
    ReservedBits,
    TopBit,
    UnknownOpcode,
    /// A close, and messages behind it.
    AfterClose,
    /// Half of a handshake, and silence.
    HalfHandshake,
    /// A head that grows slowly.
    SlowHead,
    /// A head without end.
    LongHead,
    /// A head of many fields.
    ManyFields,
    ForeignOrigin,
    ForeignHost,
    /// Requests whose answers are not read.
    Unread,
    /// Bytes that are no HTTP.
    Noise,
}

impl Attack {
    const ALL: [Self; 18] = [
        Self::Fragments,
        Self::HugeFrame,
        Self::Pings,
        Self::EmptyFragments,
        Self::Text,
        Self::NoMask,
        Self::ReservedBits,
        Self::TopBit,
        Self::UnknownOpcode,
        Self::AfterClose,
        Self::HalfHandshake,
        Self::SlowHead,
        Self::LongHead,
        Self::ManyFields,
        Self::ForeignOrigin,
        Self::ForeignHost,
        Self::Unread,
        Self::Noise,
    ];

    /// Whether it begins behind a handshake.
    fn is_upgraded(self) -> bool {
        (self as u8) < (Self::HalfHandshake as u8)
    }

    /// Whether the server ends the connection of itself.
    fn is_cut(self) -> bool {
        !matches!(
            self,
            Self::Fragments | Self::HugeFrame | Self::HalfHandshake | Self::SlowHead | Self::Unread
        )
    }

    /// Whether it sends a message that is long: it is counted as it arrives.
    fn announces(self) -> bool {
        matches!(self, Self::Fragments | Self::HugeFrame)
    }

    /// What is sent first, and what then again and again.
    fn sent(self, host: &str) -> (Vec<u8>, Vec<u8>) {
        const MASK: [u8; 4] = [0; 4];
        let frame = |first: u8, payload: &[u8]| {
            [&[first, 0x80 | payload.len() as u8], &MASK[..], payload].concat()
        };
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n");
        match self {
            // The header of a message with one segment of as many words as there may be.
            Self::Fragments => {
                (frame(0x02, &[0, 0, 0, 0, 0, 0, 0x80, 0]), frame(0, &[7]).repeat(64))
            }
            Self::HugeFrame => {
                let long = [&[0x82, 0xff, 0x3f][..], &[0xff; 7], &MASK].concat();
                ([&long[..], &[0, 0, 0, 0, 0, 0, 0x80, 0]].concat(), vec![7; 64 << 10])
            }
            Self::Pings => (Vec::new(), frame(0x89, &[7; 125]).repeat(64)),
            Self::EmptyFragments => (frame(0x02, &[]), frame(0, &[]).repeat(64)),
            Self::Text => (Vec::new(), frame(0x81, b"text")),
            Self::NoMask => (Vec::new(), b"\x82\x04text".to_vec()),
            Self::ReservedBits => (Vec::new(), frame(0xf2, b"text")),
            Self::TopBit => (Vec::new(), [&[0x82][..], &[0xff; 13]].concat()),
            Self::UnknownOpcode => (Vec::new(), frame(0x87, b"text")),
            Self::AfterClose => (frame(0x88, &[]), frame(0x82, b"late")),
            Self::HalfHandshake => (handshake(host, "")[..100].into(), Vec::new()),
            Self::SlowHead => (head.into(), b"X: y\r\n".to_vec()),
            Self::LongHead => ((head + "X: ").into(), vec![b'x'; 1_000]),
            Self::ManyFields => (head.into(), b"X: y\r\n".repeat(200)),
            Self::ForeignOrigin => {
                (Vec::new(), handshake(host, "Origin: http://other.example\r\n").into())
            }
            Self::ForeignHost => (Vec::new(), handshake("rebound.example", "").into()),
            Self::Unread => (Vec::new(), (head + "\r\n").repeat(50).into()),
            Self::Noise => (b"\x16\x03\x01\x02\x00\x01\x00".to_vec(), vec![0xff; 1_000]),
        }
    }

    /// Attacks over one connection until the server ends it.
    async fn connection(self, address: &str) {
        let (first, then) = self.sent(address);
        let mut stream = if self.is_upgraded() {
            upgraded(address, "").await
        } else {
            TcpStream::connect(address).await.unwrap()
        };
        if stream.write_all(&first).await.is_err() {
            return;
        }
        if then.is_empty() {
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        // A head that grows slowly grows as time passes: the test is over before it is long.
        let pause = if let Self::SlowHead = self { 500 } else { 0 };
        while stream.write_all(&then).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Attacks over so many connections at a time, each again as soon as it ends.
fn attack(attack: Attack, address: &str) -> Vec<JoinHandle<()>> {
    let again = |address: String| async move {
        loop {
            attack.connection(&address).await;
            // One attack must not take all of this machine's processors.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    (0..EACH).map(|_| spawn_local(again(address.to_string()))).collect()
}

async fn votes(client: &Client, number: VoterNumber) {
    let ballot = Ballot::new("Ada", number).unwrap();
    let voted = timeout(TIMEOUT, client.election("board").vote(&ballot, |_| {})).await;
    let voted = voted.unwrap_or_else(|_| panic!("no answer"));
    assert!(matches!(voted, Ok(VoteOutcome::Recorded(_))), "{voted:?}");
}

#[tokio::test(flavor = "local")]
async fn a_hostile_connection_is_cut_where_it_breaks_a_rule() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    for kind in Attack::ALL.into_iter().filter(|kind| kind.is_cut()) {
        let cut = timeout(TIMEOUT, kind.connection(&at)).await;
        assert!(cut.is_ok(), "{kind:?} goes on");
    }
}

/// Has voters vote while each of these kinds attacks. Returns how much memory the server took more,
/// at the most, in bytes.
async fn attacked(kinds: &[Attack]) -> f64 {
    const VOTERS: usize = 20;
    let data = tempfile::tempdir().unwrap();
    let plain = ["--listen", "capvote://127.0.0.1:0"];
    let mut server = board(ANY_PORT, data.path(), 2 * VOTERS as u32, &plain);
    let link = server.next_link().parse().unwrap();
    let at = address(&server.link);
    let before = server.memory_mib().0;
    // They are there before the attack, and others come in its midst.
    let first = [Client::connect(&link).await.unwrap(), voter(&at).await];
    let attacks: Vec<_> = kinds.iter().flat_map(|kind| attack(*kind, &at)).collect();
    let mut slowest = Duration::ZERO;
    for (index, numbers) in numbers(data.path()).chunks(2).enumerate() {
        let begun = Instant::now();
        let new = [Client::connect(&link).await.unwrap(), voter(&at).await];
        let voters = if index % 2 == 0 { &first } else { &new };
        join_all(voters.iter().zip(numbers).map(|(client, number)| votes(client, *number))).await;
        slowest = slowest.max(begun.elapsed());
    }
    let (_, peak) = server.memory_mib();
    let (connections, grown) = (attacks.len(), peak - before);
    eprintln!("{connections} hostile connections: {grown:.1} MiB; slowest votes: {slowest:?}");
    for attack in attacks {
        assert!(!attack.is_finished(), "an attack has failed");
        attack.abort();
    }
    grown * MIB
}

#[tokio::test(flavor = "local")]
async fn hostile_browsers_harm_no_voter_and_take_the_memory_of_idle_connections() {
    let kinds: Vec<_> = Attack::ALL.into_iter().filter(|kind| !kind.announces()).collect();
    let connections = kinds.len() * EACH;
    let grown = attacked(&kinds).await;
    let allowed = connections * (CONNECTION_BYTES_MIN + IDLE_BYTES);
    assert!(grown <= allowed as f64, "{} MiB of {} MiB", grown / MIB, allowed as f64 / MIB);
}

#[tokio::test(flavor = "local")]
async fn long_messages_of_browsers_take_no_more_than_the_budget() {
    let kinds: Vec<_> = Attack::ALL.into_iter().filter(|kind| kind.announces()).collect();
    let connections = kinds.len() * EACH;
    let grown = attacked(&kinds).await;
    // The allocator takes up to a quarter more than is asked for.
    let allowed = PROCESS_BYTES_MAX / 4 * 5 + connections * (CONNECTION_BYTES_MIN + IDLE_BYTES);
    assert!(grown <= allowed as f64, "{} MiB of {} MiB", grown / MIB, allowed as f64 / MIB);
}

/// A server that may have so many files open.
fn with_files(files: u32, data: &Path) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files} && exec \"$@\""), "sh"]);
    command.args([env!("CARGO_BIN_EXE_capvote-server"), "--log", "error", "--threads", "2"]);
    command.args(["--listen", ANY_PORT, "--data"]).arg(data).args(BOARD).args(["--voters", "9"]);
    Server::spawn(command)
}

#[tokio::test(flavor = "local")]
async fn neither_pings_nor_slow_requests_hold_a_place() {
    // As many connections as there may be of this machine.
    const PLACES: usize = 48;
    let data = tempfile::tempdir().unwrap();
    let server = with_files(256 + 2 * PLACES as u32, data.path());
    let (at, numbers) = (address(&server.link), numbers(data.path()));
    for slow in [true, false] {
        // What is sent again and again is no activity.
        let (first, again): (&[u8], &[u8]) = match slow {
            true => (b"GET / HTTP/1.1\r\nHost: ", b"x"),
            false => (b"", &[0x89, 0x80, 0, 0, 0, 0]),
        };
        let begin = async || {
            let mut stream = match slow {
                true => TcpStream::connect(&at).await.unwrap(),
                false => upgraded(&at, "").await,
            };
            stream.write_all(first).await.unwrap();
            stream
        };
        let mut busy = join_all((0..5).map(|_| begin())).await;
        let active = voter(&at).await;
        let mut crowd = Vec::new();
        for _ in 0..2 * PLACES {
            for stream in &mut busy {
                // It may have made room.
                let _ = stream.write_all(again).await;
            }
            active.elections().await.unwrap();
            crowd.push(begin().await);
        }
        for mut stream in busy {
            let closed = async {
                // Behind the pongs.
                while stream.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
            };
            timeout(ROOM_WAIT_MAX, closed).await.unwrap();
        }
        let number = usize::from(slow);
        votes(&voter(&at).await, numbers[2 * number]).await;
        votes(&active, numbers[2 * number + 1]).await;
    }
}
