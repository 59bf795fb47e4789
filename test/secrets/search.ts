import { createReadStream } from 'node:fs';
import { type Spelling, spellingsOf } from './spellings.ts';

/** A planted value where none may be. */
export interface Finding {
  readonly line: number;
  /** Enough of the value to recognize it by. */
  readonly value: string;
  readonly spelling: Spelling;
}

interface Needle {
  readonly value: string;
  readonly spelling: Spelling;
}

/**
 * Looks for values, and for everything that begins with a marker, however it is spelled. Of a value that begins with one, what
 * follows is looked for by itself as well: half a secret is one too.
 */
export class Search {
  /** By what is looked for; bytes as characters of one byte, so that no encoding of the haystack is in the way. */
  readonly #needles = new Map<string, Needle>();
  readonly #pattern: RegExp;
  readonly #longest: number;

  constructor({ markers, values }: { readonly markers: readonly string[]; readonly values: Iterable<string> }) {
    for (const marker of markers) this.#add(marker, `${marker}…`);
    for (const value of values) {
      const marker = markers.find((beginning) => value.startsWith(beginning)) ?? '';
      if (value !== marker) this.#add(value.slice(marker.length), shorten(value, marker.length + 4));
    }
    const forms = [...this.#needles.keys()];
    this.#longest = Math.max(0, ...forms.map(({ length }) => length));
    // Without alternatives it would be found everywhere; `(?!)` is found nowhere.
    this.#pattern = new RegExp(forms.length === 0 ? '(?!)' : forms.map(escape).join('|'), 'g');
  }

  text(text: string): Promise<Finding[]> {
    return this.chunks([Buffer.from(text)]);
  }

  /** Never holds more than a piece of the file. */
  file(path: string): Promise<Finding[]> {
    return this.chunks(createReadStream(path, { highWaterMark: 1024 * 1024 }));
  }

  /** A value may be cut in two by the end of a chunk. */
  async chunks(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Finding[]> {
    const findings: Finding[] = [];
    let rest = '';
    let line = 1;
    for await (const chunk of chunks) {
      const text = rest + chunk.toString('latin1');
      let [at, here] = [0, line];
      for (const match of text.matchAll(this.#pattern)) {
        const needle = this.#needles.get(match[0]);
        // What lies in the rest was found before.
        if (needle === undefined || match.index + match[0].length <= rest.length) continue;
        here += lineBreaks(text, at, match.index);
        at = match.index;
        findings.push({ line: here, ...needle });
      }
      const kept = Math.max(0, text.length - Math.max(0, this.#longest - 1));
      line += lineBreaks(text, 0, kept);
      rest = text.slice(kept);
    }
    return findings;
  }

  #add(text: string, value: string): void {
    for (const [form, spelling] of spellingsOf(text)) {
      const needle = Buffer.from(form).toString('latin1');
      if (!this.#needles.has(needle)) this.#needles.set(needle, { value, spelling });
    }
  }
}

function lineBreaks(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function shorten(value: string, length: number): string {
  return value.length > length ? `${value.slice(0, length)}…` : value;
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
