import { useCallback, useEffect, useState } from 'react';

/** How long "Copied" stays, in milliseconds: long enough to be read. */
const SHOWN_MS = 2500;

/** Copies text, and says so for a moment. */
export function useCopy(): { copied: boolean; copy: (text: string) => void } {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = useCallback((text: string) => {
    void copyText(text).then(setCopied);
  }, []);
  return { copied, copy };
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** For pages without the clipboard interface, which needs a secure connection. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('readonly', '');
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  // The only way left where the page is served over plain http.
  const command = (document as unknown as { execCommand: (name: string) => boolean }).execCommand.bind(document);
  const done = command('copy');
  area.remove();
  return done;
}
