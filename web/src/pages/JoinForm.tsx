import { type SyntheticEvent, useState } from 'react';
import { navigate } from '../app/router';
import { meetingPath, readMeetingRef } from '../lib/link';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';

export function JoinForm() {
  const [text, setText] = useState('');
  const [error, setError] = useState('');

  function join(event: SyntheticEvent) {
    event.preventDefault();
    const ref = readMeetingRef(text, window.location.href);
    switch (ref.kind) {
      case 'meeting':
        navigate(meetingPath(ref.id));
        return;
      case 'elsewhere':
        window.location.assign(ref.url);
        return;
      case 'empty':
        setError('Paste the link or type the code you were given.');
        return;
      case 'unreadable':
        setError('That is neither a meeting link nor a code. A code looks like abc-defg-hij.');
        return;
    }
  }

  return (
    <form className="card join-card" onSubmit={join} noValidate>
      <h2>Join a meeting</h2>
      <div className="join-row">
        <Field
          label="Link or code"
          value={text}
          placeholder="abc-defg-hij"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          error={error}
          onChange={(event) => {
            setText(event.target.value);
            setError('');
          }}
        />
        <Button type="submit">Join</Button>
      </div>
    </form>
  );
}
