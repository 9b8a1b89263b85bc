import { Link } from '../app/Link';
import { meetingPath } from '../lib/link';
import type { HostedMeeting } from '../lib/remember';
import { Icon } from '../ui/Icon';

/** How many of the remembered meetings are offered again. */
const SHOWN = 3;

export function RecentMeetings({ meetings }: { meetings: readonly HostedMeeting[] }) {
  if (meetings.length === 0) return null;
  return (
    <nav className="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Meetings you host</h2>
      <ul>
        {meetings.slice(0, SHOWN).map((meeting) => (
          <li key={meeting.id}>
            <Link to={meetingPath(meeting.id)}>
              <span className="recent-title">{meeting.title || 'Untitled meeting'}</span>
              <span className="recent-id">{meeting.id}</span>
              <Icon name="right" size={18} />
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
