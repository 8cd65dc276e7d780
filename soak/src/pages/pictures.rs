//! Pictures of the pages, for the documentation.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::json;

use super::browser;
use super::palette::with_palette;
use super::screen::Screen;
use super::stage::Stage;
use crate::browser::Kind;
use crate::server;

const TELEPHONE: Screen = Screen { width: 390, height: 844, scale: 2, mobile: true };
const PAPER: Screen = Screen { width: 800, height: 900, scale: 2, mobile: false };
const HALL: Screen = Screen { width: 1280, height: 720, scale: 1, mobile: false };

/// How many may vote, and for whom those do that have voted when the board is shown.
const VOTERS: u32 = 40;
const VOTES: [usize; 4] = [12, 9, 6, 5];

/// The address of a server in letters.
const ADDRESS: &str = "https://vote.example.org";

/// Take pictures of a letter, of a vote on a telephone and of the hall's board, in a real browser.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The folder for the pictures.
    folder: PathBuf,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

impl Arguments {
    /// Takes them.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        fs::create_dir_all(&self.folder)?;
        crate::runtime()?.block_on(take(&program, &self.folder))?;
        Ok(true)
    }
}

async fn take(program: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut stage = Stage::set(program, VOTERS).await?;
    let browser = browser(Kind::Chromium).await?;
    let client = &browser.client;
    browser.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await?;

    PAPER.set(&browser).await?;
    letter(client, &stage, folder).await?;

    TELEPHONE.set(&browser).await?;
    client.goto(&stage.voters_page()?).await?;
    press(client, ".choice").await?;
    picture(client, folder, "ballot").await?;
    // To the review, and from there to the outcome.
    press(client, "button.main").await?;
    press(client, "section.said ~ button.main").await?;
    find(client, "[data-outcome=recorded]").await?;
    picture(client, folder, "recorded").await?;

    stage.vote(VOTES).await?;
    HALL.set(&browser).await?;
    client.goto(&stage.board()).await?;
    find(client, ".board tbody th").await?;
    picture(client, folder, "hall").await?;
    stage.close().await?;
    find(client, ".winners li").await?;
    picture(client, folder, "elected").await
}

/// A letter, as the officer's page makes it of a list with a number.
async fn letter(client: &Client, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let mut list = tempfile::Builder::new().suffix(".csv").tempfile()?;
    let number = stage.numbers.first().context("there are no numbers")?;
    writeln!(list, "name,email,voter_number\nAnn Archer,ann@example.org,{number}")?;
    client.goto(stage.officers_page.trim()).await?;
    press(client, "ul.elections button").await?;
    press(client, "section p.links button.quiet").await?;
    let file = list.path().to_str().context("the temporary folder has no name in Unicode")?;
    find(client, "input[type=file]").await?.send_keys(file).await?;
    let address = find(client, "#base").await?;
    address.clear().await?;
    address.send_keys(&format!("{ADDRESS}{}", char::from(Key::Tab))).await?;
    let letter = find(client, ".letter").await?;
    write(&letter.screenshot().await?, folder, "letter")
}

/// The first element that this finds, once it is there.
async fn find(client: &Client, css: &str) -> anyhow::Result<Element> {
    Ok(client.wait().for_element(Locator::Css(css)).await?)
}

/// Presses it.
async fn press(client: &Client, css: &str) -> anyhow::Result<()> {
    Ok(find(client, css).await?.click().await?)
}

/// What the screen shows.
async fn picture(client: &Client, folder: &Path, name: &str) -> anyhow::Result<()> {
    write(&client.screenshot().await?, folder, name)
}

fn write(picture: &[u8], folder: &Path, name: &str) -> anyhow::Result<()> {
    let file = folder.join(name).with_extension("png");
    let bytes = with_palette(picture)?;
    println!("{}: {} kB", file.display(), bytes.len().div_ceil(1_000));
    fs::write(file, bytes)?;
    Ok(())
}
