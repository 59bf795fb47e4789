import { exitCodes } from '../../src/config/exit-codes.ts';
import { type OperatorOptions, type OperatorProcess, startOperator } from '../../test/support/operator-process.ts';

/** The operator, which is restarted whenever it ends. */
export class OperatorUnderTest {
  readonly #options: Omit<OperatorOptions, 'logFile'>;
  readonly #logStem: string;
  #operator: OperatorProcess | undefined;
  #dying: Promise<void> | undefined;
  #isOver = false;
  #starts = 0;
  kills = 0;
  /** How many times it exited without being killed, except after losing its Lease, when it has to exit. */
  failures = 0;
  leasesLost = 0;

  /** Each of its processes writes a separate log, `<logStem>-<number>.log`. */
  constructor(options: Omit<OperatorOptions, 'logFile'>, logStem: string) {
    this.#options = options;
    this.#logStem = logStem;
  }

  start(): void {
    this.#starts += 1;
    const logFile = `${this.#logStem}-${this.#starts}.log`;
    const operator = startOperator({ ...this.#options, logFile });
    this.#operator = operator;
    void this.#watch(operator);
  }

  /** With kill -9; restarted immediately. A kill while it is ending counts once. */
  async kill(): Promise<void> {
    this.#dying ??= this.#die();
    await this.#dying;
  }

  /** Stops it permanently. Returns its exit code. */
  async stop(): Promise<number | null> {
    await this.#dying;
    this.#isOver = true;
    return (await this.#operator?.stop()) ?? null;
  }

  /** Kills it permanently. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#operator?.kill();
  }

  async #die(): Promise<void> {
    this.kills += 1;
    await this.#operator?.kill();
    this.#dying = undefined;
    if (!this.#isOver) this.start();
  }

  async #watch(operator: OperatorProcess): Promise<void> {
    const code = await operator.exited;
    if (this.#isOver || this.#dying !== undefined || this.#operator !== operator) return;
    if (code === exitCodes.LeaseLost.code) this.leasesLost += 1;
    else this.failures += 1;
    this.start();
  }
}
