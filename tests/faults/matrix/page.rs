//! What people read: tables in Markdown.

use super::cell::{Cell, IMPATIENT};
use super::judge::{Left, Verdict};
use super::peers::{Column, Met, Outcome};
use super::{Action, Doors};
use crate::SIZE;

/// A line of a table.
fn line(cells: impl IntoIterator<Item = String>) -> String {
    cells.into_iter().fold(String::from("|"), |line, cell| format!("{line} {cell} |")) + "\n"
}

/// The lines above the values of a table.
fn head(columns: impl IntoIterator<Item = String>) -> String {
    let columns: Vec<_> = columns.into_iter().collect();
    let rule = columns.iter().map(|_| "---|").collect::<String>();
    format!("{}|{rule}\n", line(columns))
}

/// What holds at each offset, once if it is always the same.
fn at_offsets(values: Vec<String>) -> String {
    match values.split_first() {
        None => "–".to_owned(),
        Some((first, rest)) if rest.iter().all(|value| value == first) => first.clone(),
        Some(_) => values.join(" / "),
    }
}

/// Each item once, in the order of their first places.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    all.for_each(|name| {
        if !found.contains(&name) {
            found.push(name)
        }
    });
    found
}

/// The codes of `law`, by fault and doors.
pub(super) fn table(cells: &[Cell<'_>], verdicts: &[Verdict]) -> String {
    Action::ALL.iter().map(|action| table_of(*action, cells, verdicts)).collect()
}

fn table_of(action: Action, cells: &[Cell<'_>], verdicts: &[Verdict]) -> String {
    let columns = ["fault".to_owned()].into_iter().chain(Doors::ALL.map(|doors| doors.to_string()));
    let mut table = format!("\n### {} ({})\n\n{}", action.name(), action.method(), head(columns));
    for name in distinct(cells.iter().filter(|cell| cell.row.action == action).map(|cell| cell.row.name)) {
        let of = |doors| {
            let key = (action, name, doors);
            let pairs =
                cells.iter().zip(verdicts).filter(|(cell, _)| (cell.row.action, cell.row.name, cell.doors) == key);
            at_offsets(pairs.map(|(_, verdict)| shown(verdict)).collect())
        };
        table += &line([name.to_owned()].into_iter().chain(Doors::ALL.map(of)));
    }
    table
}

/// An exit code; in brackets where the fault was never met.
fn shown(verdict: &Verdict) -> String {
    let broken = if verdict.broken.is_empty() { "" } else { " **broken**" };
    let unsure = if verdict.unsure { "?" } else { "" };
    let text = format!("{}{unsure}{broken}", verdict.code);
    if verdict.met { text } else { format!("({text})") }
}

/// The whole page.
pub(super) fn page(server: &str, cells: &[Cell<'_>], verdicts: &[Verdict], peers: &[Column]) -> String {
    let law = of_law(cells, verdicts);
    let mut page = introduction(server);
    page += &summary(cells, verdicts);
    page += &table(cells, verdicts);
    page += "\n## Other clients\n\n";
    page += &how_peers_ran(peers);
    page += &counts(&law, peers);
    for action in [Action::Download, Action::Upload] {
        page += &comparison(action, &law, peers);
    }
    page
}

fn introduction(server: &str) -> String {
    let waits = IMPATIENT.replace("--set fs.*.", "").split_whitespace().collect::<Vec<_>>().join("`, `");
    let proxy = format!(
        "A proxy that breaks HTTP on purpose stands between the client and a server, here {server}. {SIZE} bytes travel. N is the first \
        byte, the byte in the middle, and the last byte: three values, or one if they are all the same."
    );
    let law = format!(
        "`law` has its default settings, retries too, but waits less (`{waits}`), and replaces a file that is there. With *one door, once* \
        the fault happens to the first request that it can happen to, else to every one. With three doors the bad ones are asked first. A \
        fault of a download happens to GET, of an upload to PUT, and so on."
    );
    [BEGINNING, &wrapped(&proxy), "\n", &wrapped(&law), CRITERIA].concat()
}

const BEGINNING: &str = "\
# Faults

What happens when the network or the server misbehaves. Every value was measured. A test holds `law` to it with every change, on its own
server; `cargo xtask fault-matrix` measures everything again, on XRootD where it is installed, and writes this page.

## How to read it

";

const CRITERIA: &str = "
The number is the [exit code](errors.md#exit-codes): 0 is success; any other stands for a failure that was told in one line. In brackets
the fault was not met. A `?` means that the error says that it may have happened all the same. In each cell it was looked whether:

- exit 0 means that the bytes are those of the source, that they were published exactly once, that the listing is the whole directory, or
  that exactly the one file was moved or removed;
- any other code means that the old content is there, byte for byte, and that nothing was published, moved or removed;
- no temporary file is left that the output does not name, and no other file was touched;
- the command ended within 60 s, and where another attempt or another door was well, with exit 0.

**broken** stands where one of them was not so.

## law

";

/// In lines of the usual length.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if lines.last().is_some_and(|line| line.len() + word.len() > 138) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines.join("\n") + "\n"
}

fn summary(cells: &[Cell<'_>], verdicts: &[Verdict]) -> String {
    let count = |holds: &dyn Fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| holds(verdict)).count();
    let broken = count(&|verdict| !verdict.broken.is_empty());
    let longest = verdicts.iter().map(|verdict| verdict.took.as_secs_f64()).fold(0.0, f64::max);
    format!(
        "{} cells: {} ended with exit 0, {} with another code, {} of these unsure. The promise was broken in {broken}. The longest took \
        {longest:.0} s.\n",
        cells.len(),
        count(&|verdict| verdict.code == 0),
        count(&|verdict| verdict.code != 0),
        count(&|verdict| verdict.unsure),
    )
}

/// `law` as one of the clients: one bad door.
fn of_law(cells: &[Cell<'_>], verdicts: &[Verdict]) -> Vec<Met> {
    let copies =
        |cell: &Cell<'_>| cell.doors == Doors::One && matches!(cell.row.action, Action::Download | Action::Upload);
    let outcome = |verdict: &Verdict| Outcome { code: Some(verdict.code), left: verdict.left };
    let pairs = cells.iter().zip(verdicts).filter(|(cell, _)| copies(cell));
    pairs
        .map(|(cell, verdict)| Met { action: cell.row.action, fault: cell.row.name, outcome: outcome(verdict) })
        .collect()
}

const PEERS_RAN: &str = "One door, which is bad all the time, and no file under the final name before. The options are the defaults, but \
    for what the command lines show: they make errors of HTTP errors and follow redirects (curl), or end repetitions earlier (davix, \
    rclone). `law` replaces a file that is there; where nothing came, it is still the old one. It has more copies in the table below, as \
    it also meets faults of the MOVE with which it publishes. Errors of gfal-copy whose number is a multiple of 256 are printed, and end \
    with exit 0. What did not end after 60 s hangs.";

fn how_peers_ran(peers: &[Column]) -> String {
    let mut text = wrapped(PEERS_RAN) + "\n";
    text += &head(["client", "version", "down", "up"].map(str::to_owned));
    for peer in peers {
        let version = if peer.version.is_empty() { "–" } else { &peer.version };
        let [down, up] = match &peer.absent {
            Some(why) => [why.clone(), why.clone()],
            None => peer.commands.map(|line| format!("`{line}`")),
        };
        text += &line([peer.name.to_owned(), version.to_owned(), down, up]);
    }
    text
}

/// What each client did in sum.
fn counts(law: &[Met], peers: &[Column]) -> String {
    let titles = [
        "client",
        "copies",
        "exit 0, right bytes",
        "exit 0, wrong bytes",
        "exit 0, no file",
        "failed, no file",
        "failed, wrong bytes left",
        "failed, right bytes left",
        "hangs",
    ];
    let mut text = format!(
        "\n**Exit 0 with wrong bytes, or without a file, is silent corruption.**\n\n{}",
        head(titles.map(str::to_owned))
    );
    let measured = peers.iter().filter(|peer| peer.absent.is_none());
    for (name, met) in [("law", law)].into_iter().chain(measured.map(|peer| (peer.name, peer.outcomes.as_slice()))) {
        let count = |holds: &dyn Fn(&Outcome) -> bool| met.iter().filter(|met| holds(&met.outcome)).count().to_string();
        let ended =
            |zero: bool, left: Left| count(&|it| it.left == left && it.code.is_some_and(|code| (code == 0) == zero));
        text += &line([
            name.to_owned(),
            met.len().to_string(),
            ended(true, Left::Right),
            ended(true, Left::Wrong),
            ended(true, Left::Nothing),
            ended(false, Left::Nothing),
            ended(false, Left::Wrong),
            ended(false, Left::Right),
            count(&|it| it.code.is_none()),
        ]);
    }
    text
}

fn comparison(action: Action, law: &[Met], peers: &[Column]) -> String {
    let peers: Vec<_> = peers.iter().filter(|peer| peer.absent.is_none()).collect();
    let columns = ["fault", "law"].into_iter().chain(peers.iter().map(|peer| peer.name)).map(str::to_owned);
    let mut text = format!(
        "\n### {}s side by side\n\nThe exit code, and what is under the final name: *right*, *wrong*, or nothing (*-*).\n\n{}",
        action.name(),
        head(columns)
    );
    for fault in distinct(law.iter().filter(|met| met.action == action).map(|met| met.fault)) {
        let of = |met: &[Met]| {
            let met = met.iter().filter(|met| (met.action, met.fault) == (action, fault));
            at_offsets(met.map(|met| told(met.outcome)).collect())
        };
        text += &line([fault.to_owned(), of(law)].into_iter().chain(peers.iter().map(|peer| of(&peer.outcomes))));
    }
    text
}

fn told(outcome: Outcome) -> String {
    let left = match outcome.left {
        Left::Right => "right",
        Left::Wrong => "wrong",
        Left::Nothing => "-",
    };
    match outcome.code {
        None => format!("hangs {left}"),
        Some(0) if outcome.left != Left::Right => format!("**0 {left}**"),
        Some(code) => format!("{code} {left}"),
    }
}
