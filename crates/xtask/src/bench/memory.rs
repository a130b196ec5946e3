//! Memory that is the machine's own for as long as the benchmark runs.
//!
//! A virtual machine may report the pages that are free to its host, which takes them away; whoever needs them next
//! waits until the host gives some back. For a file of 1 GiB this costs between nothing and three seconds, whichever client
//! happens to come: more than the clients differ. So free memory is fetched once, and kept.
//! See <https://docs.kernel.org/mm/free_page_reporting.html>.

use std::fs;
use std::hint::black_box;

/// The smallest block that is reported, as a power of two of pages. Larger than every block means never.
const REPORTED_BLOCKS: &str = "/sys/module/page_reporting/parameters/page_reporting_order";
const NEVER: &str = "11";

/// While this lives the machine keeps its free memory, if it can be told so.
pub(super) struct KeptMemory {
    before: Option<String>,
}

impl KeptMemory {
    /// Fetches the free memory from the host, and keeps it. Says so if that is not allowed.
    pub(super) fn fetch() -> Self {
        let Ok(before) = fs::read_to_string(REPORTED_BLOCKS) else { return Self { before: None } };
        if let Err(error) = fs::write(REPORTED_BLOCKS, NEVER) {
            eprintln!(
                "this machine gives free memory back to its host, which makes times differ: {REPORTED_BLOCKS}: {error}"
            );
            return Self { before: None };
        }
        let kept = Self { before: Some(before) };
        touch(available().unwrap_or(0) / 5 * 4);
        kept
    }
}

impl Drop for KeptMemory {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(error) = fs::write(REPORTED_BLOCKS, before.trim())
        {
            eprintln!("{REPORTED_BLOCKS} could not be set back to {}: {error}", before.trim());
        }
    }
}

/// Writes to every page of so many bytes, and lets them go.
fn touch(bytes: usize) {
    eprintln!("fetching {} MiB of memory from the host", bytes >> 20);
    black_box(vec![1_u8; bytes]);
}

/// Bytes that can be had without swapping.
fn available() -> Option<usize> {
    parse_available(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_available(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_available_memory_is_read_in_kibibytes() {
        assert_eq!(parse_available("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        for text in ["", "MemAvailable: 9", "MemAvailable: x kB", "MemFree: 9 kB"] {
            assert_eq!(parse_available(text), None, "{text:?}");
        }
    }
}
