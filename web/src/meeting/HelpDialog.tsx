import { SHORTCUTS } from '../lib/shortcuts';
import { Dialog } from '../ui/Dialog';

export function HelpDialog({ letterKeys, onLetterKeys, onClose }: {
  letterKeys: boolean;
  onLetterKeys: (on: boolean) => void;
  onClose: () => void;
}) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        {SHORTCUTS.map(({ keys, what }) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={letterKeys} onChange={(event) => onLetterKeys(event.target.checked)} />
        Shortcuts of a single key
      </label>
    </Dialog>
  );
}
