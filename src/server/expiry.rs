//! The expiry of the operator's certificate, in the log and in the metrics. That of a certificate
//! that links name does not matter.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::time::sleep;

use crate::net::tls::{Identity, Validity};

/// How long before the expiry the log warns.
const WARNING_DAYS: i64 = 30;

/// The pause between two lines of the log about it.
const LOG_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

const DAY: i64 = 24 * 60 * 60;

/// What the dates of a certificate mean now.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    NotYet,
    Valid { days: i64 },
    Ending { days: i64 },
    Expired { days: i64 },
}

fn standing(validity: Validity, now: i64) -> Standing {
    let left = validity.until.saturating_sub(now);
    match left / DAY {
        _ if now < validity.from => Standing::NotYet,
        days if left < 0 => Standing::Expired { days: days.saturating_neg() },
        days if days < WARNING_DAYS => Standing::Ending { days },
        days => Standing::Valid { days },
    }
}

/// Logs how long the certificate is valid, unless links name it.
pub(super) fn log(identity: &Identity) {
    let Some(validity) = dates(identity) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match standing(validity, i64::try_from(now.as_secs()).unwrap_or(i64::MAX)) {
        Standing::Valid { days } => tracing::info!(days, "days until the certificate expires"),
        Standing::Ending { days } => {
            tracing::warn!(days, "the certificate expires soon: renew it, and send SIGHUP");
        }
        Standing::Expired { days } => {
            tracing::error!(
                days,
                "the certificate has expired, and clients refuse it: renew it, and send SIGHUP"
            );
        }
        Standing::NotYet => {
            tracing::error!("the certificate is not valid yet, and clients refuse it");
        }
    }
}

/// Logs it once a day, and never returns.
pub(super) async fn keep_logging(identity: Identity) {
    loop {
        sleep(LOG_PAUSE).await;
        log(&identity);
    }
}

/// The dates that clients check.
fn dates(identity: &Identity) -> Option<Validity> {
    identity.validity().filter(|_| !identity.in_links)
}

/// `capvote_certificate_expiry_timestamp_seconds`.
#[derive(Debug)]
pub(super) struct Expiry(pub(super) Identity);

impl Collector for Expiry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(validity) = dates(&self.0) else { return Ok(()) };
        let until = ConstGauge::new(validity.until);
        let help = "When the server's certificate expires";
        let metric = encoder.encode_descriptor(
            "capvote_certificate_expiry_timestamp",
            help,
            Some(&Unit::Seconds),
            until.metric_type(),
        )?;
        until.encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_warns_thirty_days_before_the_expiry() {
        let validity = Validity { from: 100 * DAY, until: 200 * DAY };
        for (now, expected) in [
            (99 * DAY, Standing::NotYet),
            (100 * DAY, Standing::Valid { days: 100 }),
            (170 * DAY, Standing::Valid { days: 30 }),
            (170 * DAY + 1, Standing::Ending { days: 29 }),
            (200 * DAY, Standing::Ending { days: 0 }),
            (200 * DAY + 1, Standing::Expired { days: 0 }),
            (203 * DAY, Standing::Expired { days: 3 }),
        ] {
            assert_eq!(standing(validity, now), expected, "{now}");
        }
    }
}
