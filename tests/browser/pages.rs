//! What the pages share, and the casting of votes, in a browser: the modules of web/tests.

use crate::harness::{browser, site};

const MODULES: [&str; 11] = [
    "ballot", "board", "cast", "language", "number", "outcome", "preload", "session", "steps",
    "texts", "time",
];

#[tokio::test(flavor = "local")]
async fn what_the_pages_share_does_what_its_tests_say() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    for module in MODULES {
        browser.run_cases(&format!("/-/tests/{module}.js")).await;
    }
}
