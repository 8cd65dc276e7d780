//! The addresses of a host.

use std::io;
use std::net::SocketAddr;

use tokio::net::lookup_host;

use super::host::HostPort;

/// The addresses of one name that a server listens on, or a client tries.
pub(super) const ADDRESSES_MAX: usize = 32;

/// All addresses of a host, each once, in the order that the system prefers.
pub(super) async fn addresses(at: &HostPort) -> io::Result<Vec<SocketAddr>> {
    if at.is_link_local() && at.zone().is_none() {
        let why = "a link-local address needs its network interface, as in [fe80::1%eth0]";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let host = &*at.host;
    let mut found = lookup_host((host, at.port)).await.map(Vec::from_iter);
    // The hosts file has names without the dot that ends one of the DNS.
    if let (Err(_), Some(name)) = (&found, host.strip_suffix('.')) {
        found = lookup_host((name, at.port)).await.map(Vec::from_iter);
    }
    let found = found.map_err(|error| match at.zone() {
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
        let error = resolve("[fe80::1]:1").await.unwrap_err();
        assert!(error.to_string().contains("needs its network interface"), "{error}");
    }

    #[tokio::test]
    async fn a_name_of_the_hosts_file_may_end_with_a_dot() {
        let resolve = async |text: &str| addresses(&text.parse().unwrap()).await;
        let dotted = resolve("localhost.:1").await.unwrap();
        assert_eq!(dotted, resolve("localhost:1").await.unwrap());
    }
}
