/** How a text may have been spelled before it was printed. */
export type Spelling = 'as it is' | 'JSON' | 'URL' | 'base64' | 'hexadecimal' | 'a list of bytes';

/** Every spelling of `text` that programs print by accident, with its name; the text may be a part of what was spelled. */
export function spellingsOf(text: string): ReadonlyMap<string, Spelling> {
  const bytes = Buffer.from(text);
  const pairs = bytes.toString('hex').match(/../g) ?? [];
  const written: Readonly<Record<Spelling, readonly string[]>> = {
    'as it is': [text],
    JSON: [json(text), json(json(text)), json(text).replace(/[<>&]/g, goEscape)],
    URL: [encodeURIComponent(text), encodeURI(text), String(new URLSearchParams({ '': text })).slice(1)],
    base64: [0, 1, 2].flatMap((offset) => base64Cores(bytes, offset)),
    // `<Buffer 70 6c 61 …>` is what a buffer prints as.
    hexadecimal: [pairs.join(''), pairs.join(' ')],
    // And this is what it is in JSON.
    'a list of bytes': [bytes.join(','), bytes.join(', ')],
  };
  const spellings = new Map<string, Spelling>();
  // The plain ones last, so that what is spelled the same in several ways goes by the simplest name.
  for (const spelling of Object.keys(written).toReversed() as Spelling[]) {
    for (const form of written[spelling]) {
      spellings.set(form, spelling);
      if (spelling === 'URL')
        spellings.set(
          form.replace(/%../g, (code) => code.toLowerCase()),
          spelling,
        );
      if (spelling === 'hexadecimal') spellings.set(form.toUpperCase(), spelling);
    }
  }
  for (const form of spellings.keys()) if (form === '') spellings.delete(form);
  return spellings;
}

function json(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Kubernetes' own programs write these so that JSON may stand in a page. */
function goEscape(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

/**
 * What base64 makes of the bytes when `offset` others (modulo 3) stand before them, without the characters at both ends in
 * which neighbors have a share; in both alphabets.
 */
function base64Cores(bytes: Buffer, offset: number): string[] {
  const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
  const [start, end] = [Math.ceil((offset * 4) / 3), Math.floor((padded.length * 4) / 3)];
  return (['base64', 'base64url'] as const).map((encoding) => padded.toString(encoding).slice(start, end));
}
