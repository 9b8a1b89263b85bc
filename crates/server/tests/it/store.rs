//! SQLite against a model: the same requests, the same answers.

use std::collections::BTreeMap;

use control::AttendanceChange;
use proptest::prelude::*;
use protocol::store::{Attendance, Meeting};
use server::{
    history::History,
    metrics::Metrics,
    store::{Store, StoreError},
};

/// What the store is asked. Few ids, so that they meet.
#[derive(Clone, Debug)]
enum Request {
    Create(Meeting),
    Meeting(String),
    End(String, i64),
    Attend(Vec<AttendanceChange>),
    Attendance(String),
    CloseStays(i64),
    Reopen,
}

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn meeting() -> impl Strategy<Value = Meeting> {
    let times = (0..1_000_i64, prop::option::of(0..1_000_i64));
    (id(), ".*", prop::option::of(".*"), times).prop_map(|(meeting_id, title, hash, times)| {
        Meeting {
            meeting_id,
            host_id: "host".to_owned(),
            title,
            passcode_hash: hash,
            settings_json: "{}".to_owned(),
            created_at: times.0,
            start_time: times.1,
            ended_at: None,
        }
    })
}

fn change() -> impl Strategy<Value = AttendanceChange> {
    let stay = (id(), id(), ".*", 0..1_000_i64).prop_map(|(id, meeting_id, name, joined_at)| {
        AttendanceChange::Joined(Attendance {
            id,
            meeting_id,
            user_id: "user".to_owned(),
            name,
            joined_at,
            left_at: None,
        })
    });
    let left =
        (id(), 0..1_000_i64).prop_map(|(id, left_at)| AttendanceChange::Left { id, left_at });
    prop_oneof![stay, left]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        meeting().prop_map(Request::Create),
        id().prop_map(Request::Meeting),
        (id(), 0..1_000_i64).prop_map(|(id, at)| Request::End(id, at)),
        prop::collection::vec(change(), 0..5).prop_map(Request::Attend),
        id().prop_map(Request::Attendance),
        (0..1_000_i64).prop_map(Request::CloseStays),
        Just(Request::Reopen),
    ]
}

/// The specification of the store, in memory.
#[derive(Default)]
struct Model {
    meetings: BTreeMap<String, Meeting>,
    stays: BTreeMap<String, Attendance>,
}

impl Model {
    fn attend(&mut self, changes: &[AttendanceChange]) {
        for change in changes {
            match change {
                AttendanceChange::Joined(stay) => {
                    self.stays
                        .entry(stay.id.clone())
                        .or_insert_with(|| stay.clone());
                }
                AttendanceChange::Left { id, left_at } => {
                    if let Some(stay) = self.stays.get_mut(id) {
                        stay.left_at.get_or_insert(*left_at);
                    }
                }
            }
        }
    }

    fn attendance(&self, meeting: &str) -> Vec<Attendance> {
        let mut stays: Vec<Attendance> = self
            .stays
            .values()
            .filter(|stay| stay.meeting_id == meeting)
            .cloned()
            .collect();
        stays.sort_by(|a, b| (a.joined_at, &a.id).cmp(&(b.joined_at, &b.id)));
        stays
    }

    fn close_stays(&mut self, at: i64) -> u64 {
        let mut open = 0;
        for stay in self
            .stays
            .values_mut()
            .filter(|stay| stay.left_at.is_none())
        {
            stay.left_at = Some(at.max(stay.joined_at));
            open += 1;
        }
        open
    }
}

async fn compare(requests: Vec<Request>) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).await.unwrap();
    let mut model = Model::default();
    for request in requests {
        match request {
            Request::Create(meeting) => {
                let taken = model.meetings.contains_key(&meeting.meeting_id);
                let done = store.create(&meeting).await;
                assert_eq!(matches!(done, Err(StoreError::Taken)), taken);
                assert_eq!(done.is_ok(), !taken);
                model
                    .meetings
                    .entry(meeting.meeting_id.clone())
                    .or_insert(meeting);
            }
            Request::Meeting(id) => {
                assert_eq!(
                    store.meeting(&id).await.unwrap(),
                    model.meetings.get(&id).cloned()
                );
            }
            Request::End(id, at) => {
                store.end(&id, at).await.unwrap();
                if let Some(meeting) = model.meetings.get_mut(&id) {
                    meeting.ended_at.get_or_insert(at);
                }
            }
            Request::Attend(changes) => {
                store.attend(&changes).await.unwrap();
                model.attend(&changes);
            }
            Request::Attendance(id) => {
                assert_eq!(store.attendance(&id).await.unwrap(), model.attendance(&id));
            }
            Request::CloseStays(at) => {
                assert_eq!(store.close_stays(at).await.unwrap(), model.close_stays(at));
            }
            Request::Reopen => {
                store.close().await;
                store = Store::open(folder.path()).await.unwrap();
            }
        }
    }
    for id in ["a", "b", "c"] {
        assert_eq!(store.attendance(id).await.unwrap(), model.attendance(id));
    }
    store.close().await;
}

#[test]
fn the_store_does_what_the_model_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    proptest!(ProptestConfig::with_cases(24), |(requests in prop::collection::vec(request(), 1..40))| {
        runtime.block_on(compare(requests));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_written_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let (history, task) = History::start(store.clone(), Metrics::default());
    for number in 0..1_000 {
        history.record(AttendanceChange::Joined(Attendance {
            id: format!("PA_{number}"),
            meeting_id: "m".to_owned(),
            user_id: "user".to_owned(),
            name: String::new(),
            joined_at: number,
            left_at: None,
        }));
        history.record(AttendanceChange::Left {
            id: format!("PA_{number}"),
            left_at: number + 1,
        });
    }
    drop(history);
    task.await.unwrap();
    let stays = store.attendance("m").await.unwrap();
    assert_eq!(stays.len(), 1_000);
    assert!(
        stays
            .iter()
            .all(|stay| stay.left_at == Some(stay.joined_at + 1))
    );
    store.close().await;
}
