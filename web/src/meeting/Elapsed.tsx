import { useEffect, useState } from 'react';
import { duration } from '../lib/time';

/** How long one has been in the meeting. */
export function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="elapsed" role="timer" aria-label="Time in the meeting">
      {duration(now - since)}
    </span>
  );
}
