/** People who use livekit-client by itself: a URL and a token, as in any application of it. */

import type { Page } from '@playwright/test';
import type * as livekit from 'livekit-client';
import type { Open } from './fixtures';
import { mint, type Server } from './server';
import type { SdkPage } from './sdkPage';

/** Opens the page and connects. What the room tells is collected in `window.told`. */
export async function connect(
  open: Open,
  sdkPage: SdkPage,
  server: Server,
  room: string,
  identity: string,
  options: Pick<livekit.RoomOptions, 'dynacast'> = {},
): Promise<Page> {
  const page = await open();
  await page.goto(sdkPage.url);
  await page.evaluate(
    async ([url, token, options]) => {
      const { RemoteTrack, Room, RoomEvent } = window.livekit;
      const show = (track: livekit.RemoteTrack, { identity }: livekit.RemoteParticipant): void => {
        if (track.attachedElements.length > 0) return;
        const element = track.attach();
        element.dataset['of'] = `${identity} ${track.source}`;
        document.body.append(element);
      };
      const room = new Room({ ...options, singlePeerConnection: window.singlePeerConnection });
      const tell = (text: string): void => void window.told.push(text);
      room
        .on(RoomEvent.ParticipantConnected, (other) => tell(`joined ${other.identity}`))
        .on(RoomEvent.ParticipantDisconnected, (other) => tell(`left ${other.identity}`))
        .on(RoomEvent.TrackSubscribed, (track, _, other) => {
          show(track, other);
          tell(`subscribed ${other.identity} ${track.source}`);
        })
        .on(RoomEvent.TrackUnsubscribed, (track, _, other) => {
          // The library has detached it from its elements by now.
          const of = `${other.identity} ${track.source}`;
          document.querySelectorAll(`[data-of="${of}"]`).forEach((element) => element.remove());
          tell(`unsubscribed ${other.identity} ${track.source}`);
        })
        .on(RoomEvent.TrackMuted, (publication, other) => tell(`muted ${other.identity} ${publication.source}`))
        .on(RoomEvent.TrackUnmuted, (publication, other) => tell(`unmuted ${other.identity} ${publication.source}`))
        .on(RoomEvent.DataReceived, (payload, other, _, topic) =>
          tell(`data ${other?.identity} ${topic} ${new TextDecoder().decode(payload)}`),
        )
        .on(RoomEvent.Disconnected, (reason) => tell(`disconnected ${reason}`))
        .on(RoomEvent.ActiveSpeakersChanged, (speakers) => tell(`speaking ${speakers.map((one) => one.identity).join(' ')}`))
        .on(RoomEvent.Reconnecting, () => tell('reconnecting'))
        .on(RoomEvent.SignalReconnecting, () => tell('signal reconnecting'))
        .on(RoomEvent.Reconnected, () => {
          tell('reconnected');
          // When it has joined anew, the library forgets some of what happened meanwhile.
          for (const other of room.remoteParticipants.values())
            for (const { track } of other.trackPublications.values()) if (track instanceof RemoteTrack) show(track, other);
        });
      room.registerTextStreamHandler('chat', async (reader, { identity }) => {
        tell(`text ${identity} ${await reader.readAll()}`);
      });
      window.room = room;
      await room.connect(url, token);
    },
    [server.webSocketUrl, mint(room, identity), options] as const,
  );
  return page;
}

export function told(page: Page): Promise<string[]> {
  return page.evaluate(() => window.told);
}

/** The element that plays a track of somebody. */
export function track(page: Page, identity: string, source: `${livekit.Track.Source}`) {
  return page.locator(`[data-of="${identity} ${source}"]`);
}
