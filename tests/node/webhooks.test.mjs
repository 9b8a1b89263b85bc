/** Webhooks as npm's livekit-server-sdk reads them, with a target beside it that hangs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { hanging, receiver } from './support/hooks.mjs';
import { KEY, SECRET, enter, eventually, startServer } from './support/server.mjs';

test('a stay is told from beginning to end', async () => {
  const [hook, stuck] = [await receiver(), await hanging()];
  const server = await startServer('--webhook', stuck.url, '--webhook', hook.url, '--webhook-key', KEY);
  try {
    const rooms = new RoomServiceClient(server.url, KEY, SECRET);
    const token = new AccessToken(KEY, SECRET, { identity: 'ann', name: 'Ann' });
    token.addGrant({ roomJoin: true, room: 'told' });
    const person = await enter(server, await token.toJwt());
    const names = () => hook.events.map((event) => event.event);
    await eventually(() => names().includes('track_published'), 'the microphone is told of');
    await rooms.removeParticipant('told', 'ann');
    await rooms.deleteRoom('told');
    person.leave();
    await eventually(() => names().includes('room_finished'), 'the end is told of');
    assert.deepEqual(names(), [
      'room_started', 'participant_joined', 'track_published', 'track_unpublished', 'participant_left', 'room_finished',
    ]);
    assert.deepEqual(hook.faults, []);
    assert.equal(new Set(hook.events.map((event) => event.id)).size, hook.events.length);
    for (const event of hook.events) {
      assert.equal(event.room.name, 'told');
      assert.ok(Math.abs(Number(event.createdAt) - Date.now() / 1_000) < 60);
    }
    const [, joined, published] = hook.events;
    assert.deepEqual([joined.participant.identity, joined.participant.name], ['ann', 'Ann']);
    assert.match(published.track.sid, /^TR_/);
    assert.ok(stuck.asked.length > 0, 'the other target was told as well');
  } finally {
    await server.stop();
    hook.stop();
    stuck.stop();
  }
});
