import { expect, test } from 'vitest';
import { sectionsOf } from '../../bench/figures.ts';
import { targetsOf, rateLimitedFloor } from '../../bench/targets.ts';
import type { Results } from '../../bench/results.ts';
import { findWrong, renderGoals } from '../../bench/table.ts';
import { comparedWrite, measuredOf, resultsOf, spanOf } from './results.ts';

const missed = (more: Partial<Results>): string[] =>
  targetsOf(resultsOf(more))
    .filter(({ isMet }) => !isMet)
    .map(({ what }) => what);

test('a good run reaches every number, and every count is right', () => {
  expect(missed({})).toEqual([]);
  expect(findWrong(sectionsOf(resultsOf()))).toEqual([]);
});

const flips = (reaction: number, slowest = reaction) =>
  Array.from({ length: 100 }, (_, index) => ({ probe: 5, reaction: index < 2 ? slowest : reaction }));

const inside = (eventToCall: number, slowest = eventToCall) =>
  Array.from({ length: 100 }, (_, index) => ({
    probe: 5,
    reaction: 6,
    inside: { eventToCall: index < 2 ? slowest : eventToCall, request: 0.4 },
  }));

/** 100 creates with so many writes in all: the rate limit lets 80 of them wait. */
const creating = (writes: number): Partial<Results> => {
  const measured = measuredOf(100, 8, { CreateMachine: 100, ListMachines: 5 }, { virtualmachines: writes });
  return { creating: { withPassword: measured, withoutPassword: resultsOf().creating.withoutPassword } };
};

const writeCosts = (spec: number, status: number): Partial<Results> => ({
  writeCosts: {
    writes: 240,
    bytes: { own: 4_000, plain: 1_700 },
    rounds: [0.9, 1, 1.6].map((noise) => ({
      spec: comparedWrite(spec * noise),
      status: comparedWrite(status * noise),
    })),
  },
});

test('a create that waits for the rate limit may report that', () => {
  expect(missed(creating(580))).toEqual([]);
});

test.each([
  { more: creating(581), expected: 'Kubernetes writes per create', why: 'more than a report of each wait' },
  { more: writeCosts(1.31, 1.3), expected: 'API server CPU per write: spec', why: 'more than 1.3 × a plain resource' },
  { more: writeCosts(1.3, 1.31), expected: 'API server CPU per write: status', why: 'the median counts' },
  { more: { flips: flips(7) }, expected: 'spec change → request at the provider, p50', why: '1.4 × the PATCH' },
  { more: { flips: flips(6, 11) }, expected: 'spec change → request at the provider, p99', why: '2.2 × the PATCH' },
  {
    more: { flips: inside(1.1) },
    expected: 'watch event → request at the provider, p50',
    why: 'more than a millisecond',
  },
  {
    more: { flips: inside(1, 3.1) },
    expected: 'watch event → request at the provider, p99',
    why: 'the slowest but one',
  },
  {
    more: { bursts: [{ probe: 2, patches: 3, lastCall: 4 }] },
    expected: 'power changes at once → last request at the provider',
    why: 'twice the PATCHes',
  },
  {
    more: { steady: spanOf({ ListMachines: 2, GetMachine: 1 }, {}, { seconds: 120 }) },
    expected: 'provider reads a minute, 100 VMs idle',
    why: 'a read beside the lists',
  },
  {
    more: { steady: spanOf({ ListMachines: 2 }, { events: 1 }, { seconds: 120 }) },
    expected: 'provider reads a minute, 100 VMs idle',
    why: 'a write while nothing changes',
  },
  {
    more: { steady: spanOf({ ListMachines: 2 }, {}, { seconds: 120, cpuSeconds: 1.3 }) },
    expected: 'CPU a minute, idle',
    why: '0.65 s a minute',
  },
  {
    more: { steady: spanOf({ ListMachines: 2 }, {}, { seconds: 120, residentBytes: 131e6 }) },
    expected: 'memory, idle',
    why: 'a megabyte too much',
  },
  {
    more: {
      attack: {
        flips: Array.from({ length: 100 }, () => ({ probe: 6, reaction: 11 })),
        rounds: 1,
        peakBytes: undefined,
      },
    },
    expected: 'one hostile tenant: latency of the others',
    why: '1.8 PATCHes rather than 1.2',
  },
  {
    more: { attack: { flips: flips(6), rounds: 1, peakBytes: 385 * 2 ** 20 } },
    expected: 'one hostile tenant: peak memory',
    why: 'a megabyte more than the chart allows',
  },
  {
    more: { outage: { downSeconds: 60, milliseconds: 3_000, afterList: 1_001, restarts: 0 } },
    expected: 'API server back after 60 s → change at the provider',
    why: 'more than a second after the first list',
  },
  {
    more: { outage: { downSeconds: 60, milliseconds: 100, restarts: 1 } },
    expected: 'API server back after 60 s → change at the provider',
    why: 'soon, but by a new process',
  },
  {
    more: { bursting: measuredOf(200, 20, { StopMachine: 101, StartMachine: 100 }, {}) },
    expected: 'provider writes per power transition',
    why: 'a machine asked twice',
  },
])('missed when $why', ({ more, expected }) => {
  expect(missed(more)).toEqual([expected]);
});

test('a lease renewal does not count as a write in steady state', () => {
  expect(missed({ steady: spanOf({ ListMachines: 2 }, { leases: 60 }, { seconds: 120 }) })).toEqual([]);
});

test.each([
  { calls: 1_000, expected: 98, why: 'twenty at once, then ten a second' },
  { calls: 10, expected: 0, why: 'all at once' },
])('$calls paced creates take $expected s at least: $why', ({ calls, expected }) => {
  expect(rateLimitedFloor(calls)).toBe(expected);
});

test('a missed target is marked, with the values of others beside it', () => {
  const [, ...rows] = renderGoals(targetsOf(resultsOf(creating(581)))).split('\n');
  const marked = rows.filter((row) => row.startsWith('✗'));
  expect(marked.map((row) => row.split(/ {2,}/).slice(1, 6))).toEqual([
    ['Kubernetes writes per create', '5.81', '2', '3', '≤ 5, and 1 for a wait'],
  ]);
});

test('the target is not met where the system does not report the peak of memory', () => {
  const [start] = resultsOf().starts;
  expect(missed({ starts: start === undefined ? [] : [{ ...start, peakBytes: undefined }] })).toEqual([
    'peak memory of a start',
  ]);
});
