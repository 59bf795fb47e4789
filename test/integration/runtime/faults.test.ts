import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Treatment } from '../../support/wire-proxy.ts';
import { isWatch } from '../../support/wire-signature.ts';
import { isEverything, isMachineWatch, isOfMachines, isOfSecrets, namespace, openWorld, type World } from './world.ts';

/**
 * What may happen between the operator and a real API server, all of it to one operator, one after the other. After each,
 * nothing is lost and nothing is left over; the process is the same, and no larger.
 */
let world: World;
let pid = 0;
let memory = 0;

const fleet = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm'] as const;

beforeAll(async () => {
  world = await openWorld('runtime');
  pid = world.operator.pid;
  await world.create(...fleet);
  await world.untilAsAsked(...fleet);
}, 120_000);

afterAll(() => world[Symbol.asyncDispose]());

let changes = 0;

/** Changes some objects during the fault; returns when all are in sync. */
async function changeSome(): Promise<void> {
  changes += 1;
  const powerState = changes % 2 === 1 ? 'Halted' : 'Running';
  for (const name of ['a', 'b', 'c']) await world.setPower(name, powerState);
}

beforeEach(async () => {
  await world.untilSteady();
  memory ||= world.memory();
});

afterEach(async () => {
  world.calm();
  await world.untilAsAsked(...fleet);
  // The process of the beginning still runs, with what it had then and some for what the heap does not give back at once.
  expect(world.operator.pid).toBe(pid);
  expect(world.memory() - memory).toBeLessThan(40_000_000);
  const { duplicates, forbiddenTransitions } = mishaps();
  expect([duplicates, forbiddenTransitions]).toEqual([[], []]);
});

function mishaps() {
  const { ledger } = world.emulator;
  return { duplicates: ledger.duplicates(), forbiddenTransitions: ledger.forbiddenTransitions() };
}

/** Edits the events of all watches of VirtualMachines, beginning with new ones. */
function editEvents(edit: Extract<Treatment, { kind: 'edit' }>['edit']): void {
  world.decide = (request) => (isMachineWatch(request) ? { kind: 'edit', edit } : undefined);
  world.proxy.cutWatches();
}

test('a watch that is cut in the middle of a line resumes where it was', async () => {
  const { lists } = world.asked;
  let cuts = 0;
  editEvents((line) => {
    if (cuts >= 4) return [line];
    cuts += 1;
    return { cut: line.slice(0, line.length / 2) };
  });
  await changeSome();
  await world.untilAsAsked(...fleet);
  expect(cuts).toBe(4);
  expect(world.asked.lists).toBe(lists);
});

test('duplicate and unordered events do no harm', async () => {
  const { lists } = world.asked;
  let kept: string | undefined;
  editEvents((line) => {
    if (kept === undefined) {
      kept = line;
      return [];
    }
    const both = [line, kept, line];
    kept = undefined;
    return both;
  });
  await changeSome();
  await world.setPower('d', 'Halted');
  await world.setPower('d', 'Running');
  // So that no event is kept permanently.
  const nudge = setInterval(() => {
    const metadata = { name: 'm', namespace, annotations: { nudged: String(performance.now()) } };
    void world.cluster.patch(namespace, 'm', { metadata });
  }, 300);
  await world.untilAsAsked(...fleet).finally(() => clearInterval(nudge));
  expect(world.asked.lists).toBe(lists);
});

test('an ERROR event with code 410 leads to a list', async () => {
  const { lists } = world.asked;
  let errors = 0;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: 410,
    reason: 'Expired',
    message: 'too old',
  };
  editEvents((line) => {
    errors += 1;
    return errors === 1 ? [JSON.stringify({ type: 'ERROR', object: status })] : [line];
  });
  await changeSome();
  await world.untilAsAsked(...fleet);
  expect(world.asked.lists).toBe(lists + 1);
});

test('an initial list as events that breaks off midway is started again', async () => {
  const lines: number[] = [];
  world.decide = (request) => {
    if (isMachineWatch(request)) return lines.length === 0 ? { kind: 'refuse', status: 410, body: expired } : undefined;
    if (!isEverything(request)) return undefined;
    lines.push(0);
    const mine = lines.length - 1;
    const edit = (line: string) => {
      lines[mine] = (lines[mine] ?? 0) + 1;
      return mine < 2 && lines[mine] === 7 ? { cut: line.slice(0, 100) } : [line];
    };
    return { kind: 'edit', edit };
  };
  world.proxy.cutWatches();
  await changeSome();
  await world.untilAsAsked(...fleet);
  // Each object, and the bookmark that ends it.
  expect(lines).toEqual([7, 7, fleet.length + 1]);
});

