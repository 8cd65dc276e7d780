//! What the measurements came to.

use comfy_table::Table;
use serde::Serialize;

use super::crowd::Deeds;
use super::honest::Times;
use super::{IN_FLIGHT, RATIO_MAX};

/// Where the server's threads wait longer for a processor while no hostile clients are there, others are busy, in per
/// cent.
const WAITED_MAX: f64 = 25.0;

/// The rounds, and what they are held to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rounds: Vec<Round>,
    /// The most memory that the server may have, in MiB.
    bound_mib: f64,
}

#[derive(Debug, Serialize)]
struct Round {
    alone: Phase,
    beside: Phase,
    deeds: Deeds,
    /// The memory of the server at the end of the round, and the most until then, in MiB.
    memory_mib: f64,
    peak_mib: f64,
}

/// The honest clients, one after the other, alone or beside the hostile ones.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    pub(super) honest: [Times; 2],
    /// Of the time that the server's threads could run, the part that they waited for a processor. Where others use the
    /// machine, it is they who are measured.
    pub(super) waited: f64,
}

impl Report {
    pub(super) fn new(bound_mib: f64) -> Self {
        Self { rounds: Vec::new(), bound_mib }
    }

    pub(super) fn add(
        &mut self,
        alone: Phase,
        beside: Phase,
        deeds: Deeds,
        (memory_mib, peak_mib): (f64, f64),
    ) {
        self.rounds.push(Round { alone, beside, deeds, memory_mib, peak_mib });
    }

    /// Whether the honest clients notice little, and the memory is within its bound.
    pub(super) fn holds(&self) -> bool {
        let little = |client| self.ratio(client) <= RATIO_MAX;
        (0..IN_FLIGHT.len()).all(little) && self.peak_mib() <= self.bound_mib
    }

    fn peak_mib(&self) -> f64 {
        self.rounds.iter().map(|round| round.peak_mib).fold(0.0, f64::max)
    }

    /// How much longer the 99th percentile of an honest client is beside the hostile ones.
    fn ratio(&self, client: usize) -> f64 {
        let beside = self.median(|round| round.beside.honest[client].p99);
        beside / self.median(|round| round.alone.honest[client].p99)
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<_> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        let mut table = Table::new();
        table.set_header(["honest client", "hostile ones", "votes/s", "p50 µs", "p99 µs"]);
        for (client, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let mut row = |what: &str, phase: fn(&Round) -> &Phase| {
                let figure = |of: fn(&Times) -> f64| {
                    format!("{:.0}", self.median(|round| of(&phase(round).honest[client])))
                };
                let name = format!("{in_flight} in flight");
                let figures = [figure(|it| it.rate), figure(|it| it.p50), figure(|it| it.p99)];
                table.add_row([&[name, what.to_string()][..], &figures].concat());
            };
            row("none", |round| &round.alone);
            row("all", |round| &round.beside);
        }
        println!("{table}");
        for (client, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let ratio = self.ratio(client);
            println!(
                "{in_flight} in flight: p99 is {ratio:.2} times as long (at most {RATIO_MAX})"
            );
        }
        let alone = self.median(|round| round.alone.waited * 100.0);
        let beside = self.median(|round| round.beside.waited * 100.0);
        println!(
            "the server's threads waited for a processor: alone {alone:.0} %, else {beside:.0} %"
        );
        if alone > WAITED_MAX {
            println!(
                "others use this machine, and it is they who are measured: measure again without"
            );
        }
        let memory = self.median(|round| round.memory_mib);
        let (peak, bound) = (self.peak_mib(), self.bound_mib);
        println!("the server's memory: {memory:.0} MiB, {peak:.0} MiB at most (bound: {bound:.0})");
        Ok(())
    }
}
