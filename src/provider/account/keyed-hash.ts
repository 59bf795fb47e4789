import { createHmac } from 'node:crypto';
import type { Secret } from '../../domain/secret.ts';

/** 128 bits: infeasible to forge without the key, and short enough for an annotation. */
const bytes = 16;

/** HMAC-SHA256 of the text with the API key, in base64url. */
export function keyedHash(apiKey: Secret, text: string): string {
  return createHmac('sha256', apiKey.reveal()).update(text).digest().subarray(0, bytes).toString('base64url');
}
