import { useEffect, useRef } from 'react';
import { type Action, actionOf } from '../lib/shortcuts';

/** Runs the action of a key wherever the focus is, except where letters are text or a dialog is open. */
export function useShortcuts(letterKeys: boolean, onAction: (action: Action) => void): void {
  const latest = useRef(onAction);
  useEffect(() => {
    latest.current = onAction;
  });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat || event.isComposing) return;
      if (document.querySelector('dialog[open]')) return;
      const target = event.target instanceof Element ? event.target : null;
      const action = actionOf(
        {
          key: event.key,
          ctrl: event.ctrlKey,
          meta: event.metaKey,
          alt: event.altKey,
          shift: event.shiftKey,
          typing: (target?.closest('input, textarea, select, [contenteditable]') ?? null) !== null,
        },
        letterKeys,
      );
      if (action === null) return;
      event.preventDefault();
      latest.current(action);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [letterKeys]);
}
