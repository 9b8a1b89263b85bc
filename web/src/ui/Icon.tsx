/** The app's own icons, drawn on a 24 by 24 grid with one stroke. */

const PATHS = {
  mic: 'M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5v3',
  micOff: 'M15 9.8V6.5a3 3 0 0 0-5.9-.8M9 9v2.5a3 3 0 0 0 4.6 2.5M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11a6.5 6.5 0 0 1-.7 2.9M12 17.5v3M4 4l16 16',
  camera: 'M5.5 6.5h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2ZM14.5 11l4.7-3a.85.85 0 0 1 1.3.7v6.6a.85.85 0 0 1-1.3.7l-4.7-3',
  cameraOff: 'M9.5 6.5h3a2 2 0 0 1 2 2v2.5l4.7-3a.85.85 0 0 1 1.3.7v6.6M14.3 16.3a2 2 0 0 1-1.8 1.2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 1.4-1.9M4 4l16 16',
  screen: 'M5 4.5h14a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15V6A1.5 1.5 0 0 1 5 4.5ZM8.5 20h7M12 13.5v-6M9.3 10.2 12 7.5l2.7 2.7',
  screenOff: 'M5 4.5h14a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15V6A1.5 1.5 0 0 1 5 4.5ZM8.5 20h7M9.8 8.3l4.4 4.4M14.2 8.3l-4.4 4.4',
  chat: 'M6 4.5h12A2.5 2.5 0 0 1 20.5 7v7a2.5 2.5 0 0 1-2.5 2.5h-6.2L7.5 20v-3.5H6A2.5 2.5 0 0 1 3.5 14V7A2.5 2.5 0 0 1 6 4.5ZM8 9h8M8 12.3h5',
  people: 'M9 11.5a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6ZM2.8 19.2c.5-3.1 3-5 6.2-5s5.7 1.9 6.2 5M15.5 5.2a3.2 3.2 0 0 1 0 6.1M17.3 14.6c2.1.6 3.5 2.2 3.9 4.6',
  settings: 'M4 7.5h8M16.5 7.5H20M4 16.5h3.5M12 16.5h8M14.25 9.75a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5ZM9.75 18.75a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5Z',
  leave: 'M10 4.5H6.5A1.5 1.5 0 0 0 5 6v12a1.5 1.5 0 0 0 1.5 1.5H10M10.5 12h9M16 8.3 19.7 12 16 15.7',
  copy: 'M10 8.5h8.5A1.5 1.5 0 0 1 20 10v8.5a1.5 1.5 0 0 1-1.5 1.5H10a1.5 1.5 0 0 1-1.5-1.5V10A1.5 1.5 0 0 1 10 8.5ZM15.5 5.5A1.5 1.5 0 0 0 14 4H5.5A1.5 1.5 0 0 0 4 5.5V14a1.5 1.5 0 0 0 1.5 1.5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  share: 'M12 14.5V4M8.3 7.5 12 3.8l3.7 3.7M6.5 11H6a1.5 1.5 0 0 0-1.5 1.5v6A1.5 1.5 0 0 0 6 20h12a1.5 1.5 0 0 0 1.5-1.5v-6A1.5 1.5 0 0 0 18 11h-.5',
  close: 'M6 6l12 12M18 6 6 18',
  left: 'M14.5 5.5 8 12l6.5 6.5',
  right: 'M9.5 5.5 16 12l-6.5 6.5',
  pin: 'M9 4h6l-.7 6 2.7 3v1.5H7V13l2.7-3L9 4ZM12 14.5V20',
  help: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM9.7 9.6a2.4 2.4 0 1 1 3.4 2.2c-.7.4-1.1.9-1.1 1.7M12 16.5v.1',
  lock: 'M7 10.5h10A1.5 1.5 0 0 1 18.5 12v6.5A1.5 1.5 0 0 1 17 20H7a1.5 1.5 0 0 1-1.5-1.5V12A1.5 1.5 0 0 1 7 10.5ZM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5',
  warning: 'M12 4.5 20.5 19h-17L12 4.5ZM12 10v4M12 16.5v.1',
  send: 'M4.5 12 3.8 5.3a.7.7 0 0 1 1-.7L20 12 4.8 19.4a.7.7 0 0 1-1-.7L4.5 12ZM4.5 12H12',
  speaker: 'M4 9.5h3.5L12 5.5v13l-4.5-4H4v-5ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 1 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 1 0 11 18.7l1-1',
  host: 'M4.5 8.5l3.7 3.2L12 5.5l3.8 6.2 3.7-3.2-1.3 9H5.8l-1.3-9Z',
  plus: 'M12 5v14M5 12h14',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: seats in a half circle around a table. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <g fill="currentColor">
        <circle cx="4.2" cy="20.6" r="2.7" />
        <circle cx="7.9" cy="12.1" r="2.7" />
        <circle cx="16" cy="8.7" r="2.7" />
        <circle cx="24.1" cy="12.1" r="2.7" />
        <circle cx="27.8" cy="20.6" r="2.7" />
        <circle cx="10.8" cy="19.8" r="2.1" />
        <circle cx="16" cy="15.6" r="2.1" />
        <circle cx="21.2" cy="19.8" r="2.1" />
      </g>
      <rect className="mark-table" x="10.5" y="24.5" width="11" height="3" rx="1.5" />
    </svg>
  );
}
