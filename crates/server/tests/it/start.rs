//! Starting and what can go wrong with it.

use std::os::unix::fs::PermissionsExt;

use server::node::{Node, StartError};

use crate::support::{Fresh, settings};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_named_with_its_remedy() {
    let fresh = Fresh::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut taken = settings(folder.path());
    taken.http = fresh.node.http;
    let error = Node::start(taken).await.unwrap_err();
    assert!(matches!(error, StartError::HttpInUse { .. }));
    assert!(error.to_string().contains("--http"));
    let mut taken = settings(folder.path());
    taken.rtc = fresh.node.candidates[0];
    let error = Node::start(taken).await.unwrap_err().to_string();
    assert!(
        error.contains("in use") && error.contains("--rtc"),
        "{error}"
    );
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "not a folder").unwrap();
    let error = Node::start(settings(folder.path()))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("data") && error.contains("--data"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("plenary.db"), "x".repeat(4_096)).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o500)).unwrap();
    let error = Node::start(settings(folder.path()))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("plenary.db") && error.contains("--data"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_meetings_and_closes_stays() {
    let fresh = Fresh::start().await;
    let (id, _) = fresh.meeting(serde_json::json!({"title": "kept"})).await;
    fresh.node.stop().await;
    let again = Fresh::start_in(fresh.folder).await;
    let facts = again.get(&format!("/api/v1/meetings/{id}")).await.json();
    assert_eq!(facts["title"], "kept");
    again.node.stop().await;
}
