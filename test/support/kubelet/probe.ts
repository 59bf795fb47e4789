import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Probe } from '@kubernetes/client-node';

/** Where a container's ports are found. */
export interface Place {
  readonly address: string;
  /** By name. */
  readonly ports: ReadonlyMap<string, number>;
}

/**
 * Probes a container every period, and reports when the result changes: after as many equal results in a row as the probe
 * requires. Ends with `signal`.
 */
export async function* verdicts(probe: V1Probe, place: Place, signal: AbortSignal): AsyncGenerator<boolean> {
  // What is left out of a Pod, the API server has put in.
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3 } = probe;
  const { successThreshold = 1 } = probe;
  const url = urlOf(probe, place);
  let verdict: boolean | undefined;
  let last: boolean | undefined;
  let inARow = 0;
  let pause = initialDelaySeconds;
  while (await slept(pause * 1_000, signal)) {
    const isWell = await answersWell(url, timeoutSeconds * 1_000);
    inARow = isWell === last ? inARow + 1 : 1;
    last = isWell;
    if (isWell !== verdict && inARow >= (isWell ? successThreshold : failureThreshold)) yield (verdict = isWell);
    pause = periodSeconds;
  }
}

function urlOf({ httpGet }: V1Probe, { address, ports }: Place): string {
  const port = typeof httpGet?.port === 'number' ? httpGet.port : ports.get(String(httpGet?.port));
  if (port === undefined) throw new Error('Only probes by HTTP, on a port that the container names, are known here.');
  return `http://${address}:${port}${httpGet?.path ?? '/'}`;
}

async function answersWell(url: string, timeout: number): Promise<boolean> {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: 'manual' });
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}

async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
