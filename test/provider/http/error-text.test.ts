import { expect, test } from 'vitest';
import { SecretMatcher } from '../../../src/domain/secret-matcher.ts';
import { Secret } from '../../../src/domain/secret.ts';
import * as text from '../../../src/provider/http/error-text.ts';
import { registerSecret } from '../../../src/telemetry/redact.ts';

const key = 'k3y+/="&<é 1';
const known = new SecretMatcher([key]);
const errorText = (body: string): string => text.errorText(body, known);
const jsonErrorText = (body: string): string | undefined => text.jsonErrorText(body, known);

const rows: readonly [reason: string, body: string, text: string][] = [
  ['nothing was said', '', ''],
  ['error', '{"error":"Name is taken"}', 'Name is taken'],
  ['errors as text', '{"errors":"Name is taken"}', 'Name is taken'],
  ['errors as a list', '{"errors":["Name is taken","Package is missing"]}', 'Name is taken; Package is missing'],
  [
    'errors as a map',
    '{"errors":{"name":["is taken","is odd"],"package":"is missing"}}',
    'name: is taken; is odd; package: is missing',
  ],
  ['errors as a list of objects', '{"errors":[{"detail":"no"}]}', 'detail: no'],
  ['message', '{"message":"Not today"}', 'Not today'],
  ['error before message', '{"message":"b","error":"a"}', 'a'],
  ['an empty error does not hide the message', '{"error":"","message":"b"}', 'b'],
  ['an error object', '{"error":{"code":7,"message":"no"}}', 'code: 7; message: no'],
  ['JSON that is only text', '"Busy"', 'Busy'],
  ['other JSON says nothing', '{"id":1,"name":"web"}', ''],
  ['plain text', 'Bad gateway', 'Bad gateway'],
  [
    'tags and what they hide go',
    '<html><style>p{}</style><script>x()</script><h1>Bad</h1><p>gateway</p>',
    'Bad gateway',
  ],
  ['a tag that never ends', 'Bad <a href="', 'Bad'],
  [
    'white space collapses, control characters and direction marks are replaced',
    'a\r\n\t b\u0000\u001b[31m\u202e c',
    'a b\ufffd[31m\ufffd c',
  ],
  ['the key', `{"error":${JSON.stringify(`bad key ${key}!`)}}`, 'bad key [redacted]!'],
  ['the key as a URL spells it', `{"error":"at /?key=${encodeURIComponent(key)}"}`, 'at /?key=[redacted]'],
  ['the same in lower case', `{"error":"at /?key=${encodeURIComponent(key).toLowerCase()}"}`, 'at /?key=[redacted]'],
  [
    'the key as JSON inside JSON spells it',
    JSON.stringify({ error: JSON.stringify({ sent: key }) }),
    '{"sent":"[redacted]"}',
  ],
  ['a key that only control characters keep apart', 'key k3y+/="&\u0001<é 1', 'key [redacted]'],
  ['a password beside the words', '{"error":"hunter2 is weak","initial_password":"hunter2"}', '[redacted] is weak'],
  ['a password below the words', '{"error":"x hunter2","vm":{"root_passwd":"hunter2"}}', 'x [redacted]'],
  [
    'a password eight levels down',
    `{"error":"x hunter2","vm":${'{"a":'.repeat(7)}{"password":"hunter2"}${'}'.repeat(8)}`,
    'x [redacted]',
  ],
  ['a password among the errors', '{"errors":{"password":"hunter2 is weak"}}', 'password: [redacted]'],
  ['a password in text', 'initial_password=hunter2 is weak', 'initial_password=[redacted] is weak'],
  [
    'a password in text, and again',
    'hunter2? initial_password=hunter2 is weak',
    '[redacted]? initial_password=[redacted] is weak',
  ],
  ['a quoted password in text', 'sent "password": "hunter 2", weak', 'sent "password": "[redacted]", weak'],
  [
    'half a JSON is not quoted: what is missing may say which word is a password',
    '{"error":"hunter2 is weak","passw',
    '',
  ],
  ['"less than" does not count as a tag', 'disk < 5 GB', 'disk < 5 GB'],
];

test.for(rows)('%s', ([, body, words]) => {
  expect(errorText(body)).toBe(words);
});

test('text is cut at 256 characters, never within one', () => {
  expect(errorText('x'.repeat(300))).toBe(`${'x'.repeat(255)}…`);
  expect(errorText('x'.repeat(256))).toBe('x'.repeat(256));
  expect(errorText('😀'.repeat(256))).toBe('😀'.repeat(256));
  expect(errorText('😀'.repeat(300))).toBe(`${'😀'.repeat(255)}…`);
});

test('a key at the cut leaves no part of it', () => {
  expect(text.tidy(`${'x'.repeat(250)}planted-key`, new SecretMatcher(['planted-key']))).toBe(
    `${'x'.repeat(250)}[reda…`,
  );
});

test("a part of another account's key at the end of a body that was cut is not shown", () => {
  const other = 'k3y-0f-4n0ther-4cc0unt-that-is-l0nger-than-any-passw0rd';
  const body = `Quota exceeded. ${'Ask for more. '.repeat(10)}${other.slice(0, 30)}`;
  const shown = (): string => text.errorText(body, new SecretMatcher(['short-key']), true);
  expect(shown()).toContain(other.slice(0, 10));
  registerSecret(new Secret(other));
  expect(shown()).not.toContain(other.slice(0, 2));
  expect(shown()).toContain('Quota exceeded.');
});

test('a secret that the end of what is read cuts in two is not shown', () => {
  const body = `${' '.repeat(16 * 1024 - 6)}${key} and more`.padEnd(20_000, ' x');
  expect(errorText(body)).toBe('');
});

test('a part of a body that must be JSON is not quoted', () => {
  expect(jsonErrorText('{"error": "x')).toBeUndefined();
  expect(jsonErrorText('{"error": "x"}')).toBe('x');
});

test('16 KiB of any text are processed in a moment', () => {
  const bodies = ['<', 'password', 'password=', '<script', '"\\', ' ', '{"a":', '[', 'api key'].map((part) =>
    part.repeat(Math.ceil(16_384 / part.length)),
  );
  const startedAt = process.cpuUsage();
  for (const body of bodies) errorText(body);
  expect(process.cpuUsage(startedAt).user).toBeLessThan(2_000_000);
});

test('half a million bytes of unclosed tags, in an answer or an error, are processed in a moment', () => {
  const open = '<script'.repeat(60_000);
  const startedAt = process.cpuUsage();
  for (const body of [JSON.stringify({ error: open }), open, JSON.stringify(open)]) {
    errorText(body);
    jsonErrorText(body);
  }
  // Longer than half a minute, when each beginning of a tag was searched for its end.
  expect(process.cpuUsage(startedAt).user).toBeLessThan(1_000_000);
});
