import type { Response } from './response.ts';

/** The first answer to each call: what a cache that nobody refreshes goes on telling. */
export class ReplayCache {
  readonly #first = new Map<string, Response>();

  /** Keeps the answer if it is the first to this call, and hands it on. */
  note(call: string, answer: Response): Response {
    if (!this.#first.has(call)) this.#first.set(call, answer);
    return answer;
  }

  first(call: string): Response | undefined {
    return this.#first.get(call);
  }

  clear(): void {
    this.#first.clear();
  }
}
