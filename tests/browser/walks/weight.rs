//! What a voter's telephone has to load, and what it shows meanwhile.

use serde_json::json;

use super::served::Served;

/// For all that a voter's page loads, as browsers are sent it, in bytes. Headers are not counted:
/// what the browser says of them is that each has 300 bytes.
const WEIGHT_MAX: u64 = 60_000;

/// What was loaded: the address, and the bytes of the body that came over the network.
const LOADED: &str = "
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .map(({ name, encodedBodySize }) => [name, encodedBodySize])";

#[tokio::test(flavor = "local")]
async fn a_voter_loads_little_and_from_one_host() {
    let served = Served::start().await;
    let address = &served.network.address;
    // A browser takes Brotli only from this machine and over TLS.
    for (language, coding) in [("en", "br"), ("de", "br"), ("en", "gzip"), ("de", "gzip")] {
        // A browser of its own for each, which has nothing from before.
        let Some(tab) = served.tab("/-/missing.html").await else { return };
        let id = format!("board-{language}-{coding}");
        served.create(&id, &["Ada", "Grace"], &["--blank"]);
        let numbers = served.issue(&id, 1);
        let agent = tab.value("navigator.userAgent").await;
        let accepted = json!({ "userAgent": agent, "acceptLanguage": language });
        tab.browser.devtools("Network.setUserAgentOverride", accepted).await;
        tab.browser.devtools("Network.enable", json!({})).await;
        let accepted = json!({ "headers": { "Accept-Encoding": coding } });
        tab.browser.devtools("Network.setExtraHTTPHeaders", accepted).await;
        tab.browser.devtools("Network.clearBrowserCache", json!({})).await;
        tab.open(&format!("/{id}#{}", numbers[0])).await;
        tab.click(".choice").await;
        tab.click("form button.main").await;
        tab.find(".said").await;
        tab.click("button.main").await;
        tab.find(".good[data-outcome=recorded]").await;
        assert_eq!(tab.value("document.documentElement.lang").await, json!(language));
        let loaded: Vec<(String, u64)> = serde_json::from_value(tab.value(LOADED).await).unwrap();
        for (name, size) in &loaded {
            assert!(name.starts_with(address.as_str()), "{name} is of another host");
            assert!(*size > 0, "{name} came from somewhere else");
        }
        let weight: u64 = loaded.iter().map(|(_, size)| size).sum();
        eprintln!("{language}, {coding}: {} files, {weight} bytes", loaded.len());
        assert!(loaded.len() > 10, "{loaded:?}");
        assert!(weight <= WEIGHT_MAX, "{weight} bytes: {loaded:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_page_is_seen_before_the_server_has_answered_it() {
    let served = Served::start().await;
    served.network.hold();
    let Some(tab) = served.tab("/").await else { return };
    served.create("board", &["Ada", "Grace"], &[]);
    let painted = "performance.getEntriesByName('first-contentful-paint').length";
    for (path, heading, there) in [
        ("/board", "Vote", "#number"),
        ("/board/watch", "board", ".turnout"),
        ("/", "Elections", ".elections"),
        ("/officer", "Run elections", "#link"),
        ("/board/audit", "Check the count", "#files"),
    ] {
        served.network.hold();
        tab.open(path).await;
        tab.until(painted).await;
        tab.heading(heading).await;
        tab.find("#languages button[lang=de]").await;
        assert_ne!(tab.text("main").await, "", "{path}");
        served.network.open();
        tab.find(there).await;
    }
}
