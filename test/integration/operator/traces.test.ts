import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '../../../hack/build.ts';
import { startCollector } from '../../support/collector.ts';
import { apiKey, useFixtures } from './fixture.ts';

const stageOf = useFixtures('traces');

test('the bundle exports a trace of every reconciliation and call, and no secret', { timeout: 90_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vps247-traces-'));
  try {
    await using collector = await startCollector();
    const { file } = await buildBundle(folder);
    const fixture = await stageOf('bundle');
    const operator = fixture.start({ entry: file, variables: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    expect(await operator.stop()).toBe(0);
    // Searched with all other output of a run.
    writeFileSync(path.join(fixture.directory, 'traces.json'), collector.bodies.join('\n'));

    const { spans } = collector;
    const passes = spans.filter(
      ({ name, attributes }) => name === 'reconcile' && attributes['vps247.object.name'] === 'web',
    );
    expect(passes.every(({ attributes }) => attributes['k8s.namespace.name'] === fixture.namespace)).toBe(true);
    const byId = new Map(passes.map((span) => [span.spanId, span]));
    const inPass = (wanted: string): boolean[] =>
      spans.filter(({ name }) => name === wanted).map(({ parentSpanId = '' }) => byId.has(parentSpanId));
    expect(inPass('CreateMachine')).toEqual([true]);
    expect(new Set(inPass('patch virtualmachines/status'))).toEqual(new Set([true]));
    // The list is shared by all objects.
    expect(spans.some(({ name }) => name === 'ListMachines')).toBe(true);
    expect(spans.some(({ name, parentSpanId = '' }) => name === 'watch virtualmachines' && parentSpanId === '')).toBe(
      true,
    );
    expect(collector.bodies.join('')).not.toContain(apiKey);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
