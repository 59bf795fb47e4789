import { expect, test } from 'vitest';
import { realClock, type EmulatorClock } from '../../emulator/clock.ts';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import type { FaultRule } from '../../emulator/fault-rule.ts';
import { listen } from '../../emulator/listen.ts';
import { exchange, type Exchange, type ExchangeRequest } from '../../src/provider/http/transport.ts';
import { createManualClock } from '../support/clock.ts';
import { createWire } from './wire.ts';

type Method = ExchangeRequest['method'];

const startedAt = Date.UTC(2026, 0, 1);
const key = 'key-of-ours';
/** For what ends by itself on however slow a machine. */
const long = { connect: 20_000, response: 20_000, total: 40_000 };
/** A list of three machines is longer than what other answers may have. */
const limits = { bodyBytes: 4_096, errorBytes: 128 };

const order = { name: 'new', region_id: 1, package_id: 1, os_template_id: 1 };
const calls: readonly (readonly [what: string, Method, path: string, body?: string])[] = [
  ['list', 'GET', '/virtual_machines'],
  ['get', 'GET', '/virtual_machines/1001'],
  ['get of none', 'GET', '/virtual_machines/7'],
  ['create', 'POST', '/virtual_machines', JSON.stringify(order)],
  ['stop', 'POST', '/virtual_machines/1001/stop'],
  ['delete', 'DELETE', '/virtual_machines/1002'],
];

type Fault = Pick<FaultRule, 'action' | 'when'>;

/** Short only for an answer that never begins, or never ends. */
function timeoutsFor(fault: Fault | undefined): ExchangeRequest['timeouts'] {
  const { action } = fault ?? {};
  if (action?.kind === 'hang' || (action?.kind === 'delay' && action.ms > 1_000)) return { ...long, response: 400 };
  return action?.kind === 'drip' && action.everyMs > 1_000 ? { ...long, total: 4_000 } : long;
}

const faults: readonly (Fault | undefined)[] = [
  undefined,
  { when: 'after', action: { kind: 'status', status: 500, body: 'x'.repeat(200) } },
  { when: 'before', action: { kind: 'status', status: 502 } },
  { when: 'instead', action: { kind: 'status', status: 206, body: [], headers: { Link: '</x>; rel="next"' } } },
  { when: 'instead', action: { kind: 'status', status: 204 } },
  { when: 'after', action: { kind: 'status', status: 304, body: 'nothing of this is sent' } },
  { when: 'after', action: { kind: 'delay', ms: 30 } },
  { when: 'instead', action: { kind: 'delay', ms: 30 } },
  { when: 'after', action: { kind: 'delay', ms: 5_000 } },
  { when: 'after', action: { kind: 'hang' } },
  { when: 'before', action: { kind: 'reset' } },
  { when: 'after', action: { kind: 'truncate' } },
  { when: 'instead', action: { kind: 'truncate', bytes: 3 } },
  { when: 'after', action: { kind: 'truncate', bytes: 0 } },
  { when: 'after', action: { kind: 'truncate', bytes: 1_000_000 } },
  { when: 'after', action: { kind: 'garbage' } },
  { when: 'after', action: { kind: 'html' } },
  { when: 'after', action: { kind: 'html', status: 503 } },
  { when: 'after', action: { kind: 'redirect', to: 'https://login.example/' } },
  { when: 'after', action: { kind: 'rate-limit', retryAfter: '120' } },
  { when: 'after', action: { kind: 'rate-limit' } },
  { when: 'after', action: { kind: 'drip', bytes: 700, everyMs: 20 } },
  { when: 'after', action: { kind: 'drip', bytes: 1, everyMs: 60_000 } },
  { when: 'after', action: { kind: 'oversize', bytes: 100 } },
  { when: 'after', action: { kind: 'oversize' } },
  { when: 'after', action: { kind: 'replay' } },
  { when: 'after', action: { kind: 'half-list' } },
  { when: 'after', action: { kind: 'empty-list' } },
];

function emulate(clock: EmulatorClock, fault: Fault | undefined): Emulator {
  const emulator = createEmulator({
    clock,
    accounts: [{ ownerId: 1, keys: [key] }],
    switches: { clockOffset: 60_000 },
  });
  for (const name of ['web', 'db', 'mail']) {
    emulator.panel.create({ name, state: name === 'db' ? 'halted' : 'running' });
  }
  if (fault !== undefined) emulator.addFault(fault);
  return emulator;
}

