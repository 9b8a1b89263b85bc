//! The lite side of ICE (RFC 8445 §2.5): answers connectivity checks, never
//! makes any, and follows the address that the client nominates.

use std::net::SocketAddr;

use is::stun::StunMessage;
use protocol::media::IceCredentials;
use ring::hmac;

/// The longest answer: header, XOR-MAPPED-ADDRESS of IPv6 or ERROR-CODE,
/// MESSAGE-INTEGRITY and FINGERPRINT come to 84 bytes.
const ANSWER_BYTES: usize = 128;

/// Both ends of the way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
}

#[derive(Clone, Debug)]
struct Credentials {
    local: IceCredentials,
    remote: IceCredentials,
}

/// What became of a connectivity check.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// It proved knowledge of our password; here is what to answer.
    Accepted(Vec<u8>),
    /// So did this one, but its sender believes to be controlled, which only
    /// a lite agent is (RFC 8445 §6.1.1).
    RoleConflict(Vec<u8>),
    Unauthenticated,
}

/// Connectivity of one peer.
#[derive(Debug)]
pub(crate) struct Lite {
    current: Credentials,
    /// Valid after a restart until the first check with the new ones.
    previous: Option<Credentials>,
    path: Option<Path>,
    nominated: bool,
}

impl Lite {
    pub(crate) const fn new(local: IceCredentials, remote: IceCredentials) -> Self {
        Self {
            current: Credentials { local, remote },
            previous: None,
            path: None,
            nominated: false,
        }
    }

    /// New credentials (RFC 8445 §9); what was nominated stays in use until
    /// the client nominates anew. Gives back the user fragment that is now void.
    pub(crate) fn restart(
        &mut self,
        local: IceCredentials,
        remote: IceCredentials,
    ) -> Option<String> {
        let old = std::mem::replace(&mut self.current, Credentials { local, remote });
        self.previous.replace(old).map(|void| void.local.ufrag)
    }

    /// Where to send to: what the client nominated last, and before that,
    /// where its first valid check came from.
    pub(crate) const fn path(&self) -> Option<Path> {
        self.path
    }

    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(|c| c.local.ufrag.as_str())
    }

    /// Answers a connectivity check (RFC 8445 §7.3).
    pub(crate) fn check(&mut self, message: &StunMessage<'_>, path: Path) -> Check {
        let Some(credentials) = self.authenticate(message) else {
            return Check::Unauthenticated;
        };
        let password = credentials.local.password.clone();
        let current = credentials.local == self.current.local;
        let answer = |message: StunMessage<'_>| {
            let mut bytes = vec![0; ANSWER_BYTES];
            let length = message.to_bytes(Some(password.as_bytes()), &mut bytes, hmac_sha1);
            bytes.truncate(length.unwrap_or(0));
            bytes
        };
        if message.ice_controlled().is_some() {
            let conflict = StunMessage::binding_role_conflict_reply(message.trans_id());
            return Check::RoleConflict(answer(conflict));
        }
        if message.use_candidate() {
            self.path = Some(path);
            self.nominated = true;
        } else if !self.nominated {
            self.path.get_or_insert(path);
        }
        if current {
            self.previous = None;
        }
        Check::Accepted(answer(StunMessage::binding_reply(
            message.trans_id(),
            path.remote,
        )))
    }

    /// RFC 8445 §7.3 with RFC 8489 §9.1.3: the user name is ours and theirs,
    /// the integrity is by our password.
    fn authenticate(&self, message: &StunMessage<'_>) -> Option<&Credentials> {
        let (local, remote) = message.split_username()?;
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|c| c.local.ufrag == local && c.remote.ufrag == remote)
            .filter(|c| message.verify(c.local.password.as_bytes(), hmac_sha1))
    }
}

/// Whose check it is: the part of the user name before the colon.
pub(crate) fn local_ufrag<'a>(message: &'a StunMessage<'_>) -> Option<&'a str> {
    message.split_username().map(|(local, _)| local)
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 20];
    for (to, from) in bytes.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use is::stun::{StunMessage, TransId};
    use protocol::{ids::ShardId, media::IceCredentials};

    use super::{Check, Lite, Path, hmac_sha1};

    fn ours(nonce: &str) -> IceCredentials {
        IceCredentials::local(ShardId(0), nonce, "p".repeat(24))
    }

    fn theirs() -> IceCredentials {
        IceCredentials {
            ufrag: "them".into(),
            password: "q".repeat(24),
        }
    }

    fn path(port: u16) -> Path {
        Path {
            remote: ([192, 0, 2, 1], port).into(),
            local: ([198, 51, 100, 1], 7882).into(),
        }
    }

    fn check(lite: &mut Lite, user: &str, password: &str, nominate: bool, port: u16) -> Check {
        let request = StunMessage::binding_request(user, TransId::new(), true, 1, 100, nominate);
        let mut bytes = [0; 256];
        let n = request
            .to_bytes(Some(password.as_bytes()), &mut bytes, hmac_sha1)
            .unwrap();
        lite.check(&StunMessage::parse(&bytes[..n]).unwrap(), path(port))
    }

    #[test]
    fn the_last_nominated_address_wins() {
        let mut lite = Lite::new(ours("a"), theirs());
        let password = "p".repeat(24);
        assert_eq!(lite.path(), None);
        for (nominate, port, expected) in [
            (false, 1, 1),
            (false, 2, 1),
            (true, 2, 2),
            (false, 3, 2),
            (true, 3, 3),
        ] {
            let answer = check(&mut lite, "0000a:them", &password, nominate, port);
            assert!(matches!(answer, Check::Accepted(_)));
            assert_eq!(lite.path(), Some(path(expected)));
        }
    }

    #[test]
    fn an_answer_tells_the_address_and_is_authenticated() {
        let mut lite = Lite::new(ours("a"), theirs());
        let password = "p".repeat(24);
        let Check::Accepted(bytes) = check(&mut lite, "0000a:them", &password, true, 7) else {
            panic!("not accepted");
        };
        let answer = StunMessage::parse(&bytes).unwrap();
        assert_eq!(answer.mapped_address(), Some(path(7).remote));
        assert!(answer.verify(password.as_bytes(), hmac_sha1));
    }

    #[test]
    fn wrong_names_and_passwords_are_refused() {
        let mut lite = Lite::new(ours("a"), theirs());
        let password = "p".repeat(24);
        for (user, password) in [
            ("0000b:them", password.as_str()),
            ("0000a:other", password.as_str()),
            ("0000a:them", "wrong"),
        ] {
            let answer = check(&mut lite, user, password, true, 1);
            assert_eq!(answer, Check::Unauthenticated);
        }
        assert_eq!(lite.path(), None);
    }

    #[test]
    fn old_credentials_die_with_the_first_check_by_the_new_ones() {
        let mut lite = Lite::new(ours("a"), theirs());
        let password = "p".repeat(24);
        assert_eq!(lite.restart(ours("b"), theirs()), None);
        assert_eq!(lite.ufrags().count(), 2);
        let mut ok = |user: &str| {
            matches!(
                check(&mut lite, user, &password, true, 1),
                Check::Accepted(_)
            )
        };
        assert!(ok("0000a:them"));
        assert!(ok("0000b:them"));
        assert!(!ok("0000a:them"));
    }
}
