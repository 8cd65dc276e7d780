//! Voting by keyboard alone.

use fantoccini::key::Key;
use serde_json::{Value, json};

use super::keys::{FOCUSED, key, key_back, tab_to, type_keys, use_by};
use super::looks;
use super::served::Served;
use super::tab::Tab;

/// After a step, the focus is on its heading, without a ring: nothing can be done there.
async fn focused_heading(tab: &Tab) {
    tab.until("document.activeElement.tagName === 'H1'").await;
    let ring = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(tab.value(ring).await, json!("none"));
}

#[tokio::test(flavor = "local")]
async fn a_whole_paper_is_voted_on_by_keyboard_and_every_step_is_for_everyone() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/").await else { return };
    served.create("chair", &["Ada", "Grace", "Zoë 李四"], &["--blank", "--title", "Chair"]);
    let shared = ["--roll", "chair", "--blank", "--title"];
    let board = ["--seats", "2", "Board"];
    served.create(
        "board",
        &["Bea", "Cem", "Dora"],
        &[&shared[..], &board[2..], &board[..2]].concat(),
    );
    let colour = ["Colour", "--method", "schulze", "--marks", "3"];
    served.create("colour", &["Red", "Green", "Blue"], &[&shared[..], &colour].concat());
    let numbers = served.issue("chair", 1);
    tab.open("/").await;
    tab.find(".elections").await;
    looks::check(&tab, "list").await;
    use_by(&tab, "Vote: Chair", Key::Enter).await;
    tab.find("#number").await;
    looks::check(&tab, "number").await;
    use_by(&tab, "Go on to the ballot", Key::Enter).await;
    tab.says("Type your voter number").await;
    tab.until("document.activeElement.id === 'number'").await;
    looks::check(&tab, "no number").await;
    tab_to(&tab, "Your voter number").await;
    type_keys(&tab, &numbers[0]).await;
    key(&tab, Key::Enter.into()).await;
    tab.find("#question-2").await;
    focused_heading(&tab).await;
    use_by(&tab, "Check your vote", Key::Enter).await;
    tab.find(".problems").await;
    looks::check(&tab, "nothing marked").await;
    mark(&tab).await;
    looks::check(&tab, "ballots").await;
    use_by(&tab, "Check your vote", Key::Enter).await;
    tab.find(".said").await;
    looks::check(&tab, "review").await;
    // A change keeps what was chosen.
    use_by(&tab, "Change: Board", Key::Enter).await;
    tab.find("#question-1").await;
    let marked = "document.querySelectorAll(':checked').length";
    assert_eq!(tab.value(marked).await, json!(3));
    use_by(&tab, "Check your vote", Key::Enter).await;
    tab.find(".said").await;
    focused_heading(&tab).await;
    use_by(&tab, "Cast these 3 votes", Key::Space).await;
    let recorded = "document.querySelectorAll('[data-outcome=recorded]').length === 3";
    tab.until(recorded).await;
    focused_heading(&tab).await;
    looks::check(&tab, "outcome").await;
    use_by(&tab, "Finish", Key::Enter).await;
    tab.find("#number").await;
    for id in ["chair", "board", "colour"] {
        assert_eq!(served.ballots(id), 1, "{id}");
    }
    tallied(&served);
}

/// Checks the board in each language, and that the keyboard reaches all that can be used or moved.
async fn board_by_keyboard(tab: &Tab, step: &str, reached: &[&str]) {
    looks::check(tab, step).await;
    for name in reached {
        tab_to(tab, name).await;
    }
    use_by(tab, "Deutsch", Key::Enter).await;
    tab.until("document.documentElement.lang === 'de'").await;
    use_by(tab, "English", Key::Space).await;
    tab.until("document.documentElement.lang === 'en'").await;
    // Whoever switches the language stays at the switch.
    assert_eq!(tab.value(FOCUSED).await, json!("English"), "{step}");
}

#[tokio::test(flavor = "local")]
async fn a_board_is_watched_by_keyboard_and_every_state_is_for_everyone() {
    let served = Served::start().await;
    let Some(tab) = served.tab("/nosuch/watch").await else { return };
    tab.find(".error").await;
    board_by_keyboard(&tab, "no such board", &["All elections on this server"]).await;
    let names = ["--candidate=Ada", "--candidate=Grace", "--candidate=Zoë 李四"];
    let ranked = ["--method", "schulze", "--marks", "3", "--title", "Members of the board"];
    served.officer(&[&["create", "board"], &names[..], &ranked].concat());
    let numbers = served.issue("board", 2);
    served.network.hold();
    tab.open("/board/watch").await;
    tab.says("Connecting to the server").await;
    board_by_keyboard(&tab, "connecting", &[]).await;
    served.network.open();
    tab.find(".turnout").await;
    board_by_keyboard(&tab, "board, draft", &[]).await;
    served.officer(&["--election", "board", "open"]);
    served.vote("board", "Grace", &numbers[0]);
    tab.until("document.querySelector('.turnout').innerText.includes('1')").await;
    board_by_keyboard(&tab, "board, sealed", &[]).await;
    served.network.cut();
    tab.until("document.getElementById('connection').innerText.includes('lost')").await;
    board_by_keyboard(&tab, "board, lost", &[]).await;
    served.network.open();
    tab.until("document.getElementById('connection').innerText === ''").await;
    served.officer(&["--election", "board", "close"]);
    tab.find(".wide").await;
    // A table that is wider than the screen is moved by keyboard.
    let table = tab.value("document.querySelector('.wide').ariaLabel").await;
    board_by_keyboard(&tab, "board, final", &[table.as_str().unwrap()]).await;
    tab.until("document.querySelector('.wide')").await;
}

/// Marks Grace; Bea and Cem; and Blue before Red and Green, which share a rank.
async fn mark(tab: &Tab) {
    use_by(tab, "Ada", Key::Space).await;
    key(tab, Key::Down.into()).await;
    tab.until(
        "document.querySelector('#question-0 :checked').closest('label').innerText === 'Grace'",
    )
    .await;
    use_by(tab, "Bea", Key::Space).await;
    use_by(tab, "Cem", Key::Space).await;
    // The next name is below a finger that presses Enter again.
    use_by(tab, "+ Red", Key::Enter).await;
    key(tab, Key::Enter.into()).await;
    key(tab, Key::Enter.into()).await;
    let order = "[...document.querySelectorAll('.order .name')].map((it) => it.innerText).join()";
    tab.until(&format!("{order} === 'Red,Green,Blue'")).await;
    // The last name that was added has the focus.
    while tab.value(FOCUSED).await != json!("Move Blue up") {
        key_back(tab).await;
    }
    for _ in 0..2 {
        key(tab, Key::Enter.into()).await;
    }
    tab.until(&format!("{order} === 'Blue,Red,Green'")).await;
    use_by(tab, "Green has the same rank as Red", Key::Space).await;
    tab.until(
        "[...document.querySelectorAll('.rank')].map((it) => it.innerText).join('') === '1.2.2.'",
    )
    .await;
}

/// The sheets have what was marked.
fn tallied(served: &Served) {
    for (id, names) in
        [("chair", &["Grace"][..]), ("board", &["Bea", "Cem"]), ("colour", &["Blue"])]
    {
        served.officer(&["--election", id, "close"]);
        let results = served.officer(&["--election", id, "--json", "result"]);
        let results: Value = serde_json::from_str(&results).unwrap();
        assert_eq!(results["elected"], json!(names), "{results:#}");
    }
}
