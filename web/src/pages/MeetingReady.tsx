import { useEffect, useRef } from 'react';
import { navigate } from '../app/router';
import type { CreatedMeeting } from '../lib/api';
import { meetingLink, meetingPath } from '../lib/link';
import { Button } from '../ui/Button';
import { useCopy } from '../ui/useCopy';

/** The meeting exists: its link, and the way in. */
export function MeetingReady({ meeting, onBack }: {
  meeting: CreatedMeeting & { title: string; passcode: string };
  onBack: () => void;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { copied, copy } = useCopy();
  const link = meetingLink(meeting.id, window.location.origin);
  const invitation = meeting.passcode === '' ? link : `${link}\nPasscode: ${meeting.passcode}`;

  useEffect(() => heading.current?.focus(), []);

  function share() {
    const text = meeting.passcode === '' ? {} : { text: `Passcode: ${meeting.passcode}` };
    // Rejected when the person closes the system's sheet: nothing to tell.
    navigator.share({ title: meeting.title || 'Video meeting', url: link, ...text }).catch(() => undefined);
  }

  return (
    <div className="card ready-card">
      <h2 ref={heading} tabIndex={-1}>
        {meeting.title || 'Your meeting'} is ready
      </h2>
      <p>Send this link to everyone you want to meet.</p>
      <div className="link-box">
        <output aria-label="Meeting link">
          {link.slice(0, -meeting.id.length)}
          <wbr />
          <span className="link-id">{meeting.id}</span>
        </output>
      </div>
      {meeting.passcode !== '' && (
        <p className="ready-passcode">
          Passcode <code>{meeting.passcode}</code>
        </p>
      )}
      <div className="actions">
        <Button icon={copied ? 'check' : 'copy'} onClick={() => copy(invitation)}>
          {copied ? 'Copied' : meeting.passcode === '' ? 'Copy link' : 'Copy link and passcode'}
        </Button>
        {'share' in navigator && (
          <Button icon="share" onClick={share}>
            Share
          </Button>
        )}
      </div>
      <span className="visually-hidden" role="status">
        {copied ? 'Copied' : ''}
      </span>
      <Button look="primary" onClick={() => navigate(meetingPath(meeting.id))}>
        Go to the meeting
      </Button>
      <p className="field-hint">This browser remembers that you are the host.</p>
      <Button look="quiet" onClick={onBack}>
        Back
      </Button>
    </div>
  );
}
