//! Officers: what each role may do, an election from draft to close, and revocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capvote::client::{ActOutcome, Client, CountedBallot, Error, VoteOutcome};
use capvote::election::{
    Definition, Nonce, Publication, Receipt, ResultStatus, Schedule, Timestamp, Token, VoterNumber,
};
use capvote::ledger::{Act, Authorization};
use capvote::schema::officer_capnp::{act_outcome, auditor, returning_officer};
use capvote::service::{AUTHORITIES_MAX, ISSUE_NUMBERS_MAX};
use data_encoding::BASE32;

use crate::harness::{Harness, ballot, board, definition, harness, soon};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> bool {
    matches!(&outcome, Err(Error::Remote(why)) if why.contains("revoked"))
}

/// Issues numbers through a registrar's token.
async fn issue(client: &Client, token: &Token, count: u32) -> Vec<VoterNumber> {
    let mut kept = Vec::new();
    let registrar = client.restore(token.as_bytes()).registrar();
    let issued = registrar.issue(count, |numbers| {
        kept.extend_from_slice(numbers);
        Ok(())
    });
    assert_eq!(soon(issued).await.unwrap(), ActOutcome::Done);
    kept
}

#[tokio::test(flavor = "local")]
async fn an_election_with_names_that_mislead_is_refused() {
    let harness = harness(&[]).await;
    let token = harness.officer().await;
    let client = harness.connect();
    let officer = client.restore(token.as_bytes()).returning_officer();
    for (name, why) in [("\u{410}da", "candidates 1 and 2 look alike"), (" ", "shows nothing")] {
        let names = ["Ada", name].map(String::from).to_vec();
        let definition = Definition::new("board".parse().unwrap(), String::new(), names).unwrap();
        let outcome = soon(officer.create(&definition)).await.unwrap();
        assert!(matches!(&outcome, ActOutcome::Refused(said) if said.contains(why)), "{outcome:?}");
    }
    for id in ["officer", "rpc", "robots.txt", "favicon.ico"] {
        let outcome = soon(officer.create(&definition(id))).await.unwrap();
        let ActOutcome::Refused(said) = outcome else { panic!("{id}: {outcome:?}") };
        assert!(said.contains(&format!("cannot be called \"{id}\"")), "{said}");
    }
    assert!(soon(client.elections()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "local")]
async fn an_election_from_its_creation_to_its_close() {
    let harness = harness(&[]).await;
    let token = harness.officer().await;
    let client = harness.connect();
    let officer = client.restore(token.as_bytes()).returning_officer();
    let sealed = definition("board").with_blank(true).with_publication(Publication::Sealed);
    assert_eq!(soon(officer.create(&sealed)).await.unwrap(), ActOutcome::Done);
    let again = soon(officer.create(&sealed)).await.unwrap();
    assert_eq!(again, ActOutcome::Refused("there is an election board already".into()));

    let administration = officer.administer("");
    let election = client.election("board");
    assert!(matches!(soon(administration.close()).await.unwrap(), ActOutcome::Refused(_)));
    let registrar = soon(administration.registrar().save()).await.unwrap();
    let numbers = issue(&harness.connect(), &registrar, 20_000).await;
    let registrar = administration.registrar();
    assert_eq!(soon(registrar.revoke_numbers(&numbers[..100])).await.unwrap(), ActOutcome::Done);
    let early = soon(election.vote(&ballot("Ada", numbers[500].get()), |_| {})).await.unwrap();
    assert_eq!(early, VoteOutcome::NotOpen);

    assert_eq!(soon(administration.open()).await.unwrap(), ActOutcome::Done);
    assert!(matches!(soon(administration.open()).await.unwrap(), ActOutcome::Refused(_)));
    let frozen = soon(registrar.revoke_numbers(&numbers[100..101])).await.unwrap();
    assert!(matches!(frozen, ActOutcome::Refused(why) if why.contains("frozen")));
    let revoked = soon(election.vote(&ballot("Ada", numbers[0].get()), |_| {})).await.unwrap();
    assert_eq!(revoked, VoteOutcome::UnknownVoterNumber);
    for (index, candidate) in ["Grace", "", "Grace"].into_iter().enumerate() {
        let ballot = ballot(candidate, numbers[1_000 + index].get());
        let outcome = soon(election.vote(&ballot, |_| {})).await.unwrap();
        assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    }

    // The count is sealed until the close.
    let results = soon(election.results()).await.unwrap();
    let order: Vec<_> =
        results.candidates.iter().map(|(name, votes)| (&name[..], *votes)).collect();
    assert_eq!((order, results.blank), (vec![("Ada", 0), ("Grace", 0)], 0));
    assert_eq!((results.status, results.ballots), (Some(ResultStatus::Sealed), 3));
    assert_eq!(soon(election.result("Grace")).await.unwrap(), (0, Some(ResultStatus::Sealed)));
    let mut seen = None;
    let watched = soon(election.watch(|results| {
        seen = Some(results.clone());
        Err("enough".into())
    }));
    assert!(matches!(watched.await, Err(Error::Callback(_))));
    assert_eq!(seen, Some(results));
    let auditor = administration.auditor();
    let report = soon(auditor.check_ledger()).await.unwrap();
    assert_eq!((report.ballots, report.head.len()), (3, 32));
    assert_eq!(soon(auditor.turnout()).await.unwrap(), (3, 19_900));

    assert_eq!(soon(administration.close()).await.unwrap(), ActOutcome::Done);
    let late = soon(election.vote(&ballot("Ada", numbers[2_000].get()), |_| {})).await.unwrap();
    assert_eq!(late, VoteOutcome::Closed);
    let results = soon(election.results()).await.unwrap();
    assert_eq!(results.candidates, [("Grace".to_string(), 2), ("Ada".to_string(), 0)]);
    assert_eq!((results.status, results.blank), (Some(ResultStatus::Final), 1));
    let report = soon(auditor.check_ledger()).await.unwrap();
    assert_eq!((report.ballots, report.numbers_used, report.head.len()), (3, 3, 32));
}

#[tokio::test(flavor = "local")]
async fn registrar_and_auditor_have_only_the_methods_of_their_role() {
    let harness = board().await;
    let token = harness.officer().await;
    let client = harness.connect();
    let administration = client.restore(token.as_bytes()).returning_officer().administer("board");
    let registrar = soon(administration.registrar().save()).await.unwrap();
    let auditor = soon(administration.auditor().save()).await.unwrap();
    for (token, is_registrar) in [(registrar, true), (auditor, false)] {
        let held = client.restore(token.as_bytes());
        let unimplemented = |failed: Option<Error>| matches!(failed, Some(Error::Unimplemented(_)));
        let officer = held.returning_officer();
        assert!(unimplemented(soon(officer.create(&definition("x"))).await.err()));
        assert!(unimplemented(soon(officer.administer("board").open()).await.err()));
        assert!(unimplemented(soon(held.administration().open()).await.err()));
        assert!(unimplemented(soon(held.administration().close()).await.err()));
        assert!(unimplemented(soon(held.administration().auditor().turnout()).await.err()));
        assert_eq!(unimplemented(soon(held.auditor().turnout()).await.err()), is_registrar);
        assert_eq!(unimplemented(soon(held.auditor().check_ledger()).await.err()), is_registrar);
        let issued = soon(held.registrar().issue(1, |_| Ok(()))).await;
        assert_eq!(unimplemented(issued.err()), !is_registrar);
    }
    // Nor does the public directory implement an officer's interface.
    let public = client.directory().clone();
    let public: auditor::Client = capnp::capability::FromClientHook::cast_to(public);
    assert!(soon(public.turnout_request().send().promise).await.is_err());
}

#[tokio::test(flavor = "local")]
async fn revocation_ends_a_grant_and_all_derived_from_it_at_once() {
    let harness = board().await;
    let token = harness.officer().await;
    let (holder, other) = (harness.connect(), harness.connect());
    let officer = harness.connect().restore(token.as_bytes()).returning_officer();
    let administration = officer.administer("board");
    let shared = soon(administration.registrar().save()).await.unwrap();
    let kept = soon(administration.auditor().save()).await.unwrap();
    let held = holder.restore(shared.as_bytes()).registrar();
    assert_eq!(soon(held.issue(3, |_| Ok(()))).await.unwrap(), ActOutcome::Done);
    // Derived from the shared token, and revoked with it.
    let derived = soon(held.save()).await.unwrap();

    soon(other.restore(shared.as_bytes()).revoke()).await.unwrap();
    assert!(refused(soon(held.issue(3, |_| Ok(()))).await));
    assert!(refused(soon(held.save()).await));
    for token in [&shared, &derived] {
        assert!(refused(
            soon(other.restore(token.as_bytes()).registrar().issue(1, |_| Ok(()))).await
        ));
    }
    assert!(soon(other.restore(kept.as_bytes()).auditor().turnout()).await.is_ok());
    assert_eq!(harness.snapshot().elections[0].voters, 1_003);

    // An act queued behind the revocation of its grant is refused.
    let queued = soon(administration.registrar().save()).await.unwrap();
    let grant = harness.snapshot().grants.find(&queued.hash()).unwrap().id;
    let ledger = harness.ledger.clone();
    let add = vec![Act::Issue("board".parse().unwrap(), vec![77_777.into()])];
    let ended = Arc::new(AtomicBool::new(false));
    let authorization = Authorization { grant, revoked: vec![ended.clone()] };
    ledger.act(Vec::new(), Some(authorization.clone())).await.unwrap();
    ended.store(true, Ordering::Release);
    let done = ledger.act(add.clone(), Some(authorization)).await;
    assert!(done.unwrap_err().to_string().contains("revoked"));
    let (revoked, issued) = futures::join!(
        ledger.act(vec![Act::RevokeGrant(grant)], None),
        ledger.act(add, Some(Authorization { grant, revoked: Vec::new() })),
    );
    revoked.unwrap();
    assert!(issued.unwrap_err().to_string().contains("revoked"));
    assert_eq!(harness.snapshot().elections[0].voters, 1_003);

    // Revoking the officer's own grant revokes everything derived from it.
    soon(other.restore(token.as_bytes()).revoke()).await.unwrap();
    assert!(refused(soon(administration.close()).await));
    assert!(refused(soon(other.restore(kept.as_bytes()).auditor().turnout()).await));
}

#[tokio::test(flavor = "local")]
async fn numbers_that_the_registrars_client_cannot_keep_are_not_issued() {
    let harness = board().await;
    let token = harness.officer().await;
    let client = harness.connect();
    let registrar =
        client.restore(token.as_bytes()).returning_officer().administer("board").registrar();
    for fails_at in ["the first numbers", "the end"] {
        let issued = registrar.issue(10_000, |numbers| {
            if numbers.is_empty() == (fails_at == "the end") {
                Err("disk full".into())
            } else {
                Ok(())
            }
        });
        assert!(matches!(soon(issued).await, Err(Error::Callback(why)) if why == "disk full"));
    }
    let too_many = soon(registrar.issue(ISSUE_NUMBERS_MAX + 1, |_| Ok(()))).await.unwrap();
    assert!(matches!(too_many, ActOutcome::Refused(_)));
    let info = soon(client.election("board").info()).await.unwrap();
    assert_eq!((info.voters, info.added_while_open), (1_000, 0));
}

/// The tally sheet through an auditor's token, or why it is refused.
async fn sheet(harness: &Harness, token: &Token) -> Result<Vec<(String, Nonce, String)>, String> {
    let client = harness.connect();
    let administration = client.restore(token.as_bytes()).returning_officer().administer("board");
    let token = soon(administration.auditor().save()).await.unwrap();
    let mut lines = Vec::new();
    let take = |it: CountedBallot| lines.push((it.candidate, it.nonce, it.receipt));
    let auditor = client.restore(token.as_bytes()).auditor();
    match soon(auditor.tally_sheet(take)).await.unwrap() {
        ActOutcome::Done => Ok(lines),
        ActOutcome::Refused(why) => Err(why),
    }
}

#[tokio::test(flavor = "local")]
async fn every_voter_finds_their_ballot_on_the_sheet_and_it_adds_up_to_the_results() {
    let harness = harness(&[("board", &["Ada", "Grace"], 5_000)]).await;
    let token = harness.officer().await;
    let election = harness.connect().election("board");
    let mut receipts = Vec::new();
    for number in 1..=2_500 {
        let ballot = ballot(["Ada", "Grace"][usize::from(number % 3 == 0)], number);
        let outcome = soon(election.vote(&ballot, |_| {})).await.unwrap();
        let VoteOutcome::Recorded(vote) = outcome else { panic!("{outcome:?}") };
        receipts.push((ballot.candidate, ballot.nonce, vote.receipt.to_string()));
    }
    assert!(sheet(&harness, &token).await.unwrap_err().contains("before the election is closed"));
    let officer = harness.connect().restore(token.as_bytes()).returning_officer();
    assert_eq!(soon(officer.administer("board").close()).await.unwrap(), ActOutcome::Done);

    let lines = sheet(&harness, &token).await.unwrap();
    // In the order of the receipts' bytes, which hides the order of voting.
    let bytes =
        |line: &(String, Nonce, String)| BASE32.decode(line.2.replace('-', "").as_bytes()).unwrap();
    receipts.sort_by_key(bytes);
    assert!(lines == receipts, "the sheet differs from the voters' receipts");
    let id = "board".parse().unwrap();
    for (candidate, nonce, receipt) in &lines {
        assert_eq!(*receipt, Receipt::new(&id, candidate, nonce).to_string());
    }
    let results = soon(election.results()).await.unwrap();
    for (candidate, votes) in results.candidates {
        assert_eq!(lines.iter().filter(|line| line.0 == candidate).count() as u64, votes);
    }
}

#[tokio::test(flavor = "local")]
async fn a_callback_that_takes_a_sheet_may_fail_or_panic() {
    let harness = board().await;
    let token = harness.officer().await;
    let client = harness.connect();
    soon(client.election("").vote(&ballot("Ada", 7), |_| {})).await.unwrap();
    let administration = client.restore(token.as_bytes()).returning_officer().administer("");
    soon(administration.close()).await.unwrap();
    let auditor = administration.auditor();
    let failed = soon(auditor.tally_sheet(|_| Err("disk full"))).await;
    assert!(matches!(&failed, Err(Error::Callback(why)) if why == "disk full"), "{failed:?}");
    let take = |_| -> () { std::panic::resume_unwind(Box::new("mine")) };
    let panicked = tokio::task::spawn_local(async move { auditor.tally_sheet(take).await }).await;
    let panic = panicked.unwrap_err().into_panic();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "mine");
    assert!(soon(client.election("").info()).await.is_ok(), "the connection still works");
}

