//! How much two servers of one ledger carry beside one, where the servers are what runs out first.
//!
//! On one machine that takes a limit: each server gets a share of a processor, by a control group
//! of Linux, and the database and the voters get the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::net::link::Link;
use tokio::time::sleep;

use crate::median;
use crate::terms::{Cluster, Figures, Programs, Running, Term};

/// Voter numbers of the election.
const NUMBERS: u32 = 400_000;

/// How long voters vote in one round.
const VOTING: Duration = Duration::from_secs(5);

/// The time over which a share is measured, in microseconds.
const PERIOD: u64 = 10_000;

/// Measure how much two servers of one ledger carry beside one, with a share of a processor each.
/// Takes root, to set that share.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often each is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What each server has of a processor, in percent.
    #[arg(long, default_value_t = 10)]
    share: u64,
    #[command(flatten)]
    programs: Programs,
}

/// Both servers, of which the first so many are used by voters.
struct Used {
    running: Running,
    servers: usize,
}

impl Cluster for Used {
    fn links(&self) -> Vec<Link> {
        self.running.links().into_iter().take(self.servers).collect()
    }

    fn officers_links(&self) -> anyhow::Result<Vec<Link>> {
        self.running.officers_links()
    }
}

impl Arguments {
    /// Measures, and prints the rates. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let mut figures = Figures::default();
        crate::runtime()?.block_on(async {
            let running = self.programs.start().await?;
            let share = |process| Share::set(process, self.share);
            let shares: Vec<_> = running.processes().into_iter().map(share).collect();
            let mut used = Used { running, servers: 2 };
            let shares = shares.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            let mut term = Term::begin(&mut used, 0, NUMBERS).await?;
            let (mut ratios, mut rates) = (Vec::new(), [Vec::new(), Vec::new()]);
            for round in 0..self.rounds {
                let mut pair = [0.0; 2];
                for servers in if round % 2 == 0 { [1, 2] } else { [2, 1] } {
                    term.cluster().servers = servers;
                    let (before, begun) = (figures.acknowledged, Instant::now());
                    let vote = async |_: &mut Used| {
                        sleep(VOTING).await;
                        Ok(())
                    };
                    term.round(servers, vote, &mut figures).await?;
                    let votes = (figures.acknowledged - before) as f64;
                    pair[servers - 1] = votes / begun.elapsed().as_secs_f64();
                    rates[servers - 1].push(pair[servers - 1]);
                }
                println!("{:.0} votes a second at one server, {:.0} at two", pair[0], pair[1]);
                ratios.push(pair[1] / pair[0]);
            }
            let [one, two] = rates.map(median);
            println!("medians: {one:.0} and {two:.0}, the ratio {:.2}", median(ratios));
            term.close(&mut figures).await?;
            drop(used);
            drop(shares);
            anyhow::Ok(())
        })?;
        println!("{figures}");
        Ok(figures.hold())
    }
}

/// A control group with a share of a processor. It is removed once its process has ended.
struct Share(PathBuf);

impl Share {
    /// Gives a process so many percent of a processor.
    fn set(process: u32, percent: u64) -> anyhow::Result<Self> {
        let (name, quota) = (format!("capvote-{process}"), PERIOD * percent / 100);
        let first = Path::new("/sys/fs/cgroup/cpu");
        let (group, settings) = if first.is_dir() {
            let settings = [
                ("cpu.cfs_period_us", PERIOD.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
            ];
            (Self(first.join(name)), settings.to_vec())
        } else {
            let settings = vec![("cpu.max", format!("{quota} {PERIOD}"))];
            (Self(Path::new("/sys/fs/cgroup").join(name)), settings)
        };
        ensure!(quota >= 1_000, "a share is at least 10 percent");
        fs::create_dir(&group.0).context("control groups cannot be made here")?;
        for (file, value) in settings {
            fs::write(group.0.join(file), value).with_context(|| format!("writing {file}"))?;
        }
        fs::write(group.0.join("cgroup.procs"), process.to_string())?;
        Ok(group)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
