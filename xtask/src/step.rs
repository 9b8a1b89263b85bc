//! Steps: a name, some work, progress while it runs and its time at the end.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// A step that says nothing for so long shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Time since the task began.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "a task measures real time for a person"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a task measures real time for a person"
    )]
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Like `1:07.5`.
    pub(crate) fn text(self) -> String {
        clock_text(self.elapsed())
    }
}

fn clock_text(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}.{}",
        seconds / 60,
        seconds % 60,
        time.subsec_millis() / 100
    )
}

/// Runs a command, keeps what it says, and shows it only when it fails or
/// when `limit` has passed, at which it is killed.
pub(crate) fn quietly(command: &mut Command, limit: Duration) -> Result<String> {
    let stopwatch = Stopwatch::start();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start {}", describe(command)))?;
    let lines = gather(child.stdout.take(), child.stderr.take());
    let mut said = String::new();
    loop {
        match lines.recv_timeout(HEARTBEAT.min(limit)) {
            Ok(line) => {
                let _ = writeln!(said, "{line}");
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let last = said.lines().next_back().unwrap_or("no output yet");
                println!("           … {} {}", stopwatch.text(), shorten(last, 100));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if stopwatch.elapsed() > limit {
            child.kill().context("can't end the step")?;
            bail!(
                "{said}\n{} did not end within {}",
                describe(command),
                clock_text(limit)
            );
        }
    }
    let status = child.wait().context("lost the step's process")?;
    if status.success() {
        Ok(said)
    } else {
        bail!("{said}\n{}: {status}", describe(command))
    }
}

/// Runs a command whose output goes straight to the terminal.
pub(crate) fn loudly(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("can't start {}", describe(command)))?;
    if status.success() {
        Ok(())
    } else {
        bail!("{}: {status}", describe(command))
    }
}

/// Both streams, line by line, in the order in which they come; closed when
/// both have ended.
fn gather(
    stdout: Option<impl Read + Send + 'static>,
    stderr: Option<impl Read + Send + 'static>,
) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    forward_lines(stdout, sender.clone());
    forward_lines(stderr, sender);
    receiver
}

fn forward_lines(stream: Option<impl Read + Send + 'static>, sender: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
}

fn describe(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

fn shorten(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_both_streams_and_the_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo to-stdout; echo to-stderr >&2; exit 3"]);
        let error = quietly(&mut command, Duration::from_secs(20))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("to-stdout") && error.contains("to-stderr"),
            "{error}"
        );
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_step_that_hangs_is_ended_at_its_limit() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let error = quietly(&mut command, Duration::from_millis(50))
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not end within"), "{error}");
    }

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!(clock_text(Duration::from_millis(67_540)), "1:07.5");
    }
}
