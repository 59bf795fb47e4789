import type { Log } from './log.ts';
import { scrub } from './redact.ts';

/** A check that must pass before the operator is ready. */
export interface ReadinessCheck {
  /** As `/readyz` names it. */
  readonly name: string;
  /** What it waits for, as a sentence; undefined if it passes. */
  readonly cause: string | undefined;
}

/**
 * The contents of `/readyz`, in the format of the Kubernetes API server, and one log line whenever the cause changes.
 */
export class Readiness {
  readonly #checks: () => readonly ReadinessCheck[];
  readonly #log: Log;
  #logged: string | undefined;

  constructor(checks: () => readonly ReadinessCheck[], log: Log) {
    this.#checks = checks;
    this.#log = log;
  }

  /** Evaluates all checks. */
  evaluate(): { readonly isReady: boolean; readonly lines: readonly string[] } {
    const checks = this.#checks();
    const failed = checks.find(({ cause }) => cause !== undefined);
    this.#report(failed);
    return { isReady: failed === undefined, lines: ['[+]ping ok', ...checks.map(lineOf)] };
  }

  /** Only the first cause, because later checks depend on earlier ones. */
  #report(failed: ReadinessCheck | undefined): void {
    const cause = failed?.cause ?? '';
    if (cause === this.#logged) return;
    this.#logged = cause;
    if (failed === undefined) this.#log.info('Ready');
    else this.#log.warn('Not ready, waiting', { check: failed.name, reason: cause });
  }
}

function lineOf({ name, cause }: ReadinessCheck): string {
  return cause === undefined ? `[+]${name} ok` : `[-]${name} failed: ${scrub(cause)}`;
}
