/**
 * The emulator against the known behavior of the provider. With these variables, the same suite checks the real service:
 * VPS247_CONFORMANCE_URL, its base URL; VPS247_CONFORMANCE_KEY, an API key (with these two, only reading calls are sent);
 * VPS247_CONFORMANCE_WILL_BILL=yes also creates one VM of the cheapest package, powers it and deletes it again, which incurs
 * charges.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { createManualClock } from '../../emulator/clock.ts';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import type { Behavior } from '../../emulator/behavior.ts';
import { describeConformance } from './conformance.ts';

const settings: readonly (readonly [name: string, switches: Partial<Behavior>])[] = [
  ['as it is', {}],
  [
    'with lists and machines in objects, and ids in digits',
    { listShape: 'named', itemShape: 'virtual_machine', idShape: 'string', createAnswer: 'wrapped', unknownKey: '403' },
  ],
  [
    'with assignments for addresses, short answers and a login page',
    {
      listShape: 'data',
      itemShape: 'vm',
      addressShape: 'ip_assignments',
      createAnswer: 'success-id',
      powerAnswer: 'success',
      unknownKey: 'html',
      errorBody: 'errors-map',
    },
  ],
  [
    'with other spellings, unknown fields, no ids for creates and a redirect to log in',
    {
      stateSpelling: 'aliases',
      transferField: 'transfer_month',
      unknownFields: 'some',
      createAnswer: 'success',
      powerAnswer: 'empty',
      unknownKey: 'redirect',
      errorBody: 'html',
      accept: 'strict',
    },
  ],
  [
    'with everything late, kills that reset and tasks that last',
    {
      listLag: 5_000,
      getLag: 7_000,
      deletedListLag: 5_000,
      addressLag: 20_000,
      passwordLag: 30_000,
      killEffect: 'resets',
      stopTask: 'lasts-until-halted',
      duplicateNames: '422',
      createAnswer: 'empty',
    },
  ],
];

for (const [name, switches] of settings) {
  const clock = createManualClock();
  const emulator = createEmulator({ accounts: [{ ownerId: 1, keys: ['ours'] }], clock, switches });
  // Something to read is there from the start.
  emulator.panel.create({ name: 'there-already' });
  // Long enough for every setting to list it.
  await clock.advance(60_000);
  const server = await serve(emulator);
  afterAll(() => server.close());
  describeConformance(`the emulator ${name}`, {
    baseUrl: server.url,
    apiKey: 'ours',
    mayBill: true,
    fewestMachines: 1,
    pause: async (milliseconds) => clock.advance(milliseconds),
    patience: 120_000,
    timeout: 60_000,
  });
}

const {
  VPS247_CONFORMANCE_URL: baseUrl,
  VPS247_CONFORMANCE_KEY: apiKey,
  VPS247_CONFORMANCE_WILL_BILL: willBill,
} = process.env;

if (baseUrl !== undefined && apiKey !== undefined) {
  describeConformance('the service', {
    baseUrl: baseUrl.replace(/\/+$/, ''),
    apiKey,
    mayBill: willBill === 'yes',
    fewestMachines: 0,
    // Real machines take real time.
    pause: async (milliseconds) => void (await sleep(milliseconds)),
    patience: 900_000,
    timeout: 3_600_000,
  });
}
