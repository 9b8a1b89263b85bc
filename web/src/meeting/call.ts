/** Enters a meeting: connects the room and publishes what the person brought along. */

import { Room, RoomEvent } from 'livekit-client';
import type { JoinGrant } from '../lib/api';
import { type OngoingCall, readPreferences, rememberCall } from '../lib/remember';
import { lasting, tab } from '../lib/storage';
import type { Entry } from '../prejoin/Prejoin';
import { roomOptions } from './options';

export interface Call {
  room: Room;
  meetingId: string;
  role: JoinGrant['role'];
  /** Opens the meeting again for the same person. */
  token: string;
  /** Unix time in milliseconds. */
  joinedAt: number;
}

/** For people who look for a fault, and for tests: the room, when the address has `?debug`. */
const DEBUG_KEY = Symbol.for('plenary.room');

async function connect(meetingId: string, grant: JoinGrant): Promise<Call> {
  const room = new Room(roomOptions(readPreferences(lasting)));
  if (new URLSearchParams(window.location.search).has('debug')) Object.assign(window, { [DEBUG_KEY]: room });
  await room.connect(grant.url, grant.token);
  return { room, meetingId, role: grant.role, token: grant.token, joinedAt: Date.now() };
}

/** Enters with the tracks that were already being shown before the door. */
export async function enter(meetingId: string, grant: JoinGrant, entry: Entry): Promise<Call> {
  const call = await connect(meetingId, grant);
  const me = call.room.localParticipant;
  rememberCall(tab, meetingId, {
    name: entry.name,
    token: grant.token,
    camera: entry.camera !== null,
    microphone: entry.microphone !== null,
  });
  // The meeting is shown at once; pictures follow. A failure is told in the meeting.
  for (const track of [entry.microphone, entry.camera]) {
    if (track) me.publishTrack(track).catch((error: unknown) => report(call.room, error));
  }
  return call;
}

/** Comes back after a reload, with camera and microphone as they were. */
export async function comeBack(meetingId: string, grant: JoinGrant, before: OngoingCall): Promise<Call> {
  const call = await connect(meetingId, grant);
  rememberCall(tab, meetingId, { ...before, token: grant.token });
  const me = call.room.localParticipant;
  // A failure is reported by the room's own event.
  if (before.microphone) me.setMicrophoneEnabled(true).catch(() => undefined);
  if (before.camera) me.setCameraEnabled(true).catch(() => undefined);
  return call;
}

/** A track that could not be published is told in the same way as a device that could not be opened. */
function report(room: Room, error: unknown): void {
  room.emit(RoomEvent.MediaDevicesError, error instanceof Error ? error : new Error(String(error)));
}
