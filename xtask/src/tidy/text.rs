//! Rules for one file: how it begins, how long it is, and what it may not say.
//! Forbidden words are put together from halves, so that the rules pass themselves.

use super::File;

/// Half of what an attentive reader keeps in mind at once; longer modules
/// hide a second one.
const LINES: usize = 800;

type Rule = fn(&File) -> Vec<String>;

const RULES: [Rule; 5] = [
    begins_with_its_purpose,
    is_short,
    is_finished,
    stands_alone,
    runs_every_test,
];

pub(super) fn check(file: &File) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(file)).collect()
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

fn is_script(file: &File) -> bool {
    [".ts", ".tsx", ".js", ".mjs", ".cjs"]
        .iter()
        .any(|end| file.path.ends_with(end))
}

/// Lock files are written by tools, and their checksums spell anything.
fn is_lock(file: &File) -> bool {
    file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json")
}

/// Seeds of the fuzzers are input, not prose.
fn is_corpus(file: &File) -> bool {
    file.path.starts_with("fuzz/corpus/")
}

/// Every Rust file says first what it is.
fn begins_with_its_purpose(file: &File) -> Vec<String> {
    let begins = file.contents.starts_with("//! ") || file.contents.starts_with("// @generated");
    if is_rust(file) && !begins {
        vec![format!(
            "{}: must begin with `//! ` and what the module is",
            file.path
        )]
    } else {
        Vec::new()
    }
}

fn is_short(file: &File) -> Vec<String> {
    let lines = file.contents.lines().count();
    if is_rust(file) && lines > LINES {
        vec![format!(
            "{}: {lines} lines, but {LINES} is the most",
            file.path
        )]
    } else {
        Vec::new()
    }
}

/// No notes of work that was left.
fn is_finished(file: &File) -> Vec<String> {
    const NOTES: [&str; 3] = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
    ];
    if is_lock(file) || is_corpus(file) {
        return Vec::new();
    }
    complain(file, |line| {
        NOTES
            .into_iter()
            .find(|note| words(line).any(|word| word == *note))
            .map(|note| format!("{note}: finish it, or describe it where it is planned"))
    })
}

/// The same on every machine: no one's home, no one's package mirror.
fn stands_alone(file: &File) -> Vec<String> {
    const HOMES: [&str; 4] = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
    ];
    const REGISTRIES: [&str; 7] = [
        concat!("registry.npm", "js.org"),
        concat!("registry.npm", "mirror.com"),
        concat!("registry.yarn", "pkg.com"),
        concat!("files.python", "hosted.org"),
        concat!("pypi", ".org"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
    ];
    const RESOLVED: &str = concat!("\"resol", "ved\": \"http");
    if is_corpus(file) {
        return Vec::new();
    }
    complain(file, |line| {
        if let Some(home) = HOMES.into_iter().find(|home| has_path(line, home)) {
            return Some(format!("{home} is a path of one machine"));
        }
        if line.contains(RESOLVED) {
            return Some("names the registry it came from: see .npmrc".to_owned());
        }
        let registry = REGISTRIES.into_iter().find(|host| line.contains(host))?;
        Some(format!(
            "{registry} is a registry's host: leave the choice to the machine"
        ))
    })
}

/// A test that does not run proves nothing; one that runs alone hides the others.
fn runs_every_test(file: &File) -> Vec<String> {
    const IN_RUST: [&str; 1] = [concat!("#[ign", "ore")];
    const IN_SCRIPTS: [&str; 3] = [
        concat!(".sk", "ip("),
        concat!(".on", "ly("),
        concat!(".fix", "me("),
    ];
    const IN_PYTHON: [&str; 2] = [concat!("unittest.sk", "ip"), concat!("mark.sk", "ip")];
    let forbidden: &[&str] = if is_rust(file) {
        &IN_RUST
    } else if is_script(file) {
        &IN_SCRIPTS
    } else if file.path.ends_with(".py") {
        &IN_PYTHON
    } else {
        return Vec::new();
    };
    complain(file, |line| {
        let found = forbidden.iter().find(|text| line.contains(**text))?;
        Some(format!("{found}: every test runs"))
    })
}

/// One complaint for each line that the rule objects to, with its number.
fn complain(file: &File, rule: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let lines = file.contents.lines().enumerate();
    lines
        .filter_map(|(index, line)| Some(format!("{}:{}: {}", file.path, index + 1, rule(line)?)))
        .collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// An absolute path that begins so, not the middle of a relative one or of a URL.
fn has_path(line: &str, beginning: &str) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>' | '*'))
    })
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

    #[test]
    fn a_good_file_passes() {
        let good = file(
            "crates/a/src/lib.rs",
            "//! What it is.\n\nfn skip() { [1].iter().skip(1); }\n",
        );
        assert!(check(&good).is_empty());
    }

    #[test]
    fn a_module_without_its_purpose_is_noticed() {
        assert_eq!(check(&file("a.rs", "fn main() {}\n")).len(), 1);
        assert!(check(&file("a.ts", "main();\n")).is_empty());
    }

    #[test]
    fn a_long_module_is_noticed() {
        let lines = |count| file("a.rs", &"//! x\n".repeat(count));
        assert!(check(&lines(LINES)).is_empty());
        assert_eq!(
            check(&lines(LINES + 1)),
            ["a.rs: 801 lines, but 800 is the most"]
        );
    }

    #[test]
    fn notes_of_work_left_are_noticed_as_words_only() {
        for note in [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("X", "XX"),
        ] {
            assert_eq!(
                check(&file("a.md", &format!("first\n{note}: more\n"))).len(),
                1
            );
            assert!(check(&file("a.md", &format!("TR_{note}{note}\n"))).is_empty());
            assert!(check(&file("Cargo.lock", &format!("{note}\n"))).is_empty());
        }
    }

    #[test]
    fn paths_of_one_machine_are_noticed() {
        for path in [
            concat!("/ro", "ot/x"),
            concat!("/ho", "me/me/x"),
            concat!("`/wo", "rk/x`"),
        ] {
            let complaints = check(&file("a.md", &format!("see {path}\n")));
            assert_eq!(complaints.len(), 1, "{path}");
        }
        assert!(check(&file("a.md", concat!("tests/wo", "rk/x\n"))).is_empty());
    }

    #[test]
    fn registries_are_noticed_even_in_lock_files() {
        let host = concat!("https://registry.npm", "js.org/a");
        assert_eq!(check(&file("a/package-lock.json", host)).len(), 1);
        let resolved = concat!("  \"resol", "ved\": \"https://mirror.example/a.tgz\"");
        assert_eq!(check(&file("a/package-lock.json", resolved)).len(), 1);
    }

    #[test]
    fn tests_that_do_not_run_are_noticed() {
        let cases = [
            ("a.rs", concat!("//! x\n#[ign", "ore]\n")),
            ("a.rs", concat!("//! x\n#[ign", "ore = \"slow\"]\n")),
            ("a.spec.ts", concat!("test.sk", "ip('x')\n")),
            ("a.test.tsx", concat!("it.on", "ly('x')\n")),
            ("a.py", concat!("@unittest.sk", "ip('x')\n")),
        ];
        for (path, contents) in cases {
            assert_eq!(check(&file(path, contents)).len(), 1, "{contents}");
        }
    }
}
