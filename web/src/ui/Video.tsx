import { useEffect, useRef } from 'react';

/** Whatever can show itself in a video element; the media library's tracks can. */
export interface VideoSource {
  attach: (element: HTMLVideoElement) => unknown;
  detach: (element: HTMLVideoElement) => unknown;
}

export function Video({ source, mirrored = false, whole = false, label }: {
  source: VideoSource;
  mirrored?: boolean;
  /** Show all of the picture, with bars where it does not fit, instead of filling the tile. */
  whole?: boolean;
  label: string;
}) {
  const ref = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    source.attach(element);
    return () => void source.detach(element);
  }, [source]);

  return (
    <video
      ref={ref}
      className={`video${mirrored ? ' video-mirrored' : ''}${whole ? ' video-whole' : ''}`}
      aria-label={label}
      autoPlay
      playsInline
      muted
    />
  );
}
