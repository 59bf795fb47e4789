/** Whether the programs are ready, asked as Kubernetes itself would ask. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** How to reach one of them; without a certificate it is not up yet. */
interface Target {
  readonly port: number;
  readonly path: string;
  readonly ca?: string | undefined;
  readonly token?: string;
}

/** Whether it answers 200. */
export function answers({ port, path, ca, token }: Target): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = {
    host: '127.0.0.1',
    port,
    path,
    agent: false as const,
    timeout: 2_000,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
  const call = ca === undefined ? requestHttp(options) : requestHttps({ ...options, ca });
  call.once('response', (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  call.once('timeout', () => call.destroy());
  call.once('error', () => resolve(false));
  call.once('close', () => resolve(false));
  call.end();
  return promise;
}
