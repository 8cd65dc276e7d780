//! Messages from and to plain objects, beside the encoder and decoder of this program.

use capnp::dynamic_value;
use capnp::introspect::Introspect;
use capnp::message::{AllocationStrategy, Builder, HeapAllocator, ReaderOptions};
use capnp::serialize;
use capnp::traits::Owned;
use capvote::schema::election_capnp::{
    candidate_votes, count, election, election_info, receipt, results, vote_outcome,
};
use capvote::schema::lines_capnp::{line_sink, remote_file};
use capvote::schema::officer_capnp::{
    act_outcome, election_spec, ledger_report, registrar, tally_sheet_sink,
};
use data_encoding::BASE64;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use crate::harness::{Browser, browser, site};
use crate::lists::{doubly_far, lists, upgrades};
use crate::random::{Random, fill, shown};

/// Random messages, and how many go to the page at once.
const MESSAGES: usize = 10_000;
const BATCH: usize = 500;

/// The first segment of a message, in words, and the further ones. In segments of few words nearly
/// every pointer is a far one.
const SEGMENT_WORDS: [u32; 6] = [1, 2, 3, 7, 40, 1_024];

/// A struct of a schema: how its messages are made, and what they say.
struct Kind {
    /// Its name in the tables of the page.
    name: String,
    make: fn(u32, &mut Random) -> Vec<u8>,
    show: fn(&[u8]) -> Value,
}

fn kind<T>(name: &str) -> Kind
where
    T: Owned,
    for<'a> T::Builder<'a>: Into<dynamic_value::Builder<'a>>,
    for<'a> T::Reader<'a>: Into<dynamic_value::Reader<'a>>,
{
    Kind { name: name.into(), make: make::<T>, show: show::<T> }
}

fn make<T>(segment_words: u32, random: &mut Random) -> Vec<u8>
where
    T: Owned,
    for<'a> T::Builder<'a>: Into<dynamic_value::Builder<'a>>,
{
    let allocator = HeapAllocator::new()
        .first_segment_words(segment_words)
        .allocation_strategy(AllocationStrategy::FixedSize);
    let mut message = Builder::new(allocator);
    let root: dynamic_value::Builder = message.init_root::<T::Builder<'_>>().into();
    fill(root.downcast(), random, 0);
    serialize::write_message_to_words(&message)
}

