//! Networks, servers and tabs that fail at each step of a vote: it counts once, its outcome is
//! told, and nothing secret stays behind.

use serde_json::{Value, json};

use super::looks;
use super::served::Served;
use super::tab::Tab;

const NAMES: [&str; 2] = ["Ada", "Grace"];

/// A server with the open election "board", a tab, and voter numbers.
async fn board() -> Option<(Served, Tab, Vec<String>)> {
    let served = Served::start().await;
    let tab = served.tab("/").await?;
    served.create("board", &NAMES, &["--blank"]);
    let numbers = served.issue("board", 9);
    Some((served, tab, numbers))
}

/// From a voting link to the review.
async fn review(tab: &Tab, number: &str) {
    tab.open(&format!("/board#{number}")).await;
    tab.click(".choice").await;
    tab.press("Check your vote").await;
    tab.find(".said").await;
}

/// Casts a vote of which the answer is held back, and waits until it is recorded.
async fn cast_unanswered(served: &Served, tab: &Tab) {
    let before = served.ballots("board");
    served.network.hold();
    tab.press("Cast this vote").await;
    tab.until_so("the vote", || served.ballots("board") == before + 1).await;
}

/// Waits until the page has the receipt, and checks that it keeps no secret.
async fn recorded(served: &Served, tab: &Tab, number: &str) {
    tab.find("[data-outcome=recorded]").await;
    tab.heading("Your vote is recorded").await;
    let receipt = tab.save(".outcome a[download]").await;
    let receipt: Value = serde_json::from_str(&std::fs::read_to_string(receipt).unwrap()).unwrap();
    assert_eq!(receipt["election"], "board");
    nothing_secret(served, tab, &[number, receipt["nonce"].as_str().unwrap()]).await;
}

