//! A connection, against peers that break the protocol.

use crate::harness::{browser, site};

#[tokio::test(flavor = "local")]
async fn a_hostile_peer_harms_nobody() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    browser.run_cases("/tests/hostile.js").await;
}

#[tokio::test(flavor = "local")]
async fn limits_are_kept_and_rare_messages_understood() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    browser.run_cases("/tests/rare.js").await;
}

#[tokio::test(flavor = "local")]
async fn a_websocket_that_fails_ends_the_connection() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    browser.run_cases("/tests/socket.js").await;
}

#[tokio::test(flavor = "local")]
async fn two_pages_call_each_other() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    browser.run_cases("/tests/pair.js").await;
}
