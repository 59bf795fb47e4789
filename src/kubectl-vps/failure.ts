/** One of the exit codes in `exitCodes`. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

/** The meaning of each exit code; the help and the documentation show it. */
export const exitCodes: Readonly<Record<ExitCode, string>> = {
  0: 'done, or there was nothing to do',
  1: 'refused or failed: by kubectl, the API server or a check of the plugin',
  2: 'wrong usage',
  3: '`--wait` ended before the VM was as requested: after `--timeout`, or because the object needs your action',
  4: 'not confirmed; nothing was changed',
};

/** Ends the command with a sentence for the user. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The API server refused a change, because the object isn't the one that was read. */
export class Conflict extends Failure {
  constructor() {
    super('The object has changed meanwhile, so nothing was done. Run the command again.');
  }
}
