import { anything, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import type { Log, LogFields } from '../../src/telemetry/log.ts';
import { createLogger, type LogLevel } from '../../src/telemetry/logger.ts';
import { registerSecret } from '../../src/telemetry/redact.ts';
import { assertProperty } from '../support/property.ts';

const noon = Date.parse('2026-01-02T12:00:00Z');

function logging(level: LogLevel = 'info', format: 'json' | 'text' = 'json'): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger({ level, format, write: (line) => lines.push(line), now: () => noon }), lines };
}

/** The only line that logging these fields yields, read back. */
function lineOf(fields: LogFields, level: LogLevel = 'info'): Record<string, unknown> {
  const { log, lines } = logging(level);
  log.info('a message', fields);
  expect(lines).toHaveLength(1);
  // The result of JSON.parse is read by the expectations only.
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('a line', () => {
  test('is written at once, one for each call, with time, level, message and fields in this order', () => {
    const { log, lines } = logging();
    log.with({ object: 'default/web' }).warn('provider is busy', { attempt: 2 });
    expect(lines).toEqual([
      '{"time":"2026-01-02T12:00:00.000Z","level":"warn","message":"provider is busy","object":"default/web","attempt":2}\n',
    ]);
  });

  test('as text is readable and stays one line', () => {
    const { log, lines } = logging('info', 'text');
    log.info('two\nlines', { object: 'default/web', why: 'a b', forged: 'x\ny', n: 1 });
    expect(lines).toEqual(['2026-01-02T12:00:00.000Z INFO  two lines object=default/web why="a b" forged="x y" n=1\n']);
  });

  test('below the level is not written, and its fields are not even read', () => {
    const { log, lines } = logging('warn');
    const fields = {
      get expensive(): string {
        throw new Error('read');
      },
    };
    log.info('no', fields);
    log.debug('no');
    log.warn('yes');
    log.error('yes');
    expect(lines).toHaveLength(2);
  });

  test('fields of a call beat bound ones, and binding does not change the log it is called on', () => {
    const { log, lines } = logging();
    const bound = log.with({ a: 1, b: 1 });
    bound.info('x', { b: 2 });
    log.info('y');
    bound.with({ c: 3 }).info('z');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { a: 1, b: 2 },
      { message: 'y' },
      { a: 1, b: 1, c: 3 },
    ]);
    expect(lines[1]).not.toContain('"a"');
  });
});

describe('fields that winston would change', () => {
  test('a field called message is not appended to the message', () => {
    expect(lineOf({ message: 'forged' })).toMatchObject({ message: 'a message', field_message: 'forged' });
  });

  test('fields called level, time and line change nothing', () => {
    expect(lineOf({ level: 'error', time: 'never', line: 'x' })).toMatchObject({
      level: 'info',
      time: '2026-01-02T12:00:00.000Z',
      field_level: 'error',
      field_time: 'never',
      line: 'x',
    });
  });

  test('an error among the fields does not replace the message by its own', () => {
    expect(lineOf({ error: new TypeError('broken') })).toEqual({
      time: '2026-01-02T12:00:00.000Z',
      level: 'info',
      message: 'a message',
      error: { name: 'TypeError', message: 'broken' },
    });
  });

  test('fields with symbols as names are not used for its own purposes', () => {
    const { log, lines } = logging('error');
    log.error('kept', {
      [Symbol.for('level')]: 'debug',
      [Symbol.for('message')]: 'forged',
      [Symbol.for('splat')]: [1],
    });
    expect(lines).toEqual(['{"time":"2026-01-02T12:00:00.000Z","level":"error","message":"kept"}\n']);
  });

  test('percent signs are not placeholders', () => {
    const { log, lines } = logging();
    log.info('100 %s', { s: 'x' });
    expect(lines[0]).toContain('"100 %s"');
  });
});

describe('whatever is logged', () => {
  test('yields one line of JSON', async () => {
    await assertProperty(
      property(string(), anything(), (message, value) => {
        const { log, lines } = logging('debug');
        log.info(message, { value });
        expect(lines).toHaveLength(1);
        expect(lines[0]?.match(/\n/g)).toHaveLength(1);
        expect(JSON.parse(lines[0] ?? '')).toHaveProperty('level', 'info');
      }),
    );
  });

  test('a registered secret appears nowhere: message, field, name of a field, error, stack', () => {
    const plain = 'planted-key-0123456789';
    registerSecret(new Secret(plain));
    const { log, lines } = logging('debug');
    const error = Object.assign(new Error(`refused ${plain}`, { cause: { headers: { 'x-api-key': plain } } }), {
      code: plain,
      options: { headers: { 'X-Api-Key': plain } },
    });
    log.info(`sent ${plain}`, { error, [plain]: 1, url: `https://h/?key=${plain}`, deep: { list: [plain] } });
    expect(lines[0]).toContain('[redacted]');
    expect(lines[0]).not.toContain(plain);
  });
});
