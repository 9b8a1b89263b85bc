//! Writes `docs/conformance.md`: what LiveKit's clients and those of the open
//! standards were seen to do in the last run of the tests from outside.
//! `tests/conformance.json` says which tests show which feature.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::workspace::Workspace;

const PATH: &str = "docs/conformance.md";
const MODES: [&str; 2] = ["one connection", "two connections"];

/// Where a step leaves what passed in it.
pub(crate) fn results(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("conformance");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder.join(name))
}

/// Names of the tests that passed, by mode: the place in [`MODES`].
#[derive(Default)]
struct Passed(BTreeMap<String, BTreeSet<usize>>);

impl Passed {
    fn add(&mut self, name: &str, mode: usize) {
        self.0.entry(name.to_owned()).or_default().insert(mode);
    }

    /// Whether all of the tests passed in a mode. A name that no test has any
    /// more is a mistake in the table.
    fn shows(&self, names: &[&str], mode: usize) -> Result<bool> {
        for name in names {
            ensure!(
                self.0.contains_key(*name),
                "tests/conformance.json names a test that did not pass or is not there: {name}"
            );
        }
        let passed = |name: &&str| self.0.get(*name).is_some_and(|modes| modes.contains(&mode));
        Ok(!names.is_empty() && names.iter().all(passed))
    }
}

/// Writes the page, and says so when it has changed.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let read = |name: &str| {
        let path = results(workspace, name)?;
        fs::read_to_string(&path).with_context(|| {
            format!(
                "{}: the steps python, node, e2e and firefox leave it",
                path.display()
            )
        })
    };
    let chromium = playwright(&serde_json::from_str(&read("e2e.json")?)?);
    let firefox = tap(&read("firefox.tap")?);
    let npm = tap(&read("node.tap")?);
    let pypi = python(&read("python.txt")?);
    let path = workspace.root.join("tests/conformance.json");
    let features: Value = serde_json::from_str(&fs::read_to_string(path)?)?;

    let mut page = String::from(HEAD);
    let both = MODES.len();
    let clients = [
        ("chromium", &chromium, both),
        ("firefox", &firefox, both),
        ("python", &pypi, both),
        ("node", &npm, 1),
    ];
    page.push_str("\n## Clients\n\n| | livekit-client in Chromium | | livekit-client in Firefox | | PyPI livekit | | npm rtc-node |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n| **connections** | one | two | one | two | one | two | one |\n");
    rows(&mut page, &features, "clients", &clients)?;
    page.push_str(
        "\n## Server API\n\n| | npm livekit-server-sdk | PyPI livekit-api |\n| --- | --- | --- |\n",
    );
    rows(
        &mut page,
        &features,
        "servers",
        &[("npm", &npm, 1), ("pypi", &pypi, 1)],
    )?;
    page.push_str("\n## Open standards\n\n| | RTCPeerConnection in Chromium |\n| --- | --- |\n");
    rows(
        &mut page,
        &features,
        "standards",
        &[("browser", &chromium, 1)],
    )?;

    let path = workspace.root.join(PATH);
    if fs::read_to_string(&path).unwrap_or_default() != page {
        fs::write(&path, page).context(PATH)?;
        println!("        {PATH} has changed: commit it");
    }
    Ok(())
}

const HEAD: &str = "\
# Conformance

Written by `cargo xtask test`, not by hand: ✓ means that a test of the last whole run saw it with that client, unchanged, against the release binary. An empty field means that no test tries it there.
";

fn rows(
    page: &mut String,
    features: &Value,
    group: &str,
    clients: &[(&str, &Passed, usize)],
) -> Result<()> {
    let Some(list) = features.get(group).and_then(Value::as_array) else {
        bail!("tests/conformance.json has no {group}");
    };
    for feature in list {
        let name = feature.get("feature").and_then(Value::as_str);
        let _ = write!(page, "| {} |", name.context("a feature without a name")?);
        for (client, passed, modes) in clients {
            let tests = feature.get(client).and_then(Value::as_array);
            let tests: Vec<&str> = tests
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for mode in 0..*modes {
                let mark = if passed.shows(&tests, mode)? {
                    "✓"
                } else {
                    ""
                };
                let _ = write!(page, " {mark} |");
            }
        }
        page.push('\n');
    }
    Ok(())
}

/// Playwright's JSON report: suites in suites, and in them specs, which ran
/// once for each project; projects are named after modes.
fn playwright(suite: &Value) -> Passed {
    let mut passed = Passed::default();
    walk(suite, &mut passed);
    passed
}

fn walk(suite: &Value, passed: &mut Passed) {
    let list = |of: &Value, name: &str| {
        of.get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for inner in list(suite, "suites") {
        walk(&inner, passed);
    }
    for spec in list(suite, "specs") {
        let title = spec
            .get("title")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for run in list(&spec, "tests") {
            let project = run.get("projectName").and_then(Value::as_str);
            let mode = MODES.iter().position(|mode| Some(*mode) == project);
            let as_expected = run.get("status").and_then(Value::as_str) == Some("expected");
            if let Some(mode) = mode.filter(|_| as_expected) {
                passed.add(title, mode);
            }
        }
    }
}

/// `ok 1 - name`, as `node --test` writes it (TAP); names may end with their mode.
fn tap(text: &str) -> Passed {
    let mut passed = Passed::default();
    for line in text.lines() {
        let Some((_, name)) = line
            .strip_prefix("ok ")
            .and_then(|rest| rest.split_once(" - "))
        else {
            continue;
        };
        if name.contains("# SKIP") {
            continue;
        }
        let of_mode = MODES.iter().enumerate().find_map(|(number, mode)| {
            Some((name.strip_suffix(&format!(", over {mode}"))?, number))
        });
        let (name, mode) = of_mode.unwrap_or((name, 0));
        passed.add(name, mode);
    }
    passed
}

/// `module.Class.test`, where the class says whether there are two connections.
fn python(text: &str) -> Passed {
    let mut passed = Passed::default();
    for line in text.lines() {
        let name = line.split_once('.').map_or(line, |(_, name)| name);
        let (name, mode) = match name.split_once("OverTwoConnections.") {
            Some((class, test)) => (format!("{class}.{test}"), 1),
            None => (name.to_owned(), 0),
        };
        passed.add(&name, mode);
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_is_read_from_each_report() {
        let passed =
            tap("ok 1 - a, over two connections\nnot ok 2 - b\nok 3 - c # SKIP\nok 4 - d\n");
        assert!(passed.shows(&["a"], 1).unwrap() && !passed.shows(&["a"], 0).unwrap());
        assert!(passed.shows(&["d"], 0).unwrap());
        for other in ["b", "c"] {
            assert!(passed.shows(&[other], 0).is_err(), "{other}");
        }
        let passed = python("test_media.Media.test_x\ntest_media.MediaOverTwoConnections.test_y\n");
        assert!(passed.shows(&["Media.test_x"], 0).unwrap());
        assert!(passed.shows(&["Media.test_y"], 1).unwrap());
        assert!(!passed.shows(&[], 0).unwrap(), "nothing shows nothing");
        let report = serde_json::json!({ "suites": [{ "specs": [
            { "title": "e", "tests": [{ "projectName": "one connection", "status": "expected" }] },
            { "title": "f", "tests": [{ "projectName": "one connection", "status": "unexpected" }] },
        ] }] });
        let passed = playwright(&report);
        assert!(passed.shows(&["e"], 0).unwrap());
        assert!(passed.shows(&["f"], 0).is_err());
    }
}
