/** Base64 of a shorter text, without the ends, would be so short that it stands in other texts by chance. */
const shortestInBase64 = 6;

/** A text as it is and as JSON, URLs, pages and base64 spell it, none of them empty: what to look for to find it wherever it was put. */
export function spellingsOf(plain: string): readonly string[] {
  // Most are of letters and digits, which JSON, URLs and pages leave as they are; a list has one for each VM.
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

/** Kubernetes' own programs write these three so that JSON can stand in a page. */
function asGoDoes(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

/**
 * In both alphabets: by itself, and within something longer, where one or two bytes before it (modulo 3) give it another
 * look, and the characters at its ends belong to its neighbours in part.
 */
function base64Of(bytes: Buffer): string[] {
  const within = [0, 1, 2].map((offset) => {
    const all = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return all.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
  });
  const spellings = [bytes.toString('base64').replace(/=+$/, ''), ...within];
  return spellings.concat(spellings.map((one) => one.replaceAll('+', '-').replaceAll('/', '_')));
}
