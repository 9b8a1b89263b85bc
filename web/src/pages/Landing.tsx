import { useEffect, useState } from 'react';
import { Header } from '../app/Header';
import type { CreatedMeeting } from '../lib/api';
import { lasting } from '../lib/storage';
import { readHosted } from '../lib/remember';
import { JoinForm } from './JoinForm';
import { MeetingReady } from './MeetingReady';
import { RecentMeetings } from './RecentMeetings';
import { StartForm } from './StartForm';
import { Hall } from './Hall';

export function Landing() {
  const [ready, setReady] = useState<(CreatedMeeting & { title: string; passcode: string }) | null>(null);
  const [hosted] = useState(() => readHosted(lasting));

  useEffect(() => {
    document.title = 'Plenary: video meetings on your own server';
  }, []);

  return (
    <div className="landing">
      <Header />
      <main className="landing-main">
        <section className="pitch">
          <h1>
            Meet face to face,
            <br />
            on a server you trust.
          </h1>
          <p className="pitch-lead">Start a meeting, share its link, talk. It works in the browser: nothing to install, no account.</p>
          <Hall />
        </section>
        <section className="desk" aria-label="Start or join a meeting">
          {ready === null ? (
            <>
              <StartForm onCreated={setReady} />
              <JoinForm />
              <RecentMeetings meetings={hosted} />
            </>
          ) : (
            <MeetingReady meeting={ready} onBack={() => setReady(null)} />
          )}
        </section>
      </main>
    </div>
  );
}
