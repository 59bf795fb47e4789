import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '../../hack/build.ts';
import { soak } from '../../hack/soak/soak.ts';
import { useFixtures } from '../integration/operator/fixture.ts';
import { seeds } from './seeds.ts';

const stageFor = useFixtures('soak');
/** Seconds: the slowest machine falls back twice, and a call that hangs at Kubernetes is given up after half a minute. */
const patience = 240;

test.each(seeds)(
  'seed $seed with $objects objects for $seconds s: with any events, one VM each, and in sync in the end',
  { timeout: 600_000 },
  async (schedule) => {
    const { cluster, namespace, kubeconfig, directory } = await stageFor(`seed-${schedule.seed}`, {
      withSecret: false,
    });
    const { file: entry } = await buildBundle(path.join(directory, 'bundle'));
    const places = { cluster, namespace, kubeconfig, directory, entry };
    const { isGood, text, lines } = await soak({
      ...schedule,
      ...places,
      operators: 2,
      // Other tests use it too.
      restartApiServer: undefined,
      patience,
      showProgress: () => () => {},
      signal: new AbortController().signal,
    });
    expect(isGood, text).toBe(true);
    // A soak in which nothing goes wrong shows nothing. How much of what is planned finds a request depends on the machine.
    const counted = (what: string): number => lines.find((line) => line.what === what)?.counted ?? 0;
    const happened = [
      'kills of operators',
      'faults between operator and APIs',
      'faults of the provider',
      'VMs created',
    ];
    expect(happened.filter((what) => counted(what) === 0)).toEqual([]);
  },
);
