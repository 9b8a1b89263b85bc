import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { linkify } from '../lib/linkify';
import { clock } from '../lib/time';
import { IconButton } from '../ui/Button';
import { SidePanel } from '../ui/SidePanel';
import { type ChatMessage, MESSAGE_MAX, startsGroup } from './log';

export function ChatPanel({ messages, onSend, onClose }: {
  messages: readonly ChatMessage[];
  onSend: (text: string) => Promise<void>;
  onClose: () => void;
}) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'end' });
  }, [messages.length]);

  return (
    <SidePanel title="Chat" onClose={onClose}>
      {messages.length === 0 ? (
        <p className="panel-empty">No messages yet. Everyone who is here now sees what you write; nothing is kept after the meeting.</p>
      ) : (
        <div className="chat-log" role="log" aria-label="Messages" tabIndex={0}>
          {messages.map((message, index) => (
            <Message key={message.id} message={message} first={startsGroup(message, messages[index - 1])} />
          ))}
          <div ref={end} />
        </div>
      )}
      <Composer onSend={onSend} />
    </SidePanel>
  );
}

function Message({ message, first }: { message: ChatMessage; first: boolean }) {
  return (
    <div className={message.mine ? 'chat-message chat-mine' : 'chat-message'}>
      {first && (
        <p className="chat-head">
          <strong>{message.mine ? 'You' : message.name}</strong> <time dateTime={new Date(message.at).toISOString()}>{clock(message.at)}</time>
        </p>
      )}
      <p className="chat-text">
        {linkify(message.text).map((piece, index) =>
          piece.kind === 'link' ? (
            <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
              {piece.text}
            </a>
          ) : (
            piece.text
          ),
        )}
      </p>
    </div>
  );
}

function Composer({ onSend }: { onSend: (text: string) => Promise<void> }) {
  const [draft, setDraft] = useState('');
  const [failed, setFailed] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function send() {
    const text = draft.trim();
    if (text === '') return;
    setDraft('');
    setFailed(false);
    try {
      await onSend(text);
    } catch {
      setFailed(true);
      setDraft((newer) => newer || text);
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    // Enter that ends the input of a character (as in Japanese) sends nothing.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }

  return (
    <div className="composer">
      {failed && (
        <p className="field-error" role="alert">
          The message was not sent. Check your connection, then send it again.
        </p>
      )}
      <div className="composer-row">
        <textarea
          ref={field}
          rows={2}
          value={draft}
          maxLength={MESSAGE_MAX}
          aria-label="Message to everyone"
          placeholder="Message to everyone"
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <IconButton className="composer-send" label="Send message" icon="send" disabled={draft.trim() === ''} onClick={() => void send()} />
      </div>
    </div>
  );
}