/// Checks that none of these is in the tab's storage, its history, the address bar, or the log of
/// the server.
async fn nothing_secret(served: &Served, tab: &Tab, secrets: &[&str]) {
    let kept = "JSON.stringify([{ ...sessionStorage }, Object.keys(localStorage), history.state,
        location.href, document.cookie])";
    let kept = tab.value(kept).await.as_str().unwrap().to_string();
    assert_eq!(tab.value("sessionStorage.length").await, json!(0), "{kept}");
    let log = served.log();
    assert!(log.contains("connection"), "the log is empty");
    for secret in secrets {
        let plain = secret.replace('-', "");
        for form in [*secret, plain.as_str(), plain.trim_start_matches('0')] {
            assert!(!kept.contains(form), "{secret} is kept: {kept}");
            assert!(!log.contains(form), "{secret} is in the log");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_server_that_is_killed_between_vote_and_answer_counts_it_once() {
    let Some((mut served, tab, numbers)) = board().await else { return };
    review(&tab, &numbers[0]).await;
    looks::load_languages(&tab).await;
    cast_unanswered(&served, &tab).await;
    served.kill();
    tab.heading("Not known yet").await;
    tab.says("It never counts twice").await;
    looks::check(&tab, "not known yet").await;
    served.network.open();
    served.restart();
    recorded(&served, &tab, &numbers[0]).await;
    assert_eq!(served.ballots("board"), 1);
}

#[tokio::test(flavor = "local")]
async fn a_tab_that_is_loaded_again_at_each_step_votes_once() {
    let Some((served, tab, numbers)) = board().await else { return };
    let number = &numbers[0];
    let again = async || tab.client().refresh().await.unwrap();
    // Before a vote is cast, nothing is kept: the number is asked for.
    tab.open("/board").await;
    tab.find("#number").await;
    again().await;
    tab.find("#number").await;
    review(&tab, number).await;
    for step in ["review", "ballot"] {
        again().await;
        tab.find("#number").await;
        tab.says("keeps no number").await;
        tab.fill("#number", number).await;
        tab.press("Go on to the ballot").await;
        tab.find(".choice").await;
        if step == "review" {
            tab.click(".choice").await;
        }
    }
    review(&tab, number).await;
    cast_unanswered(&served, &tab).await;
    // It is loaded while the answer is lost: it asks for the same vote again.
    served.network.cut();
    served.network.hold();
    again().await;
    tab.find("h1").await;
    served.network.open();
    recorded(&served, &tab, number).await;
    again().await;
    tab.says("A vote was recorded from this tab").await;
    tab.says("Nothing is left to do").await;
    nothing_secret(&served, &tab, &[number]).await;
    assert_eq!(served.ballots("board"), 1);
}

#[tokio::test(flavor = "local")]
async fn a_tab_that_is_closed_and_opened_again_does_not_vote_twice() {
    let Some((served, tab, numbers)) = board().await else { return };
    // Closed before the vote is cast: nothing is.
    let link = format!("/board#{}", numbers[0]);
    for (address, presses, step) in [
        ("/board", &[][..], "#number"),
        (&link, &[], ".choice"),
        (&link, &[".choice", "form button.main"], ".said"),
    ] {
        tab.open(address).await;
        for press in presses {
            tab.click(press).await;
        }
        tab.find(step).await;
        let other = tab.open_another("/").await;
        close(&tab, other).await;
        assert_eq!(served.ballots("board"), 0, "{step}");
    }
    // Closed while the answer is on its way: the vote stands, and the number is told so.
    review(&tab, &numbers[0]).await;
    cast_unanswered(&served, &tab).await;
    let other = tab.open_another("/missing").await;
    close(&tab, other).await;
    served.network.cut();
    served.network.open();
    review(&tab, &numbers[0]).await;
    tab.press("Cast this vote").await;
    tab.find("[data-outcome=alreadyVoted]").await;
    tab.says("that vote counts").await;
    looks::check(&tab, "voted before").await;
    nothing_secret(&served, &tab, &[&numbers[0]]).await;
    assert_eq!(served.ballots("board"), 1);
}

#[tokio::test(flavor = "local")]
async fn the_next_voter_of_a_tab_is_told_what_the_server_says_by_then() {
    let Some((served, tab, numbers)) = board().await else { return };
    review(&tab, &numbers[0]).await;
    tab.press("Cast this vote").await;
    recorded(&served, &tab, &numbers[0]).await;
    tab.value("window.mark = 1").await;
    let follow = async |number: &str| tab.value(&format!("location.hash = '{number}'")).await;
    // The next voter's link, while the server does not answer: nothing of the last voter is seen.
    served.network.cut();
    served.network.hold();
    follow(&numbers[1]).await;
    tab.until("!document.querySelector('[data-outcome]')").await;
    nothing_secret(&served, &tab, &[&numbers[0], &numbers[1]]).await;
    served.network.open();
    tab.click(".choice").await;
    tab.press("Check your vote").await;
    tab.press("Cast this vote").await;
    recorded(&served, &tab, &numbers[1]).await;
    // And one who comes after the close.
    served.officer(&["--election", "board", "close"]);
    follow(&numbers[2]).await;
    tab.heading("Voting has ended").await;
    assert_eq!(tab.value("window.mark").await, 1);
}

#[tokio::test(flavor = "local")]
async fn the_number_that_was_opened_last_votes() {
    let Some((served, tab, numbers)) = board().await else { return };
    served.network.hold();
    tab.open(&format!("/board#{}", numbers[0])).await;
    tab.says("Connecting to the server").await;
    for number in &numbers[1..3] {
        tab.value(&format!("location.hash = '{number}'")).await;
        tab.until("location.hash === ''").await;
    }
    served.network.open();
    tab.find(".choice").await;
    let end = &numbers[2][numbers[2].len() - 4..];
    tab.says(&format!("the number ending in {end}")).await;
}

#[tokio::test(flavor = "local")]
async fn a_vote_in_an_election_that_is_gone_is_told_and_forgotten() {
    let Some((served, tab, numbers)) = board().await else { return };
    let kept = json!({
        "number": numbers[0],
        "votes": [{ "election": "gone", "marks": [1, 0], "nonce": vec![7; 16] }],
    });
    let key = json!("capvote votes without an outcome");
    let keep = format!("sessionStorage.setItem({key}, JSON.stringify({kept}))");
    tab.value(&keep).await;
    tab.open(&format!("/board#{}", numbers[1])).await;
    tab.heading("There is no such election").await;
    tab.says("a vote in gone whose outcome is not known").await;
    looks::check(&tab, "a vote of an election that is gone").await;
    assert_eq!(tab.value("sessionStorage.length").await, json!(1));
    tab.press("Forget this vote").await;
    // The number in the link votes then.
    tab.find(".choice").await;
    nothing_secret(&served, &tab, &[&numbers[0], &numbers[1]]).await;
}

/// Closes a tab; the test goes on in the newest one.
async fn close(tab: &Tab, other: fantoccini::wd::WindowHandle) {
    let here = tab.client().window().await.unwrap();
    tab.client().switch_to_window(other).await.unwrap();
    tab.client().close_window().await.unwrap();
    tab.client().switch_to_window(here).await.unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_tab_that_is_offline_at_each_step_votes_once() {
    let Some((served, tab, numbers)) = board().await else { return };
    let cut = async || {
        served.network.cut();
        served.network.open();
    };
    // A ballot is filled in without the network, and cast over a new connection.
    tab.open(&format!("/board#{}", numbers[0])).await;
    tab.find(".choice").await;
    cut().await;
    tab.click(".choice").await;
    cut().await;
    tab.press("Check your vote").await;
    cut().await;
    tab.press("Cast this vote").await;
    recorded(&served, &tab, &numbers[0]).await;
    // Cast while there is none: it was not sent, and the page says so, and goes on.
    review(&tab, &numbers[1]).await;
    looks::load_languages(&tab).await;
    served.network.cut();
    tab.press("Cast this vote").await;
    tab.heading("The server cannot be reached").await;
    tab.says("Your vote has not been sent yet").await;
    looks::check(&tab, "not reached").await;
    assert_eq!(served.ballots("board"), 1);
    served.network.open();
    recorded(&served, &tab, &numbers[1]).await;
    // The answer is lost, and the network stays away: it is not known yet.
    review(&tab, &numbers[2]).await;
    cast_unanswered(&served, &tab).await;
    served.network.cut();
    tab.heading("Not known yet").await;
    served.network.open();
    recorded(&served, &tab, &numbers[2]).await;
    assert_eq!(served.ballots("board"), 3);
}

#[tokio::test(flavor = "local")]
async fn a_tab_that_is_frozen_at_each_step_votes_once() {
    let Some((served, tab, numbers)) = board().await else { return };
    let set = async |state: &str| {
        let state = json!({ "state": state });
        tab.browser.devtools("Page.setWebLifecycleState", state).await;
    };
    tab.open(&format!("/board#{}", numbers[0])).await;
    for (found, press) in [(".choice", "Check your vote"), (".said", "Cast this vote")] {
        tab.find(found).await;
        // The server ends what the frozen tab does not hear of.
        set("frozen").await;
        served.network.cut();
        served.network.open();
        set("active").await;
        if found == ".choice" {
            tab.click(found).await;
        }
        tab.press(press).await;
    }
    recorded(&served, &tab, &numbers[0]).await;
    // The answer comes while the tab is frozen.
    review(&tab, &numbers[1]).await;
    cast_unanswered(&served, &tab).await;
    set("frozen").await;
    served.network.open();
    set("active").await;
    recorded(&served, &tab, &numbers[1]).await;
    // It is lost while the tab is frozen.
    review(&tab, &numbers[2]).await;
    cast_unanswered(&served, &tab).await;
    set("frozen").await;
    served.network.cut();
    served.network.open();
    set("active").await;
    recorded(&served, &tab, &numbers[2]).await;
    assert_eq!(served.ballots("board"), 3);
}
