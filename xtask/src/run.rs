//! `cargo xtask run`: from a fresh clone to a meeting, with only Rust and Node.

use std::{
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::Result;

use crate::{
    step::{Stopwatch, loudly},
    tools,
    workspace::{Workspace, cargo},
};

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<ExitCode> {
    let stopwatch = Stopwatch::start();
    let say = |number: u8, what: &str| println!("[{number}/4 {:>7}] {what}", stopwatch.text());
    say(1, "web app: packages");
    tools::check_node()?;
    report(
        tools::npm_ci(&workspace.web())?,
        "already installed",
        stopwatch,
    );
    say(2, "web app: build");
    report(tools::build_web(workspace)?, "nothing changed", stopwatch);
    say(3, "server: build (the first time takes some minutes)");
    loudly(
        Command::new(cargo())
            .args([
                "build",
                "--release",
                "--package",
                "server",
                "--bin",
                "plenary",
            ])
            .current_dir(&workspace.root),
    )?;
    say(4, "serve; Ctrl-C stops it");
    serve(workspace, arguments)
}

fn report(done: bool, otherwise: &str, stopwatch: Stopwatch) {
    if !done {
        println!("               {otherwise}");
    } else if stopwatch.elapsed() > Duration::from_secs(1) {
        println!("               done at {}", stopwatch.text());
    }
}

/// Arguments after a first `--` (or without it) are those of `plenary serve`.
fn serve(workspace: &Workspace, arguments: &[&str]) -> Result<ExitCode> {
    let arguments = arguments.strip_prefix(&["--"]).unwrap_or(arguments);
    let mut command = Command::new(workspace.binary());
    command
        .arg("serve")
        .args(arguments)
        .current_dir(&workspace.root);
    become_it(&mut command)
}

/// The server takes our place, so that it gets every signal itself.
#[cfg(unix)]
fn become_it(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(anyhow::Error::new(command.exec()).context("can't start the server"))
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> Result<ExitCode> {
    loudly(command)?;
    Ok(ExitCode::SUCCESS)
}
