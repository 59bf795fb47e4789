import { expect, test } from 'vitest';
import {
  figuresOfBursts,
  figuresOfCreates,
  figuresOfDeletes,
  figuresOfFlips,
  figuresOfOutage,
  figuresOfStarts,
  figuresOfSteadyState,
} from '../../bench/figures.ts';
import type { Counts, Span } from '../../bench/readings.ts';
import type { Measured } from '../../bench/results.ts';
import { findWrong, type Section } from '../../bench/table.ts';

function span(provider: Counts, kubernetesWrites: Counts, seconds = 30): Span {
  return { seconds, provider, kubernetesWrites, cpuSeconds: 0.1, residentBytes: 2 ** 26, passes: 0 };
}

function measured(objects: number, busySeconds: number, provider: Counts, kubernetesWrites: Counts): Measured {
  return { objects, busySeconds, span: span(provider, kubernetesWrites) };
}

/** The names of the figures that are wrong. */
function wrong(section: Section): string[] {
  return findWrong([section]).map((sentence) => sentence.slice(section.title.length + 2).split(' is ')[0] ?? '');
}

const created = { CreateMachine: 10, ListMachines: 3, ListRegions: 1, ListPackages: 1, ListOsTemplates: 1 };
const createWrites = { virtualmachines: 20, 'virtualmachines/status': 20, events: 99, secrets: 10 };

test.each([
  { provider: created, writes: createWrites, expected: [], why: 'events are not counted' },
  {
    provider: { ...created, CreateMachine: 11 },
    writes: createWrites,
    expected: ['CreateMachine'],
    why: 'a second machine is billed',
  },
  {
    provider: { ...created, ListMachines: 10 },
    writes: createWrites,
    expected: ['ListMachines'],
    why: 'a list per object is too many',
  },
  {
    provider: { ...created, GetMachine: 60, ListRegions: 2 },
    writes: createWrites,
    expected: ['GetMachine', 'catalog'],
    why: 'more reads than a list would cost, a catalog read twice',
  },
  {
    provider: { CreateMachine: 10, ListMachines: 3 },
    writes: createWrites,
    expected: [],
    why: 'the catalog may be known already',
  },
  {
    provider: created,
    writes: { ...createWrites, leases: 30 },
    expected: [],
    why: 'a lease is renewed whatever else is done',
  },
  {
    provider: created,
    writes: { ...createWrites, virtualmachines: 21 },
    expected: ['Kubernetes writes per create'],
    why: 'one write more than five each',
  },
])('creates: $why', ({ provider, writes, expected }) => {
  expect(wrong(figuresOfCreates(measured(10, 2, provider, writes), true))).toEqual(expected);
});

test('a create without a Secret for the password has one write less', () => {
  const { secrets: _, ...writes } = createWrites;
  expect(wrong(figuresOfCreates(measured(10, 2, created, writes), false))).toEqual([]);
  expect(wrong(figuresOfCreates(measured(10, 2, created, createWrites), false))).toEqual([
    'Kubernetes writes per create',
  ]);
});

test.each([
  { provider: { ListMachines: 1 }, writes: {}, expected: [], why: 'one idle poll may fall into the time' },
  { provider: { ListMachines: 2 }, writes: {}, expected: ['ListMachines'], why: 'two cannot' },
  { provider: { GetMachine: 1 }, writes: {}, expected: ['other provider calls'], why: 'nothing else is read' },
  { provider: {}, writes: { events: 1 }, expected: ['Kubernetes writes'], why: 'not even an event is written' },
  { provider: {}, writes: { leases: 15 }, expected: [], why: 'a lease does not grow with the fleet' },
])('steady state: $why', ({ provider, writes, expected }) => {
  expect(wrong(figuresOfSteadyState(10, span(provider, writes)))).toEqual(expected);
});

const flips = [
  { probe: 5, reaction: 9 },
  { probe: 4, reaction: 700 },
];

test.each([
  {
    provider: { StopMachine: 1, StartMachine: 1 },
    status: 4,
    expected: [],
    why: 'the slowest is reported, not judged',
  },
  { provider: { StopMachine: 2, StartMachine: 1 }, status: 4, expected: ['StopMachine'], why: 'a call sent twice' },
  {
    provider: { StopMachine: 1, StartMachine: 1, KillMachine: 1 },
    status: 5,
    expected: ['other provider calls', 'Kubernetes writes per power change'],
    why: 'an unrequested power cut, and five writes for two power changes',
  },
])('power changes: $why', ({ provider, status, expected }) => {
  const counted = measured(2, 3, provider, { 'virtualmachines/status': status });
  expect(wrong(figuresOfFlips(flips, counted))).toEqual(expected);
});

