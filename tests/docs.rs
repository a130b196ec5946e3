//! The book in `docs/` tells the truth. A page is a session: its commands run one after the other in a home of their own and
//! print what it shows; a configuration that names its file is that file from there on. Commands within the text run, too, each in
//! a home of its own. `davs://ANY.example` is a server of this test.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
mod documents;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use documents::{Block, Help, Home, Served, blocks, exit_codes, section, without_chance};
use tempfile::TempDir;

/// The place on the storage that most pages speak of.
const BASE: &str = "/pnfs/site.example/store/user/me";

/// What every home and every place on the storage has.
const FILES: [(&str, &str); 3] = [
    ("note.json", "{\"run\": 362104, \"cut\": 0.5}\n"),
    ("plots/mass.pdf", "%PDF mass\n"),
    ("plots/pt.pdf", "%PDF pt\n"),
];

/// How blocks are called; any other would hide what is in it.
const LANGUAGES: [&str; 4] = ["console", "toml", "rust", "text"];

// --- what the book says ---

struct Page {
    name: String,
    text: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn pages() -> Vec<Page> {
    let names = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> =
        names.map(|name| Page { text: fs::read_to_string(directory().join(&name)).unwrap(), name }).collect();
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(pages.len() > 5, "the book has pages");
    pages
}

impl Page {
    fn blocks_of<'a>(&'a self, language: &'a str) -> impl Iterator<Item = &'a str> {
        blocks(&self.text).into_iter().filter(move |block| block.language == language).map(|block| block.text)
    }

    /// What is no fenced block.
    fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// Commands of ours within the text that are more than a name.
    fn commands_in_prose(&self) -> Vec<String> {
        let prose = self.prose();
        assert!(prose.matches('`').count().is_multiple_of(2), "{}: an odd number of backticks", self.name);
        let spans = prose.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|"));
        let is_ours = |span: &String| span.contains("law fs ") || span.contains("law config ");
        let words = |span: &String| span.split_whitespace().filter(|word| !word.starts_with('-')).count();
        spans.filter(is_ours).filter(|span| words(span) > 3).collect()
    }

    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
        targets.filter(|target| !target.contains("://")).collect()
    }

    /// What a link to a heading says, as forges make it.
    fn anchors(&self) -> Vec<String> {
        let prose = self.prose();
        let headings =
            prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        let letters =
            |heading: &str| heading.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != ' ' && c != '-', "");
        headings.map(|heading| letters(heading).replace(' ', "-")).collect()
    }

    /// The directories of storages that its configurations begin at.
    fn bases(&self) -> Vec<String> {
        let lines = self.blocks_of("toml").flat_map(str::lines).filter_map(|line| line.strip_prefix("base = \""));
        lines.map(|line| line.split('"').next().unwrap().replace("$USER", "me")).collect()
    }

    fn session(&self) -> Vec<Step> {
        blocks(&self.text).iter().flat_map(steps).collect()
    }
}

/// What is run, and what it is said to print.
struct Step {
    script: String,
    printed: String,
}

