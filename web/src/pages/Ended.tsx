import { Header } from '../app/Header';
import { Link } from '../app/Link';
import { type EndReason, explainEnd } from '../lib/ended';
import { Button } from '../ui/Button';
import { Message } from '../ui/Notice';

export function Ended({ reason, title, onRejoin }: { reason: EndReason; title: string; onRejoin: () => void }) {
  const text = explainEnd(reason);
  return (
    <>
      <Header />
      <Message
        title={text.title}
        actions={
          <>
            {text.rejoin && (
              <Button look="primary" onClick={onRejoin}>
                Rejoin
              </Button>
            )}
            <Link to="/" className={text.rejoin ? 'button button-plain' : 'button button-primary'}>
              Go to the start page
            </Link>
          </>
        }
      >
        {title !== '' && <p className="ended-title">{title}</p>}
        <p>{text.remedy}</p>
      </Message>
    </>
  );
}
