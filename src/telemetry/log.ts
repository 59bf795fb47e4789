/** Fields of a log line. Failures and other plain data are allowed; secrets print as `[redacted]`. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The log interface of all modules: constant messages, with everything variable in fields. Implemented by
 * `createLogger`.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields that every line carries. */
  with(fields: LogFields): Log;
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
};
