/** Something that ends with a stream. */
export interface Ending {
  end(): void
}

/** The stream whose hook is running right now: calls that are made belong to it. */
export interface CallOwner {
  own(ending: Ending): void
  disown(ending: Ending): void
}

/** Streams whose hooks are running, the innermost last: at most one, but where a hook makes native code call another. */
class Running {
  // A young object may be written into a young array at no cost; each call from native code begins a new one.
  #streams: (CallOwner | undefined)[] = [undefined, undefined]
  #depth = 0

  get stream(): CallOwner | undefined {
    return this.#streams[this.#depth]
  }

  renew(): void {
    if (this.#depth === 0) this.#streams = [undefined, undefined]
  }

  enter(stream: CallOwner): void {
    this.#depth += 1
    this.#streams[this.#depth] = stream
  }

  leave(): void {
    this.#depth -= 1
  }
}

export const running = new Running()
