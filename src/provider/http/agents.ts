import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../domain/clock.ts';
import type { Proxy } from './proxy.ts';
import { createSpare } from './spare-connection.ts';

/** How connections are established and how long they are kept. */
export interface ConnectionOptions {
  /** Milliseconds to establish a connection. */
  readonly connectTimeout?: number;
  readonly proxy?: Proxy | undefined;
  /** Milliseconds after which an unused connection is closed, and after which it no longer carries a write. */
  readonly idle?: { readonly close: number; readonly write: number };
}

export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
  /** Opens a connection to the host of this URL for the next request, unless one is open that can carry a write. */
  open(url: string): void;
  /** Closes the connections that have been idle for too long to carry a write. */
  closeStale(): void;
}

/**
 * The other side, or a device in between, may have dropped an idle connection silently. A write on it has an unknown
 * outcome, which takes a minute to resolve. A read is only repeated, so it may use the connection for longer.
 */
const usualIdle = { close: 15_000, write: 3_000 } as const;

/** Keeps connections alive, and establishes them through the proxy if there is one. */
export function createAgents({ connectTimeout = 5_000, proxy, idle = usualIdle }: ConnectionOptions): Agents {
  const options = {
    keepAlive: true,
    timeout: idle.close,
    // Node tries the addresses of a name one after another, 250 ms each by default. Half of the connect timeout is
    // enough for a slow handshake, and leaves the other half for the next address if the first never responds.
    autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeout / 2),
    ...(proxy === undefined ? {} : { proxyEnv: proxy.env }),
  };
  const agents = [new http.Agent(options), new https.Agent(options)] as const;
  const spares = [
    createSpare(agents[0], options, 'connect', { connect: connectTimeout, use: idle.write }),
    createSpare(agents[1], options, 'secureConnect', { connect: connectTimeout, use: idle.write }),
  ] as const;
  const unusedSince = new WeakMap<Duplex, number>();
  for (const agent of agents) {
    const keep = agent.keepSocketAlive.bind(agent);
    agent.keepSocketAlive = (socket) => {
      unusedSince.set(socket, systemClock.monotonic());
      return keep(socket);
    };
  }
  /** With the time since their last response. */
  function unusedConnections(): readonly { readonly socket: Duplex; readonly milliseconds: number }[] {
    const now = systemClock.monotonic();
    return agents
      .flatMap(({ freeSockets }) => Object.values(freeSockets).flatMap((sockets) => sockets ?? []))
      .map((socket) => ({ socket, milliseconds: now - (unusedSince.get(socket) ?? 0) }));
  }
  return {
    http: agents[0],
    https: agents[1],
    open(url) {
      // A proxy's connection is a tunnel, which only the agent knows how to open. One that is about to become too old
      // would be closed before the write.
      if (proxy !== undefined || unusedConnections().some(({ milliseconds }) => milliseconds < idle.write / 2)) return;
      const { protocol, hostname, port } = new URL(url);
      const host = hostname.replaceAll(/[[\]]/g, '');
      if (protocol === 'https:') spares[1].open(host, Number(port || '443'));
      else spares[0].open(host, Number(port || '80'));
    },
    closeStale() {
      for (const { socket, milliseconds } of unusedConnections()) if (milliseconds >= idle.write) socket.destroy();
    },
  };
}
