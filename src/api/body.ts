/** The body of a request or response, for a filter that wants more of it than chunk after chunk. */
export interface Body {
  /**
   * Waits for the whole body, and holds the head back meanwhile. Longer than `limitBytes`: the request is answered with 413, a response
   * becomes a 500, and the promise is never settled. To be called in the head's hook, and awaited there.
   */
  buffer(limitBytes: number): Promise<Uint8Array>
  /** Bytes behind those that went on: in the hook of a head that ends its message, or of trailers. */
  append(bytes: Uint8Array): void
  /** The message has no more bytes than those that hooks have seen, this one among them. Trailers may still come. */
  readonly isComplete: boolean
  /** What the proxy keeps of this body before its sender has to wait. */
  readonly limitBytes: number
  /** The message goes on with this body, and with the content-length that belongs to it. */
  /** Waits for the first `bytes` of the body, or for all of a shorter one. The body goes on whole, once the hook lets it. In head hooks. */
  peek(bytes: number): Promise<Uint8Array>
  replace(bytes: Uint8Array | string): void
}
