import type { ReactNode } from 'react';
import { Icon } from './Icon';

/** Something is wrong: what, and what helps. */
export function Trouble({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="trouble" role="alert">
      <Icon name="warning" size={20} />
      <div>
        <strong>{title}</strong>
        {children && <p>{children}</p>}
      </div>
    </div>
  );
}

/** A whole page with one thing to say. */
export function Message({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <main className="message">
      <h1>{title}</h1>
      {children}
      {actions && <div className="actions">{actions}</div>}
    </main>
  );
}
