//! `plenary`: see `plenary --help`.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    server::cli::Cli::parse().run().await
}
