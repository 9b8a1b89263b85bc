/** npm's livekit-server-sdk, unchanged: rooms and those in them, as a backend in JavaScript sees them. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AccessToken, DataPacket_Kind, ParticipantInfo_State, RoomServiceClient } from 'livekit-server-sdk';
import { KEY, SECRET, enter, eventually, startServer } from './support/server.mjs';

let server;
let rooms;

before(async () => {
  server = await startServer();
  rooms = new RoomServiceClient(server.url, KEY, SECRET);
});

after(() => server?.stop());

async function token(room, identity, options = {}) {
  const token = new AccessToken(KEY, SECRET, { identity, ...options });
  token.addGrant({ roomJoin: true, room });
  return token.toJwt();
}

/** The error that a call fails with. */
async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  assert.fail('it was done');
}

test('a room is made, listed, changed and deleted', async () => {
  const made = await rooms.createRoom({ name: 'made', emptyTimeout: 60, maxParticipants: 5, metadata: 'm' });
  assert.match(made.sid, /^RM_/);
  assert.deepEqual([made.emptyTimeout, made.maxParticipants, made.metadata], [60, 5, 'm']);
  assert.ok(made.creationTime > 0n);
  const listed = await rooms.listRooms(['made', 'none']);
  assert.deepEqual(listed.map((room) => room.sid), [made.sid]);
  const changed = await rooms.updateRoomMetadata('made', 'new');
  assert.equal(changed.metadata, 'new');
  await rooms.deleteRoom('made');
  assert.deepEqual(await rooms.listRooms(['made']), []);
  const gone = await failure(rooms.deleteRoom('made'));
  assert.deepEqual([gone.status, gone.code], [404, 'not_found']);
});

test('someone in a room is seen, changed, muted, moved and removed', async () => {
  const person = await enter(server, await token('here', 'ann', { name: 'Ann', attributes: { seat: '3' } }));
  try {
    const info = await rooms.getParticipant('here', 'ann');
    assert.deepEqual([info.name, info.state, info.attributes.seat], ['Ann', ParticipantInfo_State.ACTIVE, '3']);
    assert.deepEqual((await rooms.listParticipants('here')).map((p) => p.sid), [info.sid]);
    const changed = await rooms.updateParticipant('here', 'ann', { metadata: 'm', attributes: { seat: '4' } });
    assert.deepEqual([changed.metadata, changed.attributes.seat], ['m', '4']);
    const track = await eventually(
      async () => (await rooms.getParticipant('here', 'ann')).tracks[0],
      'the microphone is published',
    );
    assert.equal((await rooms.mutePublishedTrack('here', 'ann', track.sid, true)).muted, true);
    const unmuted = await failure(rooms.mutePublishedTrack('here', 'ann', track.sid, false));
    assert.equal(unmuted.code, 'failed_precondition');
    await rooms.updateSubscriptions('here', 'ann', [], true);
    await rooms.sendData('here', new TextEncoder().encode('hello'), DataPacket_Kind.RELIABLE, { topic: 't' });
    await rooms.moveParticipant('here', 'ann', 'there');
    assert.deepEqual(await rooms.listParticipants('here'), []);
    const moved = await rooms.getParticipant('there', 'ann');
    assert.notEqual(moved.sid, info.sid);
    assert.deepEqual(moved.tracks.map((t) => t.sid), [track.sid]);
    await rooms.updateParticipant('there', 'ann', {
      permission: { canSubscribe: true, canPublish: false, canPublishData: true },
    });
    assert.deepEqual((await rooms.getParticipant('there', 'ann')).tracks, []);
    await rooms.removeParticipant('there', 'ann');
    assert.deepEqual(await rooms.listParticipants('there'), []);
  } finally {
    person.leave();
  }
});

test('a token that does not allow it is refused', async () => {
  const stranger = new RoomServiceClient(server.url, KEY, 'another secret');
  assert.equal((await failure(stranger.listRooms())).status, 401);
  const missing = await failure(rooms.listParticipants('none'));
  assert.deepEqual([missing.status, missing.message], [404, 'requested room does not exist']);
});
