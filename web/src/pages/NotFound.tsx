import { Header } from '../app/Header';
import { Link } from '../app/Link';
import { Message } from '../ui/Notice';

export function NotFound({ path }: { path: string }) {
  const meant = path.startsWith('/m/');
  return (
    <>
      <Header />
      <Message
        title={meant ? 'That is not a meeting link' : 'There is nothing here'}
        actions={<Link to="/" className="button button-primary">Go to the start page</Link>}
      >
        <p>
          {meant
            ? 'A meeting’s link ends in three groups of letters, like abc-defg-hij. Check it for a missing letter.'
            : 'The address may be mistyped, or the page is gone.'}
        </p>
      </Message>
    </>
  );
}
