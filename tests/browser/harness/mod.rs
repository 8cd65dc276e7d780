//! A real browser that runs modules of this project, and the site that serves them.

mod peer;
pub(crate) mod site;

use std::time::Duration;

use capvote_soak::browser::{self, Kind};
use fantoccini::Client;
use fantoccini::wd::TimeoutConfiguration;
use serde_json::{Value, json};

/// The time for a script. Reached only if a test fails.
const SCRIPT_WAIT_MAX: Duration = Duration::from_secs(600);

/// For the test of what is garbage; and otherwise `performance.memory` has coarse figures.
const FLAGS: [&str; 2] = ["--js-flags=--expose-gc", "--enable-precise-memory-info"];

/// Calls a function that a module exports, with these arguments.
const CALL: &str = "
    const [url, name, values, done] = arguments;
    import(url).then((module) => module[name](...values)).then(
        (value) => done({ value: value ?? null }),
        (error) => done({ error: `${error?.stack ?? error}` }));
";

/// A browser with one page. Dropping it ends its processes.
pub(crate) struct Browser {
    /// For what a test wants of the browser beyond calling modules.
    pub(crate) client: Client,
    browser: browser::Browser,
}

/// A browser that shows the page at this address, of the site here or of another server; `None` if
/// none is installed.
pub(crate) async fn browser(address: &str) -> Option<Browser> {
    let Some(programs) = browser::programs(Kind::Chromium) else {
        skip(is_gate());
        return None;
    };
    let browser = browser::Browser::start(&programs, &FLAGS).await.unwrap();
    let client = browser.client.clone();
    let waits = TimeoutConfiguration::new(Some(SCRIPT_WAIT_MAX), None, None);
    client.update_timeouts(waits).await.unwrap();
    client.goto(address).await.unwrap();
    Some(Browser { client, browser })
}

fn skip(is_gate: bool) {
    assert!(!is_gate, "CI has to install chromium and chromium-driver");
    eprintln!("skipped: chromium and chromedriver are not installed");
}

/// Whether this is the gate, which skips nothing.
pub(crate) fn is_gate() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

impl Browser {
    /// What a function of a module returns, or what its promise comes to.
    ///
    /// # Panics
    /// If it fails.
    pub(crate) async fn call(&self, module: &str, function: &str, arguments: &[Value]) -> Value {
        let arguments = vec![json!(module), json!(function), json!(arguments)];
        let mut answer = self.client.execute_async(CALL, arguments).await.unwrap();
        if let Some(error) = answer.get("error") {
            panic!("{module}: {function}: {}", error.as_str().unwrap());
        }
        answer["value"].take()
    }

    /// Sends a command of the browser's developer tools.
    ///
    /// # Panics
    /// If it is refused.
    pub(crate) async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.browser.devtools(name, parameters).await.unwrap()
    }

    /// Runs the cases that a module exports as `tests`, each a function by its name.
    ///
    /// # Panics
    /// If one fails, or there is none.
    pub(crate) async fn run_cases(&self, module: &str) {
        let results = self.call("/tests/cases.js", "run", &[json!(module)]).await;
        let results = results.as_array().unwrap();
        assert!(!results.is_empty(), "{module} has no cases");
        let failed: Vec<_> = results.iter().filter(|result| !result["error"].is_null()).collect();
        assert!(failed.is_empty(), "{module}: {failed:#?}");
    }
}

#[test]
fn without_a_browser_a_test_says_so_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let folders = [folder.path().to_path_buf()];
    assert!(browser::programs_in(Kind::Chromium, &folders).is_none());
    std::fs::write(folder.path().join("chromium"), "").unwrap();
    assert!(browser::programs_in(Kind::Chromium, &folders).is_none());
    skip(false);
    std::fs::write(folder.path().join("chromedriver"), "").unwrap();
    assert!(browser::programs_in(Kind::Chromium, &folders).is_some());
}

#[test]
#[should_panic(expected = "CI has to install")]
fn without_a_browser_a_test_fails_in_the_gate() {
    skip(true);
}

/// The processes of this group.
fn members(group: u32) -> Vec<String> {
    let is_member = |status: &String| {
        // The name may have anything in it but the last bracket.
        let (_, fields) = status.rsplit_once(") ").unwrap();
        let mut fields = fields.split(' ');
        let state = fields.next().unwrap();
        state != "Z" && fields.nth(1).unwrap() == group.to_string()
    };
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes
        .filter_map(|path| std::fs::read_to_string(path.join("stat")).ok())
        .filter(is_member)
        .collect()
}

#[tokio::test(flavor = "local")]
async fn a_panic_ends_the_browser_and_its_driver() {
    let Some(programs) = browser::programs(Kind::Chromium) else { return };
    let browser = browser::Browser::start(&programs, &[]).await.unwrap();
    let group = browser.group();
    // The shell, the driver, and several of the browser.
    assert!(members(group).len() > 3);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _browser = browser;
        panic!("this panic is a part of the test");
    }));
    assert!(result.is_err());
    // The kernel takes a moment to end processes that were killed.
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !members(group).is_empty() {
        assert!(std::time::Instant::now() < end, "{:?}", members(group));
        std::thread::yield_now();
    }
}
