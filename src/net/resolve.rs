//! The addresses of a host.

use std::io;
use std::net::SocketAddr;

use tokio::net::lookup_host;

use super::host::HostPort;

/// The addresses of one name that a server listens on, or a client tries.
pub(super) const ADDRESSES_MAX: usize = 32;

/// All addresses of a host, each once, in the order that the system prefers.
pub(super) async fn addresses(at: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let found = lookup_host((&*at.host, at.port)).await.map_err(|error| match at.zone() {
        // An address needs no look-up: only its zone can be wrong.
        Some(zone) => {
            let why = format!("this machine has no network interface {zone}");
            io::Error::new(io::ErrorKind::AddrNotAvailable, why)
        }
        None => error,
    })?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_zone_is_looked_up_on_this_machine() {
        let resolve = async |text: &str| addresses(&text.parse().unwrap()).await;
        let found = resolve("[fe80::1%lo]:1").await.unwrap();
        let [SocketAddr::V6(found)] = &found[..] else { panic!("{found:?}") };
        assert!(found.scope_id() > 0, "{found}");
        let error = resolve("[fe80::1%nosuch0]:1").await.unwrap_err();
        assert!(error.to_string().contains("no network interface nosuch0"), "{error}");
    }
}
