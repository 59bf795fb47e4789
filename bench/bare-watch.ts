/** The reference for what happens in the operator between an event of its watch and its request to the provider. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { apiVersion, plural } from '../src/api/v1alpha1/constants.ts';
import { monotonicMilliseconds } from '../emulator/clock.ts';

/** A watch of the objects of one namespace that reads nothing of them, in this process. */
export interface BareWatch {
  /** When the first bytes after `since` arrived: milliseconds of the monotonic clock; undefined: not yet. */
  arrivalAfter(since: number): number | undefined;
  close(): void;
}

/** From this version on, for at most an hour. */
export async function startBareWatch(
  kubeconfig: string,
  namespace: string,
  resourceVersion: string,
): Promise<BareWatch> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const options = {};
  await config.applyToHTTPSOptions(options);
  const path = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`;
  const query = new URLSearchParams({ watch: 'true', timeoutSeconds: '3600', resourceVersion });
  const request = getSecure(`${config.getCurrentCluster()?.server ?? ''}${path}?${query}`, options);
  // `as`: the arguments of the event.
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`the watch was answered with ${response.statusCode}`);
  const arrivals: number[] = [];
  response.on('data', () => arrivals.push(monotonicMilliseconds()));
  response.on('error', () => {});
  return {
    arrivalAfter: (since) => arrivals.find((at) => at > since),
    close: () => void request.destroy(),
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One request on a connection that is kept: milliseconds until its response. */
export async function roundTrip(url: string): Promise<number> {
  const sentAt = monotonicMilliseconds();
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  const milliseconds = monotonicMilliseconds() - sentAt;
  response.resume();
  await once(response, 'end');
  return milliseconds;
}
