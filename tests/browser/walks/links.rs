//! What officers do less often, by the keyboard alone: a test election, numbers that are taken off
//! a roll, links for others and their end, and an auditor with such a link.

use fantoccini::key::Key;
use serde_json::json;

use super::keys::{tab_to, type_keys, use_by};
use super::looks;
use super::served::Served;
use super::tab::Tab;
use crate::process;

/// Waits for what the page says in answer to an act.
async fn told(tab: &Tab, text: &str) {
    tab.says(text).await;
    looks::check(tab, text).await;
}

/// Opens the page of an election, from the officer's link.
async fn run(served: &Served, tab: &Tab, id: &str) {
    tab.open("/officer").await;
    tab.find("#file").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    use_by(tab, &format!("Run {id}"), Key::Enter).await;
    tab.find("#standing").await;
}

/// The link that the page shows first.
async fn made(tab: &Tab) -> String {
    tab.value("document.querySelector('#made-0').value").await.as_str().unwrap().to_string()
}

/// How the client ends that asks for the turnout with a link.
fn turnout(served: &Served, link: &str) -> process::Ran {
    let link = served.past_network(link);
    let arguments = ["--link", "-", "turnout"];
    process::run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, link.as_bytes())
}

#[tokio::test(flavor = "local")]
async fn numbers_are_taken_off_a_draft_and_letters_are_made_of_a_saved_file() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.officer(&["create", "board", "--candidate=Ada", "--candidate=Grace"]);
    let numbers = served.issue("board", 3);
    run(&served, &tab, "board").await;
    use_by(&tab, "Take numbers off the roll", Key::Enter).await;
    tab.find("#numbers").await;
    looks::check(&tab, "numbers off the roll").await;
    use_by(&tab, "Take these numbers off the roll", Key::Enter).await;
    told(&tab, "Type at least one number.").await;
    tab_to(&tab, "Or the numbers").await;
    type_keys(&tab, &numbers[0]).await;
    use_by(&tab, "Take these numbers off the roll", Key::Enter).await;
    tab.find("#standing").await;
    looks::check(&tab, "a number taken off the roll").await;
    assert!(served.officer(&["--election", "board", "--json", "info"]).contains("\"voters\": 2"));
    use_by(&tab, "Letters from a saved file", Key::Enter).await;
    tab.find("#file").await;
    looks::check(&tab, "letters from a file").await;
    tab_to(&tab, "The file with the numbers").await;
    let file = served.path("board.csv");
    tab.fill("#file", file.to_str().unwrap()).await;
    // A letter with the number that was taken off would be good for nothing.
    told(&tab, "the roll of board has 2").await;
    let list = std::fs::read_to_string(&file).unwrap();
    let line = list.lines().find(|line| line.contains(&numbers[0])).unwrap();
    std::fs::write(&file, list.replace(&format!("{line}\n"), "")).unwrap();
    tab.fill("#file", file.to_str().unwrap()).await;
    tab.find(".letters .letter").await;
    looks::check(&tab, "letters").await;
    let letters = "document.querySelectorAll('.letter').length";
    assert_eq!(tab.value(letters).await, json!(2));
}

