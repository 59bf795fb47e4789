import { describe, expect, test } from 'vitest';
import { silentLog } from '../../../src/telemetry/log.ts';
import { createDecoder, readBookmark } from '../../../src/kubernetes/cache/decoder.ts';

const metadata = { namespace: 'a', name: 'web', uid: 'uid-1', resourceVersion: '7' };

describe('an object', () => {
  test.each([
    ['with all that identifies it', { metadata }, 'a/web'],
    ['of the cluster, without a namespace', { metadata: { ...metadata, namespace: undefined } }, '/web'],
    ['without a name', { metadata: { ...metadata, name: undefined } }, undefined],
    ['without a UID', { metadata: { ...metadata, uid: undefined } }, undefined],
    ['without a resourceVersion', { metadata: { ...metadata, resourceVersion: undefined } }, undefined],
    ['without metadata', {}, undefined],
    ['whose metadata is null', { metadata: null }, undefined],
    ['that is null', null, undefined],
    ['that is missing', undefined, undefined],
    ['that is text', 'web', undefined],
  ])('%s: %j has the key %j', (_what, object, key) => {
    const read = createDecoder(() => 'row', silentLog);
    expect(read(object)?.key).toBe(key);
  });

  test('that cannot be read is logged once; a thousand others later it is forgotten', () => {
    const logged: unknown[] = [];
    const log = { ...silentLog, error: (_message: string, fields?: object) => void logged.push(fields) };
    const read = createDecoder(() => expect.fail('unreadable'), log);
    const readAgain = (index: number) => read({ metadata: { ...metadata, name: `web-${index}` } });
    for (let index = 0; index < 1_000; index += 1) readAgain(index);
    for (let index = 0; index < 1_000; index += 999) readAgain(index);
    expect(logged).toHaveLength(1_000);
    readAgain(1_000);
    readAgain(0);
    expect(logged).toHaveLength(1_002);
  });
});

test.each([
  ['7', '7'],
  ['', undefined],
  [7, undefined],
  [undefined, undefined],
])('the resourceVersion %j of a bookmark is read as %j', (resourceVersion, read) => {
  expect(readBookmark({ metadata: { resourceVersion } })).toBe(read);
});
