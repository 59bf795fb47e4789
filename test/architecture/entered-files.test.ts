import { Session } from 'node:inspector';
import { onTestFinished, expect, test } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { createWorld, type World } from '../reconcile/world/world.ts';

/**
 * How many files of `src` a reader opens to follow one change from its watch event to the provider call. Lower these
 * numbers, don't raise them.
 */
test.each<{ what: string; call: keyof Provider; most: number; change: (world: World) => Promise<void> | void }>([
  {
    what: 'a power change',
    call: 'stopMachine',
    most: 76,
    change: ({ cluster }) => void cluster.change('web', { spec: { powerState: 'Halted' } }),
  },
  { what: 'a create', call: 'createMachine', most: 75, change: ({ apply }) => void apply('db') },
])('$what enters at most $most files until the provider call', async ({ call, most, change }) => {
  const coverage = startCoverage();
  const entered: (readonly string[])[] = [];
  const world = await createWorld(
    {},
    {
      withoutBystanders: 'what they do would be counted',
      through: (provider) => ({
        ...provider,
        [call]: (...parameters: never[]) => {
          entered.push(coverage.take());
          // `as`: the same parameters and the same result.
          return (provider[call] as (...parameters: never[]) => unknown)(...parameters);
        },
      }),
    },
  );
  world.apply('web');
  await world.clock.advance(2 * 60_000);
  coverage.take();
  entered.length = 0;
  await change(world);
  await world.clock.advance(10_000);
  const [files = []] = entered;
  expect(files).toContain('src/plan/plan.ts');
  expect(files.length, files.join('\n')).toBeLessThanOrEqual(most);
});

/** Which files of `src` had a function called since the last `take`. */
function startCoverage(): { readonly take: () => readonly string[] } {
  const session = new Session();
  session.connect();
  onTestFinished(() => session.disconnect());
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  return {
    take: () => {
      const files = new Set<string>();
      // The callback runs at once: the session is of this thread.
      session.post('Profiler.takePreciseCoverage', (error, { result }) => {
        if (error !== null) throw error;
        for (const { url, functions } of result) {
          const path = /\/(src\/.+\.ts)$/.exec(url)?.[1];
          // The function without a name that begins at 0 is the module.
          const isEntered = functions.some(
            ({ ranges: [range] }) => range !== undefined && range.startOffset > 0 && range.count > 0,
          );
          if (path !== undefined && isEntered) files.add(path);
        }
      });
      return [...files].toSorted();
    },
  };
}
