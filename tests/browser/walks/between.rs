//! An officer who goes from one election to another while the first is still being worked for:
//! nothing of it is shown, saved or done for the other.

use fantoccini::key::Key;
use serde_json::json;

use super::keys::use_by;
use super::looks;
use super::served::Served;
use super::tab::Tab;

/// Counts the connections that the page makes.
const COUNT: &str = "
    window.connections = 0;
    window.WebSocket = class extends WebSocket {
        constructor(...of) {
            super(...of);
            window.connections += 1;
        }
    };
";

/// So many connections fail until a try waits longer than it takes to go to another election.
const FAILED: u32 = 7;

/// Two elections in draft, and the page of the first, from the officer's link.
async fn two() -> Option<(Served, Tab)> {
    let served = Served::start().await;
    let tab = served.tab("/").await?;
    for (id, title) in [("aaa", "Election A"), ("bbb", "Election B")] {
        served.officer(&["create", id, "--candidate=Ada", "--candidate=Bob", "--title", title]);
    }
    let count = json!({ "source": COUNT });
    tab.browser.devtools("Page.addScriptToEvaluateOnNewDocument", count).await;
    tab.open("/officer").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    tab.press("Run \u{2068}aaa\u{2069}").await;
    tab.heading("Election A").await;
    Some((served, tab))
}

/// Goes from the first election to the second.
async fn go_on(tab: &Tab) {
    tab.press("Back to the elections").await;
    tab.press("Run \u{2068}bbb\u{2069}").await;
    tab.heading("Election B").await;
    tab.find("#standing").await;
}

fn info(served: &Served, id: &str) -> String {
    served.officer(&["--election", id, "--json", "info"])
}

#[tokio::test(flavor = "local")]
async fn a_late_look_at_one_election_does_not_open_it_for_another() {
    let Some((served, tab)) = two().await else { return };
    looks::load_languages(&tab).await;
    served.network.cut();
    tab.until(&format!("window.connections > {FAILED}")).await;
    tab.press("Back to the elections").await;
    tab.heading("Loading the elections…").await;
    looks::check(&tab, "loading the elections").await;
    served.network.open();
    tab.press("Run \u{2068}bbb\u{2069}").await;
    tab.heading("Election B").await;
    served.issue("bbb", 5);
    tab.until("document.querySelector('#turnout')?.innerText.includes('of 5')").await;
    tab.press("Open the election…").await;
    // What still waits to ask about the first one asks at once.
    tab.value("dispatchEvent(new Event('online'))").await;
    tab.says("Election B").await;
    tab.click("#agreed").await;
    tab.press("Open the election").await;
    tab.says("The election is open.").await;
    assert!(info(&served, "aaa").contains("\"draft\""));
    assert!(info(&served, "bbb").contains("\"open\""));
}

#[tokio::test(flavor = "local")]
async fn the_back_button_takes_no_numbers_to_another_election() {
    let Some((served, tab)) = two().await else { return };
    tab.press("Issue voter numbers").await;
    tab.fill("#count", "2").await;
    tab.press("Go on").await;
    tab.heading("Check the list").await;
    served.network.hold();
    tab.press("Draw 2 voter numbers").await;
    tab.heading("Drawing voter numbers…").await;
    // Numbers that are being drawn are not left, and neither are those that wait to be saved.
    let back = async || {
        tab.value("(window.visited = 0, onpopstate = () => { window.visited += 1; }, 1)").await;
        tab.client().back().await.unwrap();
        tab.until("window.visited").await;
    };
    back().await;
    tab.heading("Drawing voter numbers…").await;
    // Nor does a link lead away, whose secret leaves the address.
    let token = "A".repeat(43);
    tab.value(&format!("location.hash = '{token}'")).await;
    tab.says("Something is under way here.").await;
    assert_eq!(tab.value("location.hash").await, "");
    served.network.open();
    tab.find("#save").await;
    back().await;
    let file = tab.save("#save").await;
    assert_eq!(file.file_name().unwrap(), "aaa.numbers.csv");
    tab.press("2. The file is saved: put the numbers on the roll").await;
    tab.find(".letters .letter").await;
    assert!(tab.text(".letter .address").await.ends_with("/aaa"));
    assert!(info(&served, "aaa").contains("\"voters\": 2"));
    tab.press("Back to the election").await;
    tab.heading("Election A").await;
    go_on(&tab).await;
    // The history has the letters, the election, the list and the other one.
    tab.value("history.go(-3)").await;
    tab.heading("Election A").await;
    assert_eq!(tab.text(".letter").await, "");
    // From the list of elections, it leads to the election before.
    use_by(&tab, "Back to the elections", Key::Enter).await;
    tab.find(".elections").await;
    back().await;
    tab.heading("Election A").await;
    // What is loaded is left by it.
    served.network.cut();
    tab.press("Back to the elections").await;
    tab.heading("Loading the elections…").await;
    back().await;
    tab.heading("Election A").await;
}

#[tokio::test(flavor = "local")]
async fn a_sheet_that_comes_late_is_not_offered_for_another_election() {
    let Some((served, tab)) = two().await else { return };
    for id in ["aaa", "bbb"] {
        served.officer(&["--election", id, "open"]);
        served.officer(&["--election", id, "close"]);
    }
    tab.says("Make the tally sheet").await;
    served.network.hold();
    tab.press("Make the tally sheet").await;
    tab.says("Taking the sheet…").await;
    // The other election is asked for before the sheet can come.
    tab.client().back().await.unwrap();
    tab.press("Run \u{2068}bbb\u{2069}").await;
    tab.heading("Loading the election…").await;
    served.network.open();
    tab.heading("Election B").await;
    // The server answers this after the sheet.
    tab.press("Check the server’s ledger").await;
    tab.says("hash chain holds").await;
    assert_eq!(tab.value("document.querySelectorAll('a[download]').length").await, json!(0));
}
