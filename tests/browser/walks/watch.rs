//! One tab votes, and another is pushed the change.

use super::looks;
use super::served::Served;

#[tokio::test(flavor = "local")]
async fn one_tab_votes_with_its_sink_and_another_is_pushed_the_change() {
    let mut served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    let options = ["--blank", "--title", "Members of the board", "--seats", "2"];
    served.create("board", &["Ada", "Grace", "Zoë 李四"], &options);
    let numbers = served.issue("board", 3);
    tab.open("/board/watch").await;
    tab.find(".turnout").await;
    let of_none = tab.text(".turnout").await;
    looks::check(&tab, "board, open").await;
    // The page is not loaded again: a mark in it stays.
    tab.value("window.mark = 1").await;
    let hall = tab.open_another(&format!("/board#{}", numbers[0])).await;
    tab.click_at(".choice", 1).await;
    tab.press("Check your vote").await;
    tab.press("Cast this vote").await;
    tab.find(".good[data-outcome=recorded]").await;
    // The sink in the tab was told this receipt.
    let receipt = tab.text(".receipt").await.replace(char::is_whitespace, "");
    assert_eq!(receipt.len(), 39, "{receipt}");
    assert!(tab.text(".told blockquote").await.contains(&receipt), "{receipt}");
    let voter = tab.client().window().await.unwrap();
    tab.client().switch_to_window(hall).await.unwrap();
    let changed = format!("document.querySelector('.turnout').innerText !== '{of_none}'");
    tab.until(&changed).await;
    assert!(tab.text(".turnout").await.contains('1'));
    // A lost connection is told, and made again.
    served.network.cut();
    let said = "document.getElementById('connection').innerText";
    tab.until(&format!("{said}.includes('lost')")).await;
    looks::check(&tab, "board, connection lost").await;
    served.network.open();
    tab.until(&format!("{said} === ''")).await;
    // So is one to a server that is back before the page looks for a sign of life.
    served.kill();
    served.restart();
    served.vote("board", "Grace", &numbers[2]);
    tab.until("document.querySelector('.turnout').innerText.includes('2')").await;
    served.officer(&["--election", "board", "close"]);
    tab.find(".winners li").await;
    assert_eq!(tab.text(".winners li").await, "Grace");
    looks::check(&tab, "board, closed").await;
    assert_eq!(tab.value("window.mark").await, 1);
    // The voter's page of a closed election says so.
    tab.client().switch_to_window(voter).await.unwrap();
    tab.open("/nosuch").await;
    tab.heading("There is no such election").await;
    looks::check(&tab, "missing").await;
    tab.open(&format!("/board#{}", numbers[1])).await;
    tab.heading("Voting has ended").await;
    looks::check(&tab, "closed").await;
}

#[tokio::test(flavor = "local")]
async fn a_network_that_says_nothing_is_told_whatever_the_clock_of_the_hall_says() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    tab.open("/board/watch").await;
    tab.find(".turnout").await;
    tab.value("(() => { const now = Date.now; Date.now = () => now() - 3_600_000; })()").await;
    served.network.hold();
    let said = "document.getElementById('connection').innerText";
    tab.until(&format!("{said}.includes('lost')")).await;
    served.network.open();
    tab.until(&format!("{said} === ''")).await;
}
