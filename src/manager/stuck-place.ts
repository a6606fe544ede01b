/**
 * Where a thread loops: its engine is asked through the inspector to stop for a moment and to say
 * on which line it stands, which works in the middle of an endless loop. Opens no port. It does not
 * know policies; the caller says which module is of interest.
 */
import { Session } from 'node:inspector';

/** A place in a module; both count from 0. */
export interface StuckPlace {
  readonly line: number;
  readonly column: number;
}

interface CallFrame {
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
}

/** The two messages of the engine that matter; all else has another method. */
type Message =
  | {
      readonly method: 'Debugger.scriptParsed';
      readonly params: { readonly scriptId: string; readonly url: string };
    }
  | {
      readonly method: 'Debugger.paused';
      readonly params: { readonly callFrames: readonly CallFrame[] };
    }
  | { readonly method?: '' };

interface Attached {
  readonly params: {
    readonly sessionId: string;
    readonly workerInfo: { readonly title: string };
  };
}

const ASK_MS_MAX = 1_000;

// Innermost first, as the engine tells them.
const placesIn = (frames: readonly CallFrame[], ours: ReadonlySet<string>): StuckPlace[] =>
  frames
    .filter(({ location }) => ours.has(location.scriptId))
    .map(({ location }) => ({ line: location.lineNumber, column: location.columnNumber ?? 0 }));

/** Asks thread `threadId` where it stands in the modules that `isOurs` accepts, innermost first. */
export const findStuckPlaces = (
  threadId: number,
  isOurs: (url: string) => boolean,
): Promise<readonly StuckPlace[]> =>
  new Promise((resolve) => {
    const session = new Session();
    const finish = (places: readonly StuckPlace[]): void => {
      clearTimeout(timer);
      // A thread that is left standing could not be ended; nor may the session end in its own call.
      send('Debugger.resume');
      send('Debugger.disable');
      setImmediate(() => {
        session.disconnect();
        resolve(places);
      });
    };
    const ours = new Set<string>();
    let sessionId = '';
    let id = 0;
    const send = (method: string): void => {
      id += 1;
      const message = JSON.stringify({ id, method });
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    };
    const timer = setTimeout(() => finish([]), ASK_MS_MAX);
    session.connect();
    session.on('NodeWorker.attachedToWorker', ({ params }: Attached) => {
      // The inspector has numbers of its own; the thread's is in the title.
      if (!params.workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
      sessionId = params.sessionId;
      send('Debugger.enable');
      send('Debugger.pause');
    });
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const message = JSON.parse(params.message) as Message;
      if (message.method === 'Debugger.scriptParsed') {
        if (isOurs(message.params.url)) ours.add(message.params.scriptId);
      } else if (message.method === 'Debugger.paused') {
        finish(placesIn(message.params.callFrames, ours));
      }
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  });
