//! Addresses that only this machine reaches.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// A loopback address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopbackAddress(SocketAddr);

impl LoopbackAddress {
    /// The address and the port.
    pub fn socket(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for LoopbackAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: SocketAddr = text.parse().map_err(|_| "give an address and a port")?;
        let why = "not a loopback address; give one such as 127.0.0.1:9358";
        if address.ip().is_loopback() { Ok(Self(address)) } else { Err(why) }
    }
}

impl fmt::Display for LoopbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
