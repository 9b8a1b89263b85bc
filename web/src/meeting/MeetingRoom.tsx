import { RoomAudioRenderer, RoomContext } from '@livekit/components-react';
import { useCallback, useState } from 'react';
import { ChatPanel } from '../chat/ChatPanel';
import { countUnread } from '../chat/log';
import { useChatLog } from '../chat/useChatLog';
import { PeoplePanel } from '../people/PeoplePanel';
import { usePeople } from '../people/usePeople';
import { explainScreen } from '../lib/devices';
import type { EndReason } from '../lib/ended';
import { type Box, paging } from '../lib/grid';
import { meetingLink } from '../lib/link';
import { readPreferences, writePreferences } from '../lib/remember';
import type { Action } from '../lib/shortcuts';
import { lasting } from '../lib/storage';
import { Banners } from './Banners';
import type { Call } from './call';
import { Controls, type Panel } from './Controls';
import { HelpDialog } from './HelpDialog';
import { LeaveFlow } from './LeaveFlow';
import { LiveTile } from './LiveTile';
import { NoticeList } from './NoticeList';
import { SettingsDialog } from './SettingsDialog';
import { Shell } from './Shell';
import { type RenderTile, Stage } from './Stage';
import { useNotices } from './useNotices';
import { useRoomNews } from './useRoomNews';
import { useShortcuts } from './useShortcuts';
import { useSwitches } from './useSwitches';
import { useTiles } from './useTiles';

type Sheet = 'settings' | 'help' | 'leave' | null;

/** Before the stage has been measured. */
const FIRST_PAGE = 9;

/** The meeting as one takes part in it. */
export function MeetingRoom({ call, title, hostToken, onEnd }: {
  call: Call;
  title: string;
  hostToken: string | undefined;
  onEnd: (reason: EndReason) => void;
}) {
  const { room } = call;
  const [panel, setPanel] = useState<Panel>(null);
  const [sheet, setSheet] = useState<Sheet>(null);
  const [page, setPage] = useState(0);
  const [firstPage, setFirstPage] = useState(FIRST_PAGE);
  const [letterKeys, setLetterKeys] = useState(() => readPreferences(lasting).letterKeys);
  const [seen, setSeen] = useState<string | null>(null);

  const { notices, tell, dismiss } = useNotices();
  const chat = useChatLog(room);
  const people = usePeople(call);
  const { items, tracks } = useTiles(room, firstPage);
  const onScreenError = useCallback((error: unknown) => {
    const text = explainScreen(error);
    if (text !== null) tell(text, true);
  }, [tell]);
  const switches = useSwitches(call, onScreenError);
  useRoomNews(room, tell);

  const last = chat.messages.at(-1)?.id ?? null;
  if (panel === 'chat' && seen !== last) setSeen(last);

  const toggle = (which: 'chat' | 'people') => setPanel((open) => (open === which ? null : which));
  const isHost = call.role === 'host' && hostToken !== undefined;
  const leave = () => (isHost ? setSheet('leave') : void room.disconnect());

  useShortcuts(letterKeys, (action) => {
    const actions: Record<Action, () => void> = {
      microphone: switches.toggleMicrophone,
      camera: switches.toggleCamera,
      screen: () => switches.toggleScreen?.(),
      chat: () => toggle('chat'),
      people: () => toggle('people'),
      settings: () => setSheet('settings'),
      help: () => setSheet('help'),
      close: () => setPanel(null),
      previous: () => setPage(Math.max(0, page - 1)),
      next: () => setPage(page + 1),
    };
    actions[action]();
  });

  const renderTile: RenderTile = (item, focused, onPin) => {
    const track = tracks.get(item.key);
    return track && <LiveTile item={item} track={track} focused={focused} onPin={onPin} />;
  };
  const stage = (box: Box) => {
    const fits = box.width === 0 ? FIRST_PAGE : paging(items.length, false, box).size;
    if (fits !== firstPage) queueMicrotask(() => setFirstPage(fits));
    return <Stage items={items} box={box} page={page} onPage={setPage} renderTile={renderTile} />;
  };

  const link = meetingLink(call.meetingId, window.location.origin);
  const close = () => setSheet(null);
  return (
    <RoomContext.Provider value={room}>
      <div className="dark">
      <Shell
        title={title}
        link={link}
        joinedAt={call.joinedAt}
        alone={people.length === 1}
        stage={stage}
        panel={
          panel === 'chat' ? (
            <ChatPanel messages={chat.messages} onSend={chat.send} onClose={() => setPanel(null)} />
          ) : panel === 'people' ? (
            <PeoplePanel people={people} link={link} onClose={() => setPanel(null)} />
          ) : null
        }
        banner={<Banners room={room} sharing={switches.screen} onStopSharing={() => switches.toggleScreen?.()} />}
        notices={<NoticeList notices={notices} onDismiss={dismiss} />}
        controls={
          <Controls
            switches={switches}
            panel={panel}
            unread={panel === 'chat' ? 0 : countUnread(chat.messages, seen)}
            people={people.length}
            onPanel={toggle}
            onSettings={() => setSheet('settings')}
            onLeave={leave}
          />
        }
        onHelp={() => setSheet('help')}
      />
      <RoomAudioRenderer />
      {sheet === 'settings' && <SettingsDialog room={room} onClose={close} />}
      {sheet === 'leave' && hostToken !== undefined && <LeaveFlow call={call} hostToken={hostToken} onEnd={onEnd} onClose={close} />}
      {sheet === 'help' && (
        <HelpDialog
          letterKeys={letterKeys}
          onLetterKeys={(on) => {
            setLetterKeys(on);
            writePreferences(lasting, { letterKeys: on });
          }}
          onClose={close}
        />
      )}
      </div>
    </RoomContext.Provider>
  );
}
