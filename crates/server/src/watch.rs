//! Notices when a thread ends that should not have: without its shards or
//! its control, a server only pretends to serve.

use tokio::sync::mpsc;

/// Hands out guards and reports the first one that is dropped too early.
#[derive(Clone, Debug)]
pub struct Alive {
    ended: mpsc::Sender<&'static str>,
}

/// To be held by a thread for as long as it runs.
#[derive(Debug)]
pub struct Guard {
    name: &'static str,
    ended: mpsc::Sender<&'static str>,
}

impl Alive {
    /// The receiver gets the name of each thread that ends.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<&'static str>) {
        let (ended, names) = mpsc::channel(1);
        (Self { ended }, names)
    }

    #[must_use]
    pub fn guard(&self, name: &'static str) -> Guard {
        Guard {
            name,
            ended: self.ended.clone(),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The first one tells enough.
        let _ = self.ended.try_send(self.name);
    }
}
