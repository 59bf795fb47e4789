import { describe, expect, it } from 'vitest';
import { healthsOf, kstatusesOf } from '../../hack/gitops/tools.ts';
import { type ToolHealth, healthTable } from '../../hack/gitops/health-table.ts';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { type ShownOptions, showing } from './objects.ts';

// Object.keys forgets that they are reasons.
const all = Object.keys(reasons) as Reason[];
const ready = showing('Available').status;

interface Shape {
  readonly what: string;
  readonly reason: Reason;
  readonly object: VirtualMachine;
}

function shape(what: string, reason: Reason, options: ShownOptions = {}): Shape {
  return { what: `${reason}, ${what}`, reason, object: showing(reason, options) };
}

/** What the table says of an object that shows a reason. */
function expected({ reason, object }: Shape): ToolHealth {
  const { metadata, status } = object;
  if (metadata.deletionTimestamp !== undefined) return { kstatus: 'Terminating', argo: 'Progressing' };
  const row = healthTable[reason];
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  const isKept = condition?.status === 'True' && condition.observedGeneration === metadata.generation;
  const { kstatus, argo } = isKept ? (row.wasReady ?? row) : row;
  return { kstatus, argo };
}

async function judge(objects: readonly VirtualMachine[]): Promise<readonly ToolHealth[]> {
  const [statuses, healths] = await Promise.all([kstatusesOf(objects), healthsOf(objects)]);
  return objects.map(({ metadata }, index) => ({
    // Holes would be lines that a program did not answer, and differ from anything expected.
    kstatus: statuses[index] as ToolHealth['kstatus'],
    // So does Argo CD, before it asks any script.
    argo: (metadata.deletionTimestamp === undefined ? healths[index]?.status : 'Progressing') as ToolHealth['argo'],
  }));
}

/** The shapes of which kstatus or Argo CD's script says something else than the table. */
async function surprises(shapes: readonly Shape[]): Promise<readonly string[]> {
  const found = await judge(shapes.map(({ object }) => object));
  return shapes.flatMap((one, index) => {
    const [is, should] = [JSON.stringify(found[index]), JSON.stringify(expected(one))];
    return is === should ? [] : [`${one.what}: ${is}, not ${should}`];
  });
}

describe('kstatus and Argo CD rate an object as the table says', () => {
  it('for each reason, of an object without a history', async () => {
    const shapes = all.map((reason) => shape('first', reason));
    expect(await surprises(shapes)).toEqual([]);
    const judged = await judge(shapes.map(({ object }) => object));
    expect(judged).toEqual(
      all.map((reason) => ({ kstatus: healthTable[reason].kstatus, argo: healthTable[reason].argo })),
    );
  });

  it('for each reason, of a VM that was Ready', async () => {
    const judged = await judge(all.map((reason) => showing(reason, { before: ready })));
    const wanted = all.map((reason) => healthTable[reason].wasReady ?? healthTable[reason]);
    expect(judged).toEqual(wanted.map(({ kstatus, argo }) => ({ kstatus, argo })));
  });

  it('for each reason, of a VM that was Ready under an earlier spec: as without that history', async () => {
    const judged = await judge(all.map((reason) => showing(reason, { before: ready, generation: 2 })));
    expect(judged).toEqual(
      all.map((reason) => ({ kstatus: healthTable[reason].kstatus, argo: healthTable[reason].argo })),
    );
  });

  it('for each reason after each other, with and without a changed spec, a deletion, and a known key', async () => {
    const keys: ShownOptions['credentials'][] = [
      { kind: 'Accepted' },
      { kind: 'Missing', message: 'no Secret' },
      { kind: 'Rejected', failure: undefined },
      { kind: 'Unverified' },
    ];
    const shapes = all.flatMap((earlier) => {
      const before = showing(earlier, { before: ready }).status;
      return all.flatMap((reason, index) => {
        const credentials = keys[index % keys.length];
        return [
          shape(`after ${earlier}`, reason, { before, credentials }),
          shape(`after ${earlier} and a change`, reason, { before, generation: 2, credentials }),
          shape(`after ${earlier}, deleted`, reason, { before, isDeleting: true, credentials }),
        ];
      });
    });
    expect(shapes).toHaveLength(all.length ** 2 * 3);
    expect(await surprises(shapes)).toEqual([]);
  });

  it('of an object that was not reconciled yet, or not since its spec changed: in progress', async () => {
    const { metadata, spec, status } = showing('Available');
    const untouched = { metadata, spec, status: { observedGeneration: -1 } };
    const changed = { metadata: { ...metadata, generation: 2 }, spec, ...(status && { status }) };
    expect(await judge([untouched, changed])).toEqual([
      { kstatus: 'InProgress', argo: 'Progressing' },
      { kstatus: 'InProgress', argo: 'Progressing' },
    ]);
    // The reason for the default of the status: kstatus takes an object without any conditions for complete.
    expect(await judge([{ metadata, spec }])).toEqual([{ kstatus: 'Current', argo: 'Progressing' }]);
  });
});

describe("Argo CD's message", () => {
  it('is the message of the deciding condition', async () => {
    const shown = await healthsOf([
      showing('NameConflict'),
      showing('Creating'),
      showing('Paused', { before: ready }),
      showing('PlanOnly'),
      showing('InitialPasswordConflict'),
      showing('DiffersFromSpec'),
    ]);
    expect(shown.map(({ message }) => message)).toEqual([
      'because of NameConflict',
      'because of Creating',
      'because of Paused',
      'because of PlanOnly',
      'because of InitialPasswordConflict; Secret "x" is there',
      expect.stringMatching(/^because of DiffersFromSpec; VM 90: region is "London 1" \(id 7\), the spec says /),
    ]);
  });

  it('is never empty, whatever the reason', async () => {
    const shown = await healthsOf(all.flatMap((reason) => [showing(reason), showing(reason, { before: ready })]));
    expect(shown.filter(({ message }) => typeof message !== 'string' || message === '')).toEqual([]);
  });
});
