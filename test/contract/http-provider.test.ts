import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import type { Behavior } from '../../emulator/behavior.ts';
import { Secret } from '../../src/domain/secret.ts';
import { createHttpProvider } from '../../src/provider/http/client.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createManualClock } from '../support/clock.ts';
import type { ProviderWorld } from './provider.ts';
import { describeProviderContract } from './provider.ts';

/** Longer than any task of the emulator takes. */
const longEnough = 60_000;

async function makeWorld(switches: Partial<Behavior>): Promise<ProviderWorld> {
  const clock = createManualClock();
  const accounts = [
    { ownerId: 1, keys: ['key-of-ours'] },
    { ownerId: 2, keys: ['key-of-others'] },
  ];
  const emulator = createEmulator({ clock, accounts, switches });
  const { url, close } = await serve(emulator, { port: 0 });
  const connect = (key: string): Provider =>
    createHttpProvider({ baseUrl: url, apiKey: new Secret(key), log: silentLog, retries: { count: 0 } });
  return {
    provider: connect('key-of-ours'),
    withForeignKey: connect('key-of-others'),
    withUnknownKey: connect('key-of-no-account'),
    order: { regionId: 1, packageId: 1, osTemplateId: 1, ipv6: true, privateNetworking: false, sshKeyIds: [] },
    settle: () => clock.advance(longEnough),
    [Symbol.asyncDispose]: () => close(),
  };
}

/** Between them, every way in which the provider may word the same thing. */
const wordings: readonly [name: string, switches: Partial<Behavior>][] = [
  ['as documented', {}],
  [
    'lists and items in objects, ids in digits',
    {
      listShape: 'named',
      itemShape: 'virtual_machine',
      idShape: 'string',
      createAnswer: 'wrapped',
      errorBody: 'errors-map',
    },
  ],
  [
    'as the old client saw it: data, assignments, success and id',
    {
      listShape: 'data',
      itemShape: 'vm',
      addressShape: 'ip_assignments',
      createAnswer: 'success-id',
      powerAnswer: 'success',
    },
  ],
  [
    'errors as pages, other spellings, unknown fields, a login page for unknown keys',
    { errorBody: 'html', stateSpelling: 'aliases', unknownFields: 'some', unknownKey: 'html', addressShape: 'both' },
  ],
  [
    'creates answered without an id, a redirect for unknown keys',
    { createAnswer: 'success', stateSpelling: 'upper', unknownKey: 'redirect', accept: 'strict', errorBody: 'text' },
  ],
  [
    'as few words as possible',
    {
      createAnswer: 'empty',
      powerAnswer: 'empty',
      errorBody: 'empty',
      optionalFields: 'missing',
      unknownKey: '403',
      catalog: '404',
    },
  ],
  [
    'null for what is not known',
    { createAnswer: 'id', optionalFields: 'null', lastTask: 'missing', duplicateNames: '422', errorBody: 'message' },
  ],
];

for (const [name, switches] of wordings) {
  describeProviderContract(`the HTTP client against the emulator: ${name}`, () => makeWorld(switches));
}
