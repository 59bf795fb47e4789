import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failed, type Failure, operations } from '../../src/domain/failure.ts';
import { Secret } from '../../src/domain/secret.ts';
import { responseError } from '../../src/kubernetes/errors.ts';
import { createEventRecorder } from '../../src/kubernetes/events.ts';
import { plan } from '../../src/plan/plan.ts';
import { interpret } from '../../src/provider/http/response.ts';
import { KnownSecrets } from '../../src/provider/http/known-secrets.ts';
import type { Exchange } from '../../src/provider/http/transport.ts';
import type { Execution } from '../../src/reconcile/execute/execution.ts';
import { conclude } from '../../src/reconcile/conclude.ts';
import { statusFor } from '../../src/status/status.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { registerSecret } from '../../src/telemetry/redact.ts';
import { now, observedWith, type ObservedOptions } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';
import { Search } from './search.ts';
import { spellingsOf } from './spellings.ts';
import { assertProperty } from '../support/property.ts';

const key = 'pl4nted+k3y/0123456789="x"&y';
const password = 'pl4nted-p4ssword';
const search = new Search({ markers: [], values: [key, password] });

/** Seconds on a machine that has nothing else to do. */
const slow = { timeout: 60_000 };

// As the operator does with each key that it reads.
registerSecret(new Secret(key));

/** The log lines that contain these fields. */
function logged(fields: Readonly<Record<string, unknown>>): string[] {
  const lines: string[] = [];
  for (const format of ['json', 'text'] as const) {
    createLogger({ level: 'debug', format, write: (line) => lines.push(line) }).warn('It failed', fields);
  }
  return lines;
}

const stop = {
  type: 'Stop',
  id: 90,
  operation: { type: 'Stop', startTime: new Date(now).toISOString(), attempts: 1 },
} as const;

/** Objects in whose reconciliation the call can fail, with the result of that reconciliation. */
function reconciliationsOf(failure: Failure): readonly (readonly [ObservedOptions, Execution])[] {
  const outcome = failed(failure);
  const halted = { spec: { powerState: 'Halted' } } as const;
  return [
    [{ id: 90, machine: { kind: 'ReadFailed', failure } }, { type: 'Nothing' }],
    [{ observed: { credentials: { kind: 'Rejected', failure } } }, { type: 'Nothing' }],
    [{ observed: { catalog: { kind: 'Unavailable', failure } } }, { type: 'Nothing' }],
    [
      { id: 90, machine: 'Running', ...halted },
      { type: 'Powered', action: stop, outcome },
    ],
    [
      { id: 90, machine: 'Halted', deleting: true },
      { type: 'Deleted', outcome },
    ],
    [{}, { type: 'Created', outcome }],
    [{}, { type: 'Created', outcome }],
  ];
}

/** Every status, event, log line and metric that follows from a failed call. */
async function reportsOf(failure: Failure): Promise<string> {
  const said: unknown[] = logged({ failure });
  const create = (_resource: unknown, _namespace: unknown, body: unknown) => Promise.resolve(said.push(body));
  const client = { create, patch: () => Promise.reject(new Error('nothing comes twice')) };
  const clock = createManualClock();
  const log = createLogger({ level: 'debug', format: 'json', write: (line) => said.push(line) });
  const events = createEventRecorder({ client, clock, log, instance: 'test' });
  for (const [options, execution] of reconciliationsOf(failure)) {
    const observed = observedWith(options);
    const { report } = conclude(observed, plan(observed), execution, 0, 0.5);
    if (report === undefined) continue;
    const { namespace, name, uid } = observed.object.metadata;
    const { reason, message } = report.statusReason;
    const regarding = { apiVersion: 'v1', kind: 'VirtualMachine', namespace, name, uid };
    events.record({ regarding, type: 'Warning', reason, action: 'Reconcile', note: message });
    said.push(statusFor(observed, report));
  }
  await events.drain();
  const metrics = createMetrics({ version: 'test' });
  metrics.providerCalls.inc({ operation: failure.operation, code: failure.code });
  return [
    ...said.map((one) => JSON.stringify(one)),
    ...said.filter((one) => typeof one === 'string'),
    await metrics.render(),
  ].join('\n');
}

const spelledKey = fc.constantFrom(
  ...[...spellingsOf(key)].flatMap(([form, how]) => (how === 'hexadecimal' || how === 'a list of bytes' ? [] : [form])),
);
const words = fc
  .array(fc.oneof(spelledKey, fc.constantFrom('key ', ' is wrong', ': ', '<b>', 'x'.repeat(250), '\n'), fc.string()))
  .map((parts) => parts.join(''));
const body = fc.oneof(
  words,
  words.map((error) => JSON.stringify({ error, trace: { 'x-api-key': key } })),
  words.map((error) => JSON.stringify({ errors: { key: [error] }, initial_password: password })),
  words.map((message) => JSON.stringify({ message: `${message} ${password}`, vm: { root_password: password } })),
  words.map((text) => `<html><p>${text}</p></html>`),
  fc.tuple(words, fc.nat(300)).map(([name, end]) => JSON.stringify({ initial_password: password, name }).slice(0, end)),
);
const exchange: fc.Arbitrary<Exchange> = fc.oneof(
  fc.record({
    kind: fc.constant('Received' as const),
    status: fc.constantFrom(200, 302, 400, 401, 402, 403, 404, 406, 409, 422, 429, 500, 503),
    headers: fc.dictionary(fc.constantFrom('x-request-id', 'retry-after', 'content-type', 'location'), spelledKey),
    body,
    bytes: fc.nat(),
  }),
  fc
    .constantFrom('ConnectionLost' as const, 'Timeout' as const)
    .map((code) => ({ kind: 'Lost' as const, code, detail: 'ECONNRESET' })),
);

test('after any answer of the provider, no report contains the key or a password', slow, async () => {
  await assertProperty(
    fc.asyncProperty(fc.constantFrom(...operations), exchange, async (operation, received) => {
      const success = { decode: () => expect.unreachable() };
      const outcome = interpret<never>({ operation, success }, received, {
        secrets: new KnownSecrets(new Secret(key)),
        now: 0,
      });
      if (!outcome.ok) expect(await search.text(await reportsOf(outcome.failure))).toEqual([]);
    }),
    { runs: 300 },
  );
});

test('after any exception, no log line contains the key', slow, async () => {
  const plain = words.map((message) => new Error(message));
  const kube = words.map((message) => responseError('get x', 422, { reason: 'Invalid', message }));
  const nested = fc.tuple(plain, words).map(([cause, message]) =>
    Object.assign(new Error(message, { cause }), {
      code: key,
      options: { headers: { 'x-api-key': key } },
      request: { key },
    }),
  );
  await assertProperty(
    fc.asyncProperty(fc.oneof(plain, kube, nested, words), async (error) => {
      expect(await search.text(logged({ error, object: 'default/web' }).join('\n'))).toEqual([]);
    }),
    { runs: 500 },
  );
});
