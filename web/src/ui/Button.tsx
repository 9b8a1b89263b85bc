import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'children' | 'aria-label'>;

/** A button with words. */
export function Button({ look = 'plain', icon, children, className = '', ...rest }: Native & {
  look?: 'primary' | 'plain' | 'danger' | 'quiet';
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <button type="button" {...rest} className={`button button-${look} ${className}`}>
      {icon && <Icon name={icon} size={18} />}
      <span>{children}</span>
    </button>
  );
}

/** A button with only a picture. Its name is spoken, and shown when the pointer rests on it. */
export function IconButton({ label, icon, hint, size, badge, className = '', ...rest }: Native & {
  label: string;
  icon: IconName;
  /** Added to the shown text only, for example the key that does the same. */
  hint?: string;
  size?: number;
  badge?: ReactNode;
}) {
  return (
    <button
      type="button"
      title={hint === undefined ? label : `${label} (${hint})`}
      {...rest}
      aria-label={label}
      className={`icon-button ${className}`}
    >
      <Icon name={icon} {...(size === undefined ? {} : { size })} />
      {badge}
    </button>
  );
}
