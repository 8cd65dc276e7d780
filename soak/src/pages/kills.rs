//! Votes from a real browser, while the server is killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use fantoccini::{Client, Locator};
use serde_json::Value;

use super::browser;
use super::stage::Stage;
use crate::browser::Kind;
use crate::server;

/// The latest moment of a kill, after the button is pressed.
const KILL_DELAY_MAX_MS: u64 = 60;

/// How long a page may take until it shows what is waited for. Its own pauses between two tries
/// end after 5 s.
const PAGE_WAIT_MAX: Duration = Duration::from_secs(60);

/// The review's button.
const CAST: &str = "section.said ~ button.main";

/// Keeps the headings that the voter's page shows, from the review on.
const NOTE: &str = "
    window.headings = [];
    const note = () => {
        const shown = document.querySelector('h1')?.innerText;
        if (shown !== window.headings.at(-1)) window.headings.push(shown);
    };
    window.watch?.disconnect();
    window.watch = new MutationObserver(note);
    window.watch.observe(document.querySelector('main'), { childList: true, subtree: true });
";

/// Vote in a browser again and again, and kill the server meanwhile: each vote is recorded without
/// help, and counts once.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The browser. The product's tests are run in Chromium.
    #[arg(long, value_enum, default_value_t = Kind::Firefox)]
    browser: Kind,
    /// How often to kill the server, once for each vote.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

impl Arguments {
    /// Votes. An error if a vote does not count once, or the page does not go on by itself.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        crate::runtime()?.block_on(run(&program, self.browser, self.rounds))?;
        Ok(true)
    }
}

async fn run(program: &Path, kind: Kind, rounds: u32) -> anyhow::Result<()> {
    let mut stage = Stage::set(program, rounds).await?;
    let browser = browser(kind).await?;
    let client = &browser.client;
    client.goto(&stage.board()).await?;
    let board = client.window().await?;
    let voter = client.new_window(true).await?.handle;
    client.switch_to_window(voter).await?;
    let (mut receipts, mut unknown) = (Vec::new(), 0);
    for _ in 0..rounds {
        let (receipt, was_unknown) = vote(client, &mut stage).await?;
        unknown += usize::from(was_unknown);
        receipts.push(receipt);
    }
    println!("{rounds} kills, {} votes recorded; {unknown} were not known yet", receipts.len());
    client.switch_to_window(board).await?;
    let turnout = format!("{rounds} of {rounds}");
    let is_shown = format!("document.querySelector('.turnout').innerText.includes('{turnout}')");
    until(client, &is_shown).await.context("the board's turnout")?;
    stage.close().await?;
    find(client, ".winners li").await.context("the board's result")?;
    let mut sheet = stage.receipts().await?;
    sheet.sort_unstable();
    receipts.sort_unstable();
    ensure!(sheet == receipts, "the sheet has {sheet:?}, and the pages showed {receipts:?}");
    println!("the board was pushed all of them, and the sheet has each receipt once");
    Ok(())
}

/// Votes, while the server is killed and started again. Returns the receipt that the page shows,
/// and whether it said meanwhile that the outcome is not known.
async fn vote(client: &Client, stage: &mut Stage) -> anyhow::Result<(String, bool)> {
    client.goto(&stage.voters_page()?).await?;
    find(client, ".choice").await.context("the ballot")?.click().await?;
    find(client, "form button.main").await?.click().await?;
    let cast = find(client, CAST).await.context("the review")?;
    client.execute(NOTE, vec![]).await?;
    let pressed = cast.click();
    let killed = async {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..=KILL_DELAY_MAX_MS))).await;
        stage.restart().await
    };
    let (pressed, killed) = tokio::join!(pressed, killed);
    pressed?;
    killed?;
    let receipt = find(client, "[data-outcome=recorded] .receipt").await;
    let receipt = receipt.context("the outcome")?.text().await?;
    let headings = client.execute("return window.headings", vec![]).await?;
    let was_unknown = headings.as_array().is_some_and(|all| all.contains(&"Not known yet".into()));
    Ok((receipt.split_whitespace().collect(), was_unknown))
}

async fn find(client: &Client, css: &str) -> anyhow::Result<fantoccini::elements::Element> {
    Ok(client.wait().at_most(PAGE_WAIT_MAX).for_element(Locator::Css(css)).await?)
}

/// Waits until an expression is true in the page.
async fn until(client: &Client, expression: &str) -> anyhow::Result<()> {
    let wait = "
        const [is, done] = [() => EXPRESSION, arguments[0]];
        const look = () => (is() ? done(true) : setTimeout(look, 20));
        look();
    ";
    let waited = client.execute_async(&wait.replace("EXPRESSION", expression), vec![]).await?;
    ensure!(waited == Value::Bool(true), "answered {waited}");
    Ok(())
}
