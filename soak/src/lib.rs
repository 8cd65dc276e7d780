//! Stress tests of capvote: crashes, failing disks and hostile clients. The product's tests run a
//! little of each; `cargo run --release -p capvote-soak` runs as many rounds as asked for.

pub mod browser;
pub mod cluster;
pub mod cluster_kills;
pub mod cluster_patroni;
pub mod cluster_speed;
pub mod disk;
pub mod histories;
pub mod hostile;
pub mod installation;
pub mod kills;
mod many;
mod methods;
mod officer;
pub mod pages;
pub mod postgres;
pub mod server;
mod sheet;
pub mod terms;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

/// The median, the upper one of two; 0 if there are no figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// A single-threaded runtime.
fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}
