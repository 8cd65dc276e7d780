//! Simulated connections between clients and the server: slow, with reads of any size, breaking at
//! any time.

use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::task::spawn_local;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The buffer at each end of a wire.
const END_BYTES: usize = 16 * 1024;

/// The most bytes carried at a time, and their longest delay.
const PIECE_BYTES: usize = 2 * 1024;
const DELAY_MAX: Duration = Duration::from_millis(40);

/// Makes a wire that breaks when `cut` is cancelled, or at a random time. Returns both its ends.
pub(super) fn connect(mut rng: Rng, cut: &CancellationToken) -> (DuplexStream, DuplexStream) {
    let (here, near) = duplex(END_BYTES);
    let (far, there) = duplex(END_BYTES);
    let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
    // One wire in three breaks by itself.
    let lasts = match rng.u32(0..3) {
        0 => Duration::from_millis(rng.u64(0..3_000)),
        _ => Duration::from_secs(3_600),
    };
    let delay = DELAY_MAX.mul_f64(rng.f64());
    let cut = cut.child_token();
    let rngs = (rng.fork(), rng.fork());
    spawn_local(async move {
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            () = sleep(lasts) => {}
            // If one direction ends, the other goes on.
            ((), ()) = async { tokio::join!(
                carry(near_read, far_write, rngs.0, delay),
                carry(far_read, near_write, rngs.1, delay),
            ) } => {}
        }
    });
    (here, there)
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut rng: Rng,
    delay: Duration,
) {
    let mut piece = [0; PIECE_BYTES];
    loop {
        let most = rng.usize(1..=PIECE_BYTES);
        let Ok(bytes) = from.read(&mut piece[..most]).await else { return };
        if rng.u32(0..4) == 0 {
            sleep(delay.mul_f64(rng.f64())).await;
        }
        if bytes == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(&piece[..bytes]).await.is_err() {
            return;
        }
    }
}
