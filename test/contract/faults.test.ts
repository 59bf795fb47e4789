import { expect, test } from 'vitest';
import type { Emulator } from '../../emulator/emulator.ts';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import type { FaultAction } from '../../emulator/fault-rule.ts';
import { serveRedirectSink } from '../../emulator/redirect-sink.ts';
import type { Outcome } from '../../src/domain/failure.ts';
import type { CreateRequest } from '../../src/domain/machine.ts';
import { Secret } from '../../src/domain/secret.ts';
import { type CallTimeouts, createHttpProvider } from '../../src/provider/http/client.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import type { ManualClock } from '../support/clock.ts';
import { createManualClock } from '../support/clock.ts';

interface World extends AsyncDisposable {
  readonly emulator: Emulator;
  readonly connect: (timeouts: Partial<CallTimeouts>) => Provider;
  readonly clock: ManualClock;
}

async function makeWorld(): Promise<World> {
  // Its clock stands still: what drips or is delayed never ends, and the client's own deadlines are what is seen.
  const clock = createManualClock();
  const emulator = createEmulator({ clock, accounts: [{ ownerId: 1, keys: ['k1'] }] });
  const { url, close } = await serve(emulator, { port: 0 });
  const connect = (timeouts: Partial<CallTimeouts>): Provider =>
    createHttpProvider({
      baseUrl: url,
      apiKey: new Secret('k1'),
      log: silentLog,
      retries: { count: 1, minDelay: 1 },
      timeouts,
    });
  return { emulator, connect, clock, [Symbol.asyncDispose]: () => close() };
}

/** A hundred times what an answer takes. */
const patient: CallTimeouts = { connect: 10_000, response: 10_000, total: 20_000 };

/** Short only where the fault is that an answer never begins, or never ends. */
function timeoutsFor({ kind }: FaultAction): CallTimeouts {
  if (kind === 'hang' || kind === 'delay') return { ...patient, response: 200 };
  return kind === 'drip' ? { ...patient, total: 1_000 } : patient;
}

const order = (name: string): CreateRequest => ({
  name,
  regionId: 1,
  packageId: 1,
  osTemplateId: 1,
  ipv6: false,
  privateNetworking: false,
  sshKeyIds: [],
});

function say(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : `${outcome.failure.class}/${outcome.failure.code}`;
}

interface Row {
  readonly action: FaultAction;
  readonly list: string;
  readonly create: string;
  readonly kill: string;
}

/** The same for reads, and for writes. */
const unclear = (action: FaultAction, code: string): Row => ({
  action,
  list: `Retry/${code}`,
  create: `UnknownOutcome/${code}`,
  kill: `UnknownOutcome/${code}`,
});
const everywhere = (action: FaultAction, said: string): Row => ({ action, list: said, create: said, kill: said });

const rows: readonly Row[] = [
  unclear({ kind: 'hang' }, 'Timeout'),
  unclear({ kind: 'delay', ms: 60_000 }, 'Timeout'),
  unclear({ kind: 'reset' }, 'ConnectionLost'),
  unclear({ kind: 'status', status: 502 }, 'ServerError'),
  { ...unclear({ kind: 'rate-limit', status: 503, retryAfter: '9' }, 'ServerError'), list: 'Wait/ServerError' },
  // Of a power call, the status alone says that it was accepted.
  { ...unclear({ kind: 'truncate' }, 'ConnectionLost'), kill: 'ok' },
  { ...unclear({ kind: 'drip', bytes: 1, everyMs: 10 }, 'Timeout'), kill: 'ok' },
  { ...unclear({ kind: 'garbage' }, 'ProtocolError'), kill: 'ok' },
  { ...unclear({ kind: 'oversize' }, 'BodyTooLarge'), list: 'Retry/ProtocolError', kill: 'ok' },
  everywhere({ kind: 'html' }, 'Credentials/HtmlResponse'),
  everywhere({ kind: 'redirect', to: 'the trap' }, 'Credentials/Redirected'),
];

test.for(rows)(
  '$action.kind: a list is not read as empty, a write with an effect does not count as one without, and is sent once',
  async ({ action, list, create, kill }) => {
    await using world = await makeWorld();
    const trap = await serveRedirectSink();
    await using _ = { [Symbol.asyncDispose]: () => trap.close() };
    const { emulator, connect, clock } = world;
    const first = await connect(patient).createMachine(order('first'));
    await clock.advance(60_000);
    const id = first.ok ? (first.value.id ?? 0) : 0;
    const aimed = action.kind === 'redirect' ? { ...action, to: trap.url } : action;
    emulator.addFault({ when: 'after', action: aimed, times: 'always' });

    const provider = connect(timeoutsFor(action));
    expect(say(await provider.listMachines())).toBe(list);
    expect(say(await provider.createMachine(order('second')))).toBe(create);
    expect(say(await provider.killMachine(id))).toBe(kill);

    expect(emulator.ledger.machinesEverCreated().map(({ name }) => name)).toEqual(['first', 'second']);
    const calls = emulator.ledger.callsByOperation();
    expect([calls.CreateMachine, calls.KillMachine]).toEqual([2, 1]);
    expect(trap.requests).toEqual([]);

    emulator.clearFaults();
    const after = await connect(patient).listMachines();
    expect(after.ok && after.value.map(({ name }) => name)).toEqual(['first', 'second']);
  },
);