function requestFor(
  baseUrl: string,
  timeouts: ExchangeRequest['timeouts'],
  method: Method,
  path: string,
  body?: string,
): ExchangeRequest {
  return {
    method,
    url: `${baseUrl}${path}`,
    headers: { 'x-api-key': key, accept: 'application/json' },
    ...(body === undefined ? {} : { body }),
    timeouts,
    ...limits,
  };
}

/** Of no concern to the client: how the connection is kept and where the body ends. */
const framing: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

/** What the client goes by: without how much more came than was wanted. */
function seen(ended: Exchange): unknown {
  // Which of two deadlines is noticed first is up to the machine.
  if (ended.kind === 'Lost' && ended.code === 'Timeout') return { ...ended, detail: '' };
  if (ended.kind !== 'Received') return ended;
  const headers = Object.fromEntries(Object.entries(ended.headers).filter(([name]) => !framing.has(name)));
  return { ...ended, headers, bytes: ended.cut === 'BodyTooLarge' ? 'too many' : ended.bytes };
}

async function overNetwork(fault: Fault | undefined, call: readonly [Method, string, string?]) {
  // Only what takes time runs; the dates of machines and answers stand still.
  const emulator = emulate({ now: () => startedAt, monotonic: () => startedAt, schedule: realClock.schedule }, fault);
  const { url, close } = await serve(emulator);
  try {
    const ended = await exchange(requestFor(url, timeoutsFor(fault), ...call));
    return { ended, emulator };
  } finally {
    await close();
  }
}

async function overWire(fault: Fault | undefined, call: readonly [Method, string, string?]) {
  const clock = createManualClock(startedAt);
  const emulator = emulate({ now: () => startedAt, monotonic: () => startedAt, schedule: clock.schedule }, fault);
  const ending = createWire(emulator, clock, { travel: 0 }).exchange(
    requestFor('http://provider.test', timeoutsFor(fault), ...call),
  );
  await clock.advance(timeoutsFor(fault).total);
  return { ended: await ending, emulator };
}

const pairs = faults.flatMap((fault) =>
  calls.map(([what, ...call]) => ({
    what,
    call,
    fault,
    faultName: fault === undefined ? 'no fault' : `${fault.when} ${fault.action.kind}`,
  })),
);

test.concurrent.for(pairs)('wire and network give the same result for a $what: $faultName', async ({ fault, call }) => {
  const [network, wire] = await Promise.all([overNetwork(fault, call), overWire(fault, call)]);
  expect(seen(wire.ended)).toEqual(seen(network.ended));
  expect(wire.emulator.machines().map(({ name, task }) => [name, task.name])).toEqual(
    network.emulator.machines().map(({ name, task }) => [name, task.name]),
  );
});

test('nothing listens: wire and network give the same result', async () => {
  const gone = await listen(() => {}, '127.0.0.1', 0);
  await gone.close();
  const clock = createManualClock();
  const wire = createWire(emulate(clock, undefined), clock);
  wire.isRefusing = true;
  const ending = wire.exchange(requestFor('http://provider.test', long, 'GET', '/virtual_machines'));
  await clock.advance(long.total);
  expect(await ending).toEqual(await exchange(requestFor(gone.url, long, 'GET', '/virtual_machines')));
});

test.each([
  ['before it is sent', false],
  ['while it is unanswered', true],
])('a call aborted %s: wire and network give the same result', async (_when, isSent) => {
  const abort = async (send: (request: ExchangeRequest) => Promise<Exchange>, wait: () => Promise<unknown>) => {
    const controller = new AbortController();
    if (!isSent) controller.abort();
    const ending = send({ ...requestFor(url, long, 'POST', '/virtual_machines/1001/stop'), signal: controller.signal });
    await wait();
    controller.abort();
    return ending;
  };
  const hang = { when: 'before', action: { kind: 'hang' } } as const;
  const real = emulate(realClock, hang);
  const { url, close } = await serve(real);
  const clock = createManualClock();
  const wire = createWire(emulate(clock, hang), clock);
  const hasArrived = async (): Promise<void> => {
    if (!isSent) return;
    await expect.poll(() => real.ledger.calls).toHaveLength(1);
  };
  expect(await abort(wire.exchange, () => clock.advance(20))).toEqual(await abort(exchange, hasArrived));
  expect(clock.pending).toBe(0);
  await close();
});
