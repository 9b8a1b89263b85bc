import { useCallback, useEffect, useRef, useState } from 'react';

export interface Notice {
  id: number;
  text: string;
  /** Something went wrong, as against something to know. */
  bad: boolean;
}

/** How long a notice stays, in milliseconds; a fault stays longer, as it asks for something to be done. */
const SHOWN_MS = 5000;
const BAD_MS = 12_000;
/** More at once would hide the meeting. */
const MOST = 3;

export interface Notices {
  notices: readonly Notice[];
  tell: (text: string, bad?: boolean) => void;
  dismiss: (id: number) => void;
}

/** Short messages that come and go by themselves; screen readers read them out. */
export function useNotices(): Notices {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const next = useRef(0);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());

  const dismiss = useCallback((id: number) => setNotices((old) => old.filter((notice) => notice.id !== id)), []);

  const tell = useCallback(
    (text: string, bad = false) => {
      const id = (next.current += 1);
      setNotices((old) => [...old.filter((notice) => notice.text !== text), { id, text, bad }].slice(-MOST));
      const timer = setTimeout(
        () => {
          timers.current.delete(timer);
          dismiss(id);
        },
        bad ? BAD_MS : SHOWN_MS,
      );
      timers.current.add(timer);
    },
    [dismiss],
  );

  useEffect(() => {
    const running = timers.current;
    return () => running.forEach(clearTimeout);
  }, []);

  return { notices, tell, dismiss };
}
