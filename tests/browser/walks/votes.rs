//! A vote of every kind, and the receipt of each on the sheet.

use super::served::{Served, verified};
use super::tab::Tab;

/// From the ballot to the outcome.
async fn cast(tab: &Tab, button: &str, votes: usize) {
    tab.press("Check your vote").await;
    tab.find(".said").await;
    tab.press(button).await;
    let recorded = "document.querySelectorAll('[data-outcome=recorded]').length";
    tab.until(&format!("{recorded} === {votes}")).await;
}

#[tokio::test(flavor = "local")]
async fn a_ballot_of_each_kind_has_its_receipt_on_the_sheet() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    let names = ["Ada Lovelace", "Grace Hopper", "Zoë 李四", "Edsger"];
    let ranked = ["--method", "schulze", "--marks", "4"];
    // What is clicked on, and what capvote-client reads on the sheet.
    for (id, options, clicks, vote) in [
        ("one", &["--blank"][..], &[(".choice", 1)][..], "\"Grace Hopper\""),
        ("blank", &["--blank"], &[(".choice", 4)], "blank"),
        ("several", &["--seats", "3"], &[(".choice", 2), (".choice", 0)], "\"Zoë 李四\""),
        ("ranks", &["--method", "transferable"], &[(".rest button", 2), (".rest button", 0)], "1."),
        (
            "shared",
            &ranked,
            &[(".rest button", 1), (".rest button", 0), ("[data-act=share]", 0)],
            "1.",
        ),
    ] {
        served.create(id, &names, options);
        let numbers = served.issue(id, 2);
        tab.open(&format!("/{id}#{}", numbers[0])).await;
        for (selector, at) in clicks {
            tab.click_at(selector, *at).await;
        }
        cast(&tab, "Cast this vote", 1).await;
        let shown = tab.text(".receipt").await.replace(char::is_whitespace, "");
        let receipt = tab.save(".outcome a[download]").await;
        verified(&receipt, &served.sheet(id), &shown, vote);
    }
}
