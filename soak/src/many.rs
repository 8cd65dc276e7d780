//! Many simulated histories, on one thread per processor.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

/// Simulates `count` histories with the seeds from `first`, and adds each to a sum. Returns how many
/// there were, and the sum.
///
/// # Errors
/// The first violation, with its seed; or a simulation that failed.
pub(crate) fn many<H, S: Default + Send>(
    first: u64,
    count: u64,
    simulate: impl Fn(u64) -> anyhow::Result<H> + Sync,
    violations: fn(&H) -> &[String],
    add: impl Fn(&mut S, &H) + Sync,
) -> anyhow::Result<(u64, S)> {
    let next = AtomicU64::new(first);
    let sum = Mutex::new((0, S::default()));
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return Ok(());
            }
            let checked = simulate(seed).and_then(|history| {
                let violations = violations(&history);
                ensure!(violations.is_empty(), "{}", violations.join("; "));
                Ok(history)
            });
            let (histories, sum) = &mut *sum.lock().unwrap_or_else(PoisonError::into_inner);
            *histories += 1;
            let history = checked.with_context(|| {
                // Stops the other threads.
                next.store(first + count, Ordering::Relaxed);
                format!("after {histories} histories, with --seed {seed}")
            })?;
            add(sum, &history);
            if *histories % 1_000 == 0 {
                eprintln!("{histories} histories");
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(worked) => worked,
            Err(_) => bail!("a simulation panicked"),
        })
    })?;
    Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
}
