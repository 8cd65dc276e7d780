//! A page against the real server: its capabilities, ledger and transport behind a WebSocket.

use std::rc::Rc;

use capvote::client::VoteOutcome;
use capvote::election::{Nonce, Receipt};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::harness::{Browser, browser, site};
use crate::server::{Harness, ballot, board};

const MODULE: &str = "/tests/service.js";

/// A server with the open election "board", and a page that it serves.
async fn page() -> Option<(Rc<Harness>, Browser)> {
    let server = board().await;
    let connect = {
        let server = server.clone();
        Rc::new(move || server.stream())
    };
    Some((server, browser(&site::serve(Some(connect)).await).await?))
}

async fn token(server: &Harness) -> Value {
    json!(HEXLOWER.encode(server.officer().await.as_bytes()))
}

#[tokio::test(flavor = "local")]
async fn a_page_votes_with_its_own_sink_and_gets_the_receipt() {
    let Some((server, browser)) = page().await else { return };
    let vote = browser.call(MODULE, "votes", &[]).await;
    let nonce: Vec<u8> = serde_json::from_value(vote["nonce"].clone()).unwrap();
    let nonce: Nonce = <[u8; 16]>::try_from(&nonce[..]).unwrap().into();
    let receipt = Receipt::new(&"board".parse().unwrap(), "Ada", &nonce);
    assert_eq!(vote["commitment"], json!(receipt.to_string()));
    browser.call(MODULE, "badSinks", &[]).await;
    let tally = server.tally().await;
    assert_eq!(tally, [("Grace".to_string(), 5), ("Ada".to_string(), 1)]);
}

#[tokio::test(flavor = "local")]
async fn a_page_watches_and_is_pushed_the_change() {
    let Some((server, browser)) = page().await else { return };
    assert_eq!(browser.call(MODULE, "watch", &[]).await, json!(0));
    let voter = server.connect();
    for number in 1..=3 {
        let outcome = voter.election("board").vote(&ballot("Ada", number), |_| {}).await.unwrap();
        assert!(matches!(outcome, VoteOutcome::Recorded(_)));
        assert_eq!(browser.call(MODULE, "change", &[json!(number)]).await, json!(2));
    }
    browser.call(MODULE, "stopWatching", &[]).await;
}

#[tokio::test(flavor = "local")]
async fn a_page_counts_the_lines_of_its_own_files() {
    let Some((_server, browser)) = page().await else { return };
    let ms = browser.call(MODULE, "lines", &[]).await;
    eprintln!("8 MiB of lines took {ms} ms");
    browser.call(MODULE, "cancels", &[]).await;
}

#[tokio::test(flavor = "local")]
async fn a_page_holds_an_election_from_its_creation_to_the_sheet() {
    let Some((server, browser)) = page().await else { return };
    let token = token(&server).await;
    browser.call(MODULE, "officer", &[token]).await;
}

#[tokio::test(flavor = "local")]
async fn calls_fail_with_the_kind_of_the_servers_exception() {
    let Some((server, browser)) = page().await else { return };
    browser.call(MODULE, "exceptions", &[]).await;
    browser.call(MODULE, "nobody", &[]).await;
    browser.call(MODULE, "stay", &[]).await;
    server.stop.cancel();
    browser.call(MODULE, "end", &[]).await;
}

#[tokio::test(flavor = "local")]
async fn calls_on_results_that_are_not_here_yet_arrive() {
    let Some((_server, browser)) = page().await else { return };
    browser.call(MODULE, "pipelines", &[]).await;
}

#[tokio::test(flavor = "local")]
async fn what_a_page_holds_no_more_is_given_back() {
    let Some((server, browser)) = page().await else { return };
    let token = token(&server).await;
    browser.call(MODULE, "releases", std::slice::from_ref(&token)).await;
    browser.call(MODULE, "forgets", &[token]).await;
}
