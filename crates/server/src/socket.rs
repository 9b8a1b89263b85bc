//! One shard's UDP socket: batches in, runs of datagrams out. Knows nothing
//! of WebRTC.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// Wanted for the kernel's buffers, in bytes: 4 MiB hold 40 ms at 800 Mbit/s,
/// longer than a shard is ever away. The kernel gives less when
/// `net.core.rmem_max` and `wmem_max` say so.
const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

/// Largest receive: a run of datagrams that the kernel has put together (UDP_GRO).
const RUN_BYTES: usize = 65_535;

/// Largest send: a UDP payload over IPv4 is at most 65,507 bytes, and a
/// segmented one is handed down as one.
const SEND_BYTES: usize = 65_000;

/// What may wait in user space while the kernel's buffer is full; the rest is
/// dropped, as a full link drops. With the kernel's own buffer this is more
/// than 50 ms at a gigabit: older media is of no use.
const BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// The media port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "UDP {address} is in use: another program, or another plenary, has it. Stop that one or choose another with --rtc ADDRESS:PORT"
    )]
    InUse { address: SocketAddr },
    #[error(
        "UDP {address} cannot be opened: {cause}. Is it an address of this machine? Choose another with --rtc ADDRESS:PORT"
    )]
    Open {
        address: SocketAddr,
        cause: io::Error,
    },
}