#[tokio::test(flavor = "local")]
async fn links_for_others_are_made_used_and_ended() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    let numbers = served.issue("board", 2);
    run(&served, &tab, "board").await;
    use_by(&tab, "Make a link", Key::Enter).await;
    tab.find("input[name=once]").await;
    looks::check(&tab, "make a link").await;
    use_by(&tab, "Make the link", Key::Enter).await;
    tab.find("#made-0").await;
    looks::check(&tab, "a link").await;
    let link = made(&tab).await;
    let ran = turnout(&served, &link);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // An auditor, in a tab of their own.
    let officer = tab.open_another("/board/audit").await;
    use_by(&tab, "I have an auditor’s link", Key::Enter).await;
    looks::check(&tab, "an auditor's link").await;
    tab_to(&tab, "Auditor’s link").await;
    type_keys(&tab, "nonsense").await;
    use_by(&tab, "Open the link", Key::Enter).await;
    tab.find("#link[aria-invalid=true]").await;
    looks::check(&tab, "no auditor's link").await;
    tab.fill("#link", &link).await;
    use_by(&tab, "Open the link", Key::Enter).await;
    tab.says("0 of 2 have voted").await;
    tab.until("!document.querySelector('[aria-disabled=true]')").await;
    use_by(&tab, "Check the server’s ledger", Key::Enter).await;
    told(&tab, "hash chain holds").await;
    use_by(&tab, "Ask for the turnout", Key::Enter).await;
    told(&tab, "0 of 2 have voted").await;
    served.vote("board", "Ada", &numbers[0]);
    use_by(&tab, "Ask for the turnout", Key::Enter).await;
    told(&tab, "1 of 2 has voted").await;
    // The link is ended, and the auditor is told so.
    let auditor = tab.client().window().await.unwrap();
    tab.client().switch_to_window(officer).await.unwrap();
    use_by(&tab, "End this link", Key::Enter).await;
    told(&tab, "This link opens nothing any more.").await;
    turnout(&served, &link).failed(1, "opens nothing here");
    let officer = tab.client().window().await.unwrap();
    tab.client().switch_to_window(auditor).await.unwrap();
    use_by(&tab, "Ask for the turnout", Key::Enter).await;
    tab.find("p.error[role=alert]").await;
    looks::check(&tab, "an ended link").await;
    tab.client().switch_to_window(officer).await.unwrap();
    end_another(&served, &tab).await;
}

/// Makes a link that works once, and ends one that is pasted.
async fn end_another(served: &Served, tab: &Tab) {
    use_by(tab, "It works once", Key::Space).await;
    use_by(tab, "Make the link", Key::Enter).await;
    tab.until("document.querySelectorAll('section.outcome').length === 2").await;
    looks::check(tab, "a link that works once").await;
    let link = made(tab).await;
    use_by(tab, "Back to the election", Key::Enter).await;
    use_by(tab, "End a link, or void its numbers", Key::Enter).await;
    tab.find("#link").await;
    looks::check(tab, "end a link").await;
    use_by(tab, "End the link", Key::Enter).await;
    tab.find("#alert").await;
    looks::check(tab, "end no link").await;
    tab_to(tab, "The link").await;
    tab.fill("#link", &link).await;
    use_by(tab, "End the link", Key::Enter).await;
    told(tab, "The link opens nothing any more.").await;
    turnout(served, &link).failed(1, "opens nothing here");
}

#[tokio::test(flavor = "local")]
async fn an_election_is_tried_out_before_it_is_created() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/officer").await else { return };
    tab.find("#file").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    use_by(&tab, "Create an election", Key::Enter).await;
    tab.find("#title").await;
    tab_to(&tab, "Title").await;
    type_keys(&tab, "Board 2027").await;
    tab_to(&tab, "Names").await;
    type_keys(&tab, "Ada\nGrace").await;
    // What an act waits for, while the server does not answer.
    looks::load_languages(&tab).await;
    served.network.hold();
    use_by(&tab, "Try it out: create a test of it", Key::Enter).await;
    tab.heading("Creating the election…").await;
    looks::check(&tab, "working").await;
    served.network.open();
    tab.heading("The test is open").await;
    looks::check(&tab, "test").await;
    use_by(&tab, "Vote as voter 1", Key::Enter).await;
    let officer = tab.go_to_opened().await;
    tab.click(".choice").await;
    tab.press("Check your vote").await;
    tab.press("Cast this vote").await;
    tab.find(".good[data-outcome=recorded]").await;
    tab.client().switch_to_window(officer).await.unwrap();
    use_by(&tab, "Run the test: turnout, close, count", Key::Enter).await;
    tab.until("document.querySelector('#turnout')?.innerText.startsWith('1')").await;
    told(&tab, "This is a test.").await;
    use_by(&tab, "Back to the elections", Key::Enter).await;
    tab.find(".elections").await;
    looks::check(&tab, "elections").await;
}
