//! Ballots that say more than one name: cast, refused, retried, counted.

use std::rc::Rc;
use std::sync::Arc;

use capvote::client::{
    self, ActOutcome, Ballot, CastOutcome, CountedBallot, Election, Error, Marks, RecordedVote,
    VoteOutcome,
};
use capvote::election::{
    Definition, ElectionId, Method, Publication, Receipt, Rules, Verdict, VoterNumber, sentence,
};
use capvote::ledger::Act;
use capvote::schema::election_capnp::vote_outcome;
use tokio::io::copy_bidirectional;

use crate::cast::{listen, lose_an_answer};
use crate::harness::{Harness, VOTERS, harness, soon};

const NAMES: [&str; 4] = ["Ada", "Grace", "Edsger", "李四 🗳️"];

/// An election of these names by these rules.
fn definition(id: &str, rules: Rules) -> Definition {
    let names = NAMES.map(String::from).to_vec();
    let definition = Definition::new(id.parse().unwrap(), String::new(), names).unwrap();
    definition.with_blank(true).with_rules(rules).unwrap()
}

/// A server with this election, open for the voters from 1 to [`VOTERS`].
async fn open(definition: Definition) -> Rc<Harness> {
    let server = harness(&[]).await;
    let id = definition.id.clone();
    let numbers = (1..=VOTERS).map(VoterNumber::from).collect();
    let create = Act::Create(Arc::new(definition));
    server
        .ledger
        .act(vec![create, Act::Issue(id.clone(), numbers), Act::Open(id)], None)
        .await
        .unwrap();
    server
}

fn rules(method: Method, marks: u16) -> Rules {
    Rules { method, marks, ..Rules::default() }
}

fn ballot(marks: &[u16], number: u64) -> Ballot {
    let slate = NAMES.map(String::from).to_vec();
    Ballot::with_marks(Marks { slate, marks: marks.to_vec() }, number.into()).unwrap()
}

/// Casts a ballot. Returns the outcome and the message.
async fn cast(election: &Election, ballot: &Ballot) -> (VoteOutcome, String) {
    let mut message = String::new();
    let outcome = soon(election.vote(ballot, |text| message = text.to_string())).await.unwrap();
    (outcome, message)
}

async fn recorded(election: &Election, ballot: &Ballot) -> RecordedVote {
    match cast(election, ballot).await {
        (VoteOutcome::Recorded(vote), _) => vote,
        other => panic!("{other:?}"),
    }
}

/// Checks how the result of the closed election came about.
async fn check_count(election: &Election, method: Method) {
    let counted = soon(election.count()).await.unwrap();
    assert_eq!((counted.count.wholes.marked, counted.count.wholes.ballots), (4, 5));
    let rounds = counted.count.rounds.iter();
    let words = rounds.map(|round| sentence(round, None, &counted.slate));
    assert!(words.clone().all(|words| !words.is_empty()));
    assert_eq!(words.count() == 0, method == Method::Schulze);
    assert_eq!(counted.count.pairs.is_some(), method == Method::Schulze);
}

