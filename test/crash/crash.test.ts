import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '../../hack/build.ts';
import { align } from '../../hack/demo/table.ts';
import { fastLatencies as latencies } from '../support/fast-settings.ts';
import { points } from '../support/wire-proxy.ts';
import { useFixtures } from '../integration/operator/fixture.ts';
import { createHeldClock } from './held-clock.ts';
import { type Life, live } from './life.ts';
import { phases } from './phases.ts';
import { markdownOf, tableOf, totalsOf } from './table.ts';

const stageFor = useFixtures('crash-points');
const out = path.join(import.meta.dirname, '../../.out/crash');

/** Shows what was tried, and keeps it. */
function tell(lives: readonly Life[]): void {
  const table = tableOf(lives);
  const totals = totalsOf(lives);
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, 'table.md'), `${markdownOf(table)}\n\n${totals}\n`);
  process.stdout.write(`${align(table).join('\n')}\n\n${totals}\n`);
}

test(
  'one VM in sync after kill -9 at every request to either API, before it, after its effect and after its answer',
  { timeout: 900_000 },
  async () => {
    // The program as it is published: it starts four times as fast as the sources.
    const { file: entry } = await buildBundle(path.join(out, 'bundle'));
    const lives = await Promise.all(
      points.map(async (point) => {
        const switches = {
          // Or the provider itself would keep a second machine from being made.
          duplicateNames: 'allowed',
          // Until a separate phase.
          addressLag: 10 ** 9,
        } as const;
        const clock = createHeldClock(Math.min(latencies.provision, latencies.start, latencies.halt));
        return live(await stageFor(point, { switches, clock }), clock, entry, point, phases);
      }),
    );
    tell(lives);
    expect(lives.flatMap(({ problems }) => problems)).toEqual([]);
    expect(lives.map(({ duplicated, leaked }) => [duplicated, leaked])).toEqual(points.map(() => [0, 0]));
    for (const { kills } of lives) {
      expect(new Set(kills.map(({ phase }) => phase))).toEqual(new Set(phases.map(({ name }) => name)));
    }
    expect(lives.reduce((sum, { kills }) => sum + kills.length, 0)).toBeGreaterThanOrEqual(150);
  },
);
