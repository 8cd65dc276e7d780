//! Exceptions that crossed a connection.

use capnp::Error;

/// What capnp-rpc puts before the reason of an exception that came from the other side.
const PREFIX: &str = "remote exception: ";

/// Whether an exception came from the other side.
pub(crate) fn is_remote(error: &Error) -> bool {
    error.extra.starts_with(PREFIX)
}

/// The reason an exception was raised for, however many connections it crossed.
pub(crate) fn reason(error: &Error) -> &str {
    let mut reason = error.extra.as_str();
    while let Some(rest) = reason.strip_prefix(PREFIX) {
        reason = rest;
    }
    if reason.is_empty() { "no reason was given" } else { reason }
}

/// The same exception, as it was raised: to be passed on to another peer.
pub(crate) fn passed_on(error: Error) -> Error {
    Error { extra: reason(&error).to_string(), kind: error.kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_was_said_first() {
        let passed = Error::failed("remote exception: remote exception: disk on fire".into());
        assert_eq!(reason(&passed), "disk on fire");
        assert_eq!(reason(&Error::failed("disk on fire".into())), "disk on fire");
        assert_eq!(passed_on(passed).extra, "disk on fire");
    }
}