/// A method, ballots, the message about the first, who is elected, and with how many votes.
type Counted = (Method, [&'static [u16]; 4], &'static str, &'static str, u64);

const METHODS: [Counted; 3] = [
    (
        Method::Plurality,
        [&[1, 0, 1, 0], &[0, 0, 1, 0], &[1, 1, 0, 0], &[1, 0, 0, 1]],
        "for \"Ada\", \"Edsger\" in election board is recorded",
        "Ada",
        3,
    ),
    (
        Method::Transferable,
        [&[1, 2, 0, 0], &[1, 0, 0, 0], &[0, 1, 0, 0], &[2, 0, 0, 1]],
        "for 1. \"Ada\", 2. \"Grace\" in election board is recorded",
        "Ada",
        2,
    ),
    (
        Method::Schulze,
        [&[2, 1, 2, 0], &[1, 1, 0, 0], &[0, 1, 0, 0], &[0, 0, 0, 1]],
        "for 1. \"Grace\", 2. \"Ada\" = \"Edsger\" in election board is recorded",
        "Grace",
        3,
    ),
];

#[tokio::test(flavor = "local")]
async fn ballots_of_every_method_are_cast_counted_and_on_the_sheet() {
    for (method, ballots, said, elected, votes) in METHODS {
        let server = open(definition("board", rules(method, 4))).await;
        let token = server.officer().await;
        let client = server.connect();
        let election = client.election("board");
        let mut receipts = Vec::new();
        for (number, marks) in (1..).zip(ballots) {
            let ballot = ballot(marks, number);
            let (outcome, message) = cast(&election, &ballot).await;
            let VoteOutcome::Recorded(vote) = outcome else { panic!("{outcome:?}") };
            if number == 1 {
                assert!(message.contains(said), "{message}");
            }
            receipts.push((ballot.marks.unwrap().marks, vote.nonce, vote.receipt.to_string()));
        }
        let blank = recorded(&election, &ballot(&[], 5)).await;
        receipts.push((Vec::new(), blank.nonce, blank.receipt.to_string()));
        let before = soon(election.results()).await.unwrap();
        assert_eq!((before.elected, before.verdict, before.ballots), (Vec::new(), None, 5));
        let none = soon(election.count()).await;
        assert!(matches!(&none, Err(Error::Remote(why)) if why.contains("is not closed")));

        let officer = client.restore(token.as_bytes()).returning_officer();
        let administration = officer.administer("board");
        assert_eq!(soon(administration.close()).await.unwrap(), ActOutcome::Done);
        let results = soon(election.results()).await.unwrap();
        let elected = elected.to_string();
        assert_eq!(results.elected, std::slice::from_ref(&elected));
        assert_eq!(results.verdict, Some(Verdict::Decided));
        assert_eq!((&results.candidates[0], results.blank), (&(elected, votes), 1));
        check_count(&election, method).await;

        let mut sheet = Vec::new();
        let take = |it: CountedBallot| sheet.push((it.marks, it.nonce, it.receipt));
        let read = soon(administration.auditor().tally_sheet(take)).await;
        assert_eq!(read.unwrap(), ActOutcome::Done);
        sheet.sort_by_key(|line| line.2.clone());
        receipts.sort_by_key(|line| line.2.clone());
        assert_eq!(sheet, receipts);
    }
}

#[tokio::test(flavor = "local")]
async fn what_is_no_ballot_is_refused_by_the_rule_and_loses_nothing() {
    use Method::{Plurality, Schulze, Transferable};
    for (method, marks, why) in [
        (Transferable, &[1, 3, 0, 0][..], "without a gap; nobody has rank 2"),
        (Transferable, &[1, 1, 0, 0], "each rank is given once; two names have rank 1"),
        (Transferable, &[1, 2, 3, 4], "marks at most 3 names; 4 are marked"),
        (Transferable, &[65_535, 0, 0, 1], "without a gap; nobody has rank 2"),
        (Transferable, &[0, 0, 0, 0], "a ballot of zeros marks nothing"),
        (Transferable, &[1, 2, 3], "4 names of the slate; 3 were given"),
        (Transferable, &[0; 1_000_000], "4 names of the slate; 1000000 were given"),
        (Schulze, &[2, 2, 0, 0], "without a gap; nobody has rank 1"),
        (Schulze, &[1, 1, 1, 1], "marks at most 3 names; 4 are marked"),
        (Plurality, &[1, 0, 65_535, 0], "not at all with 0; one has 65535"),
        (Plurality, &[1, 1, 1, 1], "marks at most 3 names; 4 are marked"),
    ] {
        let server = open(definition("board", rules(method, 3))).await;
        let election = server.connect().election("board");
        let no_ballot = ballot(marks, 7);
        let (outcome, message) = cast(&election, &no_ballot).await;
        let VoteOutcome::InvalidBallot(rule) = outcome else { panic!("{outcome:?}") };
        assert!(rule.contains(why), "{rule}");
        assert!(message.contains(why) && message.contains("was not counted"), "{message}");
        // The number can still vote, and with the same nonce.
        let again = Ballot { nonce: no_ballot.nonce, ..ballot(&[1, 0, 0, 0], 7) };
        recorded(&election, &again).await;
        assert_eq!(soon(election.results()).await.unwrap().ballots, 1);
    }
}

#[tokio::test(flavor = "local")]
async fn who_votes_for_a_name_where_ballots_say_more_is_told_what_to_do() {
    for rules in [rules(Method::Transferable, 4), rules(Method::Plurality, 2)] {
        let server = open(definition("board", rules)).await;
        let election = server.connect().election("board");
        for name in ["Ada", ""] {
            let vote = soon(election.vote(&Ballot::new(name, 7.into()).unwrap(), |_| {})).await;
            let Err(Error::Remote(why)) = vote else { panic!("{vote:?}") };
            assert!(
                why.contains("method cast: vote with a newer client; nothing was recorded"),
                "{why}"
            );
        }
        recorded(&election, &ballot(&[1, 0, 0, 0], 7)).await;
    }
}

#[tokio::test(flavor = "local")]
async fn a_ballot_is_retried_and_never_counted_twice() {
    let server = open(definition("board", rules(Method::Transferable, 4))).await;
    let election = server.connect().election("board");
    let first = ballot(&[2, 1, 0, 0], 7);
    let vote = recorded(&election, &first).await;
    assert_eq!(recorded(&server.connect().election(""), &first).await, vote);
    let other_marks = Ballot { nonce: first.nonce, ..ballot(&[1, 2, 0, 0], 7) };
    for second in [other_marks, ballot(&[2, 1, 0, 0], 7)] {
        assert_eq!(cast(&election, &second).await.0, VoteOutcome::AlreadyVoted);
    }
    server.ledger.act(vec![Act::Close("board".parse().unwrap())], None).await.unwrap();
    assert_eq!(recorded(&election, &first).await, vote);
    let late = Ballot { nonce: first.nonce, ..ballot(&[1, 2, 0, 0], 7) };
    assert_eq!(cast(&election, &late).await.0, VoteOutcome::Closed);
    assert_eq!(soon(election.results()).await.unwrap().ballots, 1);
}

#[tokio::test(flavor = "local")]
async fn a_name_may_be_cast_as_marks() {
    let rules = Rules::default();
    let live = definition("board", rules).with_publication(Publication::Live);
    let server = open(live).await;
    let election = server.connect().election("board");
    let vote = recorded(&election, &ballot(&[0, 1, 0, 0], 7)).await;
    let id: ElectionId = "board".parse().unwrap();
    assert_eq!(vote.receipt, Receipt::new(&id, "Grace", &vote.nonce));
    // It is the same vote as one for the name.
    let named = Ballot { nonce: vote.nonce, ..Ballot::new("Grace", 7.into()).unwrap() };
    assert_eq!(recorded(&election, &named).await.receipt, vote.receipt);
    let blank = recorded(&election, &ballot(&[], 8)).await;
    assert_eq!(blank.receipt, Receipt::new(&id, "", &blank.nonce));
    assert_eq!(soon(election.result("Grace")).await.unwrap().0, 1, "the voter's own vote");
}

/// Casts a ballot by a raw call, without a nonce and without padding.
async fn raw(election: &Election, marks: &[u16], number: u64) -> (String, Vec<u16>) {
    let mut request = election.capability().cast_request();
    let mut cast = request.get();
    cast.set_voter_number(number);
    cast.set_marks(marks).unwrap();
    let answer = soon(request.send().promise).await.unwrap();
    match answer.get().unwrap().get_outcome().unwrap().which().unwrap() {
        vote_outcome::Recorded(receipt) => {
            let receipt = receipt.unwrap();
            let marks = receipt.get_marks().unwrap().iter().collect();
            (receipt.get_candidate().unwrap().to_string().unwrap(), marks)
        }
        _ => panic!("it is not recorded"),
    }
}

#[tokio::test(flavor = "local")]
async fn a_receipt_has_the_marks_that_were_cast() {
    let server = open(definition("board", rules(Method::Schulze, 4))).await;
    let election = server.connect().election("board");
    assert_eq!(raw(&election, &[2, 1, 2, 0], 1).await, (String::new(), vec![2, 1, 2, 0]));
    assert_eq!(raw(&election, &[], 2).await, (String::new(), vec![]));
}

#[tokio::test(flavor = "local")]
async fn elections_share_a_roll_and_info_says_so() {
    let server = open(definition("members", Rules::default())).await;
    let token = server.officer().await;
    let client = server.connect();
    let officer = client.restore(token.as_bytes()).returning_officer();
    let ranked = definition("chair", Rules { none: true, ..rules(Method::Schulze, 3) });
    let ranked = ranked.with_roll(Some("members".parse().unwrap()));
    assert_eq!(soon(officer.create(&ranked)).await.unwrap(), ActOutcome::Done);
    let orphan = definition("orphan", Rules::default()).with_roll(Some("nobody".parse().unwrap()));
    let refused = soon(officer.create(&orphan)).await.unwrap();
    assert!(matches!(refused, ActOutcome::Refused(_)), "{refused:?}");
    let info = soon(client.election("chair").info()).await.unwrap();
    assert_eq!((info.rules, &info.roll[..], info.voters), (Some(ranked.rules), "members", VOTERS));
    assert_eq!(soon(officer.administer("chair").open()).await.unwrap(), ActOutcome::Done);
    let elections = [client.election("members"), client.election("chair")];
    recorded(&elections[0], &ballot(&[1, 0, 0, 0], 7)).await;
    recorded(&elections[1], &ballot(&[1, 2, 1, 0], 7)).await;
    assert_eq!(cast(&elections[1], &ballot(&[1, 0, 0, 0], 7)).await.0, VoteOutcome::AlreadyVoted);
}

#[tokio::test(flavor = "local")]
async fn a_ranked_ballot_whose_answer_is_lost_is_cast_again_and_counts_once() {
    let server = open(definition("board", rules(Method::Transferable, 3))).await;
    let (listener, link) = listen().await;
    let there = server.clone();
    tokio::task::spawn_local(async move {
        lose_an_answer(&there, &listener).await;
        let (mut voter, _) = listener.accept().await.unwrap();
        copy_bidirectional(&mut voter, &mut there.stream()).await.ok();
    });
    let ballot = ballot(&[2, 1, 0, 0], 7);
    let cast = soon(client::cast(&link, "board", &ballot, |_| {})).await.unwrap();
    let CastOutcome { outcome: VoteOutcome::Recorded(vote), retried: true } = cast else {
        panic!("{cast:?}")
    };
    assert_eq!(vote.marks, ballot.marks);
    assert_eq!(server.ledger.snapshots().borrow().elections[0].ballots, 1);
}
