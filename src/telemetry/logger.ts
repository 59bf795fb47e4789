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
  /** Takes one line, its line break included; standard output when left out. */
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
 * A log over winston: one line per call, as JSON (`time`, `level`, `message`, then the fields) or as text for people.
 * Fields are redacted first and never handed to winston as its `meta`: it would append a field called `message` to the
 * message, let `level` change the level, and copy whatever hangs on an error.
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
    // `line` is what `log` below puts there; winston knows only that it is unknown.
    format: winston.format.printf((info) => render(info['line'] as Line)),
  });
  const options = { withStacks: level === 'debug' };

  function logWith(bound: LogFields): Log {
    function log(lineLevel: LogLevel, message: string, fields: LogFields = {}): void {
      if (!logger.isLevelEnabled(lineLevel)) return;
      // Redacting a plain object yields a plain object.
      const clean = redact({ ...bound, ...fields }, options) as Record<string, unknown>;
      const line: Line = {
        time: new Date(now()).toISOString(),
        level: lineLevel,
        // A line break or a control character must not forge a second line.
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
