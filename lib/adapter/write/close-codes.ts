/**
 * The codes with which the adapter closes clients; `docs/clients.md` says what each means to them.
 * Below 4000 they are those of RFC 6455 and of IANA's registry of WebSocket close codes.
 */
export const CloseCode = {
  normal: 1000,
  /** The server closes. */
  goingAway: 1001,
  /** A hook or a handler of the app failed. */
  internalError: 1011,
  /** The app is not ready, or took too long to admit the client. */
  tryAgainLater: 1013,
  /** The client does not read what it is sent. */
  tooSlow: 4408,
} as const;
