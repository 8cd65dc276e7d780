//! What a simulated server suffers: disk faults, delays, and a power cut in the middle of its work.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::disk::{Disk, Fault, Operation};

/// The longest delay before the ledger handles queued jobs, in simulated time.
const JOB_DELAY_MAX: Duration = Duration::from_millis(30);

/// Random disk faults, at a rate that differs between starts: none, or one in 100, 30 or 10
/// operations.
pub(super) fn plan(
    mut rng: Rng,
    faults: Arc<AtomicUsize>,
) -> impl FnMut(Operation, &str) -> Option<Fault> + Send {
    let one_in = [0, 0, 100, 30, 10][rng.usize(0..5)];
    move |operation, _| {
        if one_in == 0 || rng.u32(0..one_in) != 0 {
            return None;
        }
        let fault = match (operation, rng.u32(0..4)) {
            (Operation::Read, 0) => Fault::Fails,
            (Operation::Read, _) => return None,
            (_, 0) | (Operation::Sync, 1) => Fault::Fails,
            (Operation::Write, 1) => Fault::Torn,
            (Operation::Write, 2) => Fault::Full,
            _ => Fault::PowerCut,
        };
        faults.fetch_add(1, Ordering::Relaxed);
        Some(fault)
    }
}

/// Runs `work`, and cuts the connections as soon as the disk is off: no answer leaves after a
/// crash.
pub(super) async fn until_cut(
    work: impl Future<Output = bool>,
    disk: Arc<Disk>,
    cut: CancellationToken,
) {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if disk.is_off() {
            cut.cancel();
        }
        polled
    })
    .await;
}

/// Delays each poll of `work` by a random time, which makes the commits larger.
pub(super) struct Delayed<F> {
    work: Pin<Box<F>>,
    rng: Rng,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<F> Delayed<F> {
    pub(super) fn new(work: F, rng: Rng) -> Self {
        Self { work: Box::pin(work), rng, pause: None }
    }
}

impl<F: Future> Future for Delayed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let pause = this.pause.get_or_insert_with(|| {
            Box::pin(sleep(JOB_DELAY_MAX.mul_f64(this.rng.f64() * this.rng.f64())))
        });
        std::task::ready!(pause.as_mut().poll(context));
        this.pause = None;
        this.work.as_mut().poll(context)
    }
}