/// Opens `count` sockets on the same address; the kernel spreads the senders
/// over them (SO_REUSEPORT). With port 0 they share the port that the first gets.
///
/// # Errors
///
/// [`SocketError`] names the address and the remedy.
pub fn open(address: SocketAddr, count: u16) -> Result<Vec<UdpSocket>, SocketError> {
    let failed = |cause: io::Error| {
        if cause.kind() == io::ErrorKind::AddrInUse {
            SocketError::InUse { address }
        } else {
            SocketError::Open { address, cause }
        }
    };
    // With SO_REUSEPORT a second server of the same user would silently take
    // half of the packets; this one finds it out.
    let mut address = address;
    if count > 1 {
        let probe = bind(address, false).map_err(failed)?;
        address = probe.local_addr().map_err(failed)?;
    }
    let mut sockets: Vec<UdpSocket> = Vec::new();
    for _ in 0..count {
        let socket = bind(address, count > 1).map_err(failed)?;
        address = socket.local_addr().map_err(failed)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn bind(address: SocketAddr, share: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    // Best effort: the size is a wish.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The addresses that clients are told: the given one, else the one that is
/// listened on, else the one that faces the default route.
#[must_use]
pub fn candidates(bound: SocketAddr, node_ip: Option<IpAddr>) -> Vec<SocketAddr> {
    let with_port = |address| SocketAddr::new(address, bound.port());
    if let Some(address) = node_ip {
        return vec![with_port(address)];
    }
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    // Connecting a UDP socket sends nothing; it only asks for the route. The
    // targets are documentation addresses (RFC 5737, RFC 3849).
    let facing = |from: IpAddr, to: IpAddr| {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
        socket.connect(SocketAddr::new(to, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
    };
    let v4 = facing(
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::new(192, 0, 2, 1).into(),
    );
    let v6 = if bound.is_ipv6() {
        facing(
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    } else {
        None
    };
    let mut found: Vec<SocketAddr> = v4.into_iter().chain(v6).map(with_port).collect();
    if found.is_empty() {
        found.push(with_port(Ipv4Addr::LOCALHOST.into()));
    }
    found
}

/// What the socket counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketStats {
    pub receive_calls: u64,
    pub send_calls: u64,
    /// Runs that came when [`BACKLOG_BYTES`] were waiting.
    pub dropped_backlog: u64,
    /// Runs that the kernel refused.
    pub dropped_error: u64,
    /// Gauge: bytes that wait for the kernel.
    pub backlog_bytes: u64,
}

/// A socket of one shard, registered with its poll.
#[derive(Debug)]
pub struct MediaSocket {
    io: mio::net::UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    backlog: VecDeque<Waiting>,
    backlog_bytes: usize,
    stats: SocketStats,
}

/// A run that the kernel had no room for.
#[derive(Debug)]
struct Waiting {
    destination: SocketAddr,
    source: IpAddr,
    contents: Vec<u8>,
    segment: usize,
}

impl MediaSocket {
    /// # Errors
    ///
    /// When the system refuses.
    pub fn new(socket: UdpSocket, registry: &Registry, token: Token) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        let mut io = mio::net::UdpSocket::from_std(socket);
        registry.register(&mut io, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            io,
            state,
            local,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            stats: SocketStats::default(),
        })
    }

    #[must_use]
    pub fn stats(&self) -> SocketStats {
        SocketStats {
            backlog_bytes: u64::try_from(self.backlog_bytes).unwrap_or(u64::MAX),
            ..self.stats
        }
    }

    /// Takes a batch out of the kernel. `false` when there was nothing.
    pub fn receive(&mut self, batch: &mut Batch) -> bool {
        let mut chunks = batch.memory.chunks_mut(RUN_BYTES);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.stats.receive_calls += 1;
        let got = self
            .state
            .recv(UdpSockRef::from(&self.io), &mut slices, &mut batch.meta);
        batch.local = self.local;
        match got {
            Ok(filled) => {
                batch.filled = filled;
                true
            }
            Err(error) => {
                batch.filled = 0;
                // Any other (an ICMP report, say) belongs to one peer: go on reading.
                error.kind() != io::ErrorKind::WouldBlock
            }
        }
    }

    /// Sends a run of datagrams, each of `segment` bytes but for the last. What the
    /// kernel has no room for waits until [`MediaSocket::writable`].
    pub fn send(
        &mut self,
        destination: SocketAddr,
        source: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) {
        let segment = segment.clamp(1, contents.len().max(1));
        if self.backlog.is_empty() {
            let sent = self.push(destination, source.ip(), contents, segment);
            if let Some(rest) = contents.get(sent..).filter(|rest| !rest.is_empty()) {
                self.wait(destination, source.ip(), rest, segment);
            }
        } else {
            self.wait(destination, source.ip(), contents, segment);
        }
    }

    /// The kernel has room again.
    pub fn writable(&mut self) {
        while let Some(mut first) = self.backlog.pop_front() {
            self.backlog_bytes -= first.contents.len();
            let sent = self.push(
                first.destination,
                first.source,
                &first.contents,
                first.segment,
            );
            if sent < first.contents.len() {
                first.contents.drain(..sent);
                self.backlog_bytes += first.contents.len();
                self.backlog.push_front(first);
                return;
            }
        }
    }

    fn wait(&mut self, destination: SocketAddr, source: IpAddr, contents: &[u8], segment: usize) {
        if self.backlog_bytes + contents.len() > BACKLOG_BYTES {
            self.stats.dropped_backlog += 1;
            return;
        }
        self.backlog_bytes += contents.len();
        self.backlog.push_back(Waiting {
            destination,
            source,
            contents: contents.to_vec(),
            segment,
        });
    }

    /// Hands as much as possible to the kernel; returns how many bytes need
    /// not be sent again.
    fn push(
        &mut self,
        destination: SocketAddr,
        source: IpAddr,
        contents: &[u8],
        segment: usize,
    ) -> usize {
        let mut done = 0;
        while let Some(rest) = contents.get(done..).filter(|rest| !rest.is_empty()) {
            // Asked each time: it falls to 1 when the device turns out not to segment.
            let segments = self.state.max_gso_segments();
            let length = (segments.min(SEND_BYTES / segment).max(1) * segment).min(rest.len());
            let Some(run) = rest.get(..length) else { break };
            let transmit = Transmit {
                destination: self.reachable(destination),
                ecn: None,
                contents: run,
                segment_size: (length > segment).then_some(segment),
                src_ip: self.local.ip().is_unspecified().then_some(source),
            };
            self.stats.send_calls += 1;
            match self.state.try_send(UdpSockRef::from(&self.io), &transmit) {
                Ok(()) => done += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) if self.state.max_gso_segments() < segments => {}
                Err(error) => {
                    tracing::debug!(%error, %destination, "datagrams not sent");
                    self.stats.dropped_error += 1;
                    done += length;
                }
            }
        }
        done
    }

    /// An IPv4 address in the form that a dual-stack socket wants (RFC 4291 §2.5.5.2).
    fn reachable(&self, to: SocketAddr) -> SocketAddr {
        match (self.local, to) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            (SocketAddr::V4(_) | SocketAddr::V6(_), _) => to,
        }
    }
}

/// Room for one batch of received datagrams, used again and again.
#[derive(Debug)]
pub struct Batch {
    memory: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
    filled: usize,
    local: SocketAddr,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            memory: vec![0; BATCH_SIZE * RUN_BYTES],
            meta: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
            local: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        }
    }
}

