/** How much of a path's variable is unescaped when it spans several segments. */
export type Unescape = 'except-reserved' | 'except-slash' | 'all'

/** What index.ts makes of Envoy's configuration, and filter.ts runs on. JSON. */
export interface Settings {
  /** A FileDescriptorSet in base64. */
  readonly descriptors: string
  /** None: the filter does nothing. */
  readonly services: readonly string[]
  readonly print: {
    readonly addsWhitespace: boolean
    readonly alwaysPrintsPrimitives: boolean
    readonly enumsAsNumbers: boolean
    readonly keepsFieldNames: boolean
    readonly delimitsByNewline: boolean
    readonly delimitsBySse: boolean
  }
  readonly keepsRoute: boolean
  readonly ignoredParameters: readonly string[]
  readonly mapsAll: boolean
  readonly ignoresUnknownParameters: boolean
  readonly convertsStatus: boolean
  readonly unescape: Unescape
  readonly plusIsSpace: boolean
  readonly takesUnregisteredVerbs: boolean
  readonly rejects: {
    readonly unknownMethod: boolean
    readonly unknownParameters: boolean
    readonly collisions: boolean
  }
  readonly enumsInAnyCase: boolean
  /** Absent: the connection's buffer limit. */
  readonly maxRequestBytes?: number
  readonly maxResponseBytes?: number
}
