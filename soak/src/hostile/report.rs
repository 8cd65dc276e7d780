//! What the measurements came to.

use comfy_table::Table;
use serde::Serialize;

use super::crowd::Deeds;
use super::honest::Times;
use super::{IN_FLIGHT, RATIO_MAX};

/// The rounds, and what they are held to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rounds: Vec<Round>,
    /// The most memory that the server may have, in MiB.
    bound_mib: f64,
}

#[derive(Debug, Serialize)]
struct Round {
    alone: [Times; 2],
    beside: [Times; 2],
    deeds: Deeds,
    /// The memory of the server at the end of the round, and the most until then, in MiB.
    memory_mib: f64,
    peak_mib: f64,
}

impl Report {
    pub(super) fn new(bound_mib: f64) -> Self {
        Self { rounds: Vec::new(), bound_mib }
    }

    pub(super) fn add(
        &mut self,
        alone: [Times; 2],
        beside: [Times; 2],
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
        let beside = self.median(|round| round.beside[client].p99);
        beside / self.median(|round| round.alone[client].p99)
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
            let mut row = |what: &str, times: fn(&Round) -> &[Times; 2]| {
                let figure = |of: fn(&Times) -> f64| {
                    format!("{:.0}", self.median(|round| of(&times(round)[client])))
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
        let memory = self.median(|round| round.memory_mib);
        let (peak, bound) = (self.peak_mib(), self.bound_mib);
        println!("the server's memory: {memory:.0} MiB, {peak:.0} MiB at most (bound: {bound:.0})");
        Ok(())
    }
}
