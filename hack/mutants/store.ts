import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Records of earlier runs by key, one JSON line each; the last line of a key counts. */
export class Store<Value> {
  readonly #path: string;
  readonly #values = new Map<string, Value>();

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line === '') continue;
      // `as`: only this class writes the file, under `.out`.
      const [key, value] = JSON.parse(line) as [string, Value];
      this.#values.set(key, value);
    }
    writeFileSync(path, [...this.#values].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    this.#values.set(key, value);
    mkdirSync(dirname(this.#path), { recursive: true });
    appendFileSync(this.#path, `${JSON.stringify([key, value])}\n`);
  }
}
