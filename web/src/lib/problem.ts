/** What the server says when it says no (RFC 9457), and what we tell the person about it. */

const PREFIX = 'urn:plenary:problem:';

/** A refusal or a failure, as data: where it came from decides what can be done about it. */
export interface Problem {
  /** The last part of the problem's type, or one of our own: `unreachable`, `unknown`. */
  slug: string;
  status: number;
  title: string;
  detail: string;
  /** Seconds to wait before the next try, when the server named them. */
  retryAfter: number | null;
}

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** Cause and remedy in words for the screen. */
export interface Explanation {
  title: string;
  remedy: string;
  /** `passcode`: belongs beside the passcode field; `final`: trying again cannot help. */
  kind: 'passcode' | 'final' | 'retry';
}

export const ENDED: Problem = {
  slug: 'meeting-ended',
  status: 410,
  title: 'Meeting ended',
  detail: '',
  retryAfter: null,
};

export const UNREACHABLE: Problem = {
  slug: 'unreachable',
  status: 0,
  title: 'The server cannot be reached',
  detail: '',
  retryAfter: null,
};

/** Reads a refusal's body; anything that is no problem document still becomes a problem. */
export function readProblem(status: number, body: unknown, retryAfter: string | null): Problem {
  const doc = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const type = text(doc['type']);
  return {
    slug: type.startsWith(PREFIX) ? type.slice(PREFIX.length) : status === 429 ? 'too-many-tries' : 'unknown',
    status,
    title: text(doc['title']) || `The server answered with status ${status}`,
    detail: text(doc['detail']),
    retryAfter: seconds(retryAfter),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 500) : '';
}

function seconds(value: string | null): number | null {
  if (value === null || !/^\d{1,6}$/.test(value.trim())) return null;
  return Number(value);
}

/** "45 seconds", "2 minutes": a wait as people say it. */
export function sayWait(total: number): string {
  if (total < 60) return total === 1 ? '1 second' : `${total} seconds`;
  const minutes = Math.ceil(total / 60);
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}

/** Names the cause and the remedy. Problems we don't know speak for themselves. */
export function explain(problem: Problem): Explanation {
  switch (problem.slug) {
    case 'unreachable':
      return {
        title: 'The server cannot be reached',
        remedy: 'Check your internet connection, then try again. If others have the same trouble, the server may be down.',
        kind: 'retry',
      };
    case 'no-such-meeting':
      return {
        title: 'There is no meeting at this link',
        remedy: 'Check the link for a missing letter, or ask whoever invited you to send it again.',
        kind: 'final',
      };
    case 'meeting-ended':
      return {
        title: 'This meeting has ended',
        remedy: 'The host ended it for everyone. Ask for a new link, or start a meeting of your own.',
        kind: 'final',
      };
    case 'passcode-required':
      return {
        title: 'This meeting needs a passcode',
        remedy: 'Enter the passcode that came with your invitation.',
        kind: 'passcode',
      };
    case 'wrong-passcode':
      return {
        title: 'That is not the passcode',
        remedy: 'Check it for upper and lower case, or ask whoever invited you.',
        kind: 'passcode',
      };
    case 'too-many-tries':
      return {
        title: 'Too many tries',
        remedy:
          problem.retryAfter === null
            ? 'Wait a minute, then try again.'
            : `Wait ${sayWait(problem.retryAfter)}, then try again.`,
        kind: 'retry',
      };
    default:
      return {
        title: problem.title,
        remedy: problem.detail || (problem.status >= 500 ? 'The fault is on our side. Try again in a moment.' : 'Try again.'),
        kind: 'retry',
      };
  }
}