#[tokio::test(flavor = "local")]
async fn a_time_that_means_never_on_the_wire_is_refused() {
    let harness = harness(&[]).await;
    let client = harness.connect();
    let officer = client.restore(harness.officer().await.as_bytes()).returning_officer();
    let schedule = Schedule { opens: Some(Timestamp(0)), closes: None };
    let definition = definition("board").with_schedule(schedule).unwrap();
    let created = soon(officer.create(&definition)).await.unwrap();
    assert!(matches!(&created, ActOutcome::Refused(why) if why.contains("1970")), "{created:?}");
    assert!(soon(client.elections()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "local")]
async fn an_election_is_not_opened_after_its_time_to_close() {
    let harness = harness(&[]).await;
    let token = harness.officer().await;
    for (id, closes, opens) in [("late", 10, false), ("soon", 1 << 40, true)] {
        let schedule = Schedule { opens: None, closes: Some(Timestamp(closes)) };
        let draft = Arc::new(definition(id).with_schedule(schedule).unwrap());
        // A ledger may have such a draft, since time passes.
        harness.ledger.act(vec![Act::Create(draft)], None).await.unwrap();
        let client = harness.connect();
        let administration = client.restore(token.as_bytes()).returning_officer().administer(id);
        match soon(administration.open()).await.unwrap() {
            ActOutcome::Done => assert!(opens, "{id}"),
            ActOutcome::Refused(why) => {
                assert!(!opens && why.contains("its time to close has passed"), "{id}: {why}");
            }
        }
    }
}

#[tokio::test(flavor = "local")]
async fn an_invalid_election_is_refused_with_the_reason() {
    let harness = harness(&[]).await;
    let token = harness.officer().await;
    let client = harness.connect();
    let mut restore = client.directory().restore_request();
    restore.get().set_token(token.as_bytes());
    let restored = soon(restore.send().promise).await.unwrap();
    let officer: capvote::schema::officer_capnp::returning_officer::Client =
        restored.get().unwrap().get_capability().get_as_capability().unwrap();
    let table: [(&str, &[&str], u64, u64, &str); 8] = [
        ("../x", &["Ada"], 0, 0, "an election's id is"),
        ("x", &[], 0, 0, "at least one candidate"),
        ("x", &["Ada", "Ada"], 0, 0, "called \"Ada\""),
        ("x", &[""], 0, 0, "cannot be empty"),
        ("x", &["Ada"], 10, 10, "the time to close has to be after"),
        ("x", &["a"; 1_001], 0, 0, "at most 1000 candidates"),
        (
            "x",
            &["Ada"],
            10,
            1 << 40,
            "election x: its time to open has passed by the server's clock",
        ),
        ("x", &["Ada"], 0, 10, "election x: its time to close has passed by the server's clock"),
    ];
    for (id, candidates, opens, closes, why) in table {
        let mut request = officer.create_request();
        let mut spec = request.get().init_spec();
        spec.set_id(id);
        spec.set_opens(opens);
        spec.set_closes(closes);
        let mut list = spec.init_candidates(candidates.len() as u32);
        for (index, name) in candidates.iter().enumerate() {
            list.set(index as u32, *name);
        }
        let answer = soon(request.send().promise).await.unwrap();
        let outcome = answer.get().unwrap().get_outcome().unwrap().which().unwrap();
        let act_outcome::Refused(reason) = outcome else { panic!("{id} is created") };
        let reason = reason.unwrap().to_string().unwrap();
        assert!(reason.contains(why), "{reason}");
    }
    assert!(soon(client.elections()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "local")]
async fn officers_capabilities_are_bounded_per_connection() {
    let harness = board().await;
    let token = harness.officer().await;
    let (client, other) = (harness.connect(), harness.connect());
    let restore = async |client: &Client| {
        let mut request = client.directory().restore_request();
        request.get().set_token(token.as_bytes());
        let answer = soon(request.send().promise).await?;
        answer.get()?.get_capability().get_as_capability::<returning_officer::Client>()
    };
    let mut held = Vec::new();
    for _ in 0..AUTHORITIES_MAX {
        held.push(restore(&client).await.unwrap());
    }
    let one_more = restore(&client).await.err().unwrap();
    assert!(one_more.kind == capnp::ErrorKind::Overloaded, "{one_more}");
    // An election is not created if its administration would exceed the bound.
    let mut create = held[0].create_request();
    let mut spec = create.get().init_spec();
    spec.set_id("other");
    spec.reborrow().init_candidates(1).set(0, "Ada");
    let created = soon(create.send().promise).await.err().unwrap();
    assert!(created.kind == capnp::ErrorKind::Overloaded, "{created}");
    assert_eq!(soon(other.elections()).await.unwrap().len(), 1);
    // Each connection has its own bound, and a released capability makes room.
    restore(&other).await.unwrap();
    held.pop();
    restore(&client).await.unwrap();
}
