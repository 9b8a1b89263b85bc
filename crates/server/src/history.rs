//! Attendance on its way to the store: a bounded queue that keeps the disk
//! away from the control thread, and one task that writes in order.

use std::time::Duration;

use control::AttendanceChange;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{metrics::Metrics, store::Store};

/// Changes that may wait. A full room of 1,000 that comes and goes eight times
/// while the disk stands still.
const QUEUE: usize = 16_384;

/// Changes in one transaction: a commit costs a disk write, whatever it holds.
const BATCH: usize = 256;

/// Between tries while the store does not answer.
const RETRY: Duration = Duration::from_secs(1);
/// Then the batch is given up, so that later ones get their chance.
const TRIES: u32 = 30;

/// Where control's thread puts what it learns.
#[derive(Clone, Debug)]
pub struct History {
    queue: mpsc::Sender<AttendanceChange>,
    metrics: Metrics,
}

impl History {
    /// Starts the writer. It ends once every clone of the `History` is gone
    /// and everything is written.
    #[must_use]
    pub fn start(store: Store, metrics: Metrics) -> (Self, JoinHandle<()>) {
        let (queue, changes) = mpsc::channel(QUEUE);
        let task = tokio::spawn(write(changes, store, metrics.clone()));
        (Self { queue, metrics }, task)
    }

    /// Never blocks: a change that finds the queue full is lost and counted.
    pub fn record(&self, change: AttendanceChange) {
        if self.queue.try_send(change).is_err() {
            self.metrics.attendance_lost.inc();
            tracing::error!("attendance queue is full: a change is lost");
        }
    }
}

async fn write(mut changes: mpsc::Receiver<AttendanceChange>, store: Store, metrics: Metrics) {
    let mut batch = Vec::with_capacity(BATCH);
    while changes.recv_many(&mut batch, BATCH).await > 0 {
        for attempt in 1.. {
            let Err(error) = store.attend(&batch).await else {
                break;
            };
            tracing::error!(%error, attempt, changes = batch.len(), "attendance is not written");
            if attempt >= TRIES {
                let lost = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                metrics.attendance_lost.inc_by(lost);
                break;
            }
            tokio::time::sleep(RETRY).await;
        }
        batch.clear();
    }
}