impl Batch {
    /// Calls `each(source, destination, datagram)` in the order of arrival.
    pub fn for_each(&mut self, mut each: impl FnMut(SocketAddr, SocketAddr, &mut [u8])) {
        let runs = self
            .memory
            .chunks_mut(RUN_BYTES)
            .zip(&self.meta)
            .take(self.filled);
        for (run, meta) in runs {
            let source = canonical(meta.addr);
            let address = meta.dst_ip.unwrap_or(self.local.ip()).to_canonical();
            let destination = SocketAddr::new(address, self.local.port());
            let Some(run) = run.get_mut(..meta.len) else {
                continue;
            };
            for datagram in run.chunks_mut(meta.stride.max(1)) {
                each(source, destination, datagram);
            }
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> (mio::Poll, MediaSocket) {
        let poll = mio::Poll::new().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let io = open(address, 1).unwrap().remove(0);
        let socket = MediaSocket::new(io, poll.registry(), Token(0)).unwrap();
        (poll, socket)
    }

    #[test]
    fn a_run_arrives_as_its_datagrams() {
        let (_poll, mut from) = socket();
        let (mut poll, mut to) = socket();
        let contents: Vec<u8> = (0..250_u8).collect();
        from.send(to.local, from.local, &contents, 100);
        poll.poll(&mut mio::Events::with_capacity(4), None).unwrap();
        let mut batch = Batch::default();
        let mut got: Vec<Vec<u8>> = Vec::new();
        for _ in 0..1_000 {
            if to.receive(&mut batch) {
                batch.for_each(|source, destination, bytes| {
                    assert_eq!((source, destination), (from.local, to.local));
                    got.push(bytes.to_vec());
                });
            }
        }
        let wanted: Vec<Vec<u8>> = contents.chunks(100).map(<[u8]>::to_vec).collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn the_backlog_is_bounded() {
        let (_poll, mut socket) = socket();
        let local = socket.local;
        socket.wait(local, local.ip(), &[0; 100], 100);
        for _ in 0..5_000 {
            socket.send(local, local, &[0; 1_200], 1_200);
        }
        assert!(socket.backlog_bytes <= BACKLOG_BYTES);
        assert!(socket.stats().dropped_backlog > 0);
        socket.writable();
        assert_eq!(
            socket.backlog_bytes,
            socket
                .backlog
                .iter()
                .map(|w| w.contents.len())
                .sum::<usize>()
        );
    }

    #[test]
    fn sockets_share_one_port_but_not_with_strangers() {
        let sockets = open("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert!(
            sockets
                .iter()
                .all(|socket| socket.local_addr().unwrap() == address)
        );
        assert!(matches!(open(address, 2), Err(SocketError::InUse { .. })));
        assert!(matches!(open(address, 1), Err(SocketError::InUse { .. })));
    }

    #[test]
    fn clients_are_told_an_address_that_they_can_reach() {
        let bound = "127.0.0.1:7882".parse().unwrap();
        assert_eq!(candidates(bound, None), [bound]);
        let public = "192.0.2.7".parse().unwrap();
        assert_eq!(
            candidates(bound, Some(public)),
            [SocketAddr::new(public, 7882)]
        );
        let any = candidates("0.0.0.0:7882".parse().unwrap(), None);
        assert!(
            any.iter()
                .all(|address| !address.ip().is_unspecified() && address.port() == 7882)
        );
    }
}
