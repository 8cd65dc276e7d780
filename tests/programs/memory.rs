//! What a server's memory has after a close.
//!
//! Where no number is found at all, none is beside its ballot, and none tells the order of arrival.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::{Nonce, VoterNumber};

use super::process::{Server, numbers, officer};

/// The voters: a fifth close their connection, and as many keep it over each kind of listener: for
/// programs and for browsers, without and with TLS.
const VOTERS: usize = 300;

/// A number and a nonce so close together may belong to one ballot: no row, message or structure
/// with both is longer.
const NEAR_BYTES: usize = 1_024;

/// A piece of memory that is read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Where the secrets of the ballots were found. The positions are those of memory.
#[derive(Default)]
struct Found {
    /// Of a voter number, with its index: in binary, in either order of bytes, and in decimal.
    numbers: Vec<(usize, usize)>,
    nonces: Vec<(usize, usize)>,
    /// What was found where.
    places: Vec<String>,
}

#[tokio::test(flavor = "local")]
async fn after_the_close_no_memory_of_the_server_pairs_a_number_with_its_ballot() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let more = ["capvotes://127.0.0.1:0", "http://127.0.0.1:0", "https://127.0.0.1:0"];
    let mut server = board_with(data, &more.map(|link| ["--listen", link]).concat());
    let [encrypted, pages, encrypted_pages] = more.map(|_| server.next_link());
    let links = [&server.link, &server.link, &encrypted, &pages, &encrypted_pages];
    let links = links.map(|link| link.parse().unwrap());
    let mut ballots = Vec::new();
    let mut open = Vec::new();
    for (index, number) in numbers(data).into_iter().enumerate() {
        let client = Client::connect(&links[index % links.len()]).await.unwrap();
        let ballot = Ballot::new(["Ada", "Grace"][index % 2], number).unwrap();
        let outcome = client.election("board").vote(&ballot, |_| ()).await.unwrap();
        assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
        ballots.push((number, ballot.nonce));
        if index % links.len() > 0 {
            open.push(client);
        }
    }
    let Some(before) = scan(&server, &ballots) else { return };
    assert!(!before.numbers.is_empty(), "the scan finds nothing while the election is open");
    officer(data, &["close"]).done();
    let mut after = scan(&server, &ballots).unwrap();
    for _ in 0..RETRIES_MAX {
        if after.numbers.is_empty() {
            break;
        }
        // A thread may be about to clear its stack.
        tokio::time::sleep(RETRY_PAUSE).await;
        after = scan(&server, &ballots).unwrap();
    }
    println!(
        "before the close: {} pairs, {} numbers; after it: {} pairs, {} numbers in {:?}",
        before.pairs(),
        before.numbers.len(),
        after.pairs(),
        after.numbers.len(),
        after.places,
    );
    assert_eq!((after.pairs(), after.numbers.len()), (0, 0), "{:?}", after.places);
    drop(open);
}

/// Scans while the threads clear their stacks, which they do at once.
const RETRIES_MAX: usize = 3;

const RETRY_PAUSE: Duration = Duration::from_millis(500);

fn board_with(data: &std::path::Path, arguments: &[&str]) -> Server {
    let voters = VOTERS.to_string();
    let board = ["--election", "board", "--candidate", "Ada", "--candidate", "Grace"];
    Server::start(data, &[&board[..], &["--voters", &voters], arguments].concat())
}

/// Searches all memory of a server. `None` where that is not permitted, unless `CI` is set.
fn scan(server: &Server, ballots: &[(VoterNumber, Nonce)]) -> Option<Found> {
    let process = format!("/proc/{}", server.id());
    let memory = match File::open(format!("{process}/mem")) {
        Ok(memory) => memory,
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("skipped: the server's memory cannot be read: {error}");
            return None;
        }
        Err(error) => panic!("the server's memory cannot be read: {error}"),
    };
    let keys = Keys::new(ballots);
    let mut found = Found::default();
    for mapping in fs::read_to_string(format!("{process}/maps")).unwrap().lines() {
        let (range, rest) = mapping.split_once(' ').unwrap();
        let (begin, end) = range.split_once('-').unwrap();
        let address = |text| usize::from_str_radix(text, 16).unwrap();
        if rest.starts_with('r') {
            // Some mappings, such as [vvar], cannot be read.
            let _ = keys.search(&memory, address(begin)..address(end), rest, &mut found);
        }
    }
    Some(found)
}

/// A number or a nonce of a ballot.
struct Key {
    bytes: Vec<u8>,
    /// Of the ballot.
    index: usize,
    is_number: bool,
}

/// What to search for.
struct Keys {
    /// By their first 8 bytes.
    by_beginning: HashMap<[u8; 8], Vec<Key>>,
    /// Whether a key begins with these two bytes. Most of the memory is passed over by this.
    beginnings: Vec<bool>,
}

impl Keys {
    fn new(ballots: &[(VoterNumber, Nonce)]) -> Self {
        let mut keys = Self {
            by_beginning: HashMap::new(),
            beginnings: vec![false; usize::from(u16::MAX) + 1],
        };
        for (index, (number, nonce)) in ballots.iter().enumerate() {
            keys.add(&number.get().to_le_bytes(), index, true);
            keys.add(&number.get().to_be_bytes(), index, true);
            keys.add(number.to_string().as_bytes(), index, true);
            keys.add(format!("{:020}", number.get()).as_bytes(), index, true);
            keys.add(nonce.as_bytes(), index, false);
        }
        keys
    }

    fn add(&mut self, key: &[u8], index: usize, is_number: bool) {
        let beginning = *key.first_chunk().unwrap();
        self.beginnings[two_bytes(key)] = true;
        self.by_beginning.entry(beginning).or_default().push(Key {
            bytes: key.to_vec(),
            index,
            is_number,
        });
    }

    fn search(
        &self,
        memory: &File,
        range: std::ops::Range<usize>,
        mapping: &str,
        found: &mut Found,
    ) -> std::io::Result<()> {
        const KEY_BYTES_MAX: usize = 32;
        let mut piece = vec![0; PIECE_BYTES + KEY_BYTES_MAX];
        for begin in range.clone().step_by(PIECE_BYTES) {
            let length = piece.len().min(range.end - begin);
            let piece = &mut piece[..length];
            memory.read_exact_at(piece, begin as u64)?;
            if piece.iter().all(|&byte| byte == 0) {
                continue;
            }
            for (at, first) in piece.windows(8).enumerate().take(PIECE_BYTES) {
                if !self.beginnings[two_bytes(first)] {
                    continue;
                }
                for Key { bytes, index, is_number } in
                    self.by_beginning.get(first).into_iter().flatten()
                {
                    if !piece[at..].starts_with(bytes) {
                        continue;
                    }
                    let kind = if *is_number { &mut found.numbers } else { &mut found.nonces };
                    kind.push((begin + at, *index));
                    let what = if *is_number { "a number" } else { "a nonce" };
                    found.places.push(format!("{what} at {:x} of {mapping}", begin + at));
                }
            }
        }
        Ok(())
    }
}

fn two_bytes(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

impl Found {
    /// How many ballots have their number and their nonce near each other somewhere.
    fn pairs(&self) -> usize {
        let near = |&(number, index): &(usize, usize)| {
            let paired = |&(nonce, other): &(usize, usize)| {
                other == index && number.abs_diff(nonce) < NEAR_BYTES
            };
            self.nonces.iter().any(paired).then_some(index)
        };
        let mut paired: Vec<_> = self.numbers.iter().filter_map(near).collect();
        paired.sort_unstable();
        paired.dedup();
        paired.len()
    }
}
