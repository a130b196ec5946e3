//! A fault chosen by numbers: random, and the same every time.

use crate::fault::Fault;

/// One of so many requests meets a fault.
const ONE_OF: u64 = 3;

/// The fault of request `n` of a plan, if it meets one.
pub(crate) fn chosen(seed: u64, n: u64, method: &str) -> Option<Fault> {
    let mut state = mixed(seed ^ mixed(n));
    let mut draw = |below: u64| {
        state = mixed(state);
        state % below
    };
    if draw(ONE_OF) != 0 {
        return None;
    }
    let at = 1 << draw(20);
    let mut faults = everywhere(draw(300));
    match method {
        "GET" => faults.extend(of_content(at)),
        "PROPFIND" => faults.extend(of_listings(at)),
        "PUT" => faults.extend(of_uploads(at)),
        _ => {}
    }
    let place = draw(faults.len() as u64);
    usize::try_from(place).ok().map(|place| faults.swap_remove(place))
}

fn everywhere(millis: u64) -> Vec<Fault> {
    vec![
        Fault::status(503).retry_after(1).into(),
        Fault::status(429).retry_after_date(1).into(),
        Fault::status(500).into(),
        Fault::HtmlPage,
        Fault::CloseBeforeResponse,
        Fault::StallHead,
        Fault::Delay { millis },
        Fault::redirect_loop(),
        Fault::Reset { at: 0 },
    ]
}

fn of_content(at: u64) -> Vec<Fault> {
    vec![
        Fault::Truncate { at },
        Fault::ShortLength { at },
        Fault::NoLength { at },
        Fault::FlipByte { at },
        Fault::Stall { at },
        Fault::Reset { at },
        Fault::WrongLength { delta: at },
        Fault::ChunkedTrailer { status: "500: read error".to_owned(), at: Some(at) },
        Fault::ShiftRange { by: at },
        Fault::WrongTotal { delta: at },
        Fault::IgnoreRange,
        Fault::Garbage,
    ]
}

fn of_listings(at: u64) -> Vec<Fault> {
    let at = at % 1024;
    vec![
        Fault::Truncate { at },
        Fault::ShortLength { at },
        Fault::NoLength { at },
        Fault::Reset { at },
        Fault::Stall { at },
        Fault::Garbage,
        Fault::DuplicateEntry,
    ]
}

fn of_uploads(at: u64) -> Vec<Fault> {
    vec![
        Fault::ResetUpload { at },
        Fault::StallUpload { at },
        Fault::FlipUploadByte { at },
        Fault::NoContinue,
        Fault::DelayContinue { millis: 200 },
    ]
}

/// The finalizer of SplitMix64. (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA
/// 2014.)
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_meets_what_makes_sense_for_it() {
        let met = |method: &str| (0..500).filter_map(|n| chosen(1, n, method)).collect::<Vec<_>>();
        assert!((120..220).contains(&met("GET").len()));
        assert!(met("GET").iter().any(|fault| matches!(fault, Fault::FlipByte { .. })));
        assert!(!met("MOVE").iter().any(|fault| matches!(fault, Fault::FlipByte { .. })));
        assert!(met("PUT").contains(&Fault::NoContinue) && met("PROPFIND").contains(&Fault::DuplicateEntry));
    }

    /// A plan that was written down stays what it was.
    #[test]
    fn the_plan_of_a_seed_does_not_change() {
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
    }
}
