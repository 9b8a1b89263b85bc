//! `cargo xtask soak`: two browsers in a clean call for many minutes, during
//! which no picture may freeze and no sound may be lost.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{step::loudly, test, tools, workspace::Workspace};

/// How long, unless told otherwise.
pub(crate) const MINUTES: u32 = 10;

pub(crate) fn run(workspace: &Workspace, minutes: u32) -> Result<ExitCode> {
    tools::check_node()?;
    let chromium = tools::chromium()?;
    tools::npm_ci(&workspace.web())?;
    tools::npm_ci(&workspace.e2e())?;
    tools::build_web(workspace)?;
    println!("building the server");
    loudly(&mut test::release_build(workspace))?;
    println!("a call of {minutes} minutes");
    loudly(
        Command::new("npm")
            .args(["run", "--silent", "soak"])
            .env("PLENARY_SOAK_SECONDS", (minutes * 60).to_string())
            .env("PLENARY_BINARY", workspace.binary())
            .env("PLENARY_CHROMIUM", chromium)
            .env("PLENARY_RESULTS", &workspace.target)
            .current_dir(workspace.e2e()),
    )?;
    Ok(ExitCode::SUCCESS)
}
