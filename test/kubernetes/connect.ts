import { KubeConfig, type User } from '@kubernetes/client-node';
import type { ServerResponse } from 'node:http';
import { createKubeClient, type KubeClient } from '../../src/kubernetes/client.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { createTransport, type TransportOptions } from '../../src/kubernetes/transport.ts';
import { systemClock } from '../../src/domain/clock.ts';

/** A client of the server at `url`, closed at the end of its scope. */
export function connect(
  url: string,
  { user = {}, ...options }: Partial<TransportOptions> & { readonly user?: Partial<User> } = {},
): KubeClient & AsyncDisposable {
  const config = new KubeConfig();
  // Unverified, because the library runs plugins only for connections with TLS.
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test', ...user });
  const client = createKubeClient(createTransport(config, { clock: systemClock, version: '1.2.3', ...options }));
  return { ...client, [Symbol.asyncDispose]: () => client.close() };
}

export const pods = { group: '', version: 'v1', plural: 'pods' } as const;
export const vms = { group: 'vps247.com', version: 'v1alpha1', plural: 'virtualmachines' } as const;
export const web = { namespace: 'default', name: 'web' } as const;

export function json(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** An error as the API server words it. */
export function status(code: number, reason: string, message = 'because', name?: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details: name ? { name } : {} };
}

/** What a call was rejected with; fails when it was not, or with something else than a KubeError. */
export async function rejection(promise: Promise<unknown>): Promise<KubeError> {
  const outcome = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (outcome instanceof KubeError) return outcome;
  throw new Error('not a KubeError', { cause: outcome });
}
