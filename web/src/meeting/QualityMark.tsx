export type Quality = 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';

const BARS: Readonly<Record<Quality, number>> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 };
const WORDS: Readonly<Record<Quality, string>> = {
  excellent: 'Connection: excellent',
  good: 'Connection: good',
  poor: 'Connection: poor',
  lost: 'Connection: lost',
  unknown: '',
};

/** Three bars for a person's connection; nothing while we don't know. */
export function QualityMark({ quality }: { quality: Quality }) {
  if (quality === 'unknown') return null;
  return (
    <svg className={`quality quality-${quality}`} width="16" height="14" viewBox="0 0 16 14" role="img" aria-label={WORDS[quality]}>
      {[0, 1, 2].map((bar) => (
        <rect key={bar} x={1 + bar * 5} y={9 - bar * 4} width="3.4" height={4 + bar * 4} rx="1" className={bar < BARS[quality] ? 'bar bar-on' : 'bar'} />
      ))}
    </svg>
  );
}
