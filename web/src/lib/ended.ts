/** Why one is no longer in the meeting, in words. */

export type EndReason =
  | 'left'
  | 'ended-by-me'
  | 'ended'
  | 'removed'
  | 'duplicate'
  | 'shutdown'
  | 'lost';

export interface EndText {
  title: string;
  remedy: string;
  /** Whether coming back makes sense. */
  rejoin: boolean;
}

export function explainEnd(reason: EndReason): EndText {
  switch (reason) {
    case 'left':
      return { title: 'You left the meeting', remedy: 'Left by mistake? Come back with one click.', rejoin: true };
    case 'ended-by-me':
      return { title: 'You ended the meeting', remedy: 'Everyone has been disconnected. The link no longer works.', rejoin: false };
    case 'ended':
      return { title: 'The meeting has ended', remedy: 'The host ended it for everyone.', rejoin: false };
    case 'removed':
      return { title: 'You were removed from the meeting', remedy: 'If you think that was a mistake, ask the host.', rejoin: false };
    case 'duplicate':
      return {
        title: 'You joined from another tab or device',
        remedy: 'One person can be in a meeting once at a time, so this tab left. Rejoin here to bring it back.',
        rejoin: true,
      };
    case 'shutdown':
      return { title: 'The server is restarting', remedy: 'Wait a few seconds, then rejoin.', rejoin: true };
    case 'lost':
      return {
        title: 'The connection was lost',
        remedy: 'We tried to reconnect and could not. Check your internet connection, then rejoin.',
        rejoin: true,
      };
  }
}
