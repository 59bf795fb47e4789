import type { Response } from './response.ts';

/** The first response to each call, as from a cache that is never refreshed. */
export class ReplayCache {
  readonly #first = new Map<string, Response>();

  /** Stores the response if it is the first one to this call, and returns it. */
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
