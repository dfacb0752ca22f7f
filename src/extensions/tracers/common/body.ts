/** A body that is sent without its length, as Envoy sends its own requests. */
export async function* unmeasured(body: string | Uint8Array): AsyncGenerator<string | Uint8Array> {
  yield body
}
