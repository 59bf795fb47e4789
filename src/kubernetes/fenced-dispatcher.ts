import type { Dispatcher } from 'undici';
import type { Fence } from '../domain/fence.ts';
import { KubeError } from './errors.ts';

/**
 * The same connections, on which a request that changes something is sent only if the fence permits it. The fence is
 * called when the request is next on its connection and nothing of it is written, because the process may have been
 * frozen while the request waited. A refused request ends with KubeError `Fenced`, and the connection stays open.
 */
export function fencedDispatcher(connections: Dispatcher, fence: Fence): Dispatcher {
  return connections.compose(
    (dispatch) => (options, handler) =>
      dispatch(options, options.method === 'GET' ? handler : new FencedHandler(handler, options.path, fence)),
  );
}

class FencedHandler implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #path: string;
  readonly #fence: Fence;

  constructor(handler: Dispatcher.DispatchHandler, path: string, fence: Fence) {
    this.#handler = handler;
    this.#path = path;
    this.#fence = fence;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
    // Thrown instead of aborted, because an abort would close a working connection.
    if (!this.#fence())
      throw new KubeError(`${this.#path}: not sent, for another may be leading`, { reason: 'Fenced' });
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>): void {
    this.#handler.onRequestUpgrade?.(...args);
  }

  onResponseStart(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    this.#handler.onResponseStart?.(...args);
  }

  onResponseData(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseData']>>): void {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>): void {
    this.#handler.onResponseError?.(...args);
  }
}
