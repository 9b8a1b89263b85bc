//! The tasks of this repository: `cargo xtask run | test | tidy | bench |
//! soak | reference`.
//!
//! Only glue: it calls other programs, reads the tree and reports. It is never
//! part of the product, so it may print, and it may read the clock.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task speaks to the person who called it"
)]

mod bench;
mod conformance;
mod reference;
mod run;
mod soak;
mod step;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <task>

  run [-- SERVE ARGS]   build the web app and the server, and serve on http://localhost:7880
  test [--only STEP]    everything that proves the tree: install, check, build, test
  test --list           the names of the steps
  tidy                  the rules that no compiler checks
  bench forward         CPU per forwarded packet, against the floor
  soak [MINUTES]        a clean call of two people: no freeze, no audio gap (10 minutes)
  reference             writes docs/api.md from what the release binary says of its API";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", rest @ ..] => run::run(&Workspace::find()?, rest),
        ["test", rest @ ..] => test::run(&Workspace::find()?, rest),
        ["tidy"] => tidy::run(&Workspace::find()?),
        ["bench", "forward"] => bench::forward(&Workspace::find()?),
        ["soak"] => soak::run(&Workspace::find()?, soak::MINUTES),
        ["soak", minutes] => match minutes.parse() {
            Ok(minutes) => soak::run(&Workspace::find()?, minutes),
            Err(_) => bail!("MINUTES is a whole number, not {minutes}"),
        },
        ["reference"] => {
            reference::write(&Workspace::find()?)?;
            Ok(ExitCode::SUCCESS)
        }
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("unknown task: {}\n{USAGE}", words.join(" ")),
    }
}
