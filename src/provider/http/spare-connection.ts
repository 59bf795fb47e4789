import type http from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../domain/clock.ts';

/** Milliseconds to establish it, and how long it may wait for a request after that. */
interface Limits {
  readonly connect: number;
  readonly use: number;
}

type CreateConnection = Parameters<http.Agent['createConnection']>;

interface Spare {
  readonly origin: string;
  readonly socket: Duplex;
  /** Undefined if it could not be established, or was closed. */
  readonly established: Promise<Duplex | undefined>;
  /** Ends its time limit and the watch for bytes that no request asked for. */
  release(): void;
}

/**
 * Lets an agent use a connection that is opened before its request, so that the request waits only for the rest of the
 * handshake. It has carried nothing, so the other side can't have dropped it as an idle one. `established` is the event
 * of a connection that can be used.
 */
export function createSpare(
  agent: http.Agent,
  options: http.AgentOptions,
  established: 'connect' | 'secureConnect',
  limits: Limits,
): { open(host: string, port: number): void } {
  const create = agent.createConnection.bind(agent);
  let spare: Spare | undefined;

  agent.createConnection = (request, callback) => {
    const taken = take(`${request.host}:${request.port}`);
    if (taken === undefined) return create(request, callback);
    void hand(taken, request, callback);
    return undefined;
  };

  /** The request reports why no connection can be established. */
  async function hand(taken: Promise<Duplex | undefined>, ...[request, callback]: CreateConnection): Promise<void> {
    const socket = (await taken) ?? create(request, callback);
    if (socket) callback?.(null, socket);
  }

  function take(origin: string): Promise<Duplex | undefined> | undefined {
    if (spare?.origin !== origin || spare.socket.destroyed) return undefined;
    const { established: socket, release } = spare;
    spare = undefined;
    release();
    return socket;
  }

  return {
    open(host, port) {
      if (spare !== undefined) return;
      const servername = isIP(host) === 0 ? { servername: host } : {};
      const socket = create({ ...options, ...servername, host, port });
      if (!socket) return;
      const ready = Promise.withResolvers<Duplex | undefined>();
      const discard = (): void => void socket.destroy();
      const cancelConnect = systemClock.schedule(limits.connect, discard);
      let cancelUse: (() => void) | undefined;
      // Only here: the agent adds its own listener for errors.
      socket.on('error', () => {});
      socket.once('close', () => {
        if (spare?.socket === socket) spare = undefined;
        cancelConnect();
        cancelUse?.();
        ready.resolve(undefined);
      });
      socket.once(established, () => {
        cancelConnect();
        if (spare?.socket === socket) {
          cancelUse = systemClock.schedule(limits.use, discard);
          // Bytes that answer no request, or the end: the next request must not read them as its response.
          socket.on('readable', discard);
        }
        ready.resolve(socket);
      });
      const release = (): void => {
        cancelUse?.();
        socket.off('readable', discard);
      };
      spare = { origin: `${host}:${port}`, socket, established: ready.promise, release };
    },
  };
}
