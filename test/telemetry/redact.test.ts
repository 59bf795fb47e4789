import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { redact, registerSecret, scrub } from '../../src/telemetry/redact.ts';
import { Search } from '../secrets/search.ts';
import { assertProperty } from '../support/property.ts';

class Socket {
  readonly key = 'inner';
}

const circular: Record<string, unknown> = { name: 'loop' };
circular['self'] = circular;

const throwing = {
  get value(): never {
    throw new Error('no');
  },
};

const rows: readonly (readonly [value: unknown, expected: unknown, reason: string])[] = [
  [new Secret('hunter22'), '[redacted]', 'a secret value'],
  [{ a: [new Secret('hunter22')] }, { a: ['[redacted]'] }, 'a secret value inside'],
  [
    { 'X-Api-Key': 'k', Authorization: 'Bearer k' },
    { 'X-Api-Key': '[redacted]', Authorization: '[redacted]' },
    'headers',
  ],
  [
    { initial_password: 'p', token: 't' },
    { initial_password: '[redacted]', token: '[redacted]' },
    "the provider's field",
  ],
  [{ secretName: 's', secretRef: 'r' }, { secretName: 's', secretRef: 'r' }, 'the place of a secret may be shown'],
  [{ token: 3, secret: false }, { token: 3, secret: false }, 'a count is not secret'],
  [circular, { name: 'loop', self: '[circular]' }, 'a loop ends'],
  [{ a: { b: { c: { d: { e: { f: 1 } } } } } }, { a: { b: { c: { d: { e: '[deeper]' } } } } }, 'depth is bounded'],
  ['x'.repeat(3_000), `${'x'.repeat(2_047)}…`, 'length is bounded'],
  [`${'x'.repeat(2_046)}😀😀`, `${'x'.repeat(2_046)}😀😀`, 'characters are counted, not units of UTF-16'],
  [`${'x'.repeat(2_046)}😀😀😀`, `${'x'.repeat(2_046)}😀…`, 'a cut splits no character'],
  ['a\u202eb\nc', 'a\ufffdb c', 'what changes how its neighbors are shown is replaced'],
  [Array.from({ length: 52 }, () => 1), [...Array.from({ length: 50 }, () => 1), '[2 more]'], 'entries are bounded'],
  [
    Object.fromEntries(Array.from({ length: 52 }, (_, index) => [`f${index}`, 1])),
    { ...Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 1])), '…': '[2 more]' },
    'fields are bounded',
  ],
  [
    Array.from({ length: 50 }, () => 1),
    Array.from({ length: 50 }, () => 1),
    'as many entries as are shown are complete',
  ],
  [
    Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 1])),
    Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 1])),
    'as many fields as are shown are complete',
  ],
  [{ ['n'.repeat(300)]: 1 }, { [`${'n'.repeat(127)}…`]: 1 }, 'names are bounded'],
  [
    { a: { b: 1 }, c: { b: 1 } },
    { a: { b: 1 }, c: { b: 1 } },
    'the same object beside itself does not count as a loop',
  ],
  [new Socket(), '[Socket]', 'instances of classes are not walked: a request holds its headers'],
  [Buffer.from('hunter22'), '[Buffer]', 'bytes are not printed'],
  [throwing, '[unreadable]', 'a throwing getter'],
  [new Proxy({}, { ownKeys: () => ['a', 'a'] }), '[unreadable]', 'a hostile proxy'],
  [new Date('2026-01-02'), '2026-01-02T00:00:00.000Z', 'a date'],
  [new Date(Number.NaN), 'Invalid Date', 'no date'],
  [new URL('https://u:p@host/path?key=k#x'), 'https://host/path', 'a URL without what may be secret'],
  [new Map([['a', 1]]), { a: 1 }, 'a map'],
  [new Set([1]), [1], 'a set'],
  [10n, '10', 'JSON has no bigint'],
  [Number.NaN, 'NaN', 'JSON has no NaN'],
  [{ a: undefined, b: () => 1, c: Symbol('x') }, {}, 'what has nothing to say'],
  [[undefined], [null], 'positions in a list are kept'],
  [JSON.parse('{"__proto__":{"x":1}}'), Object.fromEntries([['__proto__', { x: 1 }]]), 'no prototype is set'],
];

// Not test.each: it would look into the values to name the tests.
for (const [value, expected, reason] of rows) {
  test(reason, () => {
    expect(redact(value)).toEqual(expected);
  });
}

describe('errors', () => {
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), {
    code: 'ECONNRESET',
    class: 'Retry',
    status: 502,
    options: { headers: { 'x-api-key': 'k' } },
    response: {},
  });

  test('only allowed fields are included', () => {
    expect(redact({ error })).toEqual({
      error: { name: 'Error', message: 'outer', code: 'ECONNRESET', class: 'Retry', status: 502 },
    });
  });

  test('stacks only on request', () => {
    expect(redact(error, { withStacks: true })).toHaveProperty('stack', expect.stringContaining('redact.test.ts'));
  });

  test('an allowed name with a value of several words is left out', () => {
    expect(redact(Object.assign(new Error('x'), { status: { hidden: 1 } }))).toEqual({ name: 'Error', message: 'x' });
  });
});

