/** The meeting's looks with made-up people; `?people=9&screen&panel=chat&sheet=help&banner&notice`. Never part of the build. */

import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { append, type ChatMessage } from '../chat/log';
import { ChatPanel } from '../chat/ChatPanel';
import { Controls, type Panel } from '../meeting/Controls';
import { HelpDialog } from '../meeting/HelpDialog';
import { LeaveDialog } from '../meeting/LeaveDialog';
import { NoticeList } from '../meeting/NoticeList';
import { Shell } from '../meeting/Shell';
import { Stage } from '../meeting/Stage';
import { Tile } from '../meeting/Tile';
import { PeoplePanel } from '../people/PeoplePanel';
import { fakePeople, fakeScreen, fakeState } from './people';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/landing.css';
import '../styles/prejoin.css';
import '../styles/meeting.css';

const query = new URLSearchParams(window.location.search);
const people = fakePeople(Number(query.get('people') ?? 5));
const sharer = people[1] ?? people[0];
const items = query.has('screen') && sharer ? [...people, fakeScreen(sharer)] : people;
const states = new Map(items.map((item, index) => [item.key, fakeState(item, index)]));
const none = () => undefined;

const START = Date.UTC(2026, 4, 4, 9, 30);
const MESSAGES: ChatMessage[] = [
  { id: '1', identity: 'person-1', name: 'Ben Lindqvist', text: 'Good morning! The slides are at https://example.org/review?q=2, tell me if the link fails.', at: START, mine: false },
  { id: '2', identity: 'person-1', name: 'Ben Lindqvist', text: 'Chapter 3 is new.', at: START + 20_000, mine: false },
  { id: '3', identity: 'person-0', name: 'Amara Okafor', text: 'Thank you, it opens.\nReading it now.', at: START + 90_000, mine: true },
];

function Story() {
  const [panel, setPanel] = useState<Panel>((query.get('panel') ?? null) as Panel);
  const [sheet, setSheet] = useState(query.get('sheet'));
  const [page, setPage] = useState(0);
  const [messages, setMessages] = useState<readonly ChatMessage[]>(query.has('empty') ? [] : MESSAGES);
  const [switches, setSwitches] = useState({ microphone: true, camera: !query.has('off'), screen: false });
  const flip = (what: keyof typeof switches) => () => setSwitches((old) => ({ ...old, [what]: !old[what] }));
  const send = (text: string) => {
    setMessages((old) => append(old, { id: String(Math.random()), identity: 'person-0', name: 'Amara Okafor', text, at: Date.now(), mine: true }));
    return Promise.resolve();
  };
  const close = () => setPanel(null);

  return (
    <div className="dark">
      <Shell
        title="Weekly review"
        link="https://meet.example.org/m/abc-defg-hij"
        joinedAt={Date.now() - 754_000}
        alone={people.length === 1}
        stage={(box) => (
          <Stage
            items={items}
            box={box}
            page={page}
            onPage={setPage}
            renderTile={(item, focused, onPin) => {
              const state = states.get(item.key);
              return state && <Tile item={item} state={state} focused={focused} onPin={onPin} />;
            }}
          />
        )}
        panel={
          panel === 'chat' ? (
            <ChatPanel messages={messages} onSend={send} onClose={close} />
          ) : panel === 'people' ? (
            <PeoplePanel
              link="https://meet.example.org/m/abc-defg-hij"
              onClose={close}
              people={people.map((person, index) => ({
                ...person,
                host: index === 1,
                microphone: index % 3 !== 2,
                camera: index % 4 !== 3,
                screen: query.has('screen') && index === 1,
              }))}
            />
          ) : null
        }
        banner={
          query.has('banner') && (
            <div className="banners">
              <div className="banner banner-warn" role="alert">
                <span className="spinner" aria-hidden="true" />
                <p>The connection was interrupted. Reconnecting…</p>
              </div>
            </div>
          )
        }
        notices={
          query.has('notice') && (
            <NoticeList
              notices={[
                { id: 1, text: 'Chiara Rossi, Dmitri and 3 others joined', bad: false },
                { id: 2, text: 'The camera is in use or not working. Close other programs that use it, then turn it on again.', bad: true },
              ]}
              onDismiss={none}
            />
          )
        }
        controls={
          <Controls
            switches={{ ...switches, toggleMicrophone: flip('microphone'), toggleCamera: flip('camera'), toggleScreen: query.has('phone') ? undefined : flip('screen') }}
            panel={panel}
            unread={panel === 'chat' ? 0 : 2}
            people={people.length}
            onPanel={(which) => setPanel(panel === which ? null : which)}
            onSettings={none}
            onLeave={() => setSheet('leave')}
          />
        }
        onHelp={() => setSheet('help')}
      />
      {sheet === 'help' && <HelpDialog letterKeys onLetterKeys={none} onClose={() => setSheet(null)} />}
      {sheet === 'leave' && <LeaveDialog busy={false} trouble={null} onLeave={none} onEnd={none} onClose={() => setSheet(null)} />}
    </div>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<Story />);
