import { type ReactNode, useId } from 'react';
import { IconButton } from './Button';

/** Stands beside the stage on wide screens and covers it on phones. */
export function SidePanel({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const id = useId();
  return (
    <aside className="panel" aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        <IconButton label={`Close ${title.toLowerCase()}`} hint="Esc" icon="close" onClick={onClose} />
      </header>
      {children}
    </aside>
  );
}
