import type { ReactNode } from 'react';
import type { Box } from '../lib/grid';
import { Button, IconButton } from '../ui/Button';
import { Mark } from '../ui/Icon';
import { useBox } from '../ui/useBox';
import { useCopy } from '../ui/useCopy';
import { Elapsed } from './Elapsed';

/** The meeting's frame: title above, stage and panel in the middle, controls below. It knows nothing of the network. */
export function Shell({ title, link, joinedAt, alone, stage, panel, banner, notices, controls, onHelp }: {
  title: string;
  link: string;
  joinedAt: number;
  alone: boolean;
  stage: (box: Box) => ReactNode;
  panel: ReactNode;
  banner: ReactNode;
  notices: ReactNode;
  controls: ReactNode;
  onHelp: () => void;
}) {
  const [ref, box] = useBox();
  const { copied, copy } = useCopy();
  return (
    <div className={panel ? 'meeting meeting-panel' : 'meeting'}>
      <header className="meeting-head">
        <Mark size={24} />
        <h1>{title || 'Video meeting'}</h1>
        <Elapsed since={joinedAt} />
        <span className="controls-gap" />
        <IconButton label={copied ? 'Link copied' : 'Copy the meeting link'} icon={copied ? 'check' : 'link'} size={20} onClick={() => copy(link)} />
        <IconButton label="Help and shortcuts" hint="?" icon="help" size={20} onClick={onHelp} />
      </header>
      {banner}
      <main className="stage" aria-label="People in the meeting">
        <div className="stage-box" ref={ref}>
          {stage(box)}
        </div>
        {alone && (
          <div className="alone">
            <p>
              <strong>You are the only one here.</strong> Send the link to those you want to meet.
            </p>
            <Button look="primary" icon={copied ? 'check' : 'copy'} onClick={() => copy(link)}>
              {copied ? 'Copied' : 'Copy link'}
            </Button>
          </div>
        )}
      </main>
      {panel}
      <div className="notices" role="status" aria-live="polite">
        {notices}
      </div>
      {controls}
    </div>
  );
}
