/** The server's REST interface, as far as the app uses it. */

import { ENDED, ProblemError, readProblem, UNREACHABLE } from './problem';

export interface NewMeeting {
  title?: string;
  passcode?: string;
}

export interface CreatedMeeting {
  id: string;
  url: string;
  hostToken: string;
}

export interface MeetingFacts {
  id: string;
  title: string;
  needsPasscode: boolean;
}

export interface JoinRequest {
  name: string;
  passcode?: string | undefined;
  hostToken?: string | undefined;
  /** The token of the stay before this one, after a reload: it keeps the identity and needs no passcode. */
  previousToken?: string | undefined;
}

export interface JoinGrant {
  url: string;
  token: string;
  identity: string;
  role: 'host' | 'participant';
}

/** How long one request may take. A server that is up answers in milliseconds. */
const TIMEOUT_MS = 15_000;

export async function createMeeting(meeting: NewMeeting): Promise<CreatedMeeting> {
  const body = await request('POST', '/api/v1/meetings', meeting);
  return { id: field(body, 'id'), url: field(body, 'url'), hostToken: field(body, 'host_token') };
}

/** What everybody with the link may know. A meeting that has ended is a problem, as it is when joining. */
export async function fetchMeeting(id: string): Promise<MeetingFacts> {
  const body = await request('GET', `/api/v1/meetings/${encodeURIComponent(id)}`);
  if (body['ended'] === true) throw new ProblemError(ENDED);
  return {
    id: field(body, 'id'),
    title: typeof body['title'] === 'string' ? body['title'] : '',
    needsPasscode: body['passcode_required'] === true,
  };
}

export async function joinMeeting(id: string, join: JoinRequest): Promise<JoinGrant> {
  const body = await request('POST', `/api/v1/meetings/${encodeURIComponent(id)}/join`, {
    name: join.name,
    passcode: join.passcode,
    host_token: join.hostToken,
    previous_token: join.previousToken,
  });
  return {
    url: field(body, 'url'),
    token: field(body, 'token'),
    identity: field(body, 'identity'),
    role: body['role'] === 'host' ? 'host' : 'participant',
  };
}

export async function endMeeting(id: string, hostToken: string): Promise<void> {
  await request('POST', `/api/v1/meetings/${encodeURIComponent(id)}/end`, undefined, hostToken);
}

type Body = Record<string, unknown>;

async function request(method: string, path: string, json?: unknown, bearer?: string): Promise<Body> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (json !== undefined) headers['content-type'] = 'application/json';
  if (bearer !== undefined) headers['authorization'] = `Bearer ${bearer}`;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: json === undefined ? null : JSON.stringify(json),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: 'no-store',
    });
  } catch {
    throw new ProblemError(UNREACHABLE);
  }
  const body = await readJson(response);
  if (!response.ok) {
    // A gateway in front of a dead server answers 502–504 without a problem document.
    if (body === null && response.status >= 502 && response.status <= 504) throw new ProblemError(UNREACHABLE);
    throw new ProblemError(readProblem(response.status, body, response.headers.get('retry-after')));
  }
  return body ?? {};
}

async function readJson(response: Response): Promise<Body | null> {
  try {
    const value: unknown = await response.json();
    return typeof value === 'object' && value !== null ? (value as Body) : null;
  } catch {
    return null;
  }
}

function field(body: Body, key: string): string {
  const value = body[key];
  if (typeof value === 'string') return value;
  throw new ProblemError({
    slug: 'unknown',
    status: 0,
    title: 'The server gave an answer that this page does not understand',
    detail: 'Reload the page: it may be older than the server.',
    retryAfter: null,
  });
}
