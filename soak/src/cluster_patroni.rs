//! Faults of three machines with etcd, Patroni, PostgreSQL, HAProxy and a server each, under load:
//! each vote that was answered `recorded` is counted exactly once, and all servers say the same.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use crate::installation::{Installation, Programs, Unit};
use crate::server;
use crate::terms::{Figures, Term};

/// Voter numbers of one election, with a round of each kind.
const NUMBERS: u32 = 500_000;

/// How long a fault lasts: longer than Patroni's leases.
const FAULT: Duration = Duration::from_secs(30);

/// How long voters vote after it.
const AFTER: Duration = Duration::from_secs(10);

/// Install the cluster of docs/cluster-installation.md on this machine, break it under load, and
/// look for votes that are lost or counted twice.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often to break something.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// What is done to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The primary's postmaster is killed. Patroni is not.
    Postmaster,
    /// Everything on the primary's machine is killed, and started again later.
    Machine,
    /// The primary hangs, and goes on later. The Patroni beside it does not hang.
    PrimaryHangs,
    /// Everything on the primary's machine hangs, and goes on later.
    MachineHangs,
    /// The leader of etcd is killed, and started again later.
    EtcdLeader,
}

/// All of them.
const FAULTS: [Fault; 5] = [
    Fault::Postmaster,
    Fault::Machine,
    Fault::PrimaryHangs,
    Fault::MachineHangs,
    Fault::EtcdLeader,
];

impl Fault {
    /// Does it.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn inflict(self, on: &mut Installation) -> anyhow::Result<()> {
        let primary = on.leader()?;
        match self {
            Self::Postmaster => on.machine(primary).kill_postmaster(),
            Self::Machine => on.machine(primary).kill_all(),
            Self::PrimaryHangs => on.machine(primary).signal_postgres("STOP"),
            Self::MachineHangs => on.machine(primary).signal_all("STOP"),
            Self::EtcdLeader => {
                let leader = on.etcd_leader()?;
                on.machine(leader).kill(Unit::Etcd)
            }
        }
    }
}

impl Arguments {
    /// Runs the rounds. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        let programs = Programs::find().context(
            "etcd, Patroni, PostgreSQL or HAProxy are not installed: see \
             docs/cluster-installation.md",
        )?;
        let logs = tempfile::tempdir()?.keep();
        println!("the machines log to {}", logs.display());
        let mut figures = Figures::default();
        crate::runtime()?.block_on(async {
            let mut installation = Installation::new(&programs, &program, &logs).await?;
            for number in 0.. {
                let done = figures.rounds();
                if done == self.rounds || !figures.hold() {
                    break;
                }
                let mut term = Term::begin(&mut installation, number, NUMBERS).await?;
                for round in done..self.rounds.min(done + FAULTS.len()) {
                    let fault = FAULTS[round % FAULTS.len()];
                    let course = async |all: &mut Installation| {
                        fault.inflict(all)?;
                        sleep(FAULT).await;
                        all.mend()?;
                        sleep(AFTER).await;
                        anyhow::Ok(())
                    };
                    term.round(fault, course, &mut figures).await?;
                    println!("{figures}");
                    term.cluster().settle().await?;
                }
                term.close(&mut figures).await?;
                println!("{figures}");
            }
            anyhow::Ok(())
        })?;
        Ok(figures.hold())
    }
}
