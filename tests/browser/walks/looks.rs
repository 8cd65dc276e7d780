//! What every step has to be for everyone: in the rules of axe-core, on a small screen, in each
//! language, and in forced colours.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::served::Served;
use super::tab::Tab;
use crate::harness::is_gate;

/// Gives the violations of the rules, each with the elements.
const AXE: &str = "
    const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, { runOnly: { type: 'tag', values: tags } }).then(
        ({ violations }) => done(violations.map(({ id, nodes }) =>
            `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`)}`)),
        (error) => done([`${error}`]));
";

/// How far a page can be scrolled sideways, in CSS pixels.
const SIDEWAYS: &str =
    "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// The buttons, fields and links that are smaller than 44 CSS pixels either way. A box to be
/// checked has the size of its label, and a link in a text that of its words.
const SMALL: &str = "
    [...document.querySelectorAll('button, input, textarea, select, summary, a.button, .choice')]
        .filter((it) => it.checkVisibility() && !it.matches('[type=radio], [type=checkbox]'))
        .filter((it) => {
            const { width, height } = it.getBoundingClientRect();
            return width < 44 || height < 44;
        })
        .map((it) => it.outerHTML)";

/// The texts of others that could be drawn over what is above and below them, by marks upon marks;
/// and the fields that could not be scrolled.
const UNCLIPPED: &str = "
    [...document.querySelectorAll('main [dir=auto]')]
        .filter((it) => !it.matches('input, option') && it.checkVisibility())
        .filter((it) => {
            const at = it.matches('bdi') ? it.parentElement : it;
            const isClipped = getComputedStyle(at).overflowY === 'clip';
            return isClipped === it.matches('textarea');
        })
        .map((it) => it.outerHTML)";

/// The controls that nobody would see for their colours: without a border and a text that stand out
/// from what is behind them.
const UNSEEN: &str = "
    [...document.querySelectorAll('button, input, textarea, select, a')]
        .filter((it) => it.checkVisibility())
        .filter((it) => {
            const style = getComputedStyle(it);
            const { width, height } = it.getBoundingClientRect();
            const isOwn = it.matches('[type=radio], [type=checkbox], [type=file]');
            const hasBorder = style.borderTopWidth !== '0px' && style.borderTopStyle !== 'none'
                && style.borderTopColor !== style.backgroundColor;
            const isText = it.matches('a:not(.button)');
            const isSeen = width > 0 && height > 0 && style.opacity !== '0'
                && style.color !== style.backgroundColor;
            return !isSeen || !(isOwn || isText || hasBorder);
        })
        .map((it) => it.outerHTML)";

/// Checks the step that a tab shows in English: as it stands, and drawn anew in German. The tab
/// shows it in English again then.
///
/// # Panics
/// If something is wrong with it.
pub(crate) async fn check(tab: &Tab, step: &str) {
    for language in ["en", "de"] {
        if language != "en" {
            switch(tab, language).await;
        }
        let step = format!("{step}, {language}");
        assert_eq!(tab.value(SIDEWAYS).await, json!(0), "{step} is too wide");
        assert_eq!(tab.value(SMALL).await, json!([]), "{step} has small controls");
        assert_eq!(tab.value(UNCLIPPED).await, json!([]), "{step} has names without bounds");
        let headings = tab.value("document.querySelectorAll('h1').length").await;
        assert_eq!(headings, json!(1), "{step} has headings");
        let violations = violations(tab).await;
        assert_eq!(violations, json!([]), "{step}: {violations:#}");
    }
    for forced in ["active", "none"] {
        let features = json!({ "features": [{ "name": "forced-colors", "value": forced }] });
        tab.browser.devtools("Emulation.setEmulatedMedia", features).await;
        tab.until(&format!("matchMedia('(forced-colors: {forced})').matches")).await;
        if forced == "active" {
            assert_eq!(tab.value(UNSEEN).await, json!([]), "{step} in forced colours");
        }
    }
    switch(tab, "en").await;
}

/// Has the page load the texts of each language, which it cannot do without the server.
pub(crate) async fn load_languages(tab: &Tab) {
    for language in ["de", "en"] {
        switch(tab, language).await;
    }
}

async fn switch(tab: &Tab, language: &str) {
    tab.click(&format!("#languages [lang={language}]")).await;
    tab.until(&format!("document.documentElement.lang === '{language}'")).await;
}

/// What violates the rules of axe-core.
async fn violations(tab: &Tab) -> Value {
    let Some(axe) = axe() else { return json!([]) };
    if tab.value("typeof axe").await == json!("undefined") {
        let define = format!("{axe}; window.axe = axe;");
        tab.client().execute(&define, vec![]).await.unwrap();
    }
    tab.client().execute_async(AXE, Vec::new()).await.unwrap()
}

/// The source of axe-core, which `.ci/run` installs; elsewhere `None` if it is not there.
fn axe() -> Option<&'static str> {
    static AXE: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let folders = std::fs::read_dir(target.join("examples-python/lib")).into_iter().flatten();
        let inside = "site-packages/axe_playwright_python/axe.min.js";
        let paths: Vec<PathBuf> = folders.map(|it| it.unwrap().path().join(inside)).collect();
        let found = paths.iter().find_map(|path| std::fs::read_to_string(path).ok());
        if found.is_none() {
            assert!(!is_gate(), "CI has to install tests/browser/requirements.txt");
            eprintln!("axe-core is skipped: tests/browser/requirements.txt is not installed");
        }
        found
    };
    AXE.get_or_init(read).as_deref()
}

#[tokio::test(flavor = "local")]
async fn what_is_wrong_with_a_step_is_found() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/officer").await else { return };
    tab.find("#link").await;
    check(&tab, "entry").await;
    tab.value("document.querySelector('label[for=link]').remove()").await;
    tab.value("document.querySelector('.mark').style.paddingLeft = '400px'").await;
    tab.value(
        "document.querySelector('form button').style.cssText = 'min-height: 0; height: 20px'",
    )
    .await;
    assert_ne!(tab.value(SIDEWAYS).await, json!(0));
    assert_ne!(tab.value(SMALL).await, json!([]));
    if axe().is_some() {
        assert_ne!(violations(&tab).await, json!([]));
    }
    tab.value("document.querySelector('form button').style.border = 'none'").await;
    assert_ne!(tab.value(UNSEEN).await, json!([]));
}
