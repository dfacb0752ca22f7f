/** Something that ends with a stream. */
export interface Ending {
  end(): void
}

/** The stream whose hook is running right now: calls that are made belong to it. */
export interface CallOwner {
  own(ending: Ending): void
  disown(ending: Ending): void
}

export const running: { stream: CallOwner | undefined } = { stream: undefined }
