//! The result of the measurements, as a table or JSON.

use comfy_table::Table;
use serde::Serialize;

use super::honest::Times;
use super::{IN_FLIGHT, RATIO_MAX};
use crate::median;

/// If the server's threads wait for a processor more than this per cent of their runnable time
/// without an attack, other programs are busy and the figures are void.
const WAITED_PERCENT_MAX: f64 = 25.0;

/// The rounds and their memory bound.
#[derive(Debug, Serialize)]
pub(super) struct Report<A> {
    rounds: Vec<Round<A>>,
    /// The most memory the server may have, in MiB.
    bound_mib: f64,
}

#[derive(Debug, Serialize)]
struct Round<A> {
    alone: Phase,
    #[serde(rename = "beside")]
    attacked: Phase,
    #[serde(rename = "deeds")]
    activity: A,
    /// Resident memory of the server at the end of the round, and its peak so far, in MiB.
    memory_mib: f64,
    peak_mib: f64,
}

/// Both honest clients, one after the other, alone or under attack.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    pub(super) honest: [Times; 2],
    /// The fraction of their runnable time that the server's threads waited for a processor.
    pub(super) waited: f64,
}

impl<A: Serialize> Report<A> {
    pub(super) fn new(bound_mib: f64) -> Self {
        Self { rounds: Vec::new(), bound_mib }
    }

    pub(super) fn add(
        &mut self,
        alone: Phase,
        attacked: Phase,
        activity: A,
        (memory_mib, peak_mib): (f64, f64),
    ) {
        self.rounds.push(Round { alone, attacked, activity, memory_mib, peak_mib });
    }

    /// Whether latency and memory are within their bounds.
    pub(super) fn holds(&self) -> bool {
        let fast_enough = |client| self.ratio(client) <= RATIO_MAX;
        (0..IN_FLIGHT.len()).all(fast_enough) && self.peak_mib() <= self.bound_mib
    }

    fn peak_mib(&self) -> f64 {
        self.rounds.iter().map(|round| round.peak_mib).fold(0.0, f64::max)
    }

    /// The 99th percentile of an honest client's votes under attack, over the one alone.
    fn ratio(&self, client: usize) -> f64 {
        let attacked = self.median(|round| round.attacked.honest[client].p99);
        attacked / self.median(|round| round.alone.honest[client].p99)
    }

    fn median(&self, of: impl Fn(&Round<A>) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        let mut table = Table::new();
        table.set_header(["honest client", "hostile clients", "votes/s", "p50 µs", "p99 µs"]);
        for (client, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let mut row = |what: &str, phase: fn(&Round<A>) -> &Phase| {
                let figure = |of: fn(&Times) -> f64| {
                    format!("{:.0}", self.median(|round| of(&phase(round).honest[client])))
                };
                let name = format!("{in_flight} in flight");
                let figures = [figure(|it| it.rate), figure(|it| it.p50), figure(|it| it.p99)];
                table.add_row([&[name, what.to_string()][..], &figures].concat());
            };
            row("none", |round| &round.alone);
            row("all", |round| &round.attacked);
        }
        println!("{table}");
        for (client, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let ratio = self.ratio(client);
            println!("{in_flight} in flight: p99 under attack {ratio:.2} × (bound: {RATIO_MAX} ×)");
        }
        let alone = self.median(|round| round.alone.waited * 100.0);
        let attacked = self.median(|round| round.attacked.waited * 100.0);
        println!(
            "server threads waiting for a processor: {alone:.0} % alone, {attacked:.0} % under attack"
        );
        if alone > WAITED_PERCENT_MAX {
            println!("other programs load this machine: measure again without them");
        }
        let memory = self.median(|round| round.memory_mib);
        let (peak, bound) = (self.peak_mib(), self.bound_mib);
        println!("server memory: {memory:.0} MiB, peak {peak:.0} MiB (bound: {bound:.0} MiB)");
        Ok(())
    }
}
