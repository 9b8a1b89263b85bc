import { IconButton } from '../ui/Button';
import type { Notice } from './useNotices';

export function NoticeList({ notices, onDismiss }: { notices: readonly Notice[]; onDismiss: (id: number) => void }) {
  return notices.map((notice) => (
    <div key={notice.id} className={notice.bad ? 'notice notice-bad' : 'notice'}>
      <p>{notice.text}</p>
      <IconButton label="Dismiss" icon="close" size={16} onClick={() => onDismiss(notice.id)} />
    </div>
  ));
}
