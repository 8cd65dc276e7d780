//! Connecting to the first address of a host that answers: Happy Eyeballs (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::host::HostPort;
use super::resolve::{ADDRESSES_MAX, addresses};

/// How long an address is waited for before the next one is tried as well: what RFC 8305
/// recommends. All addresses are tried before the connect timeout.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The failures that an error tells.
const FAILURES_TOLD: usize = 4;

/// Connects to the first address of a host that answers.
pub(super) async fn reach(at: &HostPort) -> io::Result<TcpStream> {
    first(interleaved(addresses(at).await?), TcpStream::connect).await
}

/// The addresses in the order in which they are tried: IPv6 and IPv4 take turns, since often one of
/// them does not work at all.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == preferred);
    let mut others = others.into_iter();
    let mut order = Vec::new();
    for address in preferred {
        order.push(address);
        order.extend(others.next());
    }
    order.extend(others);
    order.truncate(ADDRESSES_MAX);
    order
}

/// The first connection that succeeds. The other attempts are dropped.
async fn first<S, F>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> io::Result<S>
where
    F: Future<Output = io::Result<S>>,
{
    let attempt = |address| {
        let connecting = connect(address);
        async move { connecting.await.map_err(|error| (address, error)) }
    };
    let mut untried = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        attempts.extend(untried.next().map(attempt));
        let ended = match untried.len() {
            0 => attempts.next().await,
            _ => match timeout(ATTEMPT_DELAY, attempts.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(failure)) => failures.push(failure),
            None => return Err(failed(failures)),
        }
    }
}

/// The error of the only address, or one that tells those of several.
fn failed(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let count = failures.len();
    let kind = failures.first().map_or(io::ErrorKind::NotFound, |(_, error)| error.kind());
    match (count, failures.pop()) {
        (_, None) => io::Error::new(kind, "the name has no address"),
        (1, Some((_, error))) => error,
        (_, Some(last)) => {
            failures.push(last);
            let told = failures.iter().take(FAILURES_TOLD);
            let told: Vec<_> = told.map(|(at, error)| format!("{at}: {error}")).collect();
            let more = match count.saturating_sub(FAILURES_TOLD) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let told = told.join(", ");
            io::Error::new(kind, format!("none of its {count} addresses answers ({told}{more})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::IpAddr;

    use tokio::time::Instant;

    use super::*;

    fn addresses(count: u8) -> Vec<SocketAddr> {
        (1..=count).map(|host| SocketAddr::from(([192, 0, 2, host], 1))).collect()
    }

    /// Connects to addresses of which each does not answer (`.`), refuses (`x`) or answers (`+`).
    /// Returns which answered, and after how many milliseconds.
    async fn reached(behaviour: &str) -> (io::Result<usize>, u128) {
        let connect = |address: SocketAddr| {
            let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
            let at = usize::from(ip.octets()[3]) - 1;
            let does = behaviour.as_bytes()[at];
            async move {
                match does {
                    b'.' => pending().await,
                    b'x' => Err(io::ErrorKind::ConnectionRefused.into()),
                    _ => Ok(at),
                }
            }
        };
        let started = Instant::now();
        let count = u8::try_from(behaviour.len()).unwrap();
        let reached = first(addresses(count), connect).await;
        (reached, started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_delays_the_next_by_a_quarter_of_a_second() {
        for (behaviour, answered, after) in [
            ("+", 0, 0),
            ("x+", 1, 0),
            (".+", 1, 250),
            ("..+", 2, 500),
            (".x+", 2, 250),
            ("x.+", 2, 250),
            ("xxx+.", 3, 0),
            ("...............................+", 31, 31 * 250),
        ] {
            let (reached, elapsed) = reached(behaviour).await;
            assert_eq!((reached.unwrap(), elapsed), (answered, after), "{behaviour}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_tells_of_all_addresses() {
        let one = reached("x").await.0.unwrap_err();
        assert_eq!(one.to_string(), "connection refused");
        let six = reached("xxxxxx").await.0.unwrap_err();
        assert_eq!(six.kind(), io::ErrorKind::ConnectionRefused);
        let text = six.to_string();
        assert!(text.starts_with("none of its 6 addresses answers (192.0.2.1:1: "), "{text}");
        assert!(text.ends_with(", and 2 more)"), "{text}");
        assert!(reached("").await.0.unwrap_err().to_string().contains("no address"));
    }

    #[test]
    fn the_families_take_turns() {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let found = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let order = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleaved(found), order);
        let found = parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleaved(found.clone()), found);
    }
}
