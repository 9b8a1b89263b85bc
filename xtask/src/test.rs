//! `cargo xtask test`: every check there is, in order, stopping at the first
//! that fails, but for those from outside: they don't depend on each other and
//! each tells something of its own. The last line is always `N passed, N
//! failed`, counting steps.

use std::{
    env,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    conformance, reference,
    step::{Stopwatch, quietly},
    tidy, tools,
    workspace::{Workspace, cargo},
};

type Work = fn(&Workspace) -> Result<()>;

/// In order: the cheap and telling ones first. The web app is built before any
/// Rust, because the server carries it.
const STEPS: [(&str, Work); 17] = [
    ("format", format),
    ("tidy", tidied),
    ("install", install),
    ("web-check", web_check),
    ("web-build", web_build),
    ("clippy", clippy),
    ("unit", unit),
    ("doc", doc),
    ("fuzz-corpus", fuzz_corpus),
    ("release-build", release),
    ("reference", reference::check),
    ("python", python),
    ("node", node),
    ("e2e-check", e2e_check),
    ("e2e", e2e),
    ("firefox", firefox),
    ("conformance", conformance::write),
];

/// Those that look at the finished product from outside.
const OUTSIDE: [&str; 5] = ["reference", "python", "node", "e2e", "firefox"];

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<ExitCode> {
    let only = match arguments {
        [] => None,
        ["--list"] => {
            for (name, _) in STEPS {
                println!("{name}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        ["--only", name] if STEPS.iter().any(|step| step.0 == *name) => Some(*name),
        ["--only", name] => bail!("no step {name}: see `cargo xtask test --list`"),
        _ => bail!("cargo xtask test takes nothing, --list, or --only STEP"),
    };
    let steps: Vec<_> = STEPS
        .iter()
        .filter(|step| only.is_none_or(|name| name == step.0))
        .collect();
    Ok(run_steps(workspace, &steps))
}

fn run_steps(workspace: &Workspace, steps: &[&(&str, Work)]) -> ExitCode {
    let total = Stopwatch::start();
    let (mut passed, mut failed) = (0, 0);
    for (number, (name, work)) in steps.iter().enumerate() {
        println!("[{:>2}/{}] {name}", number + 1, steps.len());
        let stopwatch = Stopwatch::start();
        let Err(error) = work(workspace) else {
            passed += 1;
            println!("        ok, {}", stopwatch.text());
            continue;
        };
        failed += 1;
        println!("{error:#}\n");
        println!("        {name} FAILED after {}", stopwatch.text());
        let left: Vec<_> = steps.iter().skip(number + 1).map(|step| step.0).collect();
        if !OUTSIDE.contains(name) && !left.is_empty() {
            println!("not run: {}", left.join(", "));
            break;
        }
    }
    println!("all in {}", total.text());
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn format(workspace: &Workspace) -> Result<()> {
    cargo_step(workspace, &["fmt", "--all", "--check"], MINUTE)
}

fn tidied(workspace: &Workspace) -> Result<()> {
    let complaints = tidy::check(workspace)?;
    if complaints.is_empty() {
        Ok(())
    } else {
        bail!("{}", complaints.join("\n"))
    }
}

/// Everything from outside that the later steps use.
fn install(workspace: &Workspace) -> Result<()> {
    tools::check_node()?;
    tools::npm_ci(&workspace.web()).context("packages of the web app")?;
    tools::npm_ci(&workspace.e2e()).context("packages of the browser tests")?;
    tools::python(workspace).context("packages of the python tests")?;
    tools::npm_ci(&workspace.node()).context("packages of the node tests")?;
    tools::npm_ci(&workspace.firefox()).context("packages of the Firefox test")?;
    tools::chromium().context("the browser")?;
    tools::firefox().context("the other browser")?;
    Ok(())
}

fn web_check(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.web())?;
    quietly(
        Command::new("npm")
            .args(["run", "check"])
            .env("CI", "true")
            .current_dir(workspace.web()),
        10 * MINUTE,
    )?;
    Ok(())
}

fn web_build(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.web())?;
    tools::build_web(workspace)?;
    Ok(())
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    cargo_step(workspace, &arguments, 30 * MINUTE)
}

fn unit(workspace: &Workspace) -> Result<()> {
    cargo_step(workspace, &["test", "--workspace"], 40 * MINUTE)
}

fn doc(workspace: &Workspace) -> Result<()> {
    let mut command = Command::new(cargo());
    command
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        // Nobody reads these pages without the private items.
        .env(
            "RUSTDOCFLAGS",
            "--deny warnings --allow rustdoc::private_intra_doc_links",
        )
        .current_dir(&workspace.root);
    quietly(&mut command, 10 * MINUTE)?;
    Ok(())
}

/// The whole workspace again, so that nothing is built anew; one test runs.
fn fuzz_corpus(workspace: &Workspace) -> Result<()> {
    cargo_step(
        workspace,
        &["test", "--workspace", "--test", "fuzz_corpus"],
        10 * MINUTE,
    )
}

fn release(workspace: &Workspace) -> Result<()> {
    quietly(&mut release_build(workspace), 30 * MINUTE)?;
    Ok(())
}

pub(crate) fn release_build(workspace: &Workspace) -> Command {
    let mut command = Command::new(cargo());
    command
        .args([
            "build",
            "--release",
            "--package",
            "server",
            "--bin",
            "plenary",
        ])
        .current_dir(&workspace.root);
    command
}

fn cargo_step(workspace: &Workspace, arguments: &[&str], limit: Duration) -> Result<()> {
    quietly(
        Command::new(cargo())
            .args(arguments)
            .current_dir(&workspace.root),
        limit,
    )?;
    Ok(())
}

/// PyPI's `livekit` against the release binary.
fn python(workspace: &Workspace) -> Result<()> {
    let python = tools::python(workspace)?;
    quietly(
        Command::new(python)
            .args(["-u", "run.py"])
            .env("PLENARY_BINARY", binary(workspace)?)
            .env(
                "PLENARY_CONFORMANCE",
                conformance::results(workspace, "python.txt")?,
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(workspace.root.join("tests/python")),
        10 * MINUTE,
    )?;
    Ok(())
}

/// npm's `livekit-server-sdk` against the release binary, with people from PyPI.
fn node(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.node())?;
    quietly(
        Command::new("npm")
            .args(["run", "--silent", "test"])
            .env("PLENARY_BINARY", binary(workspace)?)
            .env("PLENARY_PYTHON", tools::python(workspace)?)
            .env(
                "PLENARY_CONFORMANCE",
                conformance::results(workspace, "node.tap")?,
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(workspace.node()),
        5 * MINUTE,
    )?;
    Ok(())
}

fn e2e_check(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.e2e())?;
    quietly(
        Command::new("npm")
            .args(["run", "--silent", "check"])
            .current_dir(workspace.e2e()),
        5 * MINUTE,
    )?;
    Ok(())
}

/// People in Chromium against the release binary.
fn e2e(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.e2e())?;
    quietly(
        Command::new("npm")
            .args(["run", "--silent", "test"])
            .env("CI", env::var_os("CI").unwrap_or_else(|| "true".into()))
            .env("PLENARY_BINARY", binary(workspace)?)
            .env("PLENARY_CHROMIUM", tools::chromium()?)
            .env("PLENARY_RESULTS", &workspace.target)
            .env(
                "PLENARY_CONFORMANCE",
                conformance::results(workspace, "e2e.json")?,
            )
            .current_dir(workspace.e2e()),
        20 * MINUTE,
    )?;
    Ok(())
}

/// Firefox and Chromium in one room, in a network of their own.
fn firefox(workspace: &Workspace) -> Result<()> {
    tools::npm_ci(&workspace.firefox())?;
    let said = quietly(
        Command::new("npm")
            .args(["run", "--silent", "test"])
            .env("PLENARY_BINARY", binary(workspace)?)
            .env("PLENARY_CHROMIUM", tools::chromium()?)
            .env("PLENARY_FIREFOX", tools::firefox()?)
            .env(
                "PLENARY_CONFORMANCE",
                conformance::results(workspace, "firefox.tap")?,
            )
            .current_dir(workspace.firefox()),
        10 * MINUTE,
    )?;
    // Where such networks are not permitted.
    for line in said.lines().filter(|line| line.starts_with("skipped")) {
        println!("        {line}");
    }
    Ok(())
}

fn binary(workspace: &Workspace) -> Result<std::path::PathBuf> {
    let binary = workspace.binary();
    if !binary.is_file() {
        bail!(
            "{} is missing: `cargo xtask test --only release-build` makes it",
            binary.display()
        );
    }
    Ok(binary)
}
