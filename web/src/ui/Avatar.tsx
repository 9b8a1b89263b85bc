import { hueOf, initials } from '../lib/people';

/** Initials on a colour of one's own, for a person without a picture. */
export function Avatar({ name, identity, small = false }: { name: string; identity: string; small?: boolean }) {
  return (
    <span className={small ? 'avatar avatar-small' : 'avatar'} style={{ '--hue': hueOf(identity) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