fn steps(block: &Block<'_>) -> Vec<Step> {
    match block.language {
        "console" => commands(block.text),
        "toml" => written(block.text).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// `$ ` begins a command, `> ` goes on with it, and all else is what it prints.
fn commands(console: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in console.lines() {
        if let Some(script) = line.strip_prefix("$ ") {
            steps.push(Step { script: script.to_owned(), printed: String::new() });
            continue;
        }
        let step = steps.last_mut().unwrap_or_else(|| panic!("a console begins with $, not with {line:?}"));
        match line.strip_prefix("> ") {
            Some(more) if step.printed.is_empty() => step.script += &format!("\n{more}"),
            _ => step.printed += &format!("{line}\n"),
        }
    }
    steps
}

/// A configuration is written to the file that its first line names.
fn written(toml: &str) -> Option<Step> {
    let is_file = |name: &&str| (name.ends_with("law.toml") || is_tasks(toml)) && !name.contains(' ');
    let name = toml.lines().next()?.strip_prefix("# ").filter(is_file)?;
    // Passwords are for nobody else.
    let script = format!("mkdir -p \"$(dirname {name})\" && (umask 77; cat > {name}) <<'END'\n{toml}END");
    Some(Step { script, printed: String::new() })
}

/// Whether it is a file of tasks, and no configuration.
fn is_tasks(toml: &str) -> bool {
    toml.starts_with("# tasks.toml\n")
}

// --- where it is tried ---

/// A home, and a storage that a server serves.
struct World {
    home: Home,
    server: Served,
    _storage: TempDir,
}

impl World {
    fn new(bases: &[String]) -> Self {
        let (home, storage) = (Home::new(), tempfile::tempdir().unwrap());
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/data/numpy/several.npz");
        let below = bases.iter().map(|base| storage.path().join(base.trim_start_matches('/')).join("v3"));
        for place in below.chain([home.path().to_owned()]) {
            fs::create_dir_all(place.join("plots")).unwrap();
            FILES.iter().for_each(|(name, content)| fs::write(place.join(name), content).unwrap());
            fs::copy(&data, place.join("data.npz")).unwrap();
        }
        let server = home.serve(storage.path().to_str().unwrap());
        Self { home, server, _storage: storage }
    }

    /// With `wlcg:` configured.
    fn configured() -> Self {
        let world = Self::new(&[BASE.to_owned()]);
        let doors = world.mapped("davs://door.site.example:2880");
        world.home.write(".config/law/law.toml", format!("[fs.wlcg]\ndoors = [\"{doors}\"]\nbase = \"{BASE}\"\n"));
        world
    }

    /// A text whose storages are the server of this world.
    fn mapped(&self, text: &str) -> String {
        let mut parts = text.split("davs://");
        let mut mapped = parts.next().unwrap().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && !".:-{}".contains(c)).unwrap_or(part.len());
            let is_example = part[..end].split(':').next().unwrap().ends_with(".example");
            mapped += if is_example { self.server.url.trim_end_matches('/') } else { "davs://" };
            mapped += if is_example { &part[end..] } else { part };
        }
        mapped
    }

    /// What is wrong with a session, if anything is. After a shell that has ended, everything is.
    fn run(&self, session: &[Step]) -> Result<(), String> {
        let scripts = session.iter().map(|step| format!("{}\nprintf '\\36%s\\36' $?\n", self.mapped(&step.script)));
        let (_, shown) = self.home.bash(&format!("set +eu\n{}", scripts.collect::<String>()));
        let mut shown = shown.split('\u{1e}');
        let mut wrong = String::new();
        for step in session {
            let (printed, code) = (shown.next().unwrap_or_default(), shown.next().unwrap_or("none"));
            let printed = without_chance(&self.mapped(printed), self.home.path());
            let expected = without_chance(&self.mapped(&step.printed), self.home.path());
            if code != "0" || !agree(&expected, &printed) {
                wrong += &format!("$ {}\n{printed}[exit {code}], not\n{}", step.script, step.printed);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// Whether a text is what was expected; `...` stands for anything, alone in a line for any lines.
fn agree(expected: &str, shown: &str) -> bool {
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    lines_agree(&lines(expected), &lines(shown))
}

fn lines_agree(expected: &[String], shown: &[String]) -> bool {
    match (expected, shown) {
        ([], []) => true,
        ([any, rest @ ..], _) if any == "..." => (0..=shown.len()).any(|from| lines_agree(rest, &shown[from..])),
        ([line, rest @ ..], [first, others @ ..]) => line_agrees(line, first) && lines_agree(rest, others),
        _ => false,
    }
}

fn line_agrees(expected: &str, shown: &str) -> bool {
    let Some((before, behind)) = expected.split_once("...") else { return expected == shown };
    let Some(rest) = shown.strip_prefix(before) else { return false };
    (0..=rest.len()).filter_map(|from| rest.get(from..)).any(|rest| line_agrees(behind, rest))
}

/// Runs all at once, as many as there are processors, and fails with everything that is wrong.
fn all<T: Sync>(items: &[T], check: impl Fn(&T) -> Result<(), String> + Sync) {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let share = items.len().div_ceil(threads).max(1);
    let errors = |items: &[T]| items.iter().filter_map(|item| check(item).err()).collect::<Vec<_>>();
    let wrong: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = items.chunks(share).map(|items| scope.spawn(|| errors(items))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// --- the tests ---

#[test]
fn the_sessions_run_and_print_what_the_pages_show() {
    all(&pages(), |page| {
        let bases: Vec<_> = page.bases().into_iter().chain([BASE.to_owned()]).collect();
        World::new(&bases).run(&page.session()).map_err(|wrong| format!("{}:\n{wrong}", page.name))
    });
}

#[test]
fn the_commands_within_the_text_run() {
    let commands: Vec<_> = pages().iter().flat_map(Page::commands_in_prose).collect();
    assert!(commands.len() > 20, "{commands:?}");
    all(&commands, |command| {
        let world = World::configured();
        let (succeeded, shown) = world.home.bash(&world.mapped(command));
        if succeeded { Ok(()) } else { Err(format!("$ {command}\n{shown}")) }
    });
}

/// Otherwise the two tests above would prove nothing.
#[test]
fn a_difference_and_a_failure_are_noticed() {
    let world = World::configured();
    let run = |console: &str| world.run(&commands(console)).is_ok();
    assert!(run("$ law fs ls wlcg:v3\ndata.npz\n...\nplots\n$ cd plots\n$ pwd\n/home/me/plots\n"));
    assert!(run(
        "$ law fs exists wlcg:v4; echo $?\n3\n$ law fs ls davs://door.site.example:2880/pnfs/\nsite.example\n"
    ));
    assert!(run("$ cat <<E\n> a\n> E\na\n"));
    for wrong in ["$ law fs exists wlcg:v4\n", "$ echo a\n", "$ echo a\nb\n", "$ exit\n", "$ echo a; false\na\n"] {
        assert!(!run(wrong), "{wrong}");
    }
    assert!(agree("a...c\n...\n", "abc\n") && !agree("a...c\n", "abcd\n") && !agree("...\nb\n", "b\na\n"));
}

#[test]
fn no_block_hides_a_command() {
    for page in pages() {
        assert!(page.text.matches("```").count().is_multiple_of(2), "{}: a block without an end", page.name);
        for Block { language, text } in blocks(&page.text) {
            assert!(LANGUAGES.contains(&language), "{}: {language:?} is none of {LANGUAGES:?}", page.name);
            let ours = |line: &str| line.starts_with("law ") || line.starts_with("$ ");
            assert!(language != "text" || !text.lines().any(ours), "{}: nobody tries\n{text}", page.name);
        }
    }
}

#[test]
fn the_configurations_are_right() {
    for page in pages() {
        for toml in page.blocks_of("toml").filter(|toml| !is_tasks(toml)) {
            let config = Home::new().config(toml, &[]).unwrap_or_else(|error| panic!("{}: {error}", page.name));
            assert!(config.warnings.is_empty(), "{}: {:?}", page.name, config.warnings);
        }
    }
}

#[test]
fn the_rust_is_tried_with_the_documentation() {
    let library = include_str!("../src/lib.rs");
    for page in pages() {
        let included = library.contains(&format!("include_str!(\"../docs/{}\")", page.name));
        assert_eq!(included, page.blocks_of("rust").next().is_some(), "{} in src/lib.rs", page.name);
    }
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        for link in page.links() {
            let (name, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = directory().join(if name.is_empty() { &page.name } else { name });
            assert!(path.exists(), "{}: there is no {link}", page.name);
            let there = || Page { name: name.to_owned(), text: fs::read_to_string(&path).unwrap() };
            let known = anchor.is_empty() || there().anchors().contains(&anchor.to_owned());
            assert!(known, "{}: there is no {link}", page.name);
        }
    }
}

#[test]
fn the_contents_have_every_page_and_the_readme_has_the_contents() {
    let pages = pages();
    let contents = pages.iter().find(|page| page.name == "README.md").unwrap().links();
    for page in pages.iter().filter(|page| page.name != "README.md") {
        assert!(contents.contains(&page.name), "{} is not in the contents", page.name);
    }
    assert!(include_str!("../README.md").contains("](docs/README.md)"));
}

#[test]
fn every_command_and_every_exit_code_is_told() {
    let (pages, help) = (pages(), Help::of_law_fs());
    for command in help.commands() {
        let told = |page: &Page| page.text.contains(&format!("law fs {command}"));
        assert!(pages.iter().any(told), "no page speaks of law fs {command}");
    }
    let errors = pages.iter().find(|page| page.name == "errors.md").unwrap();
    let told = exit_codes(section(&errors.text, "Exit codes"));
    let told = told.into_iter().map(|(code, meaning)| (code.to_owned(), meaning.to_owned()));
    assert_eq!(told.collect::<std::collections::BTreeMap<_, _>>(), help.exit_codes());
}
