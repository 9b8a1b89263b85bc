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
      const { Room, RoomEvent } = window.livekit;
      const room = new Room(options);
      const tell = (text: string): void => void window.told.push(text);
      room
        .on(RoomEvent.ParticipantConnected, (other) => tell(`joined ${other.identity}`))
        .on(RoomEvent.ParticipantDisconnected, (other) => tell(`left ${other.identity}`))
        .on(RoomEvent.TrackSubscribed, (track, _, other) => {
          const element = track.attach();
          element.dataset['of'] = `${other.identity} ${track.source}`;
          document.body.append(element);
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
        .on(RoomEvent.Reconnecting, () => tell('reconnecting'));
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
