//! A server whose snapshots lag behind another server's commits in the same ledger: it asks the
//! ledger before it refuses.

use std::sync::Arc;

use capvote::client::{ActOutcome, VoteOutcome};
use capvote::election::{ElectionState, Grant, GrantId, Role, Token, Uses};
use capvote::ledger::{Act, Ledger};

use crate::harness::{ballot, definition, harness_of, soon};
use crate::memory::Memory;

async fn act(ledger: &Arc<dyn Ledger>, act: Act) {
    ledger.act(vec![act], None).await.unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_refusal_from_a_stale_snapshot_is_checked_with_the_ledger() {
    let store = Memory::default();
    let (elsewhere, here) = (store.open(), store.open_lagging());
    let server = harness_of(here.clone());
    let stale = || here.snapshots().borrow().clone();
    let id: capvote::election::ElectionId = "board".parse().unwrap();
    let token = Token::from([7; Token::BYTES]);

    // No such election.
    act(&elsewhere, Act::Create(definition("board").into())).await;
    assert!(stale().elections.is_empty());
    let client = server.connect();
    assert_eq!(soon(client.election("board").info()).await.unwrap().id, "board");

    // Not open, and the number is not on the roll.
    act(&elsewhere, Act::Issue(id.clone(), vec![1.into(), 2.into()])).await;
    act(&elsewhere, Act::Open(id.clone())).await;
    assert_eq!(stale().elections[0].state, ElectionState::Draft);
    let outcome = soon(client.election("board").vote(&ballot("Ada", 1), |_| {})).await.unwrap();
    assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");

    // No such token.
    let (role, parent) = (Role::ReturningOfficer, None);
    let (hash, uses) = (token.hash(), Uses::Any);
    act(&elsewhere, Act::Grant(Grant { id: GrantId(1), parent, role, token: hash, uses })).await;
    assert!(!stale().grants.holds(GrantId(1)));
    let officer = client.restore(token.as_bytes()).returning_officer();
    let board = officer.administer("board");
    let auditor = board.auditor();
    assert_eq!(soon(auditor.turnout()).await.unwrap(), (1, 2));

    // No sheet before the close.
    act(&elsewhere, Act::Close(id.clone())).await;
    assert_eq!(stale().elections[0].state, ElectionState::Open);
    let mut lines = 0;
    let sheet = soon(auditor.tally_sheet(|_| lines += 1)).await.unwrap();
    assert_eq!((sheet, lines), (ActOutcome::Done, 1));

    // A revoked grant: the ledger refuses its acts.
    act(&elsewhere, Act::RevokeGrant(GrantId(1))).await;
    assert!(stale().grants.holds(GrantId(1)));
    let error = soon(board.close()).await.unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
}
