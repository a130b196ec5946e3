//! Tickets of Azure (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>), as far as they tell when they count.

use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;

/// From when on a ticket (SAS) counts, and until when, where it says so.
pub fn ticket_times(ticket: &str) -> [Option<SystemTime>; 2] {
    let pairs = || ticket.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    ["st", "se"].map(|name| pairs().find(|(known, _)| *known == name).and_then(|(_, value)| time(value)))
}

/// A time in any of the forms that Azure takes: `2026-01-02`, `2026-01-02T03:04Z`, `2026-01-02T03:04:05Z`.
fn time(value: &str) -> Option<SystemTime> {
    const DATE: usize = "2026-01-02".len();
    let text = percent_decode_str(value).decode_utf8().ok()?;
    let whole = if text.len() == DATE { format!("{text}T00:00:00Z") } else { text.into_owned() };
    let seconds = whole.parse::<jiff::Timestamp>().ok()?.as_second();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_tells_when_it_ends() {
        let seconds = |ticket| {
            ticket_times(ticket)
                .map(|time| time.map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()))
        };
        let day = Some(1_709_164_800);
        assert_eq!(seconds("?sv=2019-12-12&st=2024-02-29&se=2024-02-29T00%3A00%3A00Z&sig=x%3D"), [day, day]);
        assert_eq!(seconds("se=2024-02-29T00:00Z&sig=x"), [None, day]);
        for other in ["", "opaque", "se=soon", "se=%ff", "use=2024-02-29", "IQoJb3JpZ2luX2VjE=="] {
            assert_eq!(seconds(other), [None, None], "{other}");
        }
    }
}
