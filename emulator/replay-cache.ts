import type { Answer } from './response.ts';

/** The first answer to each call: what a cache that nobody refreshes goes on telling. */
export class Recordings {
  readonly #first = new Map<string, Answer>();

  /** Keeps the answer if it is the first to this call, and hands it on. */
  note(call: string, answer: Answer): Answer {
    if (!this.#first.has(call)) this.#first.set(call, answer);
    return answer;
  }

  first(call: string): Answer | undefined {
    return this.#first.get(call);
  }

  clear(): void {
    this.#first.clear();
  }
}
