//! An election from its creation to the audited sheet, by the pages and the keyboard alone. Files
//! are chosen as the dialog of the browser would.

use std::fs;

use fantoccini::key::Key;
use serde_json::json;

use super::keys::{tab_to, type_keys, use_by};
use super::looks;
use super::served::{Served, verified};
use super::tab::Tab;

/// People, with a blank row and a name that another alphabet writes.
const PEOPLE: &str = "Name;E-Mail\nAnn Example;ann@example.org\nBen Ö.;ben@example.org\n;\n\
    李四;li@example.org\n";

const ID: &str = "board-2027";

/// Keeps what the page sends, as text.
const RECORD: &str = "
    window.sent = '';
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (message) {
        window.sent += new TextDecoder().decode(message);
        return send.call(this, message);
    };
";

/// From the officer's link to an election with letters. Returns the voter numbers.
async fn create(served: &Served, tab: &Tab) -> Vec<String> {
    let record = json!({ "source": RECORD });
    tab.browser.devtools("Page.addScriptToEvaluateOnNewDocument", record).await;
    tab.open("/officer").await;
    tab.find("#link").await;
    looks::check(tab, "entry").await;
    tab_to(tab, "Or the link itself").await;
    type_keys(tab, "nonsense").await;
    use_by(tab, "Open the link", Key::Enter).await;
    tab.find("#alert").await;
    looks::check(tab, "no link").await;
    tab_to(tab, "The file with the link").await;
    tab.fill("#file", served.officer_link().to_str().unwrap()).await;
    tab.find(".links button").await;
    use_by(tab, "Create an election", Key::Enter).await;
    tab.find("#title").await;
    looks::check(tab, "create").await;
    use_by(tab, "Create the election", Key::Enter).await;
    tab.find(".problems").await;
    looks::check(tab, "create, wrong").await;
    tab_to(tab, "Title").await;
    type_keys(tab, "Board 2027").await;
    tab_to(tab, "Names").await;
    type_keys(tab, "Ada\nGrace\nZoë 李四").await;
    use_by(tab, "Create the election", Key::Enter).await;
    tab.find("#standing").await;
    looks::check(tab, "draft").await;
    use_by(tab, "Issue voter numbers", Key::Enter).await;
    tab.find("#people").await;
    looks::check(tab, "roll").await;
    tab_to(tab, "A list of people").await;
    let people = served.path("people.csv");
    fs::write(&people, PEOPLE).unwrap();
    tab.fill("#people", people.to_str().unwrap()).await;
    tab.heading("Check the list").await;
    looks::check(tab, "people").await;
    use_by(tab, "Draw 3 voter numbers", Key::Enter).await;
    // They are on the roll only when they are saved.
    tab.find("#save").await;
    looks::check(tab, "saving").await;
    let list = tab.save("#save").await;
    assert!(served.officer(&["--election", ID, "--json", "info"]).contains("\"voters\": 0"));
    use_by(tab, "2. The file is saved", Key::Enter).await;
    letters(tab, &fs::read_to_string(list).unwrap()).await
}

/// Checks the letters, and returns the numbers on them.
async fn letters(tab: &Tab, list: &str) -> Vec<String> {
    tab.find(".letters .letter").await;
    looks::check(tab, "letters").await;
    let numbers = "[...document.querySelectorAll('.letter .number')].map((it) => it.innerText)";
    let numbers: Vec<String> = serde_json::from_value(tab.value(numbers).await).unwrap();
    assert_eq!(numbers.len(), 3);
    for number in &numbers {
        assert!(list.contains(number.as_str()), "{number} is not in the file that was saved");
    }
    let codes = "[...document.querySelectorAll('.letter svg')]
        .filter((it) => it.getBoundingClientRect().width > 0).length";
    assert_eq!(tab.value(codes).await, json!(3));
    assert!(tab.text(".letter").await.contains("Ann Example"));
    // The server learns the slate, and nothing of the list.
    let sent = tab.value("window.sent").await.as_str().unwrap().to_string();
    assert!(sent.contains("Board 2027") && sent.contains("Zoë 李四"));
    for learnt in ["Ann", "Ben", "example.org", "E-Mail"] {
        assert!(!sent.contains(learnt), "{learnt}");
    }
    use_by(tab, "Back to the election", Key::Enter).await;
    tab.find("#standing").await;
    numbers
}

/// Confirms that an election is opened, or closed.
async fn confirm(tab: &Tab, ask: &str, act: &str) {
    use_by(tab, ask, Key::Enter).await;
    tab.find("#agreed").await;
    looks::check(tab, ask).await;
    use_by(tab, "I have read this", Key::Space).await;
    use_by(tab, act, Key::Enter).await;
    tab.find("#standing").await;
}

