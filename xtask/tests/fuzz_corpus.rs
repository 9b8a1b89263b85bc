//! Gives every file of the fuzzers' corpus to its target, on the compiler and
//! with the libraries of everything else.

#[expect(unreachable_pub, reason = "in its own package it is a library")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::Path};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 8] = [
    ("datagram", targets::datagram),
    ("dependency", targets::dependency),
    ("join", targets::join),
    ("rtcp", targets::rtcp),
    ("rtp", targets::rtp),
    ("sdp", targets::sdp),
    ("signal", targets::signal),
    ("stun", targets::stun),
];

#[test]
fn no_input_of_the_corpus_panics() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::read(&path).unwrap();
            eprintln!("{}", path.display());
            target(&data);
            // Cut anywhere: what a lost or forged packet may look like.
            for length in (0..data.len()).step_by(data.len() / 40 + 1) {
                target(&data[..length]);
            }
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no corpus");
    }
}

#[test]
fn every_target_of_the_fuzzers_is_replayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
