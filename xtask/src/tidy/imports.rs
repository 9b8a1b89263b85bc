//! The import law: who may name whom, and who must never reach a runtime.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata};

/// Our crates, and which of ours each may use. What a crate's tests use is
/// its own business.
const LAW: [(&str, &[&str]); 7] = [
    ("protocol", &[]),
    ("media", &["protocol"]),
    ("control", &["protocol"]),
    ("client", &["protocol"]),
    ("server", &["protocol", "media", "control"]),
    ("sim", &["protocol", "media", "control", "client"]),
    ("xtask", &[]),
];

/// Sans-IO all the way down: time, sockets and randomness are passed in.
const PURE: [&str; 5] = ["protocol", "media", "control", "client", "sim"];

/// Runtimes, any of which would bring ambient time and sockets.
const RUNTIMES: [&str; 3] = ["tokio", "async-std", "smol"];

/// Who depends on whom outside of tests, by package name.
type Graph = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    let graph = graph(metadata);
    let ours: BTreeSet<&str> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut complaints = unlawful(&graph, &ours);
    complaints.extend(impure(&graph));
    complaints
}

/// Two versions of one package become one node, which can only make the law
/// stricter.
fn graph(metadata: &Metadata) -> Graph {
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let mut graph = Graph::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let Some(name) = names.get(&node.id) else {
            continue;
        };
        let edges = graph.entry(name.clone()).or_default();
        let outside_tests = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development)
        });
        edges.extend(outside_tests.filter_map(|dependency| names.get(&dependency.pkg).cloned()));
    }
    graph
}

/// Edges among our own crates that the law does not name.
fn unlawful(graph: &Graph, ours: &BTreeSet<&str>) -> Vec<String> {
    let mut complaints = Vec::new();
    for from in ours {
        let Some((_, allowed)) = LAW.iter().find(|(name, _)| name == from) else {
            complaints.push(format!(
                "{from}: a new crate needs its line in the import law"
            ));
            continue;
        };
        for to in graph.get(*from).into_iter().flatten() {
            if ours.contains(to.as_str()) && !allowed.contains(&to.as_str()) {
                complaints.push(format!("{from} must not import {to}"));
            }
        }
    }
    complaints
}

/// Pure crates that reach a runtime, each with the way it does.
fn impure(graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for from in PURE {
        for runtime in RUNTIMES {
            if let Some(way) = way(graph, from, runtime) {
                complaints.push(format!(
                    "{from} must not reach {runtime}: {}",
                    way.join(" → ")
                ));
            }
        }
    }
    complaints
}

/// The shortest way from one package to another.
fn way<'a>(graph: &'a Graph, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut open = VecDeque::from([vec![from]]);
    while let Some(path) = open.pop_front() {
        let last = path.last()?;
        if *last == to {
            return Some(path);
        }
        for next in graph.get(*last).into_iter().flatten() {
            if seen.insert(next) {
                let mut longer = path.clone();
                longer.push(next);
                open.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph_of(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    }

    fn ours() -> BTreeSet<&'static str> {
        LAW.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn the_law_holds_where_only_named_edges_are() {
        let graph = graph_of(&[
            ("media", "protocol"),
            ("sim", "client"),
            ("server", "tokio"),
        ]);
        assert!(unlawful(&graph, &ours()).is_empty());
        assert!(impure(&graph).is_empty());
    }

    #[test]
    fn siblings_and_climbing_are_noticed() {
        let graph = graph_of(&[
            ("media", "control"),
            ("protocol", "media"),
            ("xtask", "server"),
        ]);
        assert_eq!(
            unlawful(&graph, &ours()),
            [
                "media must not import control",
                "protocol must not import media",
                "xtask must not import server"
            ]
        );
    }

    #[test]
    fn a_crate_without_a_line_in_the_law_is_noticed() {
        let complaints = unlawful(&Graph::new(), &BTreeSet::from(["media", "newcomer"]));
        assert_eq!(
            complaints,
            ["newcomer: a new crate needs its line in the import law"]
        );
    }

    #[test]
    fn a_runtime_far_below_is_noticed_with_the_way_to_it() {
        let graph = graph_of(&[("media", "ring"), ("ring", "hyper"), ("hyper", "tokio")]);
        assert_eq!(
            impure(&graph),
            ["media must not reach tokio: media → ring → hyper → tokio"]
        );
    }

    #[test]
    fn cycles_end_the_search() {
        let graph = graph_of(&[("media", "a"), ("a", "b"), ("b", "a")]);
        assert!(impure(&graph).is_empty());
    }
}
