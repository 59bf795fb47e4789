/**
 * Whether the value is an error code such as `ECONNRESET`: a constant of Node or undici. Only the code of a network
 * error may be shown, because the rest of the error can quote the request with its token.
 */
export function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code);
}