test('a median many times that of the PATCH exceeds the limit', () => {
  const slow = [1, 2, 3].map(() => ({ probe: 5, reaction: 26 }));
  const counted = measured(3, 3, { StopMachine: 2, StartMachine: 1 }, {});
  expect(wrong(figuresOfFlips(slow, counted))).toContain('PATCH sent → provider called, p50');
});

test('the floor of a reaction is the PATCH of the same run', () => {
  const { figures } = figuresOfFlips(flips, measured(2, 3, { StopMachine: 1, StartMachine: 1 }, {}));
  const p50 = figures.find(({ what }) => what.endsWith('called, p50'));
  expect(p50).toMatchObject({ measured: 9, floor: 4, note: '2.3 × the PATCH; 9–700 ms' });
});

test.each([
  { left: { objects: 0, machines: 0 }, gets: 10, expected: [], why: 'all deleted, each confirmed' },
  {
    left: { objects: 0, machines: 1 },
    gets: 10,
    expected: ['VMs left'],
    why: 'a VM that no object records and that incurs charges',
  },
  { left: { objects: 0, machines: 0 }, gets: 9, expected: ['GetMachine'], why: 'one released without evidence' },
])('deletes: $why', ({ left, gets, expected }) => {
  const provider = { StopMachine: 10, DeleteMachine: 10, GetMachine: gets, ListMachines: 3 };
  expect(wrong(figuresOfDeletes(measured(10, 2, provider, { virtualmachines: 10 }), left))).toEqual(expected);
});

const start = (provider: Counts, writes: Counts) => ({
  milliseconds: 1_500,
  listMilliseconds: 500,
  peakBytes: 2 ** 27,
  span: span(provider, writes),
});

test.each([
  { starts: [start({ ListMachines: 1 }, {})], expected: [], why: 'one list shows all' },
  {
    starts: [start({ ListMachines: 1 }, {}), start({ ListMachines: 1 }, { 'virtualmachines/status': 1 })],
    expected: ['Kubernetes writes'],
    why: 'a fleet in sync needs no write',
  },
  {
    starts: [start({ ListMachines: 1, GetMachine: 10 }, {})],
    expected: ['other provider calls'],
    why: 'a read per object',
  },
  { starts: [start({ ListMachines: 3 }, {})], expected: ['ListMachines per start'], why: 'a list too many' },
])('starts: $why', ({ starts, expected }) => {
  expect(wrong(figuresOfStarts(10, starts))).toEqual(expected);
});

test("a start is set beside the list of the same objects, and memory is left out where the system doesn't report it", () => {
  const { figures } = figuresOfStarts(10, [{ ...start({ ListMachines: 1 }, {}), peakBytes: undefined }]);
  expect(figures.find(({ what }) => what.startsWith('start →'))).toMatchObject({ measured: 1.5, floor: 0.5 });
  expect(figures.some(({ what }) => what.includes('memory'))).toBe(false);
});

test.each([
  { stops: 10, starts: 10, expected: [], why: 'each machine is asked once' },
  { stops: 11, starts: 10, expected: ['StopMachine'], why: 'one is asked twice' },
])('a burst: $why', ({ stops, starts, expected }) => {
  const bursts = [
    { probe: 1, patches: 1.5, lastCall: 2 },
    { probe: 1, patches: 1.4, lastCall: 1.8 },
  ];
  const counted = measured(20, 9, { StopMachine: stops, StartMachine: starts, ListMachines: 8 }, {});
  expect(wrong(figuresOfBursts(bursts, counted))).toEqual(expected);
});

test.each([
  { restarts: 0, milliseconds: 60_000, expected: [], why: 'time is reported, not judged' },
  { restarts: 1, milliseconds: 100, expected: ['starts of the operator'], why: 'it must not give up' },
])('an outage: $why', ({ restarts, milliseconds, expected }) => {
  expect(wrong(figuresOfOutage({ downSeconds: 60, milliseconds, restarts }))).toEqual(expected);
});
