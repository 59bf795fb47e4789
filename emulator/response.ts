import type { Behavior } from './behavior.ts';

/** An HTTP response, before any fault. */
export interface Response {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `undefined` is an empty body. */
export function json(status: number, body: unknown): Response {
  return body === undefined ? { status, body: '' } : jsonText(status, JSON.stringify(body));
}

/** For a body that is JSON already. */
export function jsonText(status: number, body: string): Response {
  return { status, contentType: 'application/json; charset=utf-8', body };
}

/** Escapes text for HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function html(status: number, sentence: string): Response {
  const title = escapeHtml(sentence);
  return {
    status,
    contentType: 'text/html; charset=utf-8',
    body: `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
  };
}

export function redirect(status: number, location: string): Response {
  return { ...html(status, 'Moved'), headers: { Location: location } };
}

/** An error in the format that the switches select. `field` is the field that the sentence is about. */
export function refusal(status: number, field: string, sentence: string, { errorBody }: Behavior): Response {
  switch (errorBody) {
    case 'error':
      return json(status, { error: sentence });
    case 'errors-string':
      return json(status, { errors: sentence });
    case 'errors-array':
      return json(status, { errors: [sentence] });
    case 'errors-map':
      return json(status, { errors: { [field]: [sentence] } });
    case 'message':
      return json(status, { message: sentence });
    case 'text':
      return { status, contentType: 'text/plain; charset=utf-8', body: sentence };
    case 'html':
      return html(status, sentence);
    case 'empty':
      return json(status, undefined);
  }
}
