//! The programs and packages that the tasks need: found, installed where we
//! may, and asked for with the remedy where we may not.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{step::quietly, workspace::Workspace};

/// Of `npm ci` and `pip install`, on a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// The oldest Node that Vite 8 runs on, and the npm that comes with it.
const NODE: (u32, u32) = (20, 19);
const NPM: (u32, u32) = (10, 0);

/// The oldest python in which `asyncio` has all that the tests use.
const PYTHON: (u32, u32) = (3, 11);

/// Fails with a remedy when Node or npm is missing or too old.
pub(crate) fn check_node() -> Result<()> {
    const REMEDY: &str = "install Node 20.19 or newer (22 is fine) from https://nodejs.org or your \
                          system's packages, so that `node` and `npm` are in PATH";
    for (program, oldest) in [("node", NODE), ("npm", NPM)] {
        let said = output_of(program, &["--version"])
            .with_context(|| format!("{program} is missing: {REMEDY}"))?;
        match parse_version(&said) {
            Some(version) if version >= oldest => {}
            _ => bail!(
                "{program} is {}, but {}.{} is the oldest that works: {REMEDY}",
                said.trim(),
                oldest.0,
                oldest.1
            ),
        }
    }
    Ok(())
}

/// `v20.19.2` or `10.8.2`: major and minor.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn output_of(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `npm ci`, when the lock file is not the one that was installed last.
/// Returns whether there was anything to do.
pub(crate) fn npm_ci(folder: &Path) -> Result<bool> {
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("no package-lock.json in {}", folder.display()))?;
    let stamp = folder.join("node_modules/.plenary-installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(false);
    }
    quietly(
        Command::new("npm")
            .args(["ci", "--no-fund", "--no-audit"])
            // Tests use the system's Chromium and never download a browser.
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .current_dir(folder),
        INSTALL_LIMIT,
    )?;
    fs::write(stamp, lock)?;
    Ok(true)
}

/// `npm run build` of the web app, when a source differs from the last build.
pub(crate) fn build_web(workspace: &Workspace) -> Result<bool> {
    let web = workspace.web();
    let stamp = web.join("node_modules/.plenary-built");
    let fingerprint = fingerprint(&web)?.to_string();
    let current = fs::read_to_string(&stamp).is_ok_and(|built| built == fingerprint);
    if current && web.join("dist/index.html").is_file() {
        return Ok(false);
    }
    quietly(
        Command::new("npm").args(["run", "build"]).current_dir(&web),
        INSTALL_LIMIT,
    )?;
    fs::write(stamp, fingerprint)?;
    Ok(true)
}

/// A number that changes with any file of the folder, besides what is
/// installed or built. (Not cryptographic: it guards against forgetting.)
fn fingerprint(folder: &Path) -> Result<u64> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(folder)?.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "node_modules" | "dist") {
                list(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Where Chromium is; installed with apt when missing and allowed.
pub(crate) fn chromium() -> Result<PathBuf> {
    const PLACES: [&str; 3] = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    browser(
        "PLENARY_CHROMIUM",
        &PLACES,
        &["chromium", "fonts-liberation"],
    )
}

/// Where Firefox is; installed with apt when missing and allowed, together
/// with what its network is made with.
pub(crate) fn firefox() -> Result<PathBuf> {
    const PLACES: [&str; 2] = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];
    browser("PLENARY_FIREFOX", &PLACES, &["firefox-esr", "iproute2"])
}

/// The one that the variable names, or the first that is in its place.
fn browser(variable: &str, places: &[&str], packages: &[&str]) -> Result<PathBuf> {
    let find = || places.iter().map(PathBuf::from).find(|path| path.exists());
    if let Some(chosen) = std::env::var_os(variable) {
        return Ok(chosen.into());
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    apt_install(packages)?;
    find().with_context(|| {
        format!(
            "apt installed {}, but there is none of {}: name it in {variable}",
            packages.join(" "),
            places.join(" ")
        )
    })
}

/// Only root may, and only where there is apt; else says what a person can do.
fn apt_install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "the tests need {wanted}, and there is no apt-get here: install them with your system's packages"
        );
    }
    if output_of("id", &["-u"])?.trim() != "0" {
        bail!(
            "the tests need {wanted}: run `sudo apt-get install --no-install-recommends {wanted}`"
        );
    }
    quietly(Command::new("apt-get").arg("update"), INSTALL_LIMIT)?;
    quietly(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
        INSTALL_LIMIT,
    )?;
    Ok(())
}

/// A python with what the client tests need. Returns its path.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.root.join("tests/python/requirements.txt");
    let wanted = fs::read(&requirements)?;
    let venv = workspace.venv();
    let python = venv.join("bin/python");
    let stamp = venv.join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    create_venv(&venv)?;
    let version = output_of("python3", &["--version"])?;
    let number = version.trim().trim_start_matches("Python ");
    if parse_version(number).is_none_or(|version| version < PYTHON) {
        bail!(
            "python3 is {number}, but {}.{} is the oldest that works",
            PYTHON.0,
            PYTHON.1
        );
    }
    quietly(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&requirements),
        INSTALL_LIMIT,
    )?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn create_venv(venv: &Path) -> Result<()> {
    let create = || {
        let mut command = Command::new("python3");
        quietly(
            command.args(["-m", "venv", "--clear"]).arg(venv),
            INSTALL_LIMIT,
        )
    };
    if create().is_ok() {
        return Ok(());
    }
    // Either there is no python at all or, on Debian, not its venv module.
    apt_install(&["python3", "python3-venv"])?;
    create()
        .context("python3 -m venv failed: python 3.9 or newer with its venv module is needed")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_and_npm_are_read() {
        assert_eq!(parse_version("v20.19.2\n"), Some((20, 19)));
        assert_eq!(parse_version("11.19.1"), Some((11, 19)));
        assert_eq!(parse_version("unknown"), None);
    }

    #[test]
    fn the_fingerprint_notices_a_change_a_new_file_and_a_rename() {
        let folder =
            std::env::temp_dir().join(format!("plenary-fingerprint-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::create_dir_all(folder.join("dist")).unwrap();
        let mut seen = Vec::new();
        fs::write(folder.join("src/a.ts"), "1").unwrap();
        seen.push(fingerprint(&folder).unwrap());
        fs::write(folder.join("src/a.ts"), "2").unwrap();
        seen.push(fingerprint(&folder).unwrap());
        fs::write(folder.join("src/b.ts"), "").unwrap();
        seen.push(fingerprint(&folder).unwrap());
        fs::rename(folder.join("src/b.ts"), folder.join("src/c.ts")).unwrap();
        seen.push(fingerprint(&folder).unwrap());
        fs::write(folder.join("dist/out.js"), "built").unwrap();
        assert_eq!(
            fingerprint(&folder).unwrap(),
            seen[3],
            "what is built is no source"
        );
        fs::remove_dir_all(folder).unwrap();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }
}
