import { describe, expect, test } from 'vitest';
import { type CallOutcome, Ledger } from '../../emulator/ledger.ts';
import type { Operation } from '../../emulator/operations.ts';
import type { Life } from '../crash/life.ts';
import { judge, machinesOf, missing } from '../crash/oracle.ts';
import { markdownOf, tableOf, totalsOf } from '../crash/table.ts';

const bystander = 1;

const machine = (machineId: number, machineName = 'web-0123abcd') => ({ account: 1, machineId, machineName });

/** A ledger in which the object `web` got its machine, and what a test lets happen after that. */
function lived() {
  const ledger = new Ledger({ now: () => 0, monotonic: () => 0 });
  const call = (operation: Operation, machineId?: number, outcome: CallOutcome = 200): number => {
    const about = machineId === undefined ? {} : { machineId };
    const seq = ledger.called({ account: 1, method: 'POST', path: '/', operation, ...about });
    ledger.ended(seq, { outcome });
    return seq;
  };
  const create = (machineId: number, machineName?: string): void => {
    const cause = call('CreateMachine', undefined, 201);
    ledger.happened({ kind: 'created', to: 'pending', cause, ...machine(machineId, machineName) });
    ledger.happened({ kind: 'transition', from: 'pending', to: 'running', cause, ...machine(machineId, machineName) });
  };
  create(7);
  return { ledger, call, create };
}

const expectation = { object: 'web', bystanders: new Set([bystander]), since: 0, calls: { CreateMachine: 1 } };

describe('the oracle', () => {
  test('reports nothing where everything is correct', () => {
    const { ledger } = lived();
    expect(judge(ledger, expectation)).toEqual([]);
    expect(missing(ledger, expectation)).toEqual([]);
    expect(machinesOf(ledger, 'web')).toBe(1);
  });

  test.each<{ planted: string; plant: (life: ReturnType<typeof lived>) => void; seen: string[] }>([
    {
      planted: 'a second machine of the same name',
      plant: ({ create }) => create(8),
      seen: ['2 VMs created for web', 'two machines of the name web', 'CreateMachine accepted 2 ×, not 1 ×'],
    },
    {
      planted: 'a second machine of another name, after the first is gone',
      plant: ({ ledger, create }) => {
        ledger.happened({ kind: 'deleted', from: 'running', cause: 'panel', ...machine(7) });
        create(8, 'web-4567abcd');
      },
      seen: ['2 VMs created for web', 'CreateMachine accepted 2 ×, not 1 ×'],
    },
    {
      planted: 'a delete of a running machine, refused',
      plant: ({ ledger, call }) => {
        const cause = call('DeleteMachine', 7, 400);
        ledger.happened({ kind: 'refused', command: 'delete', from: 'running', cause, ...machine(7) });
      },
      seen: ['delete of a machine that was not in a state for it'],
    },
    {
      planted: 'a delete of a running machine, done',
      plant: ({ ledger, call }) => {
        const cause = call('DeleteMachine', 7, 204);
        ledger.happened({ kind: 'deleted', from: 'running', cause, ...machine(7) });
      },
      seen: ['an impossible effect: deleted', 'DeleteMachine accepted 1 ×, not 0 ×'],
    },
    {
      planted: 'a call to an unmanaged VM, accepted or not',
      plant: ({ call }) => void call('StopMachine', bystander, 404),
      seen: ['StopMachine of a VM that no object requested'],
    },
    {
      planted: 'a power call that no object requested',
      plant: ({ call }) => void call('RestartMachine', 7),
      seen: ['RestartMachine accepted 1 ×, not 0 ×'],
    },
  ])('$planted', ({ plant, seen }) => {
    const life = lived();
    plant(life);
    expect(judge(life.ledger, expectation)).toEqual(seen);
  });

  test('reports a call that is repeated in its phase, and not one of an earlier phase', () => {
    const { ledger, call } = lived();
    const since = call('StopMachine', 7);
    const phase = { ...expectation, since, calls: { StopMachine: 1 } };
    expect(missing(ledger, phase)).toEqual(['StopMachine accepted 0 ×, not 1 ×']);
    call('StopMachine', 7, 406);
    expect(judge(ledger, phase)).toEqual([]);
    call('StopMachine', 7);
    expect([judge(ledger, phase), missing(ledger, phase)]).toEqual([[], []]);
    call('StopMachine', 7);
    expect(judge(ledger, phase)).toEqual(['StopMachine accepted 2 ×, not 1 ×']);
  });
});

const kill = (phase: string, signature: string, ...problems: string[]) =>
  ({ phase, api: 'provider', signature, problems }) as const;

describe('the table of kills', () => {
  const nothing = { problems: [], duplicated: 0, leaked: 0 };
  const lives: readonly Life[] = [
    { ...nothing, point: 'before', kills: [kill('create', 'POST /x'), kill('stop', 'POST /x/{id}/stop')] },
    { ...nothing, point: 'effect', duplicated: 1, kills: [kill('create', 'POST /x', '2 VMs created for web')] },
    { ...nothing, point: 'answered', leaked: 2, kills: [kill('create', 'GET /x'), kill('create', 'POST /x')] },
  ];

  test('has a row for each request of a phase, with the result of a kill at each point', () => {
    expect(markdownOf(tableOf(lives)).split('\n')).toEqual([
      '| PHASE | API | REQUEST | before | effect | answered |',
      '| --- | --- | --- | --- | --- | --- |',
      '| create | provider | POST /x | ✓ | 2 VMs created for web | ✓ |',
      '| create | provider | GET /x | – | – | ✓ |',
      '| stop | provider | POST /x/{id}/stop | ✓ | – | – |',
    ]);
  });

  test('has the correct sums', () => {
    expect(totalsOf(lives)).toBe('5 kills (2 before, 1 effect, 2 answered), 1 duplicated, 2 leaked');
  });
});
