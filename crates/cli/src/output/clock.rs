//! How times look.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use law_storage::Modified;
use serde_json::Value;

/// `2026-11-23 09:10`, in local time; `-` where the storage tells no time.
pub(crate) fn time(modified: Option<Modified>) -> String {
    let zoned = modified.and_then(|modified| zoned(modified.time));
    zoned.map_or("-".into(), |zoned| zoned.strftime("%Y-%m-%d %H:%M").to_string())
}

/// RFC 3339 in UTC.
pub(crate) fn time_json(modified: Option<Modified>) -> Value {
    let stamp = modified.and_then(|modified| jiff::Timestamp::try_from(modified.time).ok());
    stamp.map_or(Value::Null, |stamp| stamp.to_string().into())
}

/// `3 hours ago`: the largest unit alone.
pub(crate) fn ago(passed: Duration) -> String {
    let seconds = passed.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

fn zoned(time: SystemTime) -> Option<jiff::Zoned> {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let zone = ZONE.get_or_init(|| {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        zone(named.as_deref()).unwrap_or_else(|| {
            // Without a variable the machine has no zone, and that is UTC by convention: nothing to tell.
            if let Some(name) = named {
                super::note(format!(
                    "warning: the time zone TZ={} is unknown: times are in UTC",
                    super::escaped(&name)
                ));
            }
            TimeZone::UTC
        })
    });
    Some(jiff::Timestamp::try_from(time).ok()?.to_zoned(zone.clone()))
}

/// The zone of this name, or of the machine.
fn zone(named: Option<&str>) -> Option<TimeZone> {
    let Some(name) = named else { return TimeZone::try_system().ok() };
    // As glibc has it: where the variable does not say when summer is, the rules of the United States count.
    let with_rules = || TimeZone::posix(&format!("{name},M3.2.0,M11.1.0")).ok();
    TimeZone::try_system().ok().or_else(with_rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_alone() {
        for (seconds, text) in [
            (0, "0 seconds ago"),
            (60, "1 minute ago"),
            (7300, "2 hours ago"),
            (90_000, "25 hours ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }
}
