import { expect, test } from 'vitest';
import { KeyProbes } from '../../../../src/provider/account/polling/key-probes.ts';
import { createManualClock } from '../../../support/clock.ts';

const minute = 60_000;

function probesOf(burst: number) {
  const clock = createManualClock();
  const keyProbes = new KeyProbes(clock, burst);
  const listed: string[] = [];
  const list = (group: string, isWanted: () => boolean = () => true) =>
    keyProbes.run(() => Promise.resolve(listed.push(group)), group, isWanted);
  return { clock, list, listed };
}

test('a group lists once for each of its keys at once, then one a second, and delays no other group', async () => {
  const { clock, list, listed } = probesOf(3);
  for (let times = 0; times < 100; times += 1) void list('b');
  await clock.advance(0);
  expect(listed).toEqual(['b', 'b', 'b']);
  void list('a');
  await clock.advance(0);
  expect(listed.at(-1)).toBe('a');
  await clock.advance(10_000);
  expect(listed.filter((group) => group === 'b')).toHaveLength(13);
});

test('a list that is no longer needed takes no slot', async () => {
  const { clock, list, listed } = probesOf(1);
  let isWanted = true;
  void list('b');
  const dead = Array.from({ length: 1_000 }, () => list('b', () => isWanted));
  isWanted = false;
  const last = list('b');
  await clock.advance(1_000);
  expect(listed).toEqual(['b', 'b']);
  expect([await last, new Set(await Promise.all(dead))]).toEqual([2, new Set([undefined])]);
});

test('a group without recent lists may list for all its keys at once again', async () => {
  const { clock, list, listed } = probesOf(2);
  for (let round = 0; round < 3; round += 1) {
    void list('b');
    void list('b');
    await clock.advance(0);
    expect(listed).toHaveLength(2 * (round + 1));
    await clock.advance(20 * minute);
    void list(`other-${round}`, () => false);
  }
});

test('a namespace that lists repeatedly is remembered, so it never exceeds its share', async () => {
  const { clock, list, listed } = probesOf(3);
  void list('b');
  await clock.advance(11 * minute);
  for (let times = 0; times < 3; times += 1) void list('b');
  // The first list of another namespace clears out those that had none for long.
  void list('other');
  for (let times = 0; times < 3; times += 1) void list('b');
  await clock.advance(0);
  expect(listed.filter((group) => group === 'b')).toHaveLength(1 + 3);
});
