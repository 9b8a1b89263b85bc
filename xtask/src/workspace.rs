//! Where things are.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The repository and the folder that cargo builds into.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// From anywhere: `cargo xtask` may be called in a subfolder.
    pub(crate) fn find() -> Result<Self> {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .exec()
            .context("cargo metadata failed")?;
        Ok(Self {
            root: metadata.workspace_root.clone().into(),
            target: metadata.target_directory.clone().into(),
            metadata,
        })
    }

    /// The release binary.
    pub(crate) fn binary(&self) -> PathBuf {
        self.target
            .join("release")
            .join(format!("plenary{}", env::consts::EXE_SUFFIX))
    }

    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    pub(crate) fn e2e(&self) -> PathBuf {
        self.root.join("tests/e2e")
    }

    pub(crate) fn node(&self) -> PathBuf {
        self.root.join("tests/node")
    }

    pub(crate) fn firefox(&self) -> PathBuf {
        self.root.join("tests/firefox")
    }

    /// The python interpreter with the packages of `tests/python/requirements.txt`.
    pub(crate) fn venv(&self) -> PathBuf {
        self.target.join("test-venv")
    }
}

/// The cargo that called us, so that a toolchain chosen with `+` stays chosen.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
