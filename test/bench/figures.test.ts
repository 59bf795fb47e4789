import { expect, test } from 'vitest';
import { figuresOfCreates, figuresOfDeletes, figuresOfFlips, figuresOfSteadyState } from '../../bench/figures.ts';
import type { Counts, Span } from '../../bench/readings.ts';
import { findWrong, type Section } from '../../bench/table.ts';

function span(provider: Counts, kubernetesWrites: Counts, seconds = 30): Span {
  return { seconds, provider, kubernetesWrites, cpuSeconds: 0.1, residentBytes: 2 ** 26 };
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
    provider: { ...created, GetMachine: 10, ListRegions: 2 },
    writes: createWrites,
    expected: ['catalogue', 'other provider calls'],
    why: 'reads per object, a catalogue read twice',
  },
  {
    provider: created,
    writes: { ...createWrites, virtualmachines: 21 },
    expected: ['Kubernetes writes per create'],
    why: 'one write more than five each',
  },
])('creates: $why', ({ provider, writes, expected }) => {
  expect(wrong(figuresOfCreates(10, 2, span(provider, writes)))).toEqual(expected);
});

test.each([
  { provider: { ListMachines: 1 }, writes: {}, expected: [], why: 'one idle poll may fall into the time' },
  { provider: { ListMachines: 2 }, writes: {}, expected: ['ListMachines'], why: 'two cannot' },
  { provider: { GetMachine: 1 }, writes: {}, expected: ['other provider calls'], why: 'nothing else is read' },
  { provider: {}, writes: { events: 1 }, expected: ['Kubernetes writes'], why: 'not even an event is written' },
])('steady state: $why', ({ provider, writes, expected }) => {
  expect(wrong(figuresOfSteadyState(10, span(provider, writes)))).toEqual(expected);
});

const flips = [
  { probe: 5, reaction: 9 },
  { probe: 4, reaction: 700 },
];

test.each([
  { provider: { StopMachine: 1, StartMachine: 1 }, status: 4, expected: [], why: 'slowness is told, not judged' },
  { provider: { StopMachine: 2, StartMachine: 1 }, status: 4, expected: ['StopMachine'], why: 'a call sent twice' },
  {
    provider: { StopMachine: 1, StartMachine: 1, KillMachine: 1 },
    status: 5,
    expected: ['other provider calls', 'Kubernetes writes per flip'],
    why: 'a power cut nobody asked for, and five writes for two flips',
  },
])('flips: $why', ({ provider, status, expected }) => {
  const counted = span(provider, { 'virtualmachines/status': status });
  expect(wrong(figuresOfFlips(flips, 3, counted))).toEqual(expected);
});

test('the floor of a reaction is the PATCH of the same run', () => {
  const { figures } = figuresOfFlips(flips, 3, span({ StopMachine: 1, StartMachine: 1 }, {}));
  const p50 = figures.find(({ what }) => what.endsWith('called, p50'));
  expect(p50).toMatchObject({ measured: 9, floor: 4, note: '2.3 × the PATCH; 9–700 ms' });
});

test.each([
  { left: { objects: 0, machines: 0 }, gets: 10, expected: [], why: 'all gone, each shown to be' },
  {
    left: { objects: 0, machines: 1 },
    gets: 10,
    expected: ['machines left'],
    why: 'a machine that nobody knows of and somebody pays for',
  },
  { left: { objects: 0, machines: 0 }, gets: 9, expected: ['GetMachine'], why: 'one released without evidence' },
])('deletes: $why', ({ left, gets, expected }) => {
  const provider = { StopMachine: 10, DeleteMachine: 10, GetMachine: gets, ListMachines: 3 };
  expect(wrong(figuresOfDeletes(10, 2, span(provider, { virtualmachines: 10 }), left))).toEqual(expected);
});
