import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMeeting, endMeeting, fetchMeeting, joinMeeting } from './api';
import { ProblemError } from './problem';

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  const fetch = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(() =>
    Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers })),
  );
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

async function slugOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((thrown: unknown) => thrown);
  return error instanceof ProblemError ? error.problem.slug : 'no problem';
}

afterEach(() => vi.unstubAllGlobals());

describe('the REST interface', () => {
  it('creates a meeting', async () => {
    const fetch = answer(201, { id: 'abc-defg-hij', url: 'u', host_token: 'h' });
    expect(await createMeeting({ title: 'Review' })).toEqual({ id: 'abc-defg-hij', url: 'u', hostToken: 'h' });
    expect(fetch.mock.calls[0]?.[1].body).toBe('{"title":"Review"}');
  });

  it('sends only what is known when joining', async () => {
    const fetch = answer(200, { url: 'ws://x', token: 't', identity: 'i', role: 'host' });
    expect(await joinMeeting('abc-defg-hij', { name: 'Ana', previousToken: 'p' })).toEqual({ url: 'ws://x', token: 't', identity: 'i', role: 'host' });
    expect(fetch.mock.calls[0]?.[1].body).toBe('{"name":"Ana","previous_token":"p"}');
  });

  it('ends a meeting with the host token', async () => {
    const fetch = answer(204, '');
    vi.stubGlobal('fetch', fetch.mockResolvedValue(new Response(null, { status: 204 })));
    await endMeeting('abc-defg-hij', 'secret');
    expect(fetch.mock.calls[0]?.[1].headers).toMatchObject({ authorization: 'Bearer secret' });
  });

  it('tells refusals, dead servers and nonsense apart', async () => {
    answer(404, { type: 'urn:plenary:problem:no-such-meeting', title: 'x' });
    expect(await slugOf(fetchMeeting('abc-defg-hij'))).toBe('no-such-meeting');
    answer(200, { id: 'abc-defg-hij', ended: true });
    expect(await slugOf(fetchMeeting('abc-defg-hij'))).toBe('meeting-ended');
    answer(502, '<html>bad gateway</html>');
    expect(await slugOf(fetchMeeting('abc-defg-hij'))).toBe('unreachable');
    answer(200, '<html>');
    expect(await slugOf(fetchMeeting('abc-defg-hij'))).toBe('unknown');
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
    expect(await slugOf(fetchMeeting('abc-defg-hij'))).toBe('unreachable');
  });
});
