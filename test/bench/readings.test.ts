import { expect, test } from 'vitest';
import { readCpuSeconds } from '../../bench/cpu.ts';
import { between, readMetrics, type Reading, sumWithout } from '../../bench/readings.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

test("reads the operator's own page: writes by resource, without reads, refused ones included", async () => {
  const metrics = createMetrics({ version: 'x', withProcess: true });
  const count = (verb: string, resource: string, code: string, times: number): void =>
    metrics.kubernetesCalls.inc({ code, method: 'X', host: '127.0.0.1:6443', verb, resource }, times);
  count('patch', 'virtualmachines', '200', 3);
  count('patch', 'virtualmachines', '409', 1);
  count('patch', 'virtualmachines/status', '200', 2);
  count('create', 'events', '201', 5);
  for (const verb of ['get', 'list', 'watch', 'version']) count(verb, 'virtualmachines', '200', 100);

  metrics.reconciles.inc({ controller: 'c', result: 'success' }, 7);
  metrics.reconciles.inc({ controller: 'c', result: 'requeue_after' }, 2);

  const { kubernetesWrites, cpuSeconds, residentBytes, passes } = readMetrics(await metrics.render());

  expect(passes).toBe(9);

  expect(kubernetesWrites).toEqual({ virtualmachines: 4, 'virtualmachines/status': 2, events: 5 });
  expect(cpuSeconds).toBeGreaterThan(0);
  expect(residentBytes).toBeGreaterThan(2 ** 20);
});

test('a page without the process is an error, not a zero', () => {
  expect(() => readMetrics('')).toThrow('no process_cpu_seconds_total');
});

test('between two readings there is what was added, and nothing else', () => {
  const before: Reading = {
    at: 1_000,
    provider: { ListMachines: 4, CreateMachine: 2 },
    kubernetesWrites: { events: 1 },
    cpuSeconds: 1.5,
    residentBytes: 100,
    passes: 10,
  };
  const after: Reading = {
    at: 3_500,
    provider: { ListMachines: 5, CreateMachine: 2, GetMachine: 7 },
    kubernetesWrites: { events: 1 },
    cpuSeconds: 2,
    residentBytes: 90,
    passes: 15,
  };
  expect(between(before, after)).toEqual({
    seconds: 2.5,
    provider: { ListMachines: 1, GetMachine: 7 },
    kubernetesWrites: {},
    cpuSeconds: 0.5,
    residentBytes: 90,
    passes: 5,
  });
});

test('sums leave out what is named', () => {
  expect(sumWithout({ a: 1, b: 2, c: 4 }, 'b')).toBe(5);
  expect(sumWithout({})).toBe(0);
});

test('the CPU of a process is its user and system time, whatever its name is', () => {
  const stat = '42 (kube apiserver) 2) S 1 42 42 0 -1 4194560 90 0 0 0 250 125 7 9 20 0 8 0 100';
  expect(readCpuSeconds(stat)).toBe(3.75);
});
