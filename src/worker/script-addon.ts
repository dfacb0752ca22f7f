/**
 * The part of the addon that filters in TypeScript stand on (native/binding/script_binding.cc). A stream's filter is known by a handle: a
 * number that is never a pointer and that native code recognises when it is out of date; every call then throws.
 */

/** What native code calls a hook for; the bit of the hook in the mask is `1 << stage`. */
export const Stage = {
  requestHeaders: 0,
  requestData: 1,
  requestTrailers: 2,
  responseHeaders: 3,
  responseData: 4,
  responseTrailers: 5,
  complete: 6,
  /** No stream holds this program any more. */
  release: 7,
  /** A body that a hook waits for is there. */
  requestBody: 8,
  responseBody: 9,
  // Of a call that JavaScript made (native/script/outgoing_calls.h); in place of the stream's handle stands its number.
  callHeaders: 10,
  callData: 11,
  callTrailers: 12,
  callEnd: 13,
  callWritable: 14,
  // Of a connection:
  connection: 15,
  connectionData: 16,
  connectionWrite: 17,
  connectionClosed: 18,
  accept: 19,
  acceptData: 20,
  acceptEnd: 21,
  /** A batch of log entries, lines of JSON; the handle is how many were lost before it. */
  log: 22,
} as const

/** What a hook said. */
export const Outcome = {
  /** Of several that cross together: one before it did not let the head go on. */
  notRun: -1,
  goOn: 0,
  replied: 1,
  waiting: 2,
  /** Other bytes were left with `scriptChunk` or `connectionChunk`. */
  changed: 3,
  failed: 4,
  /** The thread was ended in the hook. */
  gone: 5,
  /** Of a connection: the bytes are to come again, with those after them. */
  more: 6,
  /** A listener filter refuses the connection. */
  refused: 7,
  /** What the hook was given stays with the filter. */
  held: 8,
} as const

/** Which header map of a stream. */
export const Part = { requestHeaders: 0, requestTrailers: 1, responseHeaders: 2, responseTrailers: 3 } as const

/** How a call is made. */
export const CallBit = {
  /** The head is all there is. */
  whole: 1,
  /** Without x-forwarded-for. */
  notForwarded: 2,
} as const

/** Facts of a stream that are texts (`streamText`) or numbers (`streamNumber`). */
export const Fact = {
  protocol: 0,
  remoteAddress: 1,
  localAddress: 2,
  routeName: 3,
  clusterName: 4,
  upstreamHost: 5,
  responseCodeDetails: 6,
  responseFlags: 7,
  requestedServerName: 8,
  responseCode: 9,
  bytesReceived: 10,
  bytesSent: 11,
  durationMs: 12,
  connectionAddress: 13,
  peerCertificate: 14,
  peerPrincipal: 15,
  localPrincipal: 16,
  routeMetadata: 17,
  requestId: 18,
} as const

/** Facts of a connection: texts (`connectionText`), lists of texts (`connectionTexts`) and numbers (`connectionNumber`). */
export const ConnectionFact = {
  remoteAddress: 0,
  localAddress: 1,
  directRemoteAddress: 2,
  directLocalAddress: 3,
  requestedServerName: 4,
  transportProtocol: 5,
  listenerName: 6,
  filterChainName: 7,
  tlsVersion: 8,
  tlsCipher: 9,
  tlsProtocol: 10,
  peerSubject: 11,
  peerIssuer: 12,
  peerSerial: 13,
  peerFingerprint: 14,
  localSubject: 15,
} as const
export const ConnectionTexts = { applicationProtocols: 0, peerUris: 1, peerDnsNames: 2 } as const
export const ConnectionNumber = { id: 0, bytesReceived: 1, bytesSent: 2, peerPresented: 3, peerValidated: 4 } as const
/** What a listener filter sets. */
export const Accepted = { destination: 0, remoteAddress: 1, serverName: 2, transportProtocol: 3 } as const

/** What network and listener filters stand on (native/binding/script_connections.cc); handles as for streams. */
export interface ConnectionAddon {
  connectionText(handle: number, fact: number): string
  connectionTexts(handle: number, fact: number): string[]
  connectionNumber(handle: number, fact: number): number
  connectionMetadataGet(handle: number, namespace: string, key: string): string | undefined
  connectionMetadataSet(handle: number, namespace: string, key: string, json: string): void
  connectionStateGet(handle: number, name: string): string | undefined
  connectionStateSet(handle: number, name: string, value: string): void
  /** The bytes that a data hook returned. */
  connectionChunk(handle: number, bytes: Uint8Array): void
  connectionInject(handle: number, bytes: Uint8Array | string, toClient: boolean): void
  /** `isOrderly`: what was written is sent first. */
  connectionClose(handle: number, isOrderly: boolean, reason: string): void
  connectionPause(handle: number, isPaused: boolean): void
  /** A promise of a hook has settled. */
  connectionResume(handle: number, stage: number, outcome: number): void
  acceptSet(handle: number, what: number, value: string): void
  acceptProtocols(handle: number, protocols: readonly string[]): void
  /** How many bytes the stage acceptData is to show. */
  acceptWant(handle: number, bytes: number): void
  acceptConsume(handle: number, bytes: number): void
}

