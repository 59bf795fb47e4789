import { expect, test } from 'vitest';
import { createHealthServer } from '../../src/telemetry/http-server.ts';
import { type Log, silentLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { Readiness } from '../../src/telemetry/readiness.ts';
import { registerSecret } from '../../src/telemetry/redact.ts';
import { Secret } from '../../src/domain/secret.ts';

function setUp() {
  const causes: { kubernetes?: string; virtualmachines?: string } = { virtualmachines: 'No list yet.' };
  const lines: unknown[] = [];
  const log: Log = {
    ...silentLog,
    info: (message) => void lines.push(message),
    warn: (message, fields) => void lines.push({ message, ...fields }),
  };
  const checks = () => (['kubernetes', 'virtualmachines'] as const).map((name) => ({ name, cause: causes[name] }));
  return { causes, lines, readiness: new Readiness(checks, log) };
}

const waiting = (check: string, reason: string) => ({ message: 'Not ready, waiting', check, reason });

test('the cause is logged when it changes, and only then', () => {
  const { causes, lines, readiness } = setUp();
  for (let index = 0; index < 3; index += 1) readiness.evaluate();
  causes.kubernetes = 'No API server.';
  for (let index = 0; index < 3; index += 1) readiness.evaluate();
  Object.assign(causes, { kubernetes: undefined, virtualmachines: undefined });
  for (let index = 0; index < 3; index += 1) readiness.evaluate();
  expect(lines).toEqual([waiting('virtualmachines', 'No list yet.'), waiting('kubernetes', 'No API server.'), 'Ready']);
});

test('/readyz lists the checks with their causes while one fails, and with ?verbose; /healthz stays as it is', async () => {
  const { causes, readiness } = setUp();
  const any = { host: '127.0.0.1', port: 0 };
  const metrics = createMetrics({ version: 'x' });
  await using disposable = new AsyncDisposableStack();
  const server = createHealthServer({
    metricsAddress: any,
    healthAddress: any,
    isAlive: () => true,
    readiness,
    metrics,
    log: silentLog,
  });
  disposable.defer(() => server.stop());
  await server.start();
  const ask = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`${server.addresses?.health}${path}`);
    return [response.status, await response.text()];
  };
  const failing = '[+]ping ok\n[+]kubernetes ok\n[-]virtualmachines failed: No list yet.\nreadyz check failed\n';
  expect(await ask('/readyz')).toEqual([503, failing]);
  expect(await ask('/readyz?verbose')).toEqual([503, failing]);
  expect(await ask('/healthz')).toEqual([200, 'ok\n']);
  delete causes.virtualmachines;
  expect(await ask('/readyz')).toEqual([200, 'ok\n']);
  const passing = '[+]ping ok\n[+]kubernetes ok\n[+]virtualmachines ok\nreadyz check passed\n';
  expect(await ask('/readyz?verbose=true')).toEqual([200, passing]);
});

test('a cause shows no secret', () => {
  const { causes, readiness } = setUp();
  using _ = { [Symbol.dispose]: registerSecret(new Secret('planted-key-of-readiness')) };
  causes.kubernetes = 'The API server says planted-key-of-readiness.';
  expect(readiness.evaluate().lines.join('\n')).not.toContain('planted-key-of-readiness');
});
