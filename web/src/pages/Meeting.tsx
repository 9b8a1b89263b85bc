import { useCallback, useEffect, useState } from 'react';
import { Header } from '../app/Header';
import { Link } from '../app/Link';
import { fetchMeeting, type JoinGrant, joinMeeting, type JoinRequest, type MeetingFacts } from '../lib/api';
import { type EndReason } from '../lib/ended';
import { explain, type Explanation, ProblemError } from '../lib/problem';
import { forgetCall, forgetHosted, hostTokenOf, readCall } from '../lib/remember';
import { lasting, tab } from '../lib/storage';
import { type Call, comeBack, enter } from '../meeting/call';
import { MeetingRoom } from '../meeting/MeetingRoom';
import { useCallEnd } from '../meeting/useCallEnd';
import { type Entry, Prejoin } from '../prejoin/Prejoin';
import { Button } from '../ui/Button';
import { Message } from '../ui/Notice';
import { Ended } from './Ended';
import '../styles/prejoin.css';
import '../styles/meeting.css';

type Stage =
  | { at: 'looking' }
  | { at: 'refused'; why: Explanation }
  | { at: 'door'; facts: MeetingFacts; problem: Explanation | null; token?: string }
  | { at: 'inside'; facts: MeetingFacts; call: Call }
  | { at: 'ended'; facts: MeetingFacts; reason: EndReason; token: string };

/** One meeting's page: looked up, checked, inside, ended. */
export default function Meeting({ id }: { id: string }) {
  const [stage, setStage] = useState<Stage>({ at: 'looking' });
  const [tries, setTries] = useState(0);
  const [hostToken] = useState(() => hostTokenOf(lasting, id));
  useTitle('facts' in stage ? stage.facts.title : '');

  useEffect(() => {
    let gone = false;
    const set = (next: Stage) => {
      if (!gone) setStage(next);
      else if (next.at === 'inside') void next.call.room.disconnect();
    };
    void arrive(id, hostToken).then(set);
    return () => {
      gone = true;
    };
  }, [id, hostToken, tries]);

  const onEnd = useCallback(
    (reason: EndReason) => {
      forgetCall(tab, id);
      setStage((old) => {
        // The server's word that the meeting is over may come before the answer to whoever ended it.
        const news = old.at === 'inside' || (old.at === 'ended' && reason === 'ended-by-me');
        return news ? { at: 'ended', facts: old.facts, reason, token: old.at === 'inside' ? old.call.token : old.token } : old;
      });
    },
    [id],
  );
  useCallEnd(stage.at === 'inside' ? stage.call : null, onEnd);

  async function join(facts: MeetingFacts, previousToken: string | undefined, entry: Entry, onEntered: () => void) {
    try {
      const grant = await ask(id, { name: entry.name, passcode: entry.passcode || undefined, hostToken, previousToken });
      const call = await enter(id, grant, entry);
      onEntered();
      setStage({ at: 'inside', facts, call });
    } catch (error) {
      setStage({ at: 'door', facts, problem: problemOf(error) });
    }
  }

  switch (stage.at) {
    case 'looking':
      return (
        <p className="loading" role="status">
          Opening the meeting…
        </p>
      );
    case 'refused':
      return (
        <Refused
          why={stage.why}
          onRetry={() => {
            setStage({ at: 'looking' });
            setTries(tries + 1);
          }}
        />
      );
    case 'door':
      return (
        <Prejoin
          facts={stage.facts}
          isHost={hostToken !== undefined}
          known={stage.token !== undefined}
          problem={stage.problem}
          onJoin={(entry, onEntered) => join(stage.facts, stage.token, entry, onEntered)}
        />
      );
    case 'inside':
      return <MeetingRoom call={stage.call} title={stage.facts.title} hostToken={hostToken} onEnd={onEnd} />;
    case 'ended':
      return <Ended reason={stage.reason} title={stage.facts.title} onRejoin={() => setStage({ at: 'door', facts: stage.facts, problem: null, token: stage.token })} />;
  }
}

/** Looks the meeting up, and goes straight in when this tab was in it before a reload. */
async function arrive(id: string, hostToken: string | undefined): Promise<Stage> {
  const before = readCall(tab, id);
  let facts: MeetingFacts;
  try {
    facts = await fetchMeeting(id);
  } catch (error) {
    const why = problemOf(error);
    if (why.kind === 'final') {
      forgetCall(tab, id);
      forgetHosted(lasting, id);
    }
    return { at: 'refused', why };
  }
  if (before === null) return { at: 'door', facts, problem: null };
  try {
    const grant = await ask(id, { name: before.name, hostToken, previousToken: before.token });
    return { at: 'inside', facts, call: await comeBack(id, grant, before) };
  } catch (error) {
    forgetCall(tab, id);
    return { at: 'door', facts, problem: problemOf(error) };
  }
}

/** Asks to be let in. A host token that no longer counts is forgotten, and one comes in as everybody else. */
async function ask(id: string, request: JoinRequest): Promise<JoinGrant> {
  try {
    return await joinMeeting(id, request);
  } catch (error) {
    const slug = error instanceof ProblemError ? error.problem.slug : '';
    if (request.hostToken === undefined || (slug !== 'host-token-invalid' && slug !== 'not-host')) throw error;
    forgetHosted(lasting, id);
    return joinMeeting(id, { ...request, hostToken: undefined });
  }
}

function problemOf(error: unknown): Explanation {
  if (error instanceof ProblemError) return explain(error.problem);
  return {
    title: 'The connection for picture and sound failed',
    remedy: 'Try again. If it keeps failing, your network may block video calls: try another one.',
    kind: 'retry',
  };
}

function Refused({ why, onRetry }: { why: Explanation; onRetry: () => void }) {
  return (
    <>
      <Header />
      <Message
        title={why.title}
        actions={
          <>
            {why.kind !== 'final' && (
              <Button look="primary" onClick={onRetry}>
                Try again
              </Button>
            )}
            <Link to="/" className={why.kind === 'final' ? 'button button-primary' : 'button button-plain'}>
              Go to the start page
            </Link>
          </>
        }
      >
        <p>{why.remedy}</p>
      </Message>
    </>
  );
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Plenary' : `${title} · Plenary`;
  }, [title]);
}