/** What built-in filters stand on besides (src/api/native-tool.ts, native/binding/script_tools.cc). */
export interface ToolAddon {
  /** The plan is a `Tool`. Throws what is wrong with it. */
  toolOpen(plan: Uint8Array): object
  toolMatches(handle: number, tool: object): boolean
  toolMatchesText(tool: object, text: string): boolean
  toolFormat(handle: number, tool: object): string
  toolRewrite(handle: number, tool: object, text: string): string
  toolMutate(handle: number, tool: object, isResponse: boolean): void
  toolCovers(tool: object): boolean
  runtimeInteger(key: string, fallback: number): number
  /** JSON; undefined: the limits of the route. */
  streamDescriptors(handle: number, tool: object | undefined, stage: number, host: number, isDone: boolean): string
  filterStateGet(handle: number, name: string): string | undefined
  filterStateSet(handle: number, name: string, value: string, field: string): void
  /** Of the stream's connection, as JSON. */
  streamConnectionMetadata(handle: number): string
}

/** What HTTP filters stand on, and statistics and shared cells of all kinds. */
export interface StreamAddon extends ToolAddon {
  /** A name's number, which saves the crossing of its text; undefined: there are too many. Throws a TypeError for what is no name. */
  headerName(name: string): number | undefined
  /** From now on the value of a header comes with the call of a program's hook for this head (head-frame.ts). */
  readAhead(program: number, isResponse: boolean, name: number): void
  headerGet(handle: number, part: number, name: string | number): string | undefined
  headerGetAll(handle: number, part: number, name: string | number): string[]
  headerSet(handle: number, part: number, name: string | number, value: string): void
  headerAppend(handle: number, part: number, name: string | number, value: string): void
  headerDelete(handle: number, part: number, name: string | number): void
  /** name, value, name, value … */
  headerEntries(handle: number, part: number): string[]

  streamText(handle: number, fact: number): string
  streamNumber(handle: number, fact: number): number
  streamReply(
    handle: number,
    status: number,
    body: string | Uint8Array | undefined,
    headers: readonly string[],
    details: string,
  ): void
  /** A promise of a hook has settled. */
  streamResume(handle: number, stage: number, outcome: number): void
  streamRefreshRoute(handle: number): void
  /** Wants the stage `complete` although the program has no hook for it. */
  streamWatch(handle: number): void
  /** Sets a response flag; numbers of native/http/stream_info.h. */
  streamFlag(handle: number, flag: number): void
  /** Counts an answer as one of the cluster that the request would go to; 0: nothing. False: there is no such cluster. */
  clusterCharge(handle: number, status: number): boolean
  /** Settings of all levels, outer first: number, text, number, text … */
  routeLevels(handle: number): string[]
  /** The bytes that a data hook returned. */
  scriptChunk(handle: number, bytes: Uint8Array): void
  /** Undefined: not there yet; the stage requestBody or responseBody follows. */
  bodyBuffer(handle: number, isResponse: boolean, limitBytes: number, isPartial: boolean): Uint8Array | undefined
  bodyAppend(handle: number, isResponse: boolean, bytes: Uint8Array): void
  bodyIsComplete(handle: number, isResponse: boolean): boolean
  bodyLimit(handle: number, isResponse: boolean): number
  bodyReplace(handle: number, isResponse: boolean, bytes: string | Uint8Array): void
  metadataGet(handle: number, namespace: string, key: string): string | undefined
  metadataSet(handle: number, namespace: string, key: string, json: string): void
  /** Number of the route's settings for this filter, the same for the same settings; 0: none. */
  routeSettings(handle: number): number
  routeSettingsText(handle: number): string

  statOpen(kind: 'counter' | 'gauge' | 'histogram' | 'time', name: string): number
  /** Adds to a counter or gauge, records in a histogram. */
  statAdd(stat: number, by: number): void
  sharedCell(name: string): number
  /** The value afterwards. */
  sharedAdd(cell: number, by: number): number
  sharedBucket(name: string, perSecond: number, burst: number): number
  bucketTake(bucket: number, tokens: number): boolean

  /** Starts a request to a cluster. 0: started; 1: no such cluster; 2: too many. Throws a TypeError for headers that cannot be sent. */
  callStart(number: number, cluster: string, headers: readonly string[], timeoutMs: number, bits: number): number
  /** False: wait for callWritable. */
  callWrite(number: number, bytes: string | Uint8Array, isLast: boolean): boolean
  callPause(number: number, isPaused: boolean): void
  callCancel(number: number): void
  /** Of the answer: name, value, name, value … */
  callEntries(number: number, areTrailers: boolean): string[]
  /** Response flags, details, "1" when the proxy itself answered, upstream host. */
  callFacts(number: number): string[]
}

export interface ScriptAddon extends StreamAddon, ConnectionAddon {
  /**
   * Joins this thread's JavaScript to worker `index`. The answer is memory that it shares with native code, which leaves [stage, program,
   * handle, end of message] in `call`, and in `frame` what `runHeads` is about.
   */
  scriptHost(
    index: number,
    dispatch: (chunk?: Uint8Array) => number,
    runHeads: (...values: unknown[]) => void,
  ): [call: ArrayBuffer, frame: ArrayBuffer, activity: ArrayBuffer]
  /** Gives access loggers what waits for them. */
  flushLogs(): void
  /** `times`: the histogram for the time of its hooks, of which native code measures one call in 16 (of heads, this thread one in 256). */
  registerProgram(id: string, program: number, hooks: number, times: number): void
  forgetProgram(id: string): void
  /** Has this worker's snapshot, or a stream, taken it up? */
  isProgramUsed(id: string): boolean
}