fn show<T>(bytes: &[u8]) -> Value
where
    T: Owned,
    for<'a> T::Reader<'a>: Into<dynamic_value::Reader<'a>>,
{
    let message = serialize::read_message(bytes, ReaderOptions::new()).unwrap();
    shown(message.get_root::<T::Reader<'_>>().unwrap().into())
}

fn kinds() -> Vec<Kind> {
    vec![
        kind::<results::Owned>("Results"),
        kind::<election_info::Owned>("ElectionInfo"),
        kind::<count::Owned>("Count"),
        kind::<vote_outcome::Owned>("VoteOutcome"),
        kind::<receipt::Owned>("Receipt"),
        kind::<candidate_votes::Owned>("CandidateVotes"),
        kind::<act_outcome::Owned>("ActOutcome"),
        kind::<election_spec::Owned>("ElectionSpec"),
        kind::<ledger_report::Owned>("LedgerReport"),
        kind::<election::vote_params::Owned>("Election.vote.params"),
        kind::<election::cast_params::Owned>("Election.cast.params"),
        kind::<election::result_results::Owned>("Election.result.results"),
        kind::<registrar::revoke_numbers_params::Owned>("Registrar.revokeNumbers.params"),
        kind::<tally_sheet_sink::lines_params::Owned>("TallySheetSink.lines.params"),
        kind::<line_sink::lines_params::Owned>("LineSink.lines.params"),
        kind::<remote_file::read_params::Owned>("RemoteFile.read.params"),
    ]
}

/// A generator for this seed.
fn random(seed: u8) -> Random {
    Random(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

/// The segments of a message, copied.
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let message = serialize::read_message(bytes, ReaderOptions::new()).unwrap();
    capnp::Word::words_to_bytes(&message.canonicalize().unwrap()).to_vec()
}

/// Passes messages to the page, which reads them and writes them again. Returns how many had more
/// segments than one.
async fn compare(browser: &Browser, table: Option<&str>, kinds: &[Kind], seed: u8) -> usize {
    let mut random = random(seed);
    let mut in_segments = 0;
    for batch in 0..MESSAGES / BATCH {
        let made: Vec<(&Kind, Vec<u8>)> = (0..BATCH)
            .map(|index| {
                let kind = &kinds[random.below(kinds.len())];
                let words = SEGMENT_WORDS[(batch * BATCH + index) % SEGMENT_WORDS.len()];
                let message = (kind.make)(words, &mut random);
                let is_whole = message[0] == 0 && random.below(2) == 0;
                (kind, if is_whole { doubly_far(&message) } else { message })
            })
            .collect();
        let passed: Vec<_> =
            made.iter().map(|(kind, bytes)| json!([kind.name, BASE64.encode(bytes)])).collect();
        let arguments = [json!(table), json!(passed)];
        let answers = browser.call("/tests/wire.js", "readAndWrite", &arguments).await;
        assert_eq!(answers.as_array().unwrap().len(), BATCH);
        for ((kind, bytes), answer) in made.iter().zip(answers.as_array().unwrap()) {
            let read: Value = serde_json::from_str(answer[0].as_str().unwrap()).unwrap();
            assert_eq!(read, (kind.show)(bytes), "{}", kind.name);
            let written = BASE64.decode(answer[1].as_str().unwrap().as_bytes()).unwrap();
            assert!(canonical(&written) == canonical(bytes), "{}: {read}", kind.name);
            in_segments += usize::from(bytes[0] > 0);
        }
    }
    in_segments
}

#[tokio::test(flavor = "local")]
async fn random_messages_are_read_and_written_as_here() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    let in_segments = compare(&browser, None, &kinds(), 1).await;
    assert!(in_segments > MESSAGES / 2, "only {in_segments} had more than one segment");
    eprintln!("{MESSAGES} messages are equal, {in_segments} of them in several segments");
}

/// Cap'n Proto's own schema has what the project's lacks: floating point, signed integers, groups
/// within unions, defaults.
#[tokio::test(flavor = "local")]
async fn random_messages_of_another_schema_are_read_and_written_as_here() {
    use capnp::schema_capnp::{field, node, type_, value};
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    let table = capvote_tables::table_of(node::Owned::introspect()).unwrap();
    let kinds = [
        kind::<value::Owned>("Value"),
        kind::<type_::Owned>("Type"),
        kind::<field::Owned>("Field"),
        kind::<node::Owned>("Node"),
    ];
    compare(&browser, Some(&table), &kinds, 2).await;
}

/// A million altered messages are read, or refused as malformed, in bounded time and memory.
#[tokio::test(flavor = "local")]
async fn altered_messages_are_read_or_refused() {
    const SLOWEST_MS_MAX: f64 = 100.0;
    const HEAP_MIB_MAX: f64 = 64.0;
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    let mut random = random(3);
    let kinds = kinds();
    let originals: Vec<_> = (0..200)
        .map(|index| {
            let kind = &kinds[index % kinds.len()];
            let words = SEGMENT_WORDS[index % SEGMENT_WORDS.len()];
            json!([kind.name, BASE64.encode(&(kind.make)(words, &mut random))])
        })
        .collect();
    let (mut read, mut refused, mut slowest, mut heap) = (0, 0, 0.0, 0.0);
    for seed in 0..10 {
        let arguments = [json!(originals), json!(seed), json!(100_000)];
        let answer = browser.call("/tests/wire.js", "alter", &arguments).await;
        assert_eq!(answer["other"], json!([]), "seed {seed}");
        read += answer["read"].as_u64().unwrap();
        refused += answer["refused"].as_u64().unwrap();
        slowest = answer["slowestMs"].as_f64().unwrap().max(slowest);
        heap = answer["heapMib"].as_f64().unwrap().max(heap);
    }
    eprintln!(
        "{read} altered messages were read, {refused} refused; \
         the slowest took {slowest:.1} ms; the heap was at most {heap:.0} MiB"
    );
    assert_eq!(read + refused, 1_000_000);
    assert!(read > 100_000 && refused > 100_000);
    assert!(slowest < SLOWEST_MS_MAX && heap < HEAP_MIB_MAX);
}

/// Lists of every kind of element, and lists whose elements a newer or older schema has changed.
#[tokio::test(flavor = "local")]
async fn lists_are_read_and_written_as_here() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    for (name, bytes, expected) in lists() {
        let arguments = [json!(name), json!(BASE64.encode(&bytes))];
        let answer = browser.call("/tests/wire.js", "list", &arguments).await;
        let read: Value = serde_json::from_str(answer[0].as_str().unwrap()).unwrap();
        assert_eq!(read, expected, "{name}");
        let written = BASE64.decode(answer[1].as_str().unwrap().as_bytes()).unwrap();
        assert!(written == bytes, "{name}");
        let far = BASE64.encode(&doubly_far(&bytes));
        let answer = browser.call("/tests/wire.js", "list", &[json!(name), json!(far)]).await;
        assert_eq!(answer[1], json!(BASE64.encode(&bytes)), "{name}");
    }
    for (name, bytes, expected) in upgrades() {
        let arguments = [json!(name), json!(BASE64.encode(&bytes))];
        let answer = browser.call("/tests/wire.js", "readList", &arguments).await;
        let read: Value = serde_json::from_str(answer.as_str().unwrap()).unwrap();
        assert_eq!(read, expected, "{name}");
    }
}

#[tokio::test(flavor = "local")]
async fn what_no_message_may_be_is_refused() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    browser.run_cases("/tests/malformed.js").await;
}
