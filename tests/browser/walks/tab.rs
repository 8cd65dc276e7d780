//! A page in a browser, as somebody uses it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Browser;

/// How long a page may take to come to what is waited for.
const WAIT_MAX: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The width and the height of a small telephone, in CSS pixels.
const TELEPHONE: (u32, u32) = (320, 640);

/// A browser's tab, as large as the screen of a small telephone.
pub(crate) struct Tab {
    pub(crate) browser: Browser,
    /// Of the server, without a path.
    address: String,
    downloads: TempDir,
}

impl Tab {
    pub(crate) async fn of(browser: Browser, address: String) -> Self {
        let downloads = tempfile::tempdir().unwrap();
        let behavior = json!({ "behavior": "allow", "downloadPath": downloads.path() });
        browser.devtools("Browser.setDownloadBehavior", behavior).await;
        let tab = Self { browser, address, downloads };
        tab.be_small().await;
        tab
    }

    async fn be_small(&self) {
        let (width, height) = TELEPHONE;
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        self.browser.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    pub(crate) fn client(&self) -> &Client {
        &self.browser.client
    }

    /// Opens a path of the server.
    pub(crate) async fn open(&self, path: &str) {
        self.client().goto(&format!("{}{path}", self.address)).await.unwrap();
    }

    /// Opens a path of the server in a tab of its own, where the test goes on, and returns what
    /// tells the tab before.
    pub(crate) async fn open_another(&self, path: &str) -> fantoccini::wd::WindowHandle {
        let before = self.client().window().await.unwrap();
        let made = self.client().new_window(true).await.unwrap();
        self.client().switch_to_window(made.handle).await.unwrap();
        self.be_small().await;
        self.open(path).await;
        before
    }

    /// Waits for a tab that the page has opened, where the test goes on. Returns what tells the tab
    /// before.
    pub(crate) async fn go_to_opened(&self) -> fantoccini::wd::WindowHandle {
        let before = self.client().window().await.unwrap();
        loop {
            let windows = self.client().windows().await.unwrap();
            if let Some(opened) = windows.into_iter().find(|window| *window != before) {
                self.client().switch_to_window(opened).await.unwrap();
                self.be_small().await;
                return before;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.client().execute(&format!("return ({expression})"), vec![]).await.unwrap()
    }

    /// The text of the first element that a selector finds; empty if there is none.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let text = format!("document.querySelector({})?.innerText ?? ''", json!(selector));
        self.value(&text).await.as_str().unwrap().to_string()
    }

    /// Waits until an expression in the page is true.
    ///
    /// # Panics
    /// If that takes too long.
    pub(crate) async fn until(&self, expression: &str) {
        let began = Instant::now();
        loop {
            // While a page is loaded, there may be nothing to ask.
            let value = self.client().execute(&format!("return !!({expression})"), vec![]).await;
            if matches!(value, Ok(Value::Bool(true))) {
                return;
            }
            if began.elapsed() > WAIT_MAX {
                panic!("waited for {expression}: {value:?}: {}", self.text("body").await);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits for an element.
    pub(crate) async fn find(&self, selector: &str) {
        self.until(&format!("document.querySelector({})", json!(selector))).await;
    }

    /// Waits for a text in the main part of the page.
    pub(crate) async fn says(&self, text: &str) {
        // Texts from elsewhere stand between marks of direction.
        let plain = "innerText.replace(/[\\u2066-\\u2069]/g, '')";
        let text = json!(text);
        self.until(&format!("document.querySelector('main').{plain}.includes({text})")).await;
    }

    /// Waits for the heading of a step.
    pub(crate) async fn heading(&self, text: &str) {
        self.until(&format!("document.querySelector('h1')?.innerText === {}", json!(text))).await;
    }

    /// Clicks on the first element that a selector finds, as soon as there is one.
    pub(crate) async fn click(&self, selector: &str) {
        self.click_on(Locator::Css(selector), 0).await;
    }

    /// The same for another one than the first, counted from 0.
    pub(crate) async fn click_at(&self, selector: &str, at: usize) {
        self.click_on(Locator::Css(selector), at).await;
    }

    /// Clicks on the button, or the link, with this text.
    pub(crate) async fn press(&self, text: &str) {
        let of = |tag: &str| format!("//{tag}[normalize-space(.) = \"{text}\"]");
        self.click_on(Locator::XPath(&format!("{} | {}", of("button"), of("a"))), 0).await;
    }

    async fn click_on(&self, locator: Locator<'_>, at: usize) {
        let began = Instant::now();
        loop {
            // An element may be drawn anew while it is looked at.
            let clicked = self.try_click(locator, at).await;
            if matches!(clicked, Ok(true)) {
                return;
            }
            if began.elapsed() > WAIT_MAX {
                panic!("no click on {locator:?}, {at}: {clicked:?}: {}", self.text("body").await);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn try_click(&self, locator: Locator<'_>, at: usize) -> Result<bool, CmdError> {
        let found = self.client().find_all(locator).await?;
        let Some(element) = found.get(at) else { return Ok(false) };
        element.click().await?;
        Ok(true)
    }

    /// Types into a field, or chooses a file.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.find(selector).await;
        let field: Element = self.client().find(Locator::Css(selector)).await.unwrap();
        // A click on a field for files empties it; a driver would add to what it has.
        let field_js = format!("document.querySelector({})", json!(selector));
        self.value(&format!("{field_js}.type === 'file' && ({field_js}.value = '')")).await;
        field.send_keys(text).await.unwrap();
    }

    /// Clicks on a link that saves a file, and waits for the file.
    pub(crate) async fn save(&self, selector: &str) -> PathBuf {
        self.click(selector).await;
        let mut saved = None;
        self.until_so(&format!("the file of {selector}"), || {
            saved = self.saved();
            saved.is_some()
        })
        .await;
        saved.unwrap()
    }

    /// The file that was saved, in a folder of its own.
    fn saved(&self) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.downloads.path()).unwrap();
        let mut paths = files.map(|file| file.unwrap().path());
        // The browser reserves the name with an empty file, and puts the whole one in its place.
        let path = paths.find(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            let is_whole = path.metadata().is_ok_and(|it| it.is_file() && it.len() > 0);
            is_whole && !name.ends_with(".crdownload") && !name.starts_with('.')
        })?;
        let folder = tempfile::tempdir_in(self.downloads.path()).unwrap().keep();
        let moved = folder.join(path.file_name().unwrap());
        std::fs::rename(path, &moved).unwrap();
        Some(moved)
    }

    /// Waits, beside the page, for something of the world.
    pub(crate) async fn until_so(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < WAIT_MAX, "waited for {what}: {}", self.text("body").await);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
