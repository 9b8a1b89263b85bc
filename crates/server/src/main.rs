//! `plenary`: see `plenary --help`.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "why it does not start must be seen without a log"
)]
async fn main() -> ExitCode {
    match server::cli::Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plenary: {error:#}");
            ExitCode::FAILURE
        }
    }
}
