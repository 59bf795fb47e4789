import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import { type RawServer, startRawServer } from '../support/raw-server.ts';

/** A kubeconfig with one cluster; returns its path. */
export function writeKubeconfig(file: string, server: string, namespace?: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'one', namespace } }],
    clusters: [{ name: 'one', cluster: { server } }],
    users: [{ name: 'one', user: {} }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

export interface ServedCluster {
  /** Lists and objects, by the last part of their path. */
  readonly objects?: Readonly<Record<string, object>>;
  /** Answers a request itself: true. */
  readonly answers?: (request: IncomingMessage, body: unknown, response: ServerResponse) => boolean;
}

/** An API server as far as a start of the operator needs one: it allows everything, and its watches tell nothing. */
export function serveCluster({ objects = {}, answers }: ServedCluster = {}): Promise<RawServer> {
  const openApi = { components: { schemas: { 'com.vps247.v1alpha1.VirtualMachine': virtualMachineSchema } } };
  return startRawServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://cluster.test');
    const name = pathname.split('/').at(-1) ?? '';
    const body: unknown = request.method === 'GET' ? undefined : await json(request);
    if (answers?.(request, body, response) === true) return;
    const send = (code: number, value: object): void => void response.writeHead(code).end(JSON.stringify(value));
    const refuse = (code: number, reason: string): void =>
      send(code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason, code, details: { name } });
    if (pathname.startsWith('/openapi/')) return send(200, openApi);
    if (pathname.endsWith('/selfsubjectaccessreviews')) return send(201, { status: { allowed: true } });
    if (searchParams.has('sendInitialEvents')) return refuse(422, 'Invalid');
    if (searchParams.has('watch')) return void response.writeHead(200).flushHeaders();
    const found = objects[name];
    if (found !== undefined) return send(200, found);
    if (pathname.includes('/leases/') && request.method === 'GET') return refuse(404, 'NotFound');
    if (request.method === 'GET') return send(200, { items: [], metadata: { resourceVersion: '1' } });
    // Stored as it comes. `as`: the operator writes objects only.
    send(200, { ...(body as object), metadata: { resourceVersion: '2' } });
  });
}
