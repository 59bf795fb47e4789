import { expect, test } from 'vitest';
import { silentLog } from '../../../src/telemetry/log.ts';
import { createLister } from '../../../src/kubernetes/cache/initial-list.ts';
import { createDecoder } from '../../../src/kubernetes/cache/decoder.ts';
import { Store } from '../../../src/kubernetes/cache/store.ts';
import { createManualClock } from '../../support/clock.ts';

test('pages are watched from the version of the first, as later ones may be newer', async () => {
  const pages = [
    { items: [], resourceVersion: '5', continue: 'more' },
    { items: [], resourceVersion: '9' },
  ];
  const readEverything = createLister<string>({
    client: { list: () => Promise.resolve(pages.shift() ?? expect.fail('a third page')), watch: expect.fail },
    resource: { group: 'example.com', version: 'v1', plural: 'things' },
    namespace: undefined,
    store: new Store<string>(),
    decoder: createDecoder<string>(() => undefined, silentLog),
    clock: createManualClock(),
    signal: new AbortController().signal,
  });
  expect((await readEverything({ inPages: true })).resourceVersion).toBe('5');
});
