/** The Base64 of a shorter text, without its ends, is so short that it occurs in other texts by chance. */
const shortestInBase64 = 6;

/** The encodings in which a text can appear: plain, JSON, URL, HTML and Base64. None is empty. */
export function spellingsOf(plain: string): readonly string[] {
  // Most passwords consist of letters and digits, which JSON, URLs and HTML don't change; a list has one for each VM.
  if (/^[\w.-]+$/.test(plain)) {
    return plain.length < shortestInBase64 ? [plain] : [plain, ...base64Of(Buffer.from(plain))];
  }
  const wellFormed = plain.toWellFormed();
  const json = JSON.stringify(plain).slice(1, -1);
  const query = new URLSearchParams({ '': wellFormed }).toString().slice(1);
  const urls = [encodeURIComponent(wellFormed), encodeURI(wellFormed), query];
  const spellings = new Set([
    plain,
    json,
    JSON.stringify(json).slice(1, -1),
    json.replace(/[<>&]/g, asGoDoes),
    ...urls,
    ...urls.map((url) => url.replace(/%../g, (code) => code.toLowerCase())),
    plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    ...(plain.length < shortestInBase64 ? [] : base64Of(Buffer.from(plain))),
  ]);
  spellings.delete('');
  return [...spellings];
}

/** Go's JSON encoder, and so Kubernetes, escapes these three. */
function asGoDoes(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

/**
 * In both alphabets, by itself and inside a longer text. There, one or two bytes before it (modulo 3) shift the
 * encoding, and the characters at its ends also encode its neighbors.
 */
function base64Of(bytes: Buffer): string[] {
  const within = [0, 1, 2].map((offset) => {
    const all = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return all.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
  });
  const spellings = [bytes.toString('base64').replace(/=+$/, ''), ...within];
  return spellings.concat(spellings.map((one) => one.replaceAll('+', '-').replaceAll('/', '_')));
}
