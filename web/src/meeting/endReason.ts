import { DisconnectReason } from 'livekit-client';
import type { EndReason } from '../lib/ended';

/** The library's reason in our words. */
export function endReason(reason: DisconnectReason | undefined): EndReason {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return 'left';
    case DisconnectReason.DUPLICATE_IDENTITY:
      return 'duplicate';
    case DisconnectReason.PARTICIPANT_REMOVED:
      return 'removed';
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return 'ended';
    case DisconnectReason.SERVER_SHUTDOWN:
      return 'shutdown';
    default:
      return 'lost';
  }
}