function rotate(name: string, times: number): void {
  for (let index = 0; index < times; index++) registerSecret(new Secret(`${name}-${index}-key`))();
}

describe('scrub', () => {
  test('removes a registered secret in every spelling', () => {
    const plain = 'pa"ss/w&rd=ö 12';
    registerSecret(new Secret(plain));
    const base64 = Buffer.from(plain).toString('base64');
    for (const spelling of [plain, JSON.stringify(plain), encodeURIComponent(plain), base64]) {
      expect(scrub(`<${spelling}>`)).toMatch(/^<"?\[redacted\]"?=*>$/);
    }
  });

  test('leaves nothing of a secret that has the same prefix as another one', () => {
    for (const plain of ['same-beginning', 'same-beginning-and-more']) registerSecret(new Secret(plain));
    expect(scrub('same-beginning-and-more same-beginning')).toBe('[redacted] [redacted]');
  });

  test(
    'removes any secret from any text, in every spelling that programs print texts in',
    { timeout: 60_000 },
    async () => {
      // What a key may consist of.
      const secret = fc.string({
        minLength: 6,
        unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCodePoint(code)),
      });
      await assertProperty(
        fc.asyncProperty(secret, fc.string(), fc.string(), async (plain, before, after) => {
          fc.pre(!'[redacted]'.includes(plain));
          registerSecret(new Secret(plain));
          const search = new Search({ markers: [], values: [plain] });
          const text = `${before}${plain}${after}`;
          const json = JSON.stringify({ text });
          const urls = [encodeURIComponent(text), encodeURI(text), String(new URLSearchParams({ text }))];
          const bases = [Buffer.from(text).toString('base64'), Buffer.from(text).toString('base64url')];
          for (const printed of [text, json, JSON.stringify(json), ...urls, ...bases])
            expect(await search.text(scrub(printed))).toEqual([]);
        }),
      );
    },
  );

  test.for<[where: string, value: unknown]>([
    ['the name of a field', { 'planted-anywhere-1': 1 }],
    ['the path of a URL', new URL('https://host/planted-anywhere-1')],
    [
      'the name of a class',
      new {
        'planted-anywhere-1': class {
          readonly value = 1;
        },
      }['planted-anywhere-1'](),
    ],
    ['a stack', Object.assign(new Error('x'), { stack: 'Error: x\n at planted-anywhere-1' })],
  ])('removes a registered secret from %s', ([, value]) => {
    registerSecret(new Secret('planted-anywhere-1'));
    const shown = JSON.stringify(redact(value, { withStacks: true }));
    expect(shown).toContain('[redacted]');
    expect(shown).not.toContain('planted-anywhere');
  });

  test('a stack is bounded', () => {
    const shown = redact(Object.assign(new Error('x'), { stack: 's'.repeat(9_000) }), { withStacks: true });
    expect(shown).toMatchObject({ stack: `${'s'.repeat(4_095)}…` });
  });

  test('handles characters with a meaning in patterns', () => {
    registerSecret(new Secret('a.b*c(d[e'));
    expect(scrub('a.b*c(d[e aXb*c(d[e')).toBe('[redacted] aXb*c(d[e');
  });

  test('ignores secrets so short that they would remove words', () => {
    registerSecret(new Secret('a'));
    registerSecret(new Secret(''));
    expect(scrub('a banana')).toBe('a banana');
  });

  test('removes a secret before a long text is cut through it', () => {
    const plain = 'cut-through-me-123';
    registerSecret(new Secret(plain));
    expect(redact('x'.repeat(2_040) + plain)).not.toContain('cut-');
  });

  test('remembers the secrets in use, however many others come and go, and some of the newest others', () => {
    registerSecret(new Secret('key-in-use'));
    for (let index = 0; index <= 2_000; index++) registerSecret(new Secret(`rotated-${index}-key`))();
    expect(scrub('key-in-use rotated-0-key rotated-2000-key')).toBe('[redacted] rotated-0-key [redacted]');
  });

  test('one that is used again counts from its last use', () => {
    rotate('older', 1_000);
    registerSecret(new Secret('key-used-again'))();
    rotate('meanwhile', 600);
    registerSecret(new Secret('key-used-again'))();
    rotate('newer', 900);
    expect(scrub('key-used-again')).toBe('[redacted]');
  });

  test('one that is used twice is in use until both have ended', () => {
    const ends = [1, 2].map(() => registerSecret(new Secret('key-used-twice')));
    for (const end of [ends[0], ends[0]]) end?.();
    for (let index = 0; index <= 2_000; index++) registerSecret(new Secret(`another-${index}-key`))();
    expect(scrub('key-used-twice')).toBe('[redacted]');
    ends[1]?.();
    for (let index = 0; index <= 2_000; index++) registerSecret(new Secret(`one-more-${index}-key`))();
    expect(scrub('key-used-twice')).toBe('key-used-twice');
  });
});
