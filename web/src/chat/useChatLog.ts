import type { Room } from 'livekit-client';
import { useCallback, useEffect, useState } from 'react';
import { displayName } from '../meeting/useTiles';
import { append, type ChatMessage, MESSAGE_MAX } from './log';

/** The topic that LiveKit's clients use for chat. */
const TOPIC = 'lk.chat';

export interface ChatLog {
  messages: readonly ChatMessage[];
  /** Rejects when the message could not be sent. */
  send: (text: string) => Promise<void>;
}

/** What has been said in writing since one joined. */
export function useChatLog(room: Room): ChatLog {
  const [messages, setMessages] = useState<readonly ChatMessage[]>([]);

  useEffect(() => {
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => {
      const sender = room.getParticipantByIdentity(identity);
      const name = sender ? displayName(sender) : 'Somebody';
      reader.readAll().then(
        (text) => {
          const cut = text.slice(0, MESSAGE_MAX);
          setMessages((old) => append(old, { id: reader.info.id, identity, name, text: cut, at: Date.now(), mine: false }));
        },
        // A stream that breaks off (its sender left) is no message.
        () => undefined,
      );
    });
    return () => room.unregisterTextStreamHandler(TOPIC);
  }, [room]);

  const send = useCallback(
    async (text: string) => {
      const me = room.localParticipant;
      const info = await me.sendText(text, { topic: TOPIC });
      setMessages((old) => append(old, { id: info.id, identity: me.identity, name: displayName(me), text, at: Date.now(), mine: true }));
    },
    [room],
  );

  return { messages, send };
}
