import type { ReactNode } from 'react';
import { Mark } from '../ui/Icon';
import { Link } from './Link';

export function Header({ children }: { children?: ReactNode }) {
  return (
    <header className="site-head">
      <Link to="/" className="brand">
        <Mark />
        <span>Plenary</span>
      </Link>
      {children}
    </header>
  );
}
