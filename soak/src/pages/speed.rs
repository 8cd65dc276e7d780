//! How long a voter waits for a ballot, on a slow telephone in a slow network.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use super::browser;
use super::screen::Screen;
use super::stage::Stage;
use crate::browser::Kind;
use crate::server;

const TELEPHONE: Screen = Screen { width: 360, height: 640, scale: 2, mobile: true };

/// How much slower than this machine the telephone computes.
const CPU_SLOWDOWN: u32 = 4;

/// The network: every request waits so long for its answer, and so much passes each way.
const LATENCY_MS: u32 = 400;
const KBIT_A_SECOND: u32 = 400;

/// When the ballot has to be usable, from the start of the navigation on.
const USABLE_MS_MAX: f64 = 3_000.0;

/// Promises the time at which the first choice of a ballot has been drawn.
const NOTE: &str = "
    const choice = 'input[type=radio]:not(:disabled)';
    window.usable = new Promise((resolve) => {
        const watch = new MutationObserver(() => {
            if (!document.querySelector(choice)) return;
            watch.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
        });
        watch.observe(document, { childList: true, subtree: true, attributes: true });
    });
";

/// What the page has seen by then.
const FIGURES: &str = "
    const [done] = arguments;
    window.usable.then((usableMs) => {
        const [page] = performance.getEntriesByType('navigation');
        const loads = [page, ...performance.getEntriesByType('resource')];
        const [paint] = performance.getEntriesByName('first-contentful-paint');
        done({
            usableMs,
            paintMs: paint?.startTime ?? 0,
            requests: loads.length,
            bytes: loads.reduce((sum, load) => sum + load.transferSize, 0),
        });
    });
";

/// Measure how long it takes until a ballot is usable, with a slowed processor and network.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often. Each time is in a new browser, whose cache is empty.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// What a page has seen of its own loading.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Figures {
    /// When the first choice was drawn.
    usable_ms: f64,
    /// When anything was.
    paint_ms: f64,
    requests: usize,
    /// What all answers took, with their heads.
    bytes: u64,
}

impl Arguments {
    /// Measures. Returns whether the median is in time.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        crate::runtime()?.block_on(measure(&program, self.rounds.max(1)))
    }
}

async fn measure(program: &Path, rounds: usize) -> anyhow::Result<bool> {
    let mut stage = Stage::set(program, rounds.try_into()?).await?;
    println!("processor {CPU_SLOWDOWN} x slower, {LATENCY_MS} ms, {KBIT_A_SECOND} kbit/s");
    let mut all = Vec::new();
    for _ in 0..rounds {
        let figures = load(&stage.voters_page()?).await?;
        println!("{}", line(&figures));
        all.push(figures);
    }
    all.sort_by(|one, other| one.usable_ms.total_cmp(&other.usable_ms));
    let median = all.get(rounds / 2).context("there is no median")?;
    println!("median: {}", line(median));
    Ok(median.usable_ms <= USABLE_MS_MAX)
}

fn line(figures: &Figures) -> String {
    let Figures { usable_ms, paint_ms, requests, bytes } = figures;
    let kb = bytes.div_ceil(1_000);
    format!("ballot {usable_ms:.0} ms, first paint {paint_ms:.0} ms, {requests} answers, {kb} kB")
}

/// Loads a page in a browser of its own.
async fn load(address: &str) -> anyhow::Result<Figures> {
    let browser = browser(Kind::Chromium).await?;
    let client = &browser.client;
    TELEPHONE.set(&browser).await?;
    let source = json!({ "source": NOTE });
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", source).await?;
    browser.devtools("Network.enable", json!({})).await?;
    let bytes_a_second = KBIT_A_SECOND * 1_000 / 8;
    let network = json!({
        "offline": false, "latency": LATENCY_MS,
        "downloadThroughput": bytes_a_second, "uploadThroughput": bytes_a_second,
    });
    browser.devtools("Network.emulateNetworkConditions", network).await?;
    let slower = json!({ "rate": CPU_SLOWDOWN });
    browser.devtools("Emulation.setCPUThrottlingRate", slower).await?;
    client.goto(address).await?;
    // The driver gives up after 30 s.
    Ok(serde_json::from_value(client.execute_async(FIGURES, vec![]).await?)?)
}
