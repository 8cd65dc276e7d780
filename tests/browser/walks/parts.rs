//! Parts of a page that do not come, and come later: nothing is lost, and nothing is cast.

use serde_json::json;

use super::looks;
use super::served::Served;
use super::tab::Tab;

/// Lets no file through whose address has this in it; none is held up where that is empty.
async fn block(tab: &Tab, part: &str) {
    let urls = if part.is_empty() { vec![] } else { vec![format!("*{part}*")] };
    tab.browser.devtools("Network.enable", json!({})).await;
    tab.browser.devtools("Network.setBlockedURLs", json!({ "urls": urls })).await;
}

#[tokio::test(flavor = "local")]
async fn texts_that_do_not_come_are_asked_for_again_and_the_number_is_kept() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/-/missing.html").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    let numbers = served.issue("board", 1);
    block(&tab, "/texts/").await;
    tab.open(&format!("/board#{}", numbers[0])).await;
    tab.find("[role=alert] button").await;
    tab.says("could not be loaded").await;
    tab.says("ließ sich nicht laden").await;
    block(&tab, "").await;
    tab.click("[role=alert] button").await;
    tab.find(".choice").await;
    tab.says("You vote with the number ending in").await;
    // A language that does not come leaves the one before.
    block(&tab, "/texts/de.js").await;
    tab.click("#languages [lang=de]").await;
    let said = "document.getElementById('connection').innerText";
    tab.until(&format!("{said}.includes('could not be loaded')")).await;
    assert_eq!(tab.value("document.documentElement.lang").await, json!("en"));
    tab.says("Your choice").await;
    block(&tab, "").await;
    looks::check(&tab, "ballot").await;
    tab.until(&format!("{said} === ''")).await;
}

#[tokio::test(flavor = "local")]
async fn code_for_casting_that_does_not_come_is_asked_for_again_at_each_press() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/-/missing.html").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    let numbers = served.issue("board", 1);
    for part in ["/voter/cast.js", "/voter/outcome.js"] {
        block(&tab, part).await;
        tab.open("/-/missing.html").await;
        tab.open(&format!("/board#{}", numbers[0])).await;
        tab.click(".choice").await;
        tab.press("Check your vote").await;
        tab.find(".said").await;
        tab.press("Cast this vote").await;
        let said = "document.getElementById('connection').innerText";
        tab.until(&format!("{said}.includes('could not be loaded')")).await;
        tab.says("Nothing is cast yet").await;
        assert_eq!(tab.text(".said .choices").await, "Ada");
    }
    block(&tab, "").await;
    tab.press("Cast this vote").await;
    tab.find(".good[data-outcome=recorded]").await;
    assert_eq!(served.ballots("board"), 1);
}

#[tokio::test(flavor = "local")]
async fn a_vote_that_was_cast_before_a_reload_waits_for_the_code_that_casts_it() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    let numbers = served.issue("board", 1);
    tab.open(&format!("/board#{}", numbers[0])).await;
    tab.click(".choice").await;
    tab.press("Check your vote").await;
    tab.find(".said").await;
    served.network.hold();
    tab.press("Cast this vote").await;
    tab.until_so("the vote", || served.ballots("board") == 1).await;
    block(&tab, "/voter/cast.js").await;
    served.network.cut();
    served.network.hold();
    tab.client().refresh().await.unwrap();
    tab.find("h1").await;
    served.network.open();
    tab.until("document.getElementById('connection').innerText.includes('Trying again')").await;
    block(&tab, "").await;
    tab.find(".good[data-outcome=recorded]").await;
    assert_eq!(served.ballots("board"), 1);
    assert_eq!(tab.value("sessionStorage.length").await, json!(0));
}
