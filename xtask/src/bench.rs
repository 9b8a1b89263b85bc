//! `cargo xtask bench`: the figures that must not get worse.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    step::loudly,
    workspace::{Workspace, cargo},
};

/// User CPU per forwarded packet of the media plane in process, against the
/// floor (seal and copy) measured in the same run.
pub(crate) fn forward(workspace: &Workspace) -> Result<ExitCode> {
    loudly(
        Command::new(cargo())
            .args(["bench", "--package", "media", "--bench", "forward"])
            .current_dir(&workspace.root),
    )?;
    Ok(ExitCode::SUCCESS)
}
