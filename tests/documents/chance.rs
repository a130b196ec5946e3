//! What differs from run to run.

use std::fmt::Write as _;
use std::path::Path;

/// The output of a run, with words for what no two runs have in common.
pub(crate) fn without_chance(shown: &str, home: &Path) -> String {
    // Temporary directories may lie behind a symbolic link.
    let homes = [home.canonicalize().unwrap(), home.to_owned()];
    let shown = homes.iter().fold(shown.to_owned(), |shown, home| shown.replace(home.to_str().unwrap(), "/home/me"));
    shown.lines().fold(String::new(), |mut all, line| {
        let words: Vec<String> = line.split(' ').map(without_port).map(without_time).collect();
        // How long it took until all attempts had failed.
        let line = words.join(" ");
        let took = line.find(" times in ").and_then(|at| Some((at + 10, at + 10 + line[at + 10..].find(' ')?)));
        writeln!(all, "{}", took.map_or(line.clone(), |(from, to)| format!("{}N{}", &line[..from], &line[to..])))
            .unwrap();
        all
    })
}

fn without_port(word: &str) -> String {
    let Some((before, port)) = word.split_once("//127.0.0.1:") else { return word.to_owned() };
    format!(
        "{before}//127.0.0.1:PORT{}",
        port.trim_start_matches("PORT").trim_start_matches(|c: char| c.is_ascii_digit())
    )
}

fn without_time(word: String) -> String {
    let pattern: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match pattern.as_str() {
        "9999-99-99" => "DATE".to_owned(),
        "99:99" => "TIME".to_owned(),
        _ => word,
    }
}