test('a list whose third page of five fails is started again, and its first half does not count', async () => {
  const { lists } = world.asked;
  const pages: number[] = [];
  let page = 0;
  let failures = 0;
  world.decide = (request) => {
    if (isMachineWatch(request))
      return lists === world.asked.lists ? { kind: 'refuse', status: 410, body: expired } : undefined;
    if (!isOfMachines(request)) return undefined;
    // From here on it is a server that knows nothing but pages.
    if (isEverything(request)) return { kind: 'refuse', status: 400 };
    page = request.query.has('continue') ? page + 1 : 1;
    pages.push(page);
    if (page >= 3 && failures < 4) {
      failures += 1;
      page = 2;
      // The client tries a page three times, then the list starts again; that fails too, once, because its continue token
      // expired.
      return failures < 4 ? { kind: 'refuse', status: 500 } : { kind: 'refuse', status: 410, body: expired };
    }
    return { kind: 'pass', query: { limit: '3' } };
  };
  world.proxy.cutWatches();
  await changeSome();
  await world.untilAsAsked(...fleet);
  expect(pages).toEqual([1, 2, 3, 3, 3, 1, 2, 3, 1, 2, 3, 4, 5]);
});

test('a server that supports only pages lists the labeled Secrets', async () => {
  const selectors: (string | null)[] = [];
  world.decide = (request) => {
    if (!isOfSecrets(request)) return undefined;
    if (!isWatch(request)) selectors.push(request.query.get('labelSelector'));
    if (selectors.length > 0) return undefined;
    const isInitial = request.query.has('sendInitialEvents');
    return isInitial ? { kind: 'refuse', status: 400 } : { kind: 'refuse', status: 410, body: expired };
  };
  world.proxy.cutWatches();
  await world.cluster.until('Secrets are listed', async () => selectors.length > 0);
  expect(selectors).toEqual(['vps247.com/credentials=true']);
});

const expired = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code: 410,
  reason: 'Expired',
  message: 'too old',
};

test('an API server with repeated outages costs no change', async () => {
  let isUnavailable = true;
  let resets = 0;
  world.decide = () => {
    if (!isUnavailable) return undefined;
    resets += 1;
    return { kind: 'reset', at: 'before' };
  };
  world.proxy.cutWatches();
  await changeSome();
  for (let flap = 0; flap < 6; flap += 1) {
    await new Promise((resolve) => setTimeout(resolve, 400)); // the length of its outages and of the time between them
    isUnavailable = !isUnavailable;
    if (isUnavailable) world.proxy.cutWatches();
  }
  isUnavailable = false;
  await world.untilAsAsked(...fleet);
  expect(resets).toBeGreaterThan(0);
  expect(mishaps()).toEqual({ duplicates: [], forbiddenTransitions: [] });
});

test('an API server that takes five seconds for every request is waited for', async () => {
  let delays = 0;
  world.decide = (request) => {
    if (isMachineWatch(request)) return undefined;
    delays += 1;
    return { kind: 'delay', at: 'before', milliseconds: 5_000 };
  };
  await changeSome();
  await world.untilAsAsked(...fleet);
  expect(delays).toBeGreaterThan(0);
  expect(mishaps()).toEqual({ duplicates: [], forbiddenTransitions: [] });
});

test('a token that is refused for a while costs no change', async () => {
  let refused = 0;
  world.decide = () => {
    refused += 1;
    return {
      kind: 'refuse',
      status: 401,
      body: { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'expired' },
    };
  };
  world.proxy.cutWatches();
  await changeSome();
  await world.cluster.until('the operator was refused again and again', async () => refused > 4);
  world.calm();
  await world.untilAsAsked(...fleet);
  expect(mishaps()).toEqual({ duplicates: [], forbiddenTransitions: [] });
});

test('history that was dropped without a watch is not lost', async () => {
  const { lists } = world.asked;
  world.decide = (request) => (isMachineWatch(request) ? { kind: 'refuse', status: 503 } : undefined);
  world.proxy.cutWatches();
  await changeSome();
  // It remembers no event from before its start.
  await world.plane.restartApiServer();
  world.calm();
  await world.untilAsAsked(...fleet);
  expect(world.asked.lists).toBeGreaterThan(lists);
}, 90_000);

test('a deleted CRD deletes its objects, and is watched again when it is back', async () => {
  // Objects without a VM, or deleting their CRD would delete VMs.
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'virtualmachines.vps247.com' },
  };
  await Promise.all(fleet.map((name) => world.cluster.patch(namespace, name, { spec: { deletionPolicy: 'Retain' } })));
  const machines = world.emulator.machines().map(({ id }) => id);
  await world.cluster.remove(crd);
  await world.cluster.until('the definition is gone', async () => (await world.cluster.read(crd)) === undefined);
  expect(world.emulator.machines().map(({ id }) => id)).toEqual(machines);
  const { lists } = world.asked;
  await world.cluster.until('the operator has looked for it in vain', async () => world.asked.lists > lists);
  for (const id of machines) world.emulator.panel.delete(id);
  await world.cluster.applyCrd();
  await world.create(...fleet);
  await world.untilAsAsked(...fleet);
}, 90_000);
