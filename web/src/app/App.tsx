import { Component, lazy, type ReactNode, Suspense } from 'react';
import { idFromPath } from '../lib/link';
import { Landing } from '../pages/Landing';
import { NotFound } from '../pages/NotFound';
import { Message } from '../ui/Notice';
import { usePath } from './router';

// Everything that needs the media library is loaded only for a meeting.
const Meeting = lazy(() => import('../pages/Meeting'));

export function App() {
  return (
    <Boundary>
      <Suspense fallback={<p className="loading" role="status">Loading…</p>}>
        <Page />
      </Suspense>
    </Boundary>
  );
}

function Page() {
  const path = usePath();
  if (path === '/') return <Landing />;
  const id = idFromPath(path);
  if (id !== null) return <Meeting key={id} id={id} />;
  return <NotFound path={path} />;
}

/** Catches what nobody foresaw, so that a fault never ends in a blank page. */
class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Message
        title="This page has failed"
        actions={
          <button type="button" className="button button-primary" onClick={() => window.location.reload()}>
            Reload the page
          </button>
        }
      >
        <p>Reloading brings you back, also into a meeting.</p>
      </Message>
    );
  }
}
