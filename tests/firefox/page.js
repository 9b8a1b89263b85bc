/** The whole of the page: npm's livekit-client, and a room whose tracks are played. */

import { Room, RoomEvent } from 'livekit-client';

const connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(configuration) {
    super(configuration);
    connections.push(this);
  }
};

/** What the room told, in order. */
window.told = [];

window.join = async (url, token, singlePeerConnection) => {
  const room = new Room({ singlePeerConnection });
  window.room = room;
  const tell = (text) => window.told.push(text);
  room
    .on(RoomEvent.ParticipantConnected, (other) => tell(`joined ${other.identity}`))
    .on(RoomEvent.ParticipantDisconnected, (other) => tell(`left ${other.identity}`))
    .on(RoomEvent.TrackSubscribed, (track, _, other) => {
      const element = track.attach();
      element.dataset.of = `${other.identity} ${track.source}`;
      document.body.append(element);
      tell(`subscribed ${other.identity} ${track.source}`);
    })
    .on(RoomEvent.TrackUnsubscribed, (track, _, other) => {
      for (const element of track.detach()) element.remove();
      tell(`unsubscribed ${other.identity} ${track.source}`);
    })
    .on(RoomEvent.TrackMuted, (publication, other) => tell(`muted ${other.identity} ${publication.source}`))
    .on(RoomEvent.TrackUnmuted, (publication, other) => tell(`unmuted ${other.identity} ${publication.source}`))
    .on(RoomEvent.Disconnected, (reason) => tell(`disconnected ${reason}`))
    .on(RoomEvent.Reconnecting, () => tell('reconnecting'));
  room.registerTextStreamHandler('chat', async (reader, { identity }) => {
    tell(`text ${identity} ${await reader.readAll()}`);
  });
  await room.connect(url, token);
};

/** One line of getStats() each, of all connections that are not closed. */
window.lines = async () => {
  const lines = [];
  for (const connection of connections) {
    if (connection.connectionState === 'closed') continue;
    (await connection.getStats()).forEach((line) => lines.push({ ...line }));
  }
  return lines;
};

/** The picture that a track's element shows now, small, as text; null before the first. */
window.picture = (of) => {
  const video = document.querySelector(`video[data-of="${of}"]`);
  if (!video?.videoWidth) return null;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [16, 9];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height).data.join(' ');
};
