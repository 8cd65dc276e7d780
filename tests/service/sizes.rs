//! The sizes of what a voter's connection carries: the same for every choice of a slate.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use capvote::client::{Ballot, Client, Marks, VoteOutcome};
use capvote::election::{
    CANDIDATE_BYTES_MAX, Definition, Method, Nonce, Publication, Rules, VoterNumber,
};
use capvote::ledger::Act;
use capvote::schema::election_capnp::vote_outcome;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::harness::{Harness, harness, soon};

/// Bytes sent and received.
type Sizes = (usize, usize);

/// A stream whose bytes are counted.
struct Tapped {
    stream: DuplexStream,
    sizes: Rc<RefCell<Sizes>>,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.sizes.borrow_mut().1 += buffer.filled().len() - before;
        read
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.sizes.borrow_mut().0 += written;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Names of every length that could make a difference, and a blank ballot.
fn choices() -> Vec<String> {
    let mut names =
        ["", "Bo Li", "Ada Lovelace", "Edsger Wybe Dijkstra", "李四 🗳️"].map(String::from).to_vec();
    for length in (1..=40).chain([63, 64, 100, 200, 248, CANDIDATE_BYTES_MAX]) {
        names.push("x".repeat(length));
    }
    names
}

/// Names that are escaped in a message, which makes them longer.
fn escaped_choices() -> Vec<String> {
    [0, 1, 5, 43, 44, 100, CANDIDATE_BYTES_MAX].map(|length| "\u{1b}".repeat(length)).to_vec()
}

/// What a voter says.
#[derive(Debug)]
enum Said {
    Name(String),
    Marks(Marks),
}

/// Ballots that differ in how many names they mark, in the marks, and in the names' lengths.
fn ballots(names: &[String], method: Method) -> Vec<Said> {
    let all = names.len() as u16;
    let one = |place| (1..=all).map(|name| u16::from(name == place)).collect();
    let mut marks: Vec<Vec<u16>> = vec![vec![], one(1), one(2), one(all)];
    match method {
        Method::Plurality => {
            marks.extend([
                vec![1; all.into()],
                [vec![1; 3], vec![0; usize::from(all) - 3]].concat(),
            ]);
        }
        Method::Transferable | Method::Schulze => {
            let few = (1..=all).map(|name| if name > 3 { 0 } else { 4 - name });
            marks.extend([(1..=all).collect(), (1..=all).rev().collect(), few.collect()]);
        }
    }
    let said = |marks| Said::Marks(Marks { slate: names.to_vec(), marks });
    marks.into_iter().map(said).collect()
}

/// A server with an election "board" for these choices, open for the voters 1 to 1,000, and the
/// same as a draft, "draft".
async fn server(choices: &[String], rules: Rules, publication: Publication) -> Rc<Harness> {
    let server = harness(&[]).await;
    let names: Vec<_> = choices.iter().filter(|name| !name.is_empty()).cloned().collect();
    for id in ["board", "draft"] {
        let id: capvote::election::ElectionId = id.parse().unwrap();
        let definition = Definition::new(id.clone(), "".into(), names.clone()).unwrap();
        let definition = definition.with_blank(true).with_publication(publication);
        let definition = definition.with_rules(rules).unwrap();
        let numbers = (1..=1_000).map(VoterNumber::from).collect();
        let acts = vec![Act::Create(Arc::new(definition)), Act::Issue(id, numbers)];
        server.ledger.act(acts, None).await.unwrap();
    }
    server.ledger.act(vec![Act::Open("board".parse().unwrap())], None).await.unwrap();
    server
}

/// What a voter does over one connection. Returns its bytes, and the kinds of outcome.
async fn scenario(server: &Harness, what: &str, said: &Said, number: u64) -> (Sizes, String) {
    let sizes = Rc::<RefCell<Sizes>>::default();
    let stream = Tapped { stream: server.stream(), sizes: sizes.clone() };
    let client = Client::over(stream);
    let id = if what == "not open" { "draft" } else { "board" };
    let election = client.election(id);
    let number = if what.contains("unknown") { 5_000 } else { number };
    let ballot = |nonce| {
        let (number, nonce) = (number.into(), Nonce::from([nonce; 16]));
        match said {
            Said::Name(name) => Ballot { candidate: name.clone(), marks: None, number, nonce },
            Said::Marks(marks) => {
                Ballot { candidate: String::new(), marks: Some(marks.clone()), number, nonce }
            }
        }
    };
    let times = match what {
        "unknown, then throttled" => 6,
        "recorded, retried and refused" => 3,
        _ => 1,
    };
    let mut outcomes = String::new();
    for time in 0..times {
        // After the close, a ballot that is on the sheet is a retry.
        let nonce = if what == "closed" { 9 } else { u8::from(time == 2) };
        let outcome = soon(election.vote(&ballot(nonce), |_| {})).await.unwrap();
        outcomes += match outcome {
            VoteOutcome::Recorded(_) => "recorded ",
            VoteOutcome::AlreadyVoted => "already ",
            VoteOutcome::UnknownVoterNumber => "unknown ",
            VoteOutcome::NotOpen => "not-open ",
            VoteOutcome::Closed => "closed ",
            VoteOutcome::Throttled { .. } => "throttled ",
            other => panic!("{said:?}: {other:?}"),
        };
    }
    if let (Said::Name(name), "recorded, then result") = (said, what) {
        soon(election.result(name)).await.unwrap();
    }
    drop((client, election));
    // The server reads to the end of the stream, and closes it.
    soon(async {
        while Rc::strong_count(&sizes) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let sizes = *sizes.borrow();
    (sizes, outcomes)
}

/// Checks that in each scenario all choices have the same sizes. Returns the outcomes.
async fn check(choices: &[String], publication: Publication) -> Vec<String> {
    let said: Vec<_> = choices.iter().cloned().map(Said::Name).collect();
    check_said(&said, choices, Rules::default(), publication).await
}

/// As [`check`], of all these ballots.
async fn check_said(
    said: &[Said],
    names: &[String],
    rules: Rules,
    publication: Publication,
) -> Vec<String> {
    let server = server(names, rules, publication).await;
    let mut all_outcomes = Vec::new();
    let mut number = 0;
    let scenarios = [
        "recorded",
        "recorded, retried and refused",
        "recorded, then result",
        "not open",
        "unknown",
        "unknown, then throttled",
        "closed",
    ];
    for what in scenarios {
        if what == "closed" {
            server.ledger.act(vec![Act::Close("board".parse().unwrap())], None).await.unwrap();
            number = 500;
        }
        let mut found = BTreeMap::<(Sizes, String), Vec<&Said>>::new();
        for said in said {
            number += 1;
            // Each has the free guesses of a new address.
            let server =
                if what.contains("unknown") { &server.with_new_guesses() } else { &*server };
            let seen = scenario(server, what, said, number).await;
            found.entry(seen).or_default().push(said);
        }
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
        all_outcomes.extend(found.into_keys().map(|(_, outcomes)| outcomes));
    }
    all_outcomes
}

#[tokio::test(flavor = "local")]
async fn no_size_tells_the_choice() {
    for publication in [Publication::Sealed, Publication::Live] {
        let outcomes = check(&choices(), publication).await;
        let expected = [
            "recorded ",
            "recorded recorded already ",
            "recorded ",
            "not-open ",
            "unknown ",
            "unknown unknown unknown unknown unknown throttled ",
            "closed ",
        ];
        assert_eq!(outcomes, expected);
    }
}

#[tokio::test(flavor = "local")]
async fn no_size_tells_a_choice_whose_name_is_escaped() {
    check(&escaped_choices(), Publication::Sealed).await;
}

#[tokio::test(flavor = "local")]
async fn no_size_tells_a_ballot() {
    use Method::{Plurality, Schulze, Transferable};
    let names: Vec<_> = choices().into_iter().filter(|name| !name.is_empty()).collect();
    for (method, names) in [
        (Plurality, &names[..]),
        (Transferable, &names[..]),
        (Schulze, &names[..7]),
        (Plurality, &escaped_choices()[1..]),
    ] {
        let rules = Rules { method, marks: names.len() as u16, ..Rules::default() };
        let said = ballots(names, method);
        check_said(&said, names, rules, Publication::Sealed).await;
    }
}

/// Votes as a client does that does not know of padding.
async fn unpadded(server: &Harness, choice: &str, number: u64) -> Sizes {
    let sizes = Rc::<RefCell<Sizes>>::default();
    let client = Client::over(Tapped { stream: server.stream(), sizes: sizes.clone() });
    let election = client.election("board");
    let mut request = election.capability().vote_request();
    request.get().set_candidate(choice);
    request.get().set_voter_number(number);
    let answer = soon(request.send().promise).await.unwrap();
    let outcome = answer.get().unwrap().get_outcome().unwrap();
    assert!(matches!(outcome.which(), Ok(vote_outcome::Recorded(_))), "{choice:?}");
    *sizes.borrow()
}

/// It is recorded, and what the server sends tells nothing. What the client sends tells the choice,
/// which also shows that these tests would see it.
#[tokio::test(flavor = "local")]
async fn a_vote_without_padding_is_recorded_and_answered_with_padding() {
    let server = server(&choices(), Rules::default(), Publication::Sealed).await;
    let short = unpadded(&server, "Bo Li", 1).await;
    let long = unpadded(&server, "Edsger Wybe Dijkstra", 2).await;
    assert_eq!((long.0 - short.0, long.1), (16, short.1));
}
