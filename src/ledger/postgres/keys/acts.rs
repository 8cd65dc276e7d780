//! What shows that acts were made by a server of the ledger: else who can write to the database
//! could make a returning officer's link.
//!
//! Each act has an HMAC-SHA256, by the operator's secret, of the ledger's identity and the head
//! after it, which covers the acts before. It does not show that no later acts were taken away.

use super::Secret;
use crate::election::LedgerId;
use crate::ledger::postgres::chain::Head;

/// The beginning of what the HMAC is over.
const ACT: &[u8] = b"capvote act 1\0";

/// The HMAC of the act after which the acts have this head.
pub(in crate::ledger::postgres) fn mac(secret: &Secret, ledger: LedgerId, head: &Head) -> Vec<u8> {
    secret.mac(&[ACT, ledger.as_bytes(), head])
}

/// Looks whether a server of this ledger has made an act, as far as a server with this secret can
/// tell. One without believes acts that have no HMAC.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(in crate::ledger::postgres) fn check(
    secret: Option<&Secret>,
    ledger: LedgerId,
    head: &Head,
    mac: Option<&[u8]>,
) -> Result<(), &'static str> {
    match (secret, mac) {
        (Some(secret), Some(mac)) if secret.made(&[ACT, ledger.as_bytes(), head], mac) => Ok(()),
        (None, None) => Ok(()),
        (Some(_), _) => Err(
            "was not made with this server's secret: every server of a ledger is given the same \
             one, and who else writes to the database is not believed",
        ),
        (None, Some(_)) => Err("was made with a secret, which this server was not given"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_believed_from_servers_with_the_same_secret() {
        let (one, other) = (Secret::new(&[1; 32]).unwrap(), Secret::new(&[2; 32]).unwrap());
        let (ledger, head) = (LedgerId::from([7; 16]), [3; 32]);
        let made = mac(&one, ledger, &head);
        assert_eq!(check(Some(&one), ledger, &head, Some(&made)), Ok(()));
        assert_eq!(check(None, ledger, &head, None), Ok(()));
        for (secret, ledger, head, made) in [
            (Some(&other), ledger, head, Some(&made[..])),
            (Some(&one), LedgerId::from([8; 16]), head, Some(&made[..])),
            (Some(&one), ledger, [4; 32], Some(&made[..])),
            (Some(&one), ledger, head, Some(&made[1..])),
            (Some(&one), ledger, head, None),
            (None, ledger, head, Some(&made[..])),
        ] {
            check(secret, ledger, &head, made).unwrap_err();
        }
    }
}
