//! The command line of the stress tests.

use std::process::ExitCode;

use capvote_soak::{
    cluster, cluster_kills, cluster_patroni, cluster_speed, histories, hostile, kills, pages,
};
use clap::{Parser, Subcommand};

/// Stress-test capvote with crashes, failing disks and hostile clients.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Histories(histories::Arguments),
    ClusterHistories(cluster::Arguments),
    Kills(kills::Arguments),
    ClusterKills(cluster_kills::Arguments),
    ClusterPatroni(cluster_patroni::Arguments),
    ClusterSpeed(cluster_speed::Arguments),
    Hostile(hostile::Arguments),
    Pictures(pages::PicturesArguments),
    PageSpeed(pages::SpeedArguments),
    PageKills(pages::KillsArguments),
    #[command(hide = true)]
    HostileCrowd(hostile::CrowdArguments),
}

/// Exits with 1 if a check fails.
fn main() -> anyhow::Result<ExitCode> {
    let held = match Arguments::parse().command {
        Command::Histories(arguments) => arguments.run()?,
        Command::ClusterHistories(arguments) => arguments.run()?,
        Command::Kills(arguments) => arguments.run()?,
        Command::ClusterKills(arguments) => arguments.run()?,
        Command::ClusterPatroni(arguments) => arguments.run()?,
        Command::ClusterSpeed(arguments) => arguments.run()?,
        Command::Hostile(arguments) => arguments.run()?,
        Command::Pictures(arguments) => arguments.run()?,
        Command::PageSpeed(arguments) => arguments.run()?,
        Command::PageKills(arguments) => arguments.run()?,
        Command::HostileCrowd(arguments) => arguments.run()?,
    };
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
