import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Trouble } from '../ui/Notice';
import type { Explanation } from '../lib/problem';

/** A host decides: leave alone, or end the meeting for everyone. */
export function LeaveDialog({ busy, trouble, onLeave, onEnd, onClose }: {
  busy: boolean;
  trouble: Explanation | null;
  onLeave: () => void;
  onEnd: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title="Leave the meeting?" onClose={onClose}>
      <p className="dialog-text">If you leave, the others can go on without you. If you end it, everyone is disconnected and the link stops working.</p>
      {trouble && <Trouble title={trouble.title}>{trouble.remedy}</Trouble>}
      <div className="actions actions-column">
        <Button look="plain" onClick={onLeave}>
          Leave
        </Button>
        <Button look="danger" disabled={busy} onClick={onEnd}>
          {busy ? 'Ending…' : 'End for everyone'}
        </Button>
      </div>
    </Dialog>
  );
}
