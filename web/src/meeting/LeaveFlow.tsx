import { useState } from 'react';
import { endMeeting } from '../lib/api';
import type { EndReason } from '../lib/ended';
import { explain, type Explanation, ProblemError } from '../lib/problem';
import { forgetHosted } from '../lib/remember';
import { lasting } from '../lib/storage';
import type { Call } from './call';
import { LeaveDialog } from './LeaveDialog';

export function LeaveFlow({ call, hostToken, onEnd, onClose }: {
  call: Call;
  hostToken: string;
  onEnd: (reason: EndReason) => void;
  onClose: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Explanation | null>(null);

  async function end() {
    setBusy(true);
    setTrouble(null);
    try {
      await endMeeting(call.meetingId, hostToken);
      forgetHosted(lasting, call.meetingId);
      onEnd('ended-by-me');
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      setTrouble(explain(error.problem));
      setBusy(false);
    }
  }

  return <LeaveDialog busy={busy} trouble={trouble} onLeave={() => void call.room.disconnect()} onEnd={() => void end()} onClose={onClose} />;
}
