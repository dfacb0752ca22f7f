import type { ToolAddon } from '../worker/script-addon.js'

function missing(): never {
  throw new Error('this filter is built in, and needs the native part of the proxy')
}

/** Tools of built-in filters are native: a test without a proxy has none. */
export class NoTools implements ToolAddon {
  readonly toolOpen = missing
  readonly toolMatches = missing
  readonly toolMatchesText = missing
  readonly toolFormat = missing
  readonly toolRewrite = missing
  readonly toolMutate = missing
  readonly toolCovers = missing
  readonly runtimeInteger = missing
  readonly streamDescriptors = missing
  readonly filterStateGet = missing
  readonly filterStateSet = missing
  readonly streamConnectionMetadata = missing
}
