// Joins a room, notes who comes and goes, and tells whoever asks "who?" in the chat.

import { dispose, Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';

const { LIVEKIT_URL = 'ws://localhost:7880', LIVEKIT_API_KEY = 'devkey', LIVEKIT_API_SECRET = 'secret' } = process.env;
const CHAT = 'lk.chat';

const name = process.argv[2];
if (name === undefined) {
  console.error('usage: node roll-call.mjs ROOM');
  process.exit(2);
}

// Usually your backend makes it: it knows who somebody is.
const token = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { identity: 'roll-call' });
token.addGrant({ roomJoin: true, room: name });

const room = new Room();
room
  .on(RoomEvent.ParticipantConnected, ({ identity }) => console.log(`${identity} came`))
  .on(RoomEvent.ParticipantDisconnected, ({ identity }) => console.log(`${identity} left`));
room.registerTextStreamHandler(CHAT, async (reader, { identity }) => {
  if ((await reader.readAll()).trim() !== 'who?') return;
  const present = [...room.remoteParticipants.values()].map((other) => other.identity).sort();
  await room.localParticipant.sendText(`Here: ${present.join(', ')}`, { topic: CHAT, destinationIdentities: [identity] });
});
await room.connect(LIVEKIT_URL, await token.toJwt());
console.log(`in the room ${room.name}`);

process.once('SIGINT', async () => {
  await room.disconnect();
  await dispose();
});
