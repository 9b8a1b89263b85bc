//! Entering by a single offer: publishing, watching, and what can't be.

use protocol::{
    ids::RequestId,
    limits,
    media::Kind,
    plane::{CloseReason, Command, Event, SrtpCipher},
};

use super::{
    sketch::{FINGERPRINT, Sketch, offer},
    world::{World, grants},
};
use crate::{
    Answer, Input, Question,
    whip::{Entered, Entry, NoEntry, Way},
};

impl World {
    fn question(&mut self, question: Question) -> Answer {
        let request = RequestId(1);
        self.input(Input::Ask { request, question });
        self.answers.pop().unwrap()
    }

    fn enter_by(&mut self, way: Way, identity: &str, sdp: String) -> Result<Entered, NoEntry> {
        let entry = Entry {
            grants: grants(identity),
            way,
            offer: sdp,
        };
        match self.question(Question::Enter(Box::new(entry))) {
            Answer::Entered(entered) => entered,
            other => panic!("{other:?}"),
        }
    }

    fn quit(&mut self, identity: &str, sid: &str) -> bool {
        let question = Question::Quit {
            room: "room".into(),
            identity: identity.into(),
            sid: sid.into(),
        };
        match self.question(question) {
            Answer::Quit { found } => found,
            other => panic!("{other:?}"),
        }
    }

    /// The media of whoever came last is up.
    fn last_peer_up(&mut self) {
        let opened = |(shard, command): &(_, Command)| match command {
            Command::OpenPeer { peer, .. } => Some((*shard, *peer)),
            _ => None,
        };
        let (shard, peer) = self.orders.iter().rev().find_map(opened).unwrap();
        let cipher = SrtpCipher::AeadAes256Gcm;
        let event = Event::PeerConnected { peer, cipher };
        self.input(Input::Plane { shard, event });
    }
}

fn camera() -> String {
    let sections = [Sketch::send("audio", "mic"), Sketch::send("video", "cam")];
    offer(&sections, "whip", FINGERPRINT)
}

fn screen() -> String {
    let sections = [Sketch::receive("audio"), Sketch::receive("video")];
    offer(&sections, "whep", FINGERPRINT)
}

#[test]
fn what_is_offered_is_published() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let entered = world.enter_by(Way::Publish, "obs", camera()).unwrap();
    assert_eq!(entered.answer.matches("a=recvonly").count(), 2);
    assert!(entered.answer.contains("a=setup:passive"));
    world.last_peer_up();
    world.live(1);
    assert_eq!(world.screen(anna).sees(), [("anna", 0), ("obs", 2)]);
    let downlinks = world.commands().filter_map(|command| match command {
        Command::Subscribe { downlink, .. } => Some(downlink.kind),
        _ => None,
    });
    assert_eq!(downlinks.collect::<Vec<_>>(), [Kind::Audio, Kind::Video]);
    // It has no signalling to be silent on.
    world.live(2 * limits::PING_TIMEOUT.as_secs());
    assert_eq!(world.screen(anna).sees().len(), 2);
    assert!(!world.quit("anna", &entered.sid), "not somebody else's");
    assert!(world.quit("obs", &entered.sid));
    assert!(!world.quit("obs", &entered.sid));
    world.live(1);
    assert_eq!(world.screen(anna).sees(), [("anna", 0)]);
}

#[test]
fn what_is_there_is_watched() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let nothing = world.enter_by(Way::Watch, "tv", screen());
    assert_eq!(nothing, Err(NoEntry::NothingToWatch));
    world.publish(anna, "mic", "audio");
    world.publish(anna, "cam", "video");
    let entered = world.enter_by(Way::Watch, "tv", screen()).unwrap();
    assert_eq!(entered.answer.matches("a=sendonly").count(), 2);
    world.last_peer_up();
    world.live(1);
    assert_eq!(world.screen(anna).sees(), [("anna", 2), ("tv", 0)]);
    // A second screen of the same name takes the place of the first.
    let again = world.enter_by(Way::Watch, "tv", screen()).unwrap();
    assert_ne!(again.sid, entered.sid);
    assert!(!world.quit("tv", &entered.sid));
}

#[test]
fn media_that_ends_ends_the_stay() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.enter_by(Way::Publish, "obs", camera()).unwrap();
    world.last_peer_up();
    let (shard, peer) = world
        .orders
        .iter()
        .rev()
        .find_map(|(shard, command)| {
            matches!(command, Command::OpenPeer { .. }).then(|| (*shard, command.peer()))
        })
        .unwrap();
    let event = Event::PeerClosed {
        peer,
        reason: CloseReason::Silence,
    };
    world.input(Input::Plane { shard, event });
    world.live(1);
    assert_eq!(world.screen(anna).sees(), [("anna", 0)]);
}

#[test]
fn whoever_can_not_be_let_in_is_told_why() {
    let mut world = World::new();
    world
        .enter_by(Way::Publish, "obs", "v=1\r\n".into())
        .unwrap_err();
    assert_eq!(world.control.stats().rooms, 0, "nothing was opened for it");
    world.enter("anna");
    let malformed = world.enter_by(Way::Publish, "obs", "v=1\r\n".into());
    assert!(
        matches!(malformed, Err(NoEntry::Malformed(_))),
        "{malformed:?}"
    );
    for (way, sdp) in [(Way::Publish, screen()), (Way::Watch, camera())] {
        let refused = world.enter_by(way, "obs", sdp);
        assert!(matches!(
            refused,
            Err(NoEntry::Unanswerable(_) | NoEntry::NothingToWatch)
        ));
    }
    let mut mute = grants("mute");
    mute.can_publish = false;
    let entry = Entry {
        grants: mute,
        way: Way::Publish,
        offer: camera(),
    };
    let answer = world.question(Question::Enter(Box::new(entry)));
    assert_eq!(answer, Answer::Entered(Err(NoEntry::Forbidden("publish"))));
    assert_eq!(world.control.stats().participants, 1, "nobody was let in");
}
