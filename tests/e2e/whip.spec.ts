/** WHIP and WHEP with a browser's plain RTCPeerConnection, and who speaks LiveKit's protocol in the same room. */

import type { Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { moves, voices } from './support/probes';
import { connect, told, track } from './support/sdk';
import { mint, type Server } from './support/server';

test('a camera published by WHIP is seen by SDKs and by WHEP', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'whip', 'ada');
  const camera = await open();
  await camera.goto(sdkPage.url);
  const session = await publish(camera, server, mint('whip', 'camera'));
  expect(session.status).toBe(201);
  expect(session.location).toMatch(/^\/whip\/PA_/);

  await expect(track(ada, 'camera', 'camera')).toBeVisible();
  await expect.poll(() => moves(track(ada, 'camera', 'camera'))).toBe(true);
  await expect.poll(() => voices(ada)).toBe(1);

  const screen = await open();
  await screen.goto(sdkPage.url);
  expect((await watch(screen, server, mint('whip', 'screen'))).status).toBe(201);
  await expect.poll(() => moves(screen.locator('video'))).toBe(true);
  await expect.poll(() => voices(screen)).toBe(1);
  await expect.poll(() => told(ada)).toContain('joined screen');

  const ended = await fetch(server.url + session.location, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${mint('whip', 'camera')}` },
  });
  expect(ended.status).toBe(200);
  await expect.poll(() => told(ada)).toContain('left camera');
});

test('whoever can not publish or watch is told why', async ({ server }) => {
  const post = (path: string, token: string, body: string, type = 'application/sdp') =>
    fetch(server.url + path, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': type }, body });
  const token = mint('whip-refused', 'somebody');
  expect((await post('/whip', 'not.a.token', 'v=0')).status).toBe(401);
  expect((await post('/whip', token, 'v=0', 'text/plain')).status).toBe(415);
  expect((await post('/whip', token, 'nonsense')).status).toBe(400);
  expect((await post('/whip', token, 'x'.repeat(100_000))).status).toBe(413);
  expect((await post('/whip', token, offer('recvonly'))).status).toBe(422);
  const nothing = await post('/whep', token, offer('recvonly'));
  expect([nothing.status, nothing.headers.get('retry-after')]).toEqual([409, '2']);

  const session = `${server.url}/whip/PA_nobody`;
  const authorized = { headers: { authorization: `Bearer ${token}` } };
  expect((await fetch(session, { method: 'DELETE', ...authorized })).status).toBe(404);
  expect((await fetch(session, { method: 'PATCH', ...authorized })).status).toBe(501);
  expect((await fetch(session, authorized)).status).toBe(405);
  const preflight = await fetch(`${server.url}/whip`, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('accept-post')]).toEqual([204, 'application/sdp']);
});

/** As short as an offer can be. */
function offer(direction: 'sendonly' | 'recvonly'): string {
  return [
    'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0', `a=${direction}`, 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2',
    'a=ice-ufrag:abcd', `a=ice-pwd:${'p'.repeat(24)}`, `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass', '',
  ].join('\r\n');
}

interface Session {
  status: number;
  location: string | null;
}

function publish(page: Page, server: Server, token: string): Promise<Session> {
  return page.evaluate(
    async ([url, token]) => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
      const connection = new RTCPeerConnection();
      for (const media of stream.getTracks()) connection.addTransceiver(media, { direction: 'sendonly', streams: [stream] });
      await connection.setLocalDescription();
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' };
      const answer = await fetch(url, { method: 'POST', headers, body: connection.localDescription?.sdp ?? '' });
      await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      return { status: answer.status, location: answer.headers.get('location') };
    },
    [`${server.url}/whip`, token] as const,
  );
}

function watch(page: Page, server: Server, token: string): Promise<Session> {
  return page.evaluate(
    async ([url, token]) => {
      // A page that may use the microphone gives its real addresses to its peers.
      await navigator.mediaDevices.getUserMedia({ audio: true });
      const connection = new RTCPeerConnection();
      connection.ontrack = ({ track }) => {
        const element = document.createElement(track.kind === 'video' ? 'video' : 'audio');
        element.srcObject = new MediaStream([track]);
        element.autoplay = true;
        document.body.append(element);
      };
      connection.addTransceiver('audio', { direction: 'recvonly' });
      connection.addTransceiver('video', { direction: 'recvonly' });
      await connection.setLocalDescription();
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' };
      const answer = await fetch(url, { method: 'POST', headers, body: connection.localDescription?.sdp ?? '' });
      await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      return { status: answer.status, location: answer.headers.get('location') };
    },
    [`${server.url}/whep`, token] as const,
  );
}
