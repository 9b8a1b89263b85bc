//! Rules for the documents that a reader relies on.

use super::File;

/// A map that is longer than this is no longer read.
const ARCHITECTURE_LINES: usize = 300;

/// What a decision must say to be judged later.
const DECISION_HEADINGS: [&str; 5] = [
    "Context",
    "Decision",
    "Alternatives",
    "Consequences",
    "How we will know it was wrong",
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    match files.iter().find(|file| file.path == "ARCHITECTURE.md") {
        Some(file) => complaints.extend(architecture(file)),
        None => complaints.push("ARCHITECTURE.md is missing".to_owned()),
    }
    match files.iter().find(|file| file.path == "CHANGELOG.md") {
        Some(file) => complaints.extend(changelog(file)),
        None => complaints.push("CHANGELOG.md is missing".to_owned()),
    }
    complaints.extend(
        files
            .iter()
            .filter(|file| is_decision(file))
            .flat_map(decision),
    );
    complaints
}

fn architecture(file: &File) -> Option<String> {
    let lines = file.contents.lines().count();
    (lines > ARCHITECTURE_LINES).then(|| {
        format!(
            "{}: {lines} lines, but {ARCHITECTURE_LINES} is the most",
            file.path
        )
    })
}

fn changelog(file: &File) -> Option<String> {
    let titles = headings(&file.contents);
    (!titles
        .iter()
        .any(|title| title.trim_matches(['[', ']']) == "Unreleased"))
    .then(|| format!("{}: has no section `Unreleased`", file.path))
}

/// `docs/decisions/0001-name.md`; an index beside them is not one.
fn is_decision(file: &File) -> bool {
    file.path
        .strip_prefix("docs/decisions/")
        .is_some_and(|name| name.ends_with(".md") && name.starts_with(|c: char| c.is_ascii_digit()))
}

fn decision(file: &File) -> Vec<String> {
    let titles = headings(&file.contents);
    DECISION_HEADINGS
        .iter()
        .filter(|wanted| !titles.contains(wanted))
        .map(|wanted| format!("{}: has no section `{wanted}`", file.path))
        .collect()
}

/// Titles of the second level.
fn headings(contents: &str) -> Vec<&str> {
    contents
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, contents: &str) -> File {
        File {
            path: path.to_owned(),
            contents: contents.to_owned(),
        }
    }

    fn good() -> Vec<File> {
        let sections: Vec<_> = DECISION_HEADINGS
            .iter()
            .map(|title| format!("## {title}\n"))
            .collect();
        vec![
            file("ARCHITECTURE.md", "# Map\n"),
            file("CHANGELOG.md", "# Changes\n\n## [Unreleased]\n"),
            file("docs/decisions/0001-a.md", &sections.concat()),
            file("docs/decisions/README.md", "# Index\n"),
        ]
    }

    #[test]
    fn good_documents_pass() {
        assert!(check(&good()).is_empty());
    }

    #[test]
    fn missing_documents_are_noticed() {
        assert_eq!(
            check(&[]),
            ["ARCHITECTURE.md is missing", "CHANGELOG.md is missing"]
        );
    }

    #[test]
    fn a_long_map_is_noticed() {
        let mut files = good();
        files[0].contents = "line\n".repeat(ARCHITECTURE_LINES + 1);
        assert_eq!(
            check(&files),
            ["ARCHITECTURE.md: 301 lines, but 300 is the most"]
        );
    }

    #[test]
    fn a_changelog_without_a_place_for_the_next_change_is_noticed() {
        let mut files = good();
        files[1].contents = "## 0.1.0\n".to_owned();
        assert_eq!(check(&files), ["CHANGELOG.md: has no section `Unreleased`"]);
    }

    #[test]
    fn a_decision_without_a_section_is_noticed() {
        let mut files = good();
        files[2].contents = files[2].contents.replace("## Consequences\n", "");
        assert_eq!(
            check(&files),
            ["docs/decisions/0001-a.md: has no section `Consequences`"]
        );
    }
}
