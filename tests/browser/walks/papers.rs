//! Elections that share a roll, which their officer opens, invites to and closes together.

use fantoccini::key::Key;

use super::keys::use_by;
use super::looks;
use super::served::Served;
use super::tab::Tab;

const TITLES: [(&str, &str); 3] =
    [("chair", "Chair of the club"), ("board", "Board"), ("bylaws", "New bylaws")];

/// Three questions of one paper, and another election, all drafts; and the page of one of them.
async fn three(of: &str) -> Option<(Served, Tab)> {
    let served = Served::start().await;
    let tab = served.tab("/").await?;
    for (id, title) in TITLES.into_iter().chain([("other", "Another")]) {
        let new = ["create", id, "--title", title, "--candidate=Yes", "--candidate=No"];
        let shared = if matches!(id, "board" | "bylaws") { &["--roll", "chair"][..] } else { &[] };
        served.officer(&[&new[..], shared].concat());
    }
    tab.open("/officer").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    run(&tab, of).await;
    Some((served, tab))
}

async fn run(tab: &Tab, id: &str) {
    tab.press(&format!("Run \u{2068}{id}\u{2069}")).await;
    tab.find("#standing").await;
}

/// Goes to the question whether to do something, which names the others of the roll.
async fn ask(tab: &Tab, what: &str, others: &str) {
    use_by(tab, what, Key::Enter).await;
    tab.says(&format!("these too, with the same voter numbers: {others}")).await;
    looks::check(tab, what).await;
    tab.click("#agreed").await;
}

fn state(served: &Served, id: &str) -> String {
    let info = served.officer(&["--election", id, "--json", "info"]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    info["state"].as_str().unwrap().to_string()
}

fn states(served: &Served) -> [String; 4] {
    ["chair", "board", "bylaws", "other"].map(|id| state(served, id))
}

#[tokio::test(flavor = "local")]
async fn the_questions_of_a_paper_are_opened_named_and_closed_together() {
    let Some((served, tab)) = three("chair").await else { return };
    tab.press("Issue voter numbers").await;
    tab.fill("#count", "1").await;
    tab.press("Go on").await;
    tab.press("Draw 1 voter number").await;
    tab.press("Do not use these numbers").await;
    tab.says("No numbers were issued. Delete the file if you saved it").await;
    tab.press("Draw 1 voter number").await;
    let list = tab.save("#save").await;
    tab.press("2. The file is saved: put the numbers on the roll").await;
    tab.find(".letters .letter").await;
    looks::check(&tab, "letters to a paper").await;
    let letter = tab.text(".letter").await;
    for (_, title) in TITLES {
        assert!(letter.contains(title), "{title} is not in {letter}");
    }
    assert!(letter.contains("one vote in each of the 3 elections"), "{letter}");
    assert!(!letter.contains("Another"), "{letter}");
    tab.press("Back to the election").await;
    ask(&tab, "Open the election…", "Board and New bylaws").await;
    tab.press("Open the election").await;
    tab.says("Open now: Board, New bylaws, and Chair of the club.").await;
    looks::check(&tab, "opened together").await;
    assert_eq!(states(&served), ["open", "open", "open", "draft"]);
    let list = std::fs::read_to_string(list).unwrap();
    let number = list.split([',', '\n', '\r']).find(|field| field.len() == 24).unwrap();
    served.vote("chair", "Yes", number);
    ask(&tab, "Close the election…", "Board and New bylaws").await;
    tab.press("Close the election").await;
    tab.says("Closed now: Board, New bylaws, and Chair of the club.").await;
    tab.says("Elected: Yes.").await;
    looks::check(&tab, "closed together").await;
    assert_eq!(states(&served), ["closed", "closed", "closed", "draft"]);
    // A letter that is made now names what its election is, whatever is closed.
    tab.press("Letters from a saved file").await;
    tab.press("The letters of the last issue").await;
    tab.find(".letters .letter").await;
    assert!(tab.text(".letter").await.contains("The number is good for one vote."));
}

#[tokio::test(flavor = "local")]
async fn an_officer_is_told_which_questions_of_a_paper_are_open() {
    let Some((served, tab)) = three("board").await else { return };
    ask(&tab, "Open the election…", "Chair of the club and New bylaws").await;
    // Somebody else is faster, and ends one.
    for act in ["open", "close"] {
        served.officer(&["--election", "chair", act]);
    }
    tab.press("Open the election").await;
    tab.says("Open now: Board and New bylaws. Not open: Chair of the club. election chair").await;
    looks::check(&tab, "not all are open").await;
    assert_eq!(states(&served), ["closed", "open", "open", "draft"]);
    // One can be left alone.
    ask(&tab, "Close the election…", "New bylaws").await;
    tab.click("#others-yes").await;
    tab.press("Close the election").await;
    tab.says("The election is closed.").await;
    assert_eq!(states(&served), ["closed", "closed", "open", "draft"]);
}
