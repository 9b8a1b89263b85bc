import { type SyntheticEvent, useState } from 'react';
import { createMeeting, type CreatedMeeting } from '../lib/api';
import { explain, type Explanation, ProblemError } from '../lib/problem';
import { rememberHosted } from '../lib/remember';
import { lasting } from '../lib/storage';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Trouble } from '../ui/Notice';

/** Longest title and passcode the form lets through, in UTF-16 units: within the server's 200 and 128 bytes in any script. */
const TITLE_MAX = 66;
const PASSCODE_MAX = 42;

export function StartForm({ onCreated }: { onCreated: (meeting: CreatedMeeting & { title: string; passcode: string }) => void }) {
  const [title, setTitle] = useState('');
  const [passcode, setPasscode] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Explanation | null>(null);

  async function start(event: SyntheticEvent) {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      const given = { title: title.trim(), passcode: passcode.trim() };
      const meeting = await createMeeting({
        ...(given.title === '' ? {} : { title: given.title }),
        ...(given.passcode === '' ? {} : { passcode: given.passcode }),
      });
      rememberHosted(lasting, { id: meeting.id, title: given.title, token: meeting.hostToken, createdAt: Date.now() });
      onCreated({ ...meeting, ...given });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      setTrouble(explain(error.problem));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="card" onSubmit={(event) => void start(event)}>
      <h2>Start a meeting</h2>
      <Field
        label="Title"
        optional
        value={title}
        maxLength={TITLE_MAX}
        placeholder="For example: Weekly review"
        autoComplete="off"
        onChange={(event) => setTitle(event.target.value)}
      />
      <Field
        label="Passcode"
        optional
        value={passcode}
        maxLength={PASSCODE_MAX}
        autoComplete="off"
        spellCheck={false}
        autoCapitalize="none"
        hint="Whoever joins must enter it."
        onChange={(event) => setPasscode(event.target.value)}
      />
      {trouble && <Trouble title={trouble.title}>{trouble.remedy}</Trouble>}
      <Button type="submit" look="primary" disabled={busy}>
        {busy ? 'Starting…' : 'Start a meeting'}
      </Button>
    </form>
  );
}
