/** The landing page's picture: a hall of seats, one of which speaks. */

interface Seat {
  x: number;
  y: number;
  row: number;
  key: string;
}

/** Rows from the table outwards: radius and number of seats. */
const ROWS: readonly (readonly [number, number])[] = [
  [70, 5],
  [112, 8],
  [154, 11],
  [196, 14],
];
const SPEAKER = '2-7';

const SEATS: readonly Seat[] = ROWS.flatMap(([radius, count], row) =>
  Array.from({ length: count }, (_, place) => {
    const angle = (Math.PI * (place + 0.5)) / count;
    return { x: 220 - radius * Math.cos(angle), y: 216 - radius * Math.sin(angle), row, key: `${row}-${place}` };
  }),
);

export function Hall() {
  return (
    <svg className="hall" viewBox="0 0 440 240" aria-hidden="true" focusable="false">
      {SEATS.map(({ x, y, row, key }) => (
        <circle key={key} cx={x} cy={y} r={13 - row} className={key === SPEAKER ? 'seat seat-speaks' : `seat seat-${row}`} />
      ))}
      <rect x="186" y="212" width="68" height="12" rx="6" className="hall-table" />
    </svg>
  );
}
