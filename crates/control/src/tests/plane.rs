//! A media plane that believes nothing: it checks that its orders make sense.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    ids::{PeerId, SlotId, TrackId},
    plane::Command,
};

/// What the media plane was told makes sense.
#[derive(Default)]
pub(super) struct Plane {
    peers: BTreeSet<PeerId>,
    tracks: BTreeMap<TrackId, PeerId>,
    slots: BTreeMap<(PeerId, SlotId), (TrackId, String)>,
}

impl Plane {
    pub(super) fn follow(&mut self, command: &Command) {
        let peer = command.peer();
        if let Command::OpenPeer { .. } = command {
            assert!(self.peers.insert(peer), "opened twice");
            return;
        }
        if let Command::ClosePeer { .. } = command {
            self.peers.remove(&peer);
            self.tracks.retain(|_, owner| *owner != peer);
            self.slots.retain(|(owner, _), _| *owner != peer);
            return;
        }
        assert!(
            self.peers.contains(&peer),
            "{command:?} for a peer that is not open"
        );
        match command {
            Command::Publish { uplink, .. } => {
                assert!((1..=3).contains(&uplink.encodings.len()));
                self.tracks.insert(uplink.track, peer);
            }
            Command::Unpublish { track, .. } => {
                assert_eq!(self.tracks.remove(track), Some(peer));
            }
            Command::Subscribe { downlink, .. } => {
                assert!(
                    self.tracks.contains_key(&downlink.track),
                    "an unknown track"
                );
                assert_ne!(self.tracks[&downlink.track], peer, "its own track");
                let mid = downlink.mid.to_string();
                let taken = self
                    .slots
                    .iter()
                    .any(|((p, _), (_, m))| *p == peer && *m == mid);
                assert!(!taken, "two tracks in one section");
                let old = self
                    .slots
                    .insert((peer, downlink.slot), (downlink.track, mid));
                assert!(old.is_none(), "a slot used twice");
            }
            Command::Unsubscribe { slot, .. } => {
                assert!(self.slots.remove(&(peer, *slot)).is_some());
            }
            Command::ChangeWish { slot, .. } => assert!(self.slots.contains_key(&(peer, *slot))),
            Command::MuteTrack { track, .. } => assert!(self.tracks.contains_key(track)),
            Command::OpenPeer { .. }
            | Command::ClosePeer { .. }
            | Command::RestartIce { .. }
            | Command::Negotiate { .. }
            | Command::OpenData { .. }
            | Command::SendData { .. }
            | Command::CreditData { .. } => {}
        }
    }
}
