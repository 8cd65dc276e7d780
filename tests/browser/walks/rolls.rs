//! Rolls that nobody is put on twice, numbers that are of another election, and links that are.

use std::fs;

use fantoccini::key::Key;

use super::keys::use_by;
use super::looks;
use super::served::Served;
use super::tab::Tab;

/// Opens the officer's page with a link, and that of an election.
async fn run(served: &Served, tab: &Tab, id: &str) {
    tab.open("/officer").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    tab.press(&format!("Run \u{2068}{id}\u{2069}")).await;
    tab.find("#standing").await;
}

/// Gives the page a list.
async fn give(served: &Served, tab: &Tab, list: &str) {
    let path = served.path("list.csv");
    fs::write(&path, list).unwrap();
    tab.fill("#people", path.to_str().unwrap()).await;
}

/// The token of a link that the client makes.
fn shared(served: &Served, id: &str, role: &[&str]) -> String {
    let link = served.officer(&[&["--election", id, "share"], role].concat());
    link.trim().split_once('#').unwrap().1.to_string()
}

#[tokio::test(flavor = "local")]
async fn nobody_gets_a_second_number_unasked_or_one_of_another_election() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    for id in ["board", "last-year"] {
        served.officer(&["create", id, "--candidate=Ada", "--candidate=Grace"]);
    }
    let numbers = served.issue("board", 2);
    let others = served.issue("last-year", 3);
    run(&served, &tab, "board").await;
    tab.press("Issue voter numbers").await;
    // Three numbers cannot be on a roll of two.
    give(&served, &tab, &format!("voter_number\n{}\n", others.join("\n"))).await;
    tab.says("the roll of board has 2").await;
    looks::check(&tab, "too many numbers").await;
    let of_other = "voter_number,voting_link\n";
    give(&served, &tab, &format!("{of_other}{0},https://x/last-year#{0}\n", others[0])).await;
    tab.says("is for the election last-year").await;
    looks::check(&tab, "numbers of another election").await;
    // Ann may have one of the two, of which the list has one.
    give(&served, &tab, &format!("name,voter_number\nBen,{}\nAnn,\n=SUM(A1),\n", numbers[0])).await;
    tab.says("The roll has 1 number that is not in this list.").await;
    tab.says("a field begins with =, +, - or @").await;
    looks::check(&tab, "more for a roll").await;
    use_by(&tab, "Draw 2 voter numbers", Key::Enter).await;
    tab.says("There are numbers on the roll already.").await;
    looks::check(&tab, "more for a roll, unasked").await;
    use_by(&tab, "Nobody on this list has one of them", Key::Space).await;
    // Somebody else issues one meanwhile.
    let more = served.path("more.csv");
    let more = ["--count", "1", "--more", "--output", more.to_str().unwrap()];
    served.officer(&[&["--election", "board", "issue"], &more[..]].concat());
    use_by(&tab, "Draw 2 voter numbers", Key::Enter).await;
    tab.says("it had 2 numbers, and has 3").await;
    use_by(&tab, "Nobody on this list has one of them", Key::Space).await;
    use_by(&tab, "Draw 2 voter numbers", Key::Enter).await;
    let file = tab.save("#save").await;
    use_by(&tab, "2. The file is saved", Key::Enter).await;
    tab.find(".letters .letter").await;
    assert!(served.officer(&["--election", "board", "--json", "info"]).contains("\"voters\": 5"));
    // Letters of that file show no link.
    tab.press("Back to the election").await;
    tab.press("Letters from a saved file").await;
    tab.fill("#file", file.to_str().unwrap()).await;
    tab.find(".letters .letter").await;
    assert_eq!(tab.text(".letter address").await, "Ben");
}

#[tokio::test(flavor = "local")]
async fn a_registrar_is_told_that_a_link_is_for_another_election() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    for id in ["aaa", "bbb"] {
        served.officer(&["create", id, "--candidate=Ada", "--candidate=Grace"]);
    }
    let token = shared(&served, "aaa", &["registrar"]);
    tab.open(&format!("/officer?election=bbb#{token}")).await;
    tab.press("Issue voter numbers").await;
    tab.fill("#count", "1").await;
    tab.press("Go on").await;
    tab.press("Draw 1 voter number").await;
    tab.save("#save").await;
    tab.press("2. The file is saved: put the numbers on the roll").await;
    tab.says("on a roll, but not on that of bbb").await;
    looks::check(&tab, "another roll").await;
    assert_eq!(tab.text(".letter").await, "");
}

#[tokio::test(flavor = "local")]
async fn an_auditors_link_that_works_once_works_on_the_officers_page() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    served.issue("board", 2);
    let token = shared(&served, "board", &["auditor", "--once"]);
    tab.open(&format!("/officer?election=board#{token}")).await;
    tab.says("0 of 2 have voted").await;
    tab.says("This link worked once, for this tab").await;
    looks::check(&tab, "an auditor's link that works once").await;
    let kept = "JSON.stringify([{ ...sessionStorage }, location.pathname, location.hash])";
    assert_eq!(tab.value(kept).await, r#"[{},"/board/audit",""]"#);
    // It goes on over another connection.
    served.network.cut();
    served.network.open();
    tab.press("Ask for the turnout").await;
    tab.until("!document.querySelector('[aria-disabled=true]')").await;
    assert_eq!(tab.text("p.error[role=alert]").await, "");
    // Without the election, the officer's page asks for it.
    let token = shared(&served, "board", &["auditor", "--once"]);
    tab.open(&format!("/officer#{token}")).await;
    tab.heading("Which election is it for?").await;
    looks::check(&tab, "an auditor's link without its election").await;
    tab.press("Check \u{2068}board\u{2069}").await;
    tab.says("0 of 2 have voted").await;
    // A link that is for another election is not opened.
    let token = shared(&served, "board", &["auditor"]);
    tab.open("/board/audit?").await;
    tab.click("summary").await;
    let other = format!("{}/chair/audit#{token}", served.network.address);
    tab.fill("#link", &other).await;
    tab.press("Open the link").await;
    tab.says("This link is for the election chair").await;
    looks::check(&tab, "an auditor's link of another election").await;
    tab.fill("#link", &token).await;
    tab.press("Open the link").await;
    tab.says("0 of 2 have voted").await;
}
