/**
 * Controls, what is invisible or changes the direction of text, line separators, lone surrogates.
 */
export const RAW =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/u;
