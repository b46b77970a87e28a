/** Whether Nest has attached a context of request-scoped providers to the client object. */
export function hasContext(client: object): boolean {
  return Object.getOwnPropertySymbols(client).some(
    ({ description }) => description === 'REQUEST_CONTEXT_ID',
  );
}
