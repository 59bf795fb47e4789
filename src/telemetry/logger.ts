import { Writable } from 'node:stream';
import winston from 'winston';
import { printable } from '../domain/text.ts';
import type { Log, LogFields } from './log.ts';
import { redact, scrub } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'text';

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Receives one line including its line break; default: standard output. */
  readonly write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface Line {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/**
 * A log on winston: one line for each call, as JSON (`time`, `level`, `message`, then the fields) or as text. Fields
 * are redacted first and never passed to winston as its `meta`, which would append a field called `message` to the
 * message, let `level` change the level, and copy all properties of an error.
 */
export function createLogger({ level, format, write, now = Date.now }: LoggerOptions): Log {
  const stream =
    write === undefined
      ? process.stdout
      : new Writable({
          decodeStrings: false,
          write(chunk: unknown, _encoding, done) {
            write(String(chunk));
            done();
          },
        });
  const render = format === 'json' ? renderJson : renderText;
  const logger = winston.createLogger({
    level,
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
    // `as`: `log` below sets `line`; winston types it as unknown.
    format: winston.format.printf((info) => render(info['line'] as Line)),
  });
  const options = { withStacks: level === 'debug' };

  function logWith(bound: LogFields): Log {
    function log(lineLevel: LogLevel, message: string, fields: LogFields = {}): void {
      if (!logger.isLevelEnabled(lineLevel)) return;
      // Redacting a plain object returns a plain object.
      const clean = redact({ ...bound, ...fields }, options) as Record<string, unknown>;
      const line: Line = {
        time: new Date(now()).toISOString(),
        level: lineLevel,
        // A line break or control character must not forge a second line.
        message: printable(scrub(message)),
        fields: clean,
      };
      logger.log({ level: lineLevel, message: '', line });
    }
    return {
      debug: (message, fields) => log('debug', message, fields),
      info: (message, fields) => log('info', message, fields),
      warn: (message, fields) => log('warn', message, fields),
      error: (message, fields) => log('error', message, fields),
      with: (fields) => logWith({ ...bound, ...fields }),
    };
  }
  return logWith({});
}

function renderJson({ fields, ...head }: Line): string {
  const entries = Object.entries(fields).map(([name, value]) => [name in head ? `field_${name}` : name, value]);
  return JSON.stringify({ ...head, ...Object.fromEntries(entries) });
}

function renderText({ time, level, message, fields }: Line): string {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${renderValue(value)}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join('')}`;
}

function renderValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@[\]-]+$/.test(value)) return value;
  return JSON.stringify(value);
}
