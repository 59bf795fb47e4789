import { Agent, request } from 'undici';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/start.ts';
import { createKubeClient, type KubeClient } from '../../../src/kubernetes/client.ts';
import { loadKubeConfig } from '../../../src/kubernetes/config.ts';
import { createTransport, type TransportOptions } from '../../../src/kubernetes/transport.ts';
import { systemClock } from '../../../src/domain/clock.ts';

/** An API server of this suite's own, because it is taken away and brought back. */
export interface ApiServer extends AsyncDisposable {
  readonly plane: ControlPlane;
  /** A client under test. */
  connect(options?: Partial<TransportOptions>): KubeClient & AsyncDisposable;
  /** A request past everything under test. */
  call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Record<string, unknown>>;
}

export async function startApiServer(): Promise<ApiServer> {
  const plane = await startControlPlane();
  const { server, caData, adminToken } = plane;
  const agent = new Agent({ connect: { ca: caData } });
  return {
    plane,
    connect(options = {}) {
      const config = loadKubeConfig({ kubeconfig: plane.kubeconfigPath });
      const client = createKubeClient(createTransport(config, { clock: systemClock, version: 'test', ...options }));
      return { ...client, [Symbol.asyncDispose]: () => client.close() };
    },
    async call(method, path, body) {
      const { statusCode, body: answer } = await request(`${server}${path}`, {
        method,
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${adminToken}`,
          'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await answer.text();
      if (statusCode > 299) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
      // Every answer of the API is an object.
      return JSON.parse(text) as Record<string, unknown>;
    },
    async [Symbol.asyncDispose]() {
      await agent.close();
      await plane.stop();
    },
  };
}

export const configMaps = { group: '', version: 'v1', plural: 'configmaps' } as const;

export function configMap(name: string, value: string, label = 'none'): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { suite: label } }, data: { value } };
}
