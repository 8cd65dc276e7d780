//! Using a page by keyboard alone.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;

use super::tab::Tab;

/// So many times Tab may be pressed for the next thing.
const TABS_MAX: usize = 60;

/// What has the focus, as a screen reader would call it.
pub(super) const FOCUSED: &str = "
    ((it) => (it.getAttribute('aria-label') ?? it.labels?.[0]?.innerText ?? it.innerText)
        .replace(/[\\u2066-\\u2069]/g, '').replace(/\\s+/g, ' ').trim())(document.activeElement)";

/// Presses a key.
pub(super) async fn key(tab: &Tab, key: char) {
    let down = KeyAction::Down { value: key };
    let keys = KeyActions::new("keyboard".into()).then(down).then(KeyAction::Up { value: key });
    tab.client().perform_actions(keys).await.unwrap();
}

/// Presses Tab until something with this name has the focus.
pub(super) async fn tab_to(tab: &Tab, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..TABS_MAX {
        key(tab, Key::Tab.into()).await;
        let focused = tab.value(FOCUSED).await;
        let focused = focused.as_str().unwrap_or_default();
        if focused.starts_with(name) {
            return;
        }
        passed.push(focused.to_string());
    }
    panic!("Tab does not lead to {name:?}, but to {passed:?}");
}

/// Goes to a control, and uses it.
pub(super) async fn use_by(tab: &Tab, name: &str, by: Key) {
    tab_to(tab, name).await;
    key(tab, by.into()).await;
}

/// Types a text into what has the focus.
pub(super) async fn type_keys(tab: &Tab, text: &str) {
    let keys = text.chars().fold(KeyActions::new("keyboard".into()), |keys, value| {
        keys.then(KeyAction::Down { value }).then(KeyAction::Up { value })
    });
    tab.client().perform_actions(keys).await.unwrap();
}

/// Presses Tab with Shift, which leads back.
pub(super) async fn key_back(tab: &Tab) {
    let shift: char = Key::Shift.into();
    let keys = KeyActions::new("keyboard".into())
        .then(KeyAction::Down { value: shift })
        .then(KeyAction::Down { value: Key::Tab.into() })
        .then(KeyAction::Up { value: Key::Tab.into() })
        .then(KeyAction::Up { value: shift });
    tab.client().perform_actions(keys).await.unwrap();
}
