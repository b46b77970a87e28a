export interface Log {
  /** What the person who started the demo wants to know. */
  say(text: string): void;
  /** What happened, when. */
  event(text: string): void;
}

export const consoleLog: Log = {
  say: (text) => console.log(text),
  event: (text) => console.log(`${new Date().toTimeString().slice(0, 8)}  ${text}`),
};
