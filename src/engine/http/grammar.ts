// Byte classes of HTTP's grammar (RFC 9110 5.6, RFC 9112), as tables for the parsers and checks for the writers.

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;

/** 1 for the bytes a token (method, header name) may have. */
export const TOKEN = new Uint8Array(256);
/** 1 for the bytes a header value, reason phrase or chunk extension may have: visible, space, tab, obs-text. */
export const TEXT = new Uint8Array(256);
/** Value of a hex digit; 255 for other bytes. */
export const HEX = new Uint8Array(256).fill(255);

for (const letter of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[letter.charCodeAt(0)] = 1;
for (let byte = SPACE; byte < 256; byte++) TEXT[byte] = byte === 127 ? 0 : 1;
TEXT[TAB] = 1;
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** True for text that may be a method or a header name. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** True for text that may be a header value: anything without CR, LF and NUL. */
export function isHeaderValue(text: string): boolean {
  return !/[\r\n\0]/.test(text);
}

/** A byte for a message: 13 -> "0x0d". */
export function hexOf(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
