interface ExitCode {
  readonly code: number;
  /** One sentence. */
  readonly meaning: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The exit codes: the only source for the program and for docs/configuration.md. */
export const exitCodes = {
  Ended: {
    code: 0,
    meaning: 'SIGTERM or SIGINT: the calls in flight have ended, their results are stored, and the Lease is released.',
    remedy: 'nothing',
  },
  Crashed: { code: 1, meaning: 'Unexpected error; the last line of the log has it.', remedy: 'restart the operator' },
  BadSettings: {
    code: 2,
    meaning: 'A setting is invalid or missing; the output has a sentence for each.',
    remedy: 'fix the setting',
  },
  NoCluster: {
    code: 3,
    meaning: 'Neither a kubeconfig nor a service account exists, or it cannot be read or used.',
    remedy: 'fix the kubeconfig',
  },
  NoAddress: {
    code: 4,
    meaning: 'The operator cannot listen on the address for metrics or health.',
    remedy: 'set another address, or stop the program that uses it',
  },
  LeaseLost: {
    code: 5,
    meaning:
      'Leader election lost: another operator may hold the Lease. The operator had stopped making changes before.',
    remedy: 'restart the operator; it is then on standby',
  },
  Unfinished: {
    code: 6,
    meaning:
      'SIGTERM or SIGINT, but calls in flight took longer than the grace period. Their intents are stored, and the next operator continues from there.',
    remedy: 'restart the operator',
  },
} as const satisfies Record<string, ExitCode>;

/** A second signal ends the program immediately, with the exit code that shells use for that signal. */
export const secondSignal: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };
