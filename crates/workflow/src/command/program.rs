//! Running a program: its output is shown and kept, and it ends when the task has to.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use law_task::{Context, TaskResult};
use rustix::process::{Pid, Signal, kill_process_group};

/// Lines of a program that failed which are in the error.
const LAST: usize = 20;

/// Bytes of a line that are kept.
const LONGEST: u64 = 64 << 10;

/// How often it is looked whether a task has to end.
const LOOK: Duration = Duration::from_millis(50);

/// How long a program may take to end after SIGTERM; how long others may hold its output open after its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a program in a directory. What it prints is said line by line and kept in a log, if there is one, and the end of it is in the error if it fails.
///
/// # Errors
/// If it cannot start, ends with another code than 0, or by a signal.
pub(crate) fn run(words: &[String], directory: &Path, (context, log): (&Context, Option<&Path>)) -> TaskResult {
    let (program, arguments) = words.split_first().ok_or_else(|| anyhow::anyhow!("there is no program to run"))?;
    // Nothing can be read from either.
    let input = context.lock().map(File::try_clone).transpose()?.map_or_else(Stdio::null, Stdio::from);
    let mut command = Command::new(program);
    command.args(arguments).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    if !directory.as_os_str().is_empty() {
        command.current_dir(directory);
    }
    let child = command.spawn().map_err(|error| anyhow::anyhow!("{program} cannot start: {error}"))?;
    let log = log.map(Log::new);
    Running { child, last: VecDeque::new(), log, asked: None, ended: None }.watch(context)
}

/// A file with what a program prints, which is made when it prints something.
struct Log<'a> {
    path: &'a Path,
    file: Option<File>,
}

impl<'a> Log<'a> {
    /// The log of the attempt before is gone.
    fn new(path: &'a Path) -> Self {
        let _ = fs::remove_file(path);
        Self { path, file: None }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
                // What programs print is for nobody else.
                let new = File::options().create(true).append(true).mode(0o600).open(self.path)?;
                self.file.insert(new)
            }
        };
        writeln!(file, "{line}")
    }
}

struct Running<'a> {
    child: Child,
    log: Option<Log<'a>>,
    /// What it said at last.
    last: VecDeque<String>,
    /// When it was asked to end.
    asked: Option<Instant>,
    ended: Option<(Instant, ExitStatus)>,
}

impl Running<'_> {
    fn watch(mut self, context: &Context) -> TaskResult {
        let lines = self.lines();
        loop {
            match lines.recv_timeout(LOOK) {
                Ok(line) => self.hear(line, context),
                Err(RecvTimeoutError::Timeout) => self.look(context)?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // What it left running may hold its output open for ever.
            if self.ended.is_some_and(|(when, _)| when.elapsed() > PATIENCE) {
                break;
            }
        }
        let mut pause = Duration::from_micros(100);
        loop {
            self.look(context)?;
            if let Some((_, status)) = self.ended {
                return self.judge(status);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
    }

    /// What it prints, line by line, until nobody can print any more.
    fn lines(&mut self) -> mpsc::Receiver<String> {
        let (sender, lines) = mpsc::channel();
        let pipes = [self.child.stdout.take().map(boxed), self.child.stderr.take().map(boxed)];
        for pipe in pipes.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || listen(pipe, &sender));
        }
        lines
    }

    fn hear(&mut self, line: String, context: &Context) {
        context.publish_message(line.clone());
        if let Some(log) = &mut self.log
            && let Err(error) = log.write(&line)
        {
            tracing::warn!("{} cannot be written: {error}", log.path.display());
            self.log = None;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Whether it has ended, and whether it must.
    fn look(&mut self, context: &Context) -> TaskResult {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?.map(|status| (Instant::now(), status));
        }
        if self.ended.is_some() || !context.is_stopped() {
            return Ok(());
        }
        let group = Pid::from_child(&self.child);
        let signal = match self.asked {
            None => Signal::TERM,
            Some(when) if when.elapsed() > PATIENCE => Signal::KILL,
            Some(_) => return Ok(()),
        };
        self.asked.get_or_insert_with(Instant::now);
        // It may have ended just now.
        let _ = kill_process_group(group, signal);
        Ok(())
    }

    fn judge(&self, status: ExitStatus) -> TaskResult {
        if status.success() {
            return Ok(());
        }
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with {code}"),
            (None, Some(signal)) => format!("signal {signal} ended it"),
            (None, None) => "it ended for no known reason".into(),
        };
        if self.last.is_empty() {
            anyhow::bail!("{how}, and said nothing");
        }
        let said = self.last.iter().map(|line| format!("\n    {line}")).collect::<String>();
        let log = self.log.as_ref().map(|log| format!("\n    all of it is in {}", log.path.display()));
        anyhow::bail!("{how}; it said at last:{said}{}", log.unwrap_or_default())
    }
}

fn boxed(pipe: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(pipe)
}

/// Reads lines; what is no UTF-8 is shown as well as it can be, and what is very long in pieces.
fn listen(pipe: Box<dyn Read + Send>, sender: &mpsc::Sender<String>) {
    let mut pipe = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match (&mut pipe).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        if sender.send(text.trim_end_matches(['\n', '\r']).into()).is_err() {
            return;
        }
    }
}
