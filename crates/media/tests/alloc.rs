//! A forwarded packet costs no allocation, and one that comes in at most two.

#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    reason = "an allocator is unsafe by its signature; a test may panic"
)]

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use common::{World, audio, video};
use media::Input;
use protocol::media::Kind;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is just ending has no counter any more.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + 1));
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RECEIVERS: usize = 20;

/// Some queue may still find its size.
const GROWTH: u64 = 8;

#[test]
fn forwarding_does_not_allocate() {
    let mut world = World::new(1);
    let publisher = world.join(0);
    for _ in 0..RECEIVERS {
        world.join(0);
    }
    world.connect();
    world.publish(publisher, 1, Kind::Audio);
    world.publish(publisher, 2, Kind::Video);
    for client in 1..=RECEIVERS {
        world.subscribe(client, 1, 0, Kind::Audio);
        world.subscribe(client, 2, 0, Kind::Video);
    }
    // Until every buffer has its size and every history is full.
    for n in 0..1_500 {
        send(&mut world, publisher, n);
        world.run_for(Duration::from_millis(5));
    }
    let mut allocations = 0;
    let mut forwarded = 0;
    for n in 1_500..1_700 {
        let (cost, packets) = measure(&mut world, publisher, n);
        allocations += cost;
        forwarded += packets;
        world.run_for(Duration::from_millis(5));
    }
    let expected = 200 * 2 * u64::try_from(RECEIVERS).unwrap();
    assert_eq!(forwarded, expected);
    assert!(
        allocations <= 200 * 2 * 2 + GROWTH,
        "{allocations} allocations for 400 packets in and {forwarded} out"
    );
}

fn send(world: &mut World, publisher: usize, n: u16) {
    world.write(publisher, audio(1, n));
    world.write(publisher, video(2, n));
}

/// Takes two packets from the publisher through the shard alone.
fn measure(world: &mut World, publisher: usize, n: u16) -> (u64, u64) {
    let mut held = world.hold(|world| send(world, publisher, n));
    let now = world.now;
    let shard = &mut world.shards[0];
    let forwarded = shard.stats().packets_forwarded;
    let before = ALLOCATIONS.get();
    for packet in &mut held {
        let input = Input::Datagram {
            source: packet.source,
            destination: packet.destination,
            bytes: &mut packet.bytes,
        };
        shard.handle_input(input, now);
    }
    while shard.poll_transmit(now).is_some() {}
    let cost = ALLOCATIONS.get() - before;
    (cost, shard.stats().packets_forwarded - forwarded)
}
