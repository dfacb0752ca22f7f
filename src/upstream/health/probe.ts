import type { Socket } from 'node:net'

/** What one check said. */
export type ProbeResult = {
  /** It was asked which cluster the host belongs to. */
  readonly verifiesCluster?: boolean
} & (
  | { readonly kind: 'success'; readonly isDegraded: boolean }
  | {
      readonly kind: 'failure'
      /** ACTIVE: it answered, and not well. NETWORK: no answer. */
      readonly type: 'ACTIVE' | 'NETWORK'
      /** ACTIVE, but not sure enough to fail at once. */
      readonly isRetriable?: boolean
      /** The host wants to be left out of the reckoning too. */
      readonly isExcluded?: boolean
      readonly httpStatus: number
    }
)

export const networkFailure: ProbeResult = { kind: 'failure', type: 'NETWORK', httpStatus: 0 }

/** Checks one host again and again, one check at a time, on one connection where that is wanted. Main thread. */
export interface Probe {
  /** Starts a check; `onResult` of the probe follows, unless it is given up. */
  start(): void
  /** The check takes too long: nothing follows. */
  giveUp(): void
  /** For good. */
  close(): void
}

/** Opens a connection to the host; `onOpen` is called when bytes may be written, never when it fails: then the socket closes. */
export type Connect = (onOpen: (socket: Socket) => void) => Socket

/** Are the parts in `body`, one after the other? */
export function contains(body: Buffer, parts: readonly Uint8Array[]): boolean {
  let from = 0
  for (const part of parts) {
    const at = body.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return true
}

/** Ends a socket without waiting for anything; later errors of it are of no interest. */
export function drop(socket: Socket | undefined): void {
  if (socket === undefined) return
  socket.removeAllListeners()
  socket.on('error', () => undefined)
  socket.destroy()
}
