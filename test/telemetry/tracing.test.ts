import { afterEach, expect, test, vi } from 'vitest';
import { createTracing } from '../../src/telemetry/opentelemetry.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noTracing, sampledPart, type Tracing, wantsTraces } from '../../src/telemetry/tracing.ts';
import { createManualClock, type ManualClock } from '../support/clock.ts';
import { startCollector } from '../support/collector.ts';
import { startRawServer } from '../support/raw-server.ts';

afterEach(() => void vi.unstubAllEnvs());

function tracingTo(url: string, variables: Readonly<Record<string, string>> = {}) {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', url);
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const clock = createManualClock();
  const lines: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void lines.push(message) };
  return {
    clock,
    lines,
    tracing: createTracing({ clock, log, version: '1.2.3', sampledPart: sampledPart(process.env) }),
  };
}

const call = { api: 'provider', name: 'StopMachine', code: 'ok', isError: false, milliseconds: 40 } as const;

async function twoPasses(clock: ManualClock, tracing: Tracing): Promise<void> {
  const barrier = Promise.withResolvers<void>();
  const slow = tracing.reconciliation('team-a/slow', async () => {
    await barrier.promise;
    tracing.call(call);
    return 'slow';
  });
  await tracing.reconciliation('team-b/quick', async () => tracing.call({ ...call, code: 'Busy', isError: true }));
  await clock.advance(1_000);
  barrier.resolve();
  expect(await slow).toBe('slow');
}

test('each reconciliation is a span, and each call belongs to the one that sent it, also with others in progress', async () => {
  await using collector = await startCollector();
  const { clock, tracing } = tracingTo(collector.url, { OTEL_RESOURCE_ATTRIBUTES: 'k8s.cluster.name=test' });
  await twoPasses(clock, tracing);
  tracing.call({ ...call, api: 'kubernetes', name: 'watch secrets' });
  await tracing.stop();
  expect(clock.pending).toBe(0);
  const { spans, resources } = collector;
  expect(collector.server.requests).toEqual(['POST /v1/traces']);
  expect(resources).toMatchObject([
    { 'service.name': 'vps247-operator', 'service.version': '1.2.3', 'k8s.cluster.name': 'test' },
  ]);
  const passOf = (name: string) => spans.find(({ attributes }) => attributes['vps247.object.name'] === name);
  const [slow, quick] = [passOf('slow'), passOf('quick')];
  expect(slow).toMatchObject({ name: 'reconcile', attributes: { 'k8s.namespace.name': 'team-a' }, isError: false });
  expect(Number(slow?.endTimeUnixNano) - Number(slow?.startTimeUnixNano)).toBe(1_000_000_000);
  const calls = spans.filter(({ name }) => name === 'StopMachine');
  expect(calls.map(({ parentSpanId, isError }) => [parentSpanId, isError]).toSorted()).toEqual(
    [
      [slow?.spanId, false],
      [quick?.spanId, true],
    ].toSorted(),
  );
  const ofSlow = calls.find(({ parentSpanId }) => parentSpanId === slow?.spanId);
  expect(ofSlow?.traceId).toBe(slow?.traceId);
  expect(Number(ofSlow?.endTimeUnixNano) - Number(ofSlow?.startTimeUnixNano)).toBe(40_000_000);
  expect(spans.find(({ name }) => name === 'watch secrets')?.parentSpanId ?? '').toBe('');
});

test('a reconciliation that throws shows as failed, without its message', async () => {
  await using collector = await startCollector();
  const { tracing } = tracingTo(collector.url);
  await expect(tracing.reconciliation('a/web', () => Promise.reject(new Error('planted-key-1')))).rejects.toThrow(
    'planted-key-1',
  );
  await tracing.stop();
  expect(collector.spans).toMatchObject([{ name: 'reconcile', isError: true }]);
  expect(collector.bodies.join('')).not.toContain('planted-key');
});

test('none are sampled when the variables disable it', async () => {
  await using collector = await startCollector();
  const { clock, tracing } = tracingTo(collector.url, { OTEL_TRACES_SAMPLER: 'always_off' });
  await twoPasses(clock, tracing);
  await tracing.stop();
  expect(collector.bodies).toEqual([]);
});

test('a missing collector is reported once, without the spans; no caller waits for it', async () => {
  const collector = await startCollector();
  await collector[Symbol.asyncDispose]();
  const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=planted-key-2' };
  const { clock, lines, tracing } = tracingTo(collector.url, headers);
  await tracing.reconciliation('a/web', async () => {});
  const stopped = tracing.stop();
  await clock.advance(2_000);
  await stopped;
  expect(lines.filter((line) => line !== 'Failed to export traces')).toEqual([]);
});

test('a collector that refuses the spans is reported once, however often it does, and without its words', async () => {
  await using collector = await startRawServer((request, response) => {
    request.resume();
    response.writeHead(400).end('planted-key-3');
  });
  const { lines, tracing } = tracingTo(collector.url);
  for (const requests of [1, 2]) {
    // More than are kept for the next request.
    for (let index = 0; index < 600; index += 1) tracing.call(call);
    await expect.poll(() => collector.requests.length).toBe(requests);
  }
  await tracing.stop();
  expect(lines).toEqual(['Failed to export traces']);
});

test('stopping waits two seconds for a collector that does not answer', async () => {
  await using collector = await startRawServer(() => {});
  const { clock, tracing } = tracingTo(collector.url, {
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
    OTEL_BSP_EXPORT_TIMEOUT: '600000',
  });
  tracing.call(call);
  const stopped = tracing.stop();
  await clock.advance(1_999);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  expect(clock.pending).toBe(0);
  await stopped;
});

test('without tracing, work is done without spans', async () => {
  expect(await noTracing.reconciliation('a/web', async () => 7)).toBe(7);
  noTracing.call(call);
  await noTracing.stop();
});

test.each<[Record<string, string>, boolean]>([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'True' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'otlp' }, true],
])('%j: %s', (env, isWanted) => {
  expect(wantsTraces(env)).toBe(isWanted);
});

test.each<[Record<string, string>, number]>([
  [{}, 1],
  [{ OTEL_TRACES_SAMPLER: 'always_on' }, 1],
  [{ OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 1],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, 0],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '7' }, 1],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' }, 1],
])('of all reconciliations, %j traces %s', (env, part) => {
  expect(sampledPart(env)).toBe(part);
});
