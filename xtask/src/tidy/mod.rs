//! `cargo xtask tidy`: the rules of this tree that no compiler checks. Each
//! rule is a pure function from what was read to a list of complaints.

mod documents;
mod imports;
mod text;

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let complaints = check(workspace)?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() {
        println!("tidy");
        Ok(ExitCode::SUCCESS)
    } else {
        println!("{} complaints", complaints.len());
        Ok(ExitCode::FAILURE)
    }
}

/// A file of the tree: its path from the root, with `/`, and its contents.
struct File {
    path: String,
    contents: String,
}

/// All complaints about the tree.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let files = read_files(workspace)?;
    let mut complaints = imports::check(&workspace.metadata);
    complaints.extend(files.iter().flat_map(text::check));
    complaints.extend(documents::check(&files));
    Ok(complaints)
}

/// Every text file that is tracked, or would be with the next `git add`.
fn read_files(workspace: &Workspace) -> Result<Vec<File>> {
    let output = Command::new("git")
        // A checkout may belong to another user than the one who tests it.
        .arg("-c")
        .arg(format!("safe.directory={}", workspace.root.display()))
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(&workspace.root)
        .output()
        .context("tidy asks git for the files of the tree, and git can't be started")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut files = Vec::new();
    for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
        // Not there: deleted, but not yet committed. Not text: not ours to read.
        let Ok(bytes) = fs::read(workspace.root.join(path)) else {
            continue;
        };
        if let Ok(contents) = String::from_utf8(bytes) {
            files.push(File {
                path: path.to_owned(),
                contents,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_tidy() {
        let complaints = check(&Workspace::find().unwrap()).unwrap();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