#[tokio::test(flavor = "local")]
async fn an_election_is_run_and_audited_by_the_pages_alone() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    let numbers = create(&served, &tab).await;
    confirm(&tab, "Open the election…", "Open the election").await;
    tab.find("#turnout").await;
    let of_none = tab.text("#turnout").await;
    let officer = tab.open_another(&format!("/{ID}#{}", numbers[0])).await;
    tab.click_at(".choice", 1).await;
    tab.press("Check your vote").await;
    tab.press("Cast this vote").await;
    tab.find(".good[data-outcome=recorded]").await;
    let shown = tab.text(".receipt").await.replace(char::is_whitespace, "");
    let receipt = tab.save(".outcome a[download]").await;
    let voter = tab.client().window().await.unwrap();
    tab.client().switch_to_window(officer).await.unwrap();
    tab.until(&format!("document.querySelector('#turnout').innerText !== '{of_none}'")).await;
    assert!(tab.text("#turnout").await.starts_with('1'), "{}", tab.text("#turnout").await);
    looks::check(&tab, "open").await;
    confirm(&tab, "Close the election…", "Close the election").await;
    use_by(&tab, "Make the tally sheet", Key::Enter).await;
    tab.find("a[download$='.csv']").await;
    tab.says("Elected: Grace.").await;
    tab.says("Publish it with the file.").await;
    looks::check(&tab, "closed").await;
    let sheet = tab.save("a[download$='.csv']").await;
    // It is that of capvote-client, which finds the ballot of the receipt.
    let theirs = served.path("theirs.csv");
    served.officer(&["--election", ID, "sheet", "--output", theirs.to_str().unwrap()]);
    assert_eq!(fs::read(&sheet).unwrap(), fs::read(theirs).unwrap());
    verified(&receipt, &sheet, &shown, "\"Grace\"");
    // So does the auditor's page.
    tab.client().switch_to_window(voter).await.unwrap();
    tab.open(&format!("/{ID}/audit")).await;
    tab.find("#files").await;
    looks::check(&tab, "audit").await;
    tab_to(&tab, "Tally sheet, and receipts").await;
    tab.fill("#files", sheet.to_str().unwrap()).await;
    tab.says("The sheet is in order").await;
    assert_eq!(tab.text(".good > h2:focus").await, "The sheet is in order");
    // The field names the file.
    let named = format!("document.querySelector('#files').files[0].name === '{ID}.sheet.csv'");
    tab.until(&named).await;
    tab.fill("#files", receipt.to_str().unwrap()).await;
    tab.says("Counted: it is ballot 1 of the sheet, and for “Grace”.").await;
    tab.says("Elected: Grace.").await;
    looks::check(&tab, "audited").await;
    // A receipt can also be typed.
    tab_to(&tab, "Or type receipts").await;
    type_keys(&tab, &shown).await;
    use_by(&tab, "Look for these receipts", Key::Enter).await;
    tab.until("document.querySelectorAll('li.outcome.good').length === 2").await;
    altered(&tab, &served, &fs::read_to_string(&sheet).unwrap()).await;
    secrets(&served, &tab, &numbers).await;
}

/// A sheet on which somebody else has the vote is refused.
async fn altered(tab: &Tab, served: &Served, sheet: &str) {
    let path = served.path("altered.csv");
    let (head, ballot) = sheet.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{head}\n{}\n", ballot.replace("Grace", "Ada"))).unwrap();
    tab.fill("#files", path.to_str().unwrap()).await;
    tab.says("altered.csv").await;
    tab.until("!document.querySelector('main').innerText.includes('The sheet is in order')").await;
    tab.find("p.error").await;
    looks::check(tab, "altered").await;
}

/// Neither numbers nor the officer's token are kept, or logged.
async fn secrets(served: &Served, tab: &Tab, numbers: &[String]) {
    let link = fs::read_to_string(served.officer_link()).unwrap();
    let (_, token) = link.trim().split_once('#').unwrap();
    let log = served.log();
    let kept = "JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href])";
    let kept = tab.value(kept).await.as_str().unwrap().to_string();
    for secret in numbers.iter().map(String::as_str).chain([token]) {
        for form in [secret, &secret.replace('-', "")] {
            assert!(!log.contains(form), "{secret} is in the log");
            assert!(!kept.contains(form), "{secret} is kept: {kept}");
        }
    }
}
