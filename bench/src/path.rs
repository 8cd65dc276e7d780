//! A long path on one machine: what goes in at one end comes out at the other later, and not faster than the
//! path is wide.

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

/// The time that a byte takes in one direction: half of there and back.
const ONE_WAY: Duration = Duration::from_millis(50);

/// How wide the path is in each direction: 1 Gbit/s.
const BYTES_A_SECOND: f64 = 125e6;

/// What the path holds in one direction, on its way and waiting to be taken out.
const HELD_BYTES_MAX: usize = 32 << 20;

/// The bytes that are taken in at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A path, for as long as this is kept.
pub struct Path {
    pub address: SocketAddr,
    _runtime: Runtime,
}

/// Lays a path to `server`.
pub fn lay(server: SocketAddr) -> io::Result<Path> {
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
    let (sender, mut on_the_way) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(HELD_BYTES_MAX));
    let goes_in = async move {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut free_at = Instant::now();
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let width = Duration::from_secs_f64(read as f64 / BYTES_A_SECOND);
            free_at = free_at.max(Instant::now()) + width;
            let Ok(room) = room.clone().acquire_many_owned(read as u32).await else { return };
            if sender.send((free_at + ONE_WAY, buffer[..read].to_vec(), room)).is_err() {
                return;
            }
        }
    };
    let comes_out = async move {
        while let Some((due, bytes, _room)) = on_the_way.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    async move {
        tokio::join!(goes_in, comes_out);
    }
}
