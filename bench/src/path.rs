//! A simulated network path on one machine, with a delay and a bandwidth.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

/// Delay in one direction: half of the round trip.
const ONE_WAY: Duration = Duration::from_millis(50);

/// Bandwidth in each direction: 1 Gbit/s.
const BYTES_A_SECOND: f64 = 125e6;

/// Bytes in flight or waiting to be read in one direction, at most.
const HELD_BYTES_MAX: usize = 32 << 20;

/// Size of one read.
const PIECE_BYTES: usize = 256 * 1024;

/// A path. It ends on drop.
pub struct Path {
    pub address: SocketAddr,
    _runtime: Runtime,
}

/// Starts a path to `server`.
pub fn start(server: SocketAddr) -> io::Result<Path> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            if let Ok(far) = TcpStream::connect(server).await {
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_out, near_in), (far_out, far_in)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(one_way(near_out, far_in));
                tokio::spawn(one_way(far_out, near_in));
            }
        }
    });
    Ok(Path { address, _runtime: runtime })
}

fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> impl Future<Output = ()> {
    // Unbounded as a channel: the semaphore bounds the bytes in it.
    let (sender, mut in_flight) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(HELD_BYTES_MAX));
    let read = async move {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut free_at = Instant::now();
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let sending = Duration::from_secs_f64(read as f64 / BYTES_A_SECOND);
            free_at = free_at.max(Instant::now()) + sending;
            let Ok(room) = room.clone().acquire_many_owned(read as u32).await else { return };
            if sender.send((free_at + ONE_WAY, buffer[..read].to_vec(), room)).is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes, _room)) = in_flight.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    async move {
        tokio::join!(read, write);
    }
}
