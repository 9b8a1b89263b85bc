// The smallest video call: connect, publish camera and microphone, show whoever is there.

import { Room, RoomEvent } from 'livekit-client';

const form = document.querySelector('#join');
const status = document.querySelector('#status');
const tiles = document.querySelector('#tiles');

// Tiles tell the server how large they are, and get the layer that fits.
const room = new Room({ adaptiveStream: true, dynacast: true });

room
  .on(RoomEvent.TrackSubscribed, (track, _, participant) => show(track, participant))
  .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()))
  .on(RoomEvent.LocalTrackPublished, ({ track }, participant) => track.kind === 'video' && show(track, participant))
  .on(RoomEvent.Reconnecting, () => (status.textContent = 'The connection is lost; trying again…'))
  .on(RoomEvent.Reconnected, () => (status.textContent = `In ${room.name}`))
  .on(RoomEvent.Disconnected, () => (status.textContent = 'You are out.'));

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { url, token } = Object.fromEntries(new FormData(form));
  try {
    await room.connect(url, token);
    status.textContent = `In ${room.name}`;
    await room.localParticipant.enableCameraAndMicrophone();
  } catch (error) {
    status.textContent = String(error);
  }
});

function show(track, participant) {
  const element = track.attach();
  element.title = participant.identity;
  tiles.append(element);
}
