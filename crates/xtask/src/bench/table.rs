//! What is shown and written of the measurements.

use std::fmt;

use serde::Serialize;

use super::measure::Sample;

/// Everything that was measured.
#[derive(Serialize)]
pub(super) struct Results {
    pub(super) size: u64,
    pub(super) entries: u32,
    pub(super) runs: u32,
    pub(super) groups: Vec<Group>,
}

/// Clients that did the same.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    /// Bytes that each run moved.
    pub(super) bytes: Option<u64>,
    pub(super) rows: Vec<Row>,
}

/// One client.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) client: &'static str,
    pub(super) version: Option<String>,
    pub(super) kind: Kind,
    /// Why there is nothing to compare.
    pub(super) problem: Option<String>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Law,
    Peer,
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 })
}

impl Row {
    fn median(&self, value: impl Fn(&Sample) -> f64) -> Option<f64> {
        match self.problem {
            Some(_) => None,
            None => median(self.samples.iter().map(value)),
        }
    }

    fn wall(&self) -> Option<f64> {
        self.median(|sample| sample.wall)
    }

    fn cpu(&self) -> Option<f64> {
        self.median(|sample| sample.user + sample.system)
    }

    fn first_line(&self) -> Option<f64> {
        self.median(|sample| sample.first_line.unwrap_or(f64::NAN)).filter(|value| !value.is_nan())
    }
}

impl Group {
    /// The least that a peer needed, against which all are compared.
    fn best_peer(&self, value: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        self.rows.iter().filter(|row| row.kind == Kind::Peer).filter_map(value).min_by(f64::total_cmp)
    }

    fn write_row(&self, row: &Row, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28}", row.client)?;
        let (Some(wall), None) = (row.wall(), &row.problem) else {
            return writeln!(f, "{}", row.problem.as_deref().unwrap_or("not run"));
        };
        let times = |value: f64, best: Option<f64>| best.filter(|best| *best > 0.0).map(|best| value / best);
        let least = row.samples.iter().map(|sample| sample.wall).fold(f64::INFINITY, f64::min);
        let most = row.samples.iter().map(|sample| sample.wall).fold(0.0, f64::max);
        write!(f, "{wall:>8.3}  {:>15}", format!("{least:.3}..{most:.3}"))?;
        write!(f, "{}", cell(times(wall, self.best_peer(Row::wall)), 7, 2))?;
        match self.bytes {
            Some(bytes) => write!(f, "{:>9.0}", bytes as f64 / 1e6 / wall)?,
            None => write!(f, "{}", cell(row.first_line(), 9, 3))?,
        }
        write!(
            f,
            "{}{}",
            cell(row.median(|sample| sample.user), 8, 2),
            cell(row.median(|sample| sample.system), 8, 2)
        )?;
        let cpu = row.cpu().and_then(|cpu| times(cpu, self.best_peer(Row::cpu)));
        writeln!(f, "{}{}", cell(cpu, 7, 2), cell(row.median(|sample| sample.memory), 9, 1))
    }
}

fn cell(value: Option<f64>, width: usize, decimals: usize) -> String {
    value.map_or_else(|| format!("{:>width$}", "-"), |value| format!("{value:>width$.decimals$}"))
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speed = if self.bytes.is_some() { "MB/s" } else { "1st line" };
        write!(f, "{:<28}{:>8}  {:>15}{:>7}{speed:>9}", self.name, "wall s", "min..max", "x best")?;
        writeln!(f, "{:>8}{:>8}{:>7}{:>9}", "user s", "sys s", "x best", "RSS MiB")?;
        self.rows.iter().try_for_each(|row| self.write_row(row, f))
    }
}

impl Results {
    /// What the numbers of all groups are.
    pub(super) fn heading(runs: u32) -> String {
        format!("medians of {runs} runs; x best: wall and CPU time over those of the best peer of the group")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client: &'static str, kind: Kind, walls: &[f64]) -> Row {
        let sample = |wall: &f64| Sample { wall: *wall, user: 0.25, system: 0.25, memory: 12.0, first_line: None };
        Row { client, version: None, kind, problem: None, samples: walls.iter().map(sample).collect() }
    }

    #[test]
    fn a_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn rows_are_compared_with_the_best_peer_and_never_with_ourselves() {
        let mut failed = row("gfal-copy", Kind::Peer, &[0.1]);
        failed.problem = Some("FAILED: exit status: 1".into());
        let rows = vec![
            row("curl", Kind::Peer, &[2.0, 1.0, 3.0]),
            row("davix-get", Kind::Peer, &[4.0]),
            row("law fs cp", Kind::Law, &[1.0]),
            failed,
        ];
        let table = Group { name: "down".into(), bytes: Some(2_000_000), rows }.to_string();
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["curl", "2.000", "1.000..3.000", "1.00", "1", "0.25", "0.25", "1.00", "12.0"]);
        assert_eq!(words[2][1..4], ["4.000", "4.000..4.000", "2.00"]);
        assert_eq!(words[3][3..6], ["1.000", "1.000..1.000", "0.50"]);
        assert_eq!(words[4][1..], ["FAILED:", "exit", "status:", "1"]);
    }

    #[test]
    fn a_group_without_peers_has_no_ratio() {
        let table = Group { name: "ls".into(), bytes: None, rows: vec![row("law", Kind::Law, &[1.0])] }.to_string();
        let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words[..5], ["law", "1.000", "1.000..1.000", "-", "-"]);
    }
}
